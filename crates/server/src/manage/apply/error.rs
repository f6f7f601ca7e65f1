//! What can be wrong with applying a definition.

use std::fmt;

use sortie_metadata::Problem;
use sortie_store::ChangeError;

use crate::manage::NotStored;

/// Why a definition was not applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file says something that cannot be.
    #[error("the definition is refused:{}", Listed(.0))]
    Refused(Vec<Problem>),
    /// It was right, and could not be stored.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl ApplyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "definition_refused",
            Self::NotStored(error) => error.code(),
        }
    }

    /// What is wrong with the definition, and where.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Refused(problems) => problems,
            Self::NotStored(_) => &[],
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Refused(_) => "correct the file; nothing was changed".to_owned(),
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
