//! Why no grant could be had, by whose turn it is.

use std::time::Duration;

use crate::shared::id_token::IdTokenError;
use crate::{AskError, ProveError, ProviderError};

/// A failed attempt to obtain a grant. No variant holds a secret: what a provider says is cut, and dropped where it echoes one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObtainError {
    /// A setting or value is missing. Whose turn: the admin.
    #[error("`{field}` is not set")]
    NotConfigured {
        /// The field's name.
        field: &'static str,
    },
    /// A setting is there, but cannot be used. Whose turn: the admin.
    #[error("`{field}` {problem}")]
    WrongConfiguration {
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The provider refused for good (RFC 6749, section 5.2): repeating will not help. Whose turn: the admin.
    #[error("the provider refused: {0}")]
    Refused(ProviderError),
    /// The grant or the credentials behind it are no longer good (`invalid_grant`). Whose turn: who authenticates.
    #[error("the provider does not accept the grant: {0}")]
    InvalidGrant(ProviderError),
    /// Somebody has to log in with a browser first, or again. Whose turn: the admin, or the user for a Per User principal.
    #[error("{0}")]
    NotLoggedIn(NoLogin),
    /// There is no connection to the provider, and nothing was sent. Repeating later may help.
    #[error("there is no connection to the provider: {reason}")]
    Unreachable {
        /// Why, in words for an admin.
        reason: String,
    },
    /// The provider cannot answer now. Repeating later may help.
    #[error("the provider cannot answer now{}", .status.map(|status| format!(" (status {status})")).unwrap_or_default())]
    Unavailable {
        /// Its status.
        status: Option<u16>,
        /// How long it asks us to stay away.
        retry_after: Option<Duration>,
    },
    /// The provider answered something that is no token. Repeating later may help.
    #[error("the provider's answer is not understood: {what}")]
    Malformed {
        /// What was expected and not found.
        what: &'static str,
    },
    /// The provider's statement of who has logged in is not believed. Whose turn: the admin.
    #[error("{0}")]
    IdToken(#[from] IdTokenError),
    /// The request was sent and no answer came: the provider may or may not have acted on it.
    #[error("the provider did not answer in time")]
    Unanswered,
    /// A private key cannot be read now. Repeating later may help. Whose turn: the operator.
    #[error("the private key of the signing certificate cannot be read now")]
    KeyUnavailable,
    /// A private key cannot be opened without the root key. Whose turn: the operator.
    #[error("the private key of the signing certificate is sealed")]
    KeySealed,
    /// The egress policy forbids the address. Whose turn: the operator.
    #[error("the egress policy does not allow the provider's address")]
    Denied,
}

/// Why somebody has to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// Nobody has.
    #[error("nobody has authenticated yet")]
    Never,
    /// The login was with another client or at another token endpoint.
    #[error("the provider has changed since the login")]
    OtherProvider,
    /// The login was for other scopes.
    #[error("the scope has changed since the login")]
    OtherScope,
    /// The login was for tokens that are bound to a key, or for such that are not.
    #[error("whether tokens are bound to a key has changed since the login")]
    OtherBinding,
    /// The provider has refused what it gave at the login.
    #[error("the provider does not accept the login any more")]
    Refused,
    /// The access token is not good any more, and there is no refresh token to get another one with.
    #[error("the access token is not good any more, and the provider gave no refresh token at the login")]
    NoRefreshToken,
}

impl ObtainError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "credential_not_configured",
            Self::WrongConfiguration { .. } => "credential_misconfigured",
            Self::Refused(_) => "token_refused",
            Self::InvalidGrant(_) | Self::NotLoggedIn(_) => "needs_authentication",
            Self::Unreachable { .. } | Self::Unavailable { .. } => "token_endpoint_unavailable",
            Self::Malformed { .. } => "token_answer_malformed",
            Self::IdToken(_) => "id_token_refused",
            Self::Unanswered => "token_endpoint_timeout",
            Self::KeyUnavailable => "store_unavailable",
            Self::KeySealed => "sealed",
            Self::Denied => "egress_denied",
        }
    }

    /// What the provider said, if it refused.
    pub const fn said(&self) -> Option<&ProviderError> {
        match self {
            Self::Refused(said) | Self::InvalidGrant(said) => Some(said),
            _ => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::Malformed { .. } | Self::Unanswered | Self::KeyUnavailable => true,
            Self::NotConfigured { .. }
            | Self::WrongConfiguration { .. }
            | Self::Refused(_)
            | Self::InvalidGrant(_)
            | Self::NotLoggedIn(_)
            | Self::IdToken(_)
            | Self::KeySealed
            | Self::Denied => false,
        }
    }
}

impl From<AskError> for ObtainError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Denied => Self::Denied,
            AskError::NotSent { reason } => Self::Unreachable { reason },
            AskError::NoAnswer => Self::Unanswered,
            AskError::TooLarge => Self::Malformed { what: "an answer of at most 1 MiB" },
        }
    }
}

impl From<ProveError> for ObtainError {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Missing { field } => Self::NotConfigured { field },
            ProveError::NotAHeader => Self::WrongConfiguration { field: "a stored value", problem: "cannot stand in a header".to_owned() },
            ProveError::ForeignGrant => Self::Malformed { what: "a grant of this protocol" },
        }
    }
}
