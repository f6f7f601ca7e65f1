//! Why there is no grant to send, by whose turn it is.

use sortie_model::Timestamp;
use sortie_protocol::{NoLogin, ObtainError, ProviderError};

use crate::ports::CustodyError;

/// Who has to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The user whose own identity it is.
    User,
    /// An admin, for everybody.
    Admin,
}

/// Why there is no grant to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unobtainable {
    /// The protocol or its provider says so.
    #[error(transparent)]
    Protocol(#[from] ObtainError),
    /// The user of a Per User principal has never stored an own value. Whose turn: that user's.
    #[error("this user has stored no `{field}`")]
    NotAuthenticated {
        /// The value's name.
        field: &'static str,
    },
    /// Somebody has to log in with a browser.
    #[error("{why}{}", in_words(.said.as_ref()))]
    NeedsLogin {
        /// Whose turn it is.
        whose: Whose,
        /// Why.
        why: NoLogin,
        /// What the provider said, if it refused.
        said: Option<ProviderError>,
    },
    /// Stored secrets cannot be read.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// An earlier attempt failed, and it is too early for another.
    #[error("an earlier attempt failed with `{code}`{}; the next one is due at {retry_not_before}", in_words(.said.as_ref()))]
    BackingOff {
        /// The earlier failure's code.
        code: &'static str,
        /// When the next attempt is due.
        retry_not_before: Timestamp,
        /// What the provider said, if it refused.
        said: Option<ProviderError>,
    },
    /// The renewal takes longer than a caller should wait.
    #[error("the renewal takes too long")]
    Slow,
    /// The renewal ended without a word: a defect of ours.
    #[error("the renewal broke off")]
    BrokeOff,
}

impl Unobtainable {
    /// What the provider said, if it refused, now or at an earlier attempt.
    pub const fn said(&self) -> Option<&ProviderError> {
        match self {
            Self::Protocol(error) => error.said(),
            Self::BackingOff { said, .. } | Self::NeedsLogin { said, .. } => said.as_ref(),
            _ => None,
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Protocol(error) => error.code(),
            Self::NotAuthenticated { .. } | Self::NeedsLogin { .. } => "needs_authentication",
            Self::Custody(CustodyError::Unavailable) => "store_unavailable",
            Self::Custody(CustodyError::Tampered) => "secret_tampered",
            Self::Custody(CustodyError::Sealed) => "sealed",
            Self::Custody(CustodyError::Changed) => "definition_changed",
            Self::BackingOff { code, .. } => code,
            Self::Slow => "token_endpoint_timeout",
            Self::BrokeOff => "internal",
        }
    }
}

fn in_words(said: Option<&ProviderError>) -> String {
    said.map(|said| format!(", the provider said {said}")).unwrap_or_default()
}
