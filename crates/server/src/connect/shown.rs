//! Logins as they are shown, by commands and by the API alike.

use serde::Serialize;
use sortie_model::UserName;
use utoipa::ToSchema;

use super::{ConnectError, Disconnected, Person, Unrevoked, state, unrevoked};
use crate::node::Node;

/// What is known of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Login)]
pub struct LoginView {
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal: String,
    /// Whose own login it is, at a Per User principal.
    #[schema(required = true)]
    pub user: Option<String>,
    /// Whether there is one.
    pub state: LoginStanding,
    /// Whose account it is at the provider, if that said so.
    #[schema(required = true)]
    pub account: Option<String>,
    /// What was granted, if the provider said so.
    #[schema(required = true)]
    pub scope: Option<String>,
    /// When the access token dies, RFC 3339.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// Whether another one can be had without anybody.
    #[schema(required = true)]
    pub renews: Option<bool>,
    /// Why somebody has to log in again, if so.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// Logins that are gone here, and not at the provider.
    pub unrevoked: Vec<UnrevokedView>,
}

/// Whether there is a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginStanding {
    /// There is, and it is good.
    Authenticated,
    /// There was, and the provider wants it anew.
    NeedsAuthentication,
    /// There is none.
    NotAuthenticated,
}

/// A login that is gone here, and not at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UnrevokedLogin)]
pub struct UnrevokedView {
    /// When it was taken away, RFC 3339.
    pub since: String,
    /// How often the provider could not be told.
    pub attempts: i64,
    /// When it is told again, RFC 3339; `null`: nobody tries any more.
    #[schema(required = true)]
    pub try_at: Option<String>,
    /// Why the last attempt failed, if that is known.
    #[schema(required = true)]
    pub failure_code: Option<String>,
    /// What to do.
    pub next_step: &'static str,
}

impl From<Unrevoked> for UnrevokedView {
    fn from(unrevoked: Unrevoked) -> Self {
        let next_step = unrevoked.next_step();
        let Unrevoked { since, attempts, try_at, failure_code } = unrevoked;
        Self { since: since.to_string(), attempts, try_at: try_at.map(|at| at.to_string()), failure_code, next_step }
    }
}

/// What came of taking a login away. Here it is gone in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RevokedLogin)]
pub struct RevocationView {
    /// Whether there was one.
    pub revoked: bool,
    /// Whether the provider knows.
    pub provider: ProviderTold,
}

/// Whether a provider knows that a login is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderTold {
    /// Nobody was logged in.
    NotAsked,
    /// It knows.
    Told,
    /// It has no place to be told: the token lives there until it expires.
    NotOffered,
    /// It could not be told yet, and is told again.
    NotTold,
}

impl From<&Disconnected> for RevocationView {
    fn from(done: &Disconnected) -> Self {
        let (revoked, provider) = match done {
            Disconnected::Absent => (false, ProviderTold::NotAsked),
            Disconnected::AtTheProvider => (true, ProviderTold::Told),
            Disconnected::NotOffered => (true, ProviderTold::NotOffered),
            Disconnected::NotTold(_) => (true, ProviderTold::NotTold),
        };
        Self { revoked, provider }
    }
}

/// What is known of the login at a principal, which is `user`'s own if one is named.
///
/// # Errors
/// A [`ConnectError`].
pub async fn login_view(
    node: &Node,
    person: &Person<'_>,
    (credential, principal): (&str, &str),
    user: Option<&UserName>,
) -> Result<LoginView, ConnectError> {
    let known = state(node, person, (credential, principal)).await?;
    let problem = known.as_ref().and_then(|known| known.problem.as_ref()).map(ToString::to_string);
    let standing = match (&known, &problem) {
        (None, _) => LoginStanding::NotAuthenticated,
        (Some(_), Some(_)) => LoginStanding::NeedsAuthentication,
        (Some(_), None) => LoginStanding::Authenticated,
    };
    Ok(LoginView {
        external_credential: credential.to_owned(),
        principal: principal.to_owned(),
        user: user.map(ToString::to_string),
        state: standing,
        account: known.as_ref().and_then(|known| known.account.clone()).map(|account| account.name.unwrap_or(account.subject)),
        scope: known.as_ref().and_then(|known| known.scope.clone()),
        expires_at: known.as_ref().map(|known| known.expires_at.to_string()),
        renews: known.as_ref().map(|known| known.renews),
        problem,
        unrevoked: unrevoked(node, person, (credential, principal)).await?.into_iter().map(UnrevokedView::from).collect(),
    })
}
