//! How things are, what a callout would do, and URLs to hand on.

use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use sortie_callout::{Presigned, Presigning};
use sortie_client::{CredentialReport, Plan, Presign, SpoolReport, StatusOverview};
use sortie_model::{ApiName, Secret, UserName};
use sortie_server::connect;
use sortie_server::manage::status::{SpoolView, status};
use sortie_server::{Node, StoredUser};

use super::{Site, shown};
use crate::failure::Failure;
use crate::setup::Opened;

/// What `status` shows.
#[derive(Serialize)]
pub(crate) struct Overview {
    pub(crate) external_credentials: Vec<CredentialReport>,
    pub(crate) spool: Spool,
}

/// What waits for the database, here or at the node that answers.
#[derive(Serialize)]
pub(crate) struct Spool {
    /// `None`: a server does not say where.
    #[serde(skip)]
    pub(crate) directory: Option<PathBuf>,
    #[serde(flatten)]
    pub(crate) report: SpoolReport,
}

impl Site {
    pub(crate) async fn status(&self, name: Option<&ApiName>) -> Result<Overview, Failure> {
        match self {
            Self::House(opened) => {
                let external_credentials = shown(&status(&opened.manage(), name).await?)?;
                let state = opened.house.spool_state();
                let directory = Some(state.directory.clone());
                Ok(Overview { external_credentials, spool: Spool { directory, report: shown(&SpoolView::from(state))? } })
            }
            Self::Server(client) => {
                let one = match name {
                    None => None,
                    Some(name) => Some(client.status().show(name.as_str()).await?),
                };
                let StatusOverview { external_credentials, spool } = client.status().overview().await?;
                let external_credentials = one.map_or(external_credentials, |one| vec![one]);
                Ok(Overview { external_credentials, spool: Spool { directory: None, report: spool } })
            }
        }
    }

    pub(crate) async fn explain(&self, target: &str, user: &UserName) -> Result<Plan, Failure> {
        match self {
            Self::House(opened) => {
                let user = caller(opened, user).await?;
                let node = Node::start(opened.house.clone(), &opened.config).await?;
                shown(&connect::explain(&node, &opened.actor, user, target).await)
            }
            Self::Server(client) => Ok(client.explain(target, Some(user.as_str())).await?),
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
