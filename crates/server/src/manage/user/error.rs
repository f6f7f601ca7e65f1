//! What can be wrong with an operation on users.

use sortie_model::Violation;
use sortie_store::{ChangeError, ReadError};

use crate::manage::{NotStored, UnknownName};

/// Why an operation on users was not done.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The user, or what it should get, does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A field breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// There is nothing to remove.
    #[error("the user `{user}` has no password")]
    NoPassword {
        /// Whose it would be.
        user: String,
    },
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl UserError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Invalid(violation) => violation.rule,
            Self::NoPassword { .. } => "password_unknown",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::Invalid(violation) => format!("correct `{}`", violation.field),
            Self::NoPassword { user } => format!("give one, if that was meant: sortie user password '{user}'"),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for UserError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for UserError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}
