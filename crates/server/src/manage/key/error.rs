//! What can be wrong with an operation on API keys.

use sortie_model::Violation;
use sortie_store::{ChangeError, ReadError};
use sortie_vault::NoRandomness;

use crate::manage::{NotStored, UnknownName};

/// Why an operation on API keys was not done.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The user or the key does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A field breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// The operating system has no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl KeyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Invalid(violation) => violation.rule,
            Self::NoRandomness(error) => error.code(),
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::Invalid(violation) => format!("correct `{}`", violation.field),
            Self::NoRandomness(_) => "look at the operating system's log, then try again".to_owned(),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for KeyError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for KeyError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}
