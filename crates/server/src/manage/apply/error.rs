//! What can be wrong with applying a definition.

use std::fmt;

use sortie_metadata::Problem;
use sortie_store::ChangeError;

use crate::manage::{NotStored, UnknownName};

/// Why a definition was not applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file says something that cannot be.
    #[error("the definition is refused:{}", Listed(.0))]
    Refused(Vec<Problem>),
    /// It was to be new, and is there already.
    #[error("the {what} `{name}` is there already")]
    Exists {
        /// Kind of object, in words.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It was to be there, and is not.
    #[error(transparent)]
    Missing(UnknownName),
    /// It is otherwise than whoever changes it has seen.
    #[error("it has changed since it was read")]
    Stale,
    /// It would send what somebody else has stored to a place where nothing of it went before.
    #[error("this would send secrets of the {what} to {place}, and somebody else has stored them")]
    OthersSecrets {
        /// What holds them.
        what: String,
        /// Where they would go.
        place: String,
    },
    /// It was right, and could not be stored.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl ApplyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "definition_refused",
            Self::Exists { .. } => "already_exists",
            Self::Missing(unknown) => unknown.code(),
            Self::Stale => "stale",
            Self::OthersSecrets { .. } => "secrets_of_others",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What is wrong with the definition, and where.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Refused(problems) => problems,
            Self::Exists { .. } | Self::Missing(_) | Self::Stale | Self::OthersSecrets { .. } | Self::NotStored(_) => &[],
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Refused(_) => "correct the file; nothing was changed".to_owned(),
            Self::Exists { .. } => "change the one that is there, or choose another name".to_owned(),
            Self::Missing(unknown) => unknown.next_step(),
            Self::Stale => "read it again, and decide anew".to_owned(),
            Self::OthersSecrets { .. } => {
                "store them again yourself first, if you know them; or have an operator make the change, with `sortie apply`".to_owned()
            }
            Self::NotStored(error) => error.next_step(),
        }
    }
}

impl From<ChangeError> for ApplyError {
    fn from(error: ChangeError) -> Self {
        Self::NotStored(error.into())
    }
}

/// Problems, each on a line of its own, as editors expect them.
struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.0 {
            write!(formatter, "\n{problem}")?;
        }
        Ok(())
    }
}
