//! What a callout would do.

use serde::{Deserialize, Serialize};
use sortie_model::IdentityType;

use super::UnrevokedLogin;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// A callout as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What was asked for.
    pub target: String,
    /// Who asks.
    pub user: String,
    /// The named credential, as written.
    pub named_credential: Option<String>,
    /// Where the request would go, with path and query.
    pub destination: Option<String>,
    /// The external credential.
    pub external_credential: Option<String>,
    /// The provider that its tokens come from.
    pub identity_provider: Option<String>,
    /// How identity would be proven.
    pub protocol: Option<String>,
    /// What would be presented where the connection is made, if something is.
    pub client_certificate: Option<PlannedCertificate>,
    /// Every principal in order, with why it is or is not the one.
    pub principals: Vec<PlannedPrincipal>,
    /// Where the token would come from.
    pub token: Option<TokenState>,
    /// The headers that Sortie would add, by name only.
    pub headers: Vec<String>,
    /// What would be signed, if requests are.
    pub signature: Option<PlannedSignature>,
    /// Why it would fail, if it would.
    pub refusal: Option<PlannedRefusal>,
    /// What went wrong the last time, unless it has gone right since.
    pub last_failure: Option<LastFailure>,
    /// Logins at the chosen principal that are gone here, and not at the provider.
    pub unrevoked: Vec<UnrevokedLogin>,
}

/// A client certificate as it would be presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCertificate {
    /// Its name.
    pub name: String,
    /// The number of the version in force, if one is.
    pub version: Option<u32>,
    /// Until when its chain is good, RFC 3339.
    pub expires_at: Option<String>,
}

/// A signature as it would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSignature {
    /// The canonical request, with `***` in the place of secret values.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
}

/// One principal in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPrincipal {
    /// Its name.
    pub name: String,
    /// Its place in the order.
    pub sequence_number: u32,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// `chosen`, `not_enabled` or `not_needed`.
    pub verdict: String,
    /// Why, in words.
    pub why: String,
}

/// Where a token would come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TokenState {
    /// The protocol needs none.
    NotNeeded,
    /// One is kept and good.
    Good {
        /// When it dies, RFC 3339.
        expires_at: String,
    },
    /// None is kept, or it has died: the callout would fetch one.
    WouldBeFetched,
    /// The last attempt to fetch one failed, and it is too early for another.
    BackingOff {
        /// The failure's code.
        code: String,
        /// When the next attempt is due, RFC 3339.
        retry_not_before: String,
    },
}

/// Why a callout would fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRefusal {
    /// Stable code, the same as the callout's.
    pub code: String,
    /// The private reason, which a caller is not told.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// What usually causes it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Whose turn it is.
    pub turn: String,
    /// What to do.
    pub next_step: String,
}

/// What went wrong the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// Stable code.
    pub code: String,
    /// When, RFC 3339.
    pub at: String,
    /// What is known of it.
    pub message: String,
    /// What usually causes it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do.
    pub next_step: String,
}

#[derive(Serialize)]
struct Question<'a> {
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

impl Client {
    /// What a callout would do, without sending anything: for the key's own user, or another one. A callout that would be refused is a [`Plan`] with a refusal.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn explain(&self, target: &str, user: Option<&str>) -> Result<Plan, ClientError> {
        self.ask(Ask::post(&["/explain"]).json(&Question { target, user })).await
    }
}
