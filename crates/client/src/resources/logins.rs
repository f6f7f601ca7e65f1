//! Logins at providers: whether there is one, and its end. [`super::Credentials::auth_url`] says where one begins.

use serde::{Deserialize, Serialize};

use crate::transport::Ask;
use crate::{Client, ClientError};

/// Logins: `client.logins()`. At a Per User principal it is the key's own user's.
#[derive(Clone, Copy, Debug)]
pub struct Logins<'c>(pub(crate) &'c Client);

/// What is known of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Name of the external credential.
    pub external_credential: String,
    /// Name of the principal.
    pub principal: String,
    /// Whose own login it is, at a Per User principal.
    pub user: Option<String>,
    /// Whether there is one.
    pub state: LoginStanding,
    /// Whose account it is at the provider, if that said so.
    pub account: Option<String>,
    /// What was granted, if the provider said so.
    pub scope: Option<String>,
    /// When the access token dies, RFC 3339.
    pub expires_at: Option<String>,
    /// Whether another one can be had without anybody.
    pub renews: Option<bool>,
    /// Why somebody has to log in again, if so.
    pub problem: Option<String>,
    /// Logins that are gone here, and not at the provider.
    pub unrevoked: Vec<UnrevokedLogin>,
}

/// Whether there is a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStanding {
    /// There is, and it is good.
    Authenticated,
    /// There was, and the provider wants it anew.
    NeedsAuthentication,
    /// There is none.
    NotAuthenticated,
}

impl LoginStanding {
    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::NeedsAuthentication => "needs_authentication",
            Self::NotAuthenticated => "not_authenticated",
        }
    }
}

/// A login that is gone here, and not at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrevokedLogin {
    /// When it was taken away, RFC 3339.
    pub since: String,
    /// How often the provider could not be told.
    pub attempts: i64,
    /// When it is told again, RFC 3339; `None`: nobody tries any more.
    pub try_at: Option<String>,
    /// Why the last attempt failed, if that is known.
    pub failure_code: Option<String>,
    /// What to do.
    pub next_step: String,
}

/// What came of taking a login away. At Sortie it is gone in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedLogin {
    /// Whether there was one.
    pub revoked: bool,
    /// Whether the provider knows.
    pub provider: ProviderTold,
}

/// Whether a provider knows that a login is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Logins<'_> {
    /// Whether somebody has logged in at a principal, as whom, and until when.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, external_credential: &str, principal: &str) -> Result<Login, ClientError> {
        self.0.ask(Ask::get(&["/external-credentials/", external_credential, "/principals/", principal, "/login"])).await
    }

    /// Takes a login away, here and at the provider.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn revoke(&self, external_credential: &str, principal: &str) -> Result<RevokedLogin, ClientError> {
        self.0.ask(Ask::delete(&["/external-credentials/", external_credential, "/principals/", principal, "/login"])).await
    }
}
