//! What can be wrong with removing a definition.

use sortie_store::ChangeError;

use crate::manage::{NotStored, UnknownName};

/// Why a definition was not removed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It is not what somebody has seen any more.
    #[error("it has changed since it was read")]
    Stale,
    /// It could not be done: something else needs it, or the database refused.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl DefinitionError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Stale => "stale",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(unknown) => unknown.next_step(),
            Self::Stale => "read it again, and decide anew".to_owned(),
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for DefinitionError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}
