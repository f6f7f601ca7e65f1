//! How things are, what a callout would do, and URLs to hand on.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use sortie_callout::{Presigned, Presigning};
use sortie_client::{CredentialReport, Plan, Presign, UnrevokedLogin};
use sortie_model::{ApiName, Secret, UserName};
use sortie_server::connect::{self, Person, UnrevokedView};
use sortie_server::manage::status::status;
use sortie_server::{Node, SpoolState, StoredUser};

use super::{Site, shown};
use crate::failure::Failure;
use crate::setup::Opened;

/// What `status` shows.
#[derive(Serialize)]
pub(crate) struct Overview {
    pub(crate) external_credentials: Vec<CredentialReport>,
    /// `None`: a server does not tell of its disk.
    pub(crate) spool: Option<Spool>,
}

/// What waits on this machine for the database.
#[derive(Serialize)]
pub(crate) struct Spool {
    #[serde(skip)]
    pub(crate) directory: std::path::PathBuf,
    pub(crate) waiting: usize,
    pub(crate) problem: Option<String>,
}

/// What `explain` shows.
#[derive(Serialize)]
pub(crate) struct Explained {
    #[serde(flatten)]
    pub(crate) plan: Plan,
    /// Logins of the chosen principal that are gone here, and not at the provider. A server does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unrevoked: Vec<UnrevokedLogin>,
}

impl Site {
    pub(crate) async fn status(&self, name: Option<&ApiName>) -> Result<Overview, Failure> {
        match self {
            Self::House(opened) => {
                let external_credentials = shown(&status(&opened.manage(), name).await?)?;
                let SpoolState { directory, waiting, problem } = opened.house.spool_state();
                Ok(Overview { external_credentials, spool: Some(Spool { directory, waiting, problem }) })
            }
            Self::Server(client) => {
                let external_credentials = match name {
                    None => client.status().list().await?,
                    Some(name) => vec![client.status().show(name.as_str()).await?],
                };
                Ok(Overview { external_credentials, spool: None })
            }
        }
    }

    pub(crate) async fn explain(&self, target: &str, user: &UserName) -> Result<Explained, Failure> {
        match self {
            Self::House(opened) => {
                let user = caller(opened, user).await?;
                let node = Node::start(opened.house.clone(), &opened.config).await?;
                let plan = node.explain(user.clone(), target).await;
                let chosen =
                    plan.principals.iter().find(|principal| principal.verdict == "chosen").map(|principal| principal.name.as_str());
                let place = plan.external_credential.as_deref().zip(chosen);
                let unrevoked = unrevoked(&node, place, opened, &user).await;
                Ok(Explained { plan: shown(&plan)?, unrevoked: shown(&unrevoked)? })
            }
            Self::Server(client) => Ok(Explained { plan: client.explain(target, Some(user.as_str())).await?, unrevoked: Vec::new() }),
        }
    }

    /// The URL, and until when it is good, RFC 3339. Without a user a server makes it for the key's own.
    pub(crate) async fn presign(
        &self,
        target: &str,
        user: Option<&UserName>,
        method: &Method,
        lifetime: Duration,
    ) -> Result<(Secret, String), Failure> {
        match (self, user) {
            (Self::House(opened), Some(user)) => {
                let user = caller(opened, user).await?;
                let node = Node::start(opened.house.clone(), &opened.config).await?;
                let made = node.presign(user, &opened.actor, Presigning { target, method, lifetime }).await;
                let Presigned { url, expires_at } =
                    made.map_err(|refused| Failure::new(refused.code(), refused.to_string(), refused.next_step()))?;
                Ok((url, expires_at.to_string()))
            }
            (Self::House(_), None) => {
                Err(Failure::new("user_required", "a URL is made under somebody's permissions", "name the user: --as USER"))
            }
            (Self::Server(client), user) => {
                let client = user.map_or_else(|| Ok(client.clone()), |user| client.on_behalf_of(user.as_str()))?;
                let wanted =
                    Presign { target: target.to_owned(), method: Some(method.to_string()), expires_seconds: Some(lifetime.as_secs()) };
                let made = client.presign(&wanted).await?;
                Ok((made.url, made.expires_at))
            }
        }
    }
}

pub(super) async fn caller(opened: &Opened, name: &UserName) -> Result<StoredUser, Failure> {
    let user = opened.house.store().caller_by_user(name).await;
    let user = user.map_err(|error| Failure::new(error.code(), error.to_string(), "look at the database, then try again"))?;
    user.ok_or_else(|| Failure::new("user_unknown", format!("there is no user `{name}`"), "list them with `sortie user list`"))
}

/// None where nobody logs in.
async fn unrevoked(node: &Node, place: Option<(&str, &str)>, opened: &Opened, user: &StoredUser) -> Vec<UnrevokedView> {
    let Some(place) = place else { return Vec::new() };
    let person = Person::Operator { actor: &opened.actor, user: Some(user) };
    let found = connect::unrevoked(node, &person, place).await.unwrap_or_default();
    found.into_iter().map(UnrevokedView::from).collect()
}
