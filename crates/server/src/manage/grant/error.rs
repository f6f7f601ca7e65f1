//! What can be wrong with an operation on principal access.

use sortie_store::{ChangeError, ReadError};

use crate::manage::{NotStored, UnknownName};

/// Why an operation on principal access was not done.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The principal or the grantee does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It was right, and could not be done.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl GrantError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for GrantError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

impl From<ReadError> for GrantError {
    fn from(error: ReadError) -> Self {
        Self::NotStored(error.into())
    }
}
