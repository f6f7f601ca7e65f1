//! Where the root key comes from. One file per kind of place; to add one, see the README.

mod error;
mod file;
mod text;

use std::path::{Path, PathBuf};

use sortie_model::Secret;

pub use self::error::KeyError;
use crate::{Random, RootKey};

/// A place that holds the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyProvider {
    /// A file that only the process's user can read.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// An environment variable, for places that cannot mount a file. Other processes of the same user can read it as long as this one
    /// runs, so whoever offers it warns about it.
    Env {
        /// Its name.
        variable: String,
    },
}

impl KeyProvider {
    /// Reads the root key. `environment` looks up a variable; it is asked once, and only for [`KeyProvider::Env`].
    pub fn load(&self, environment: impl FnOnce(&str) -> Option<Secret>) -> Result<RootKey, KeyError> {
        match self {
            Self::File { path } => file::load(path),
            Self::Env { variable } => {
                let text = environment(variable).ok_or_else(|| KeyError::VariableMissing { variable: variable.clone() })?;
                text::parse(text.expose().as_bytes())
                    .ok_or_else(|| KeyError::Malformed { place: format!("environment variable {variable}") })
            }
        }
    }

    /// Makes a new root key in a file that does not exist yet, readable by the process's user only. An existing file, of whatever kind,
    /// is left as it is. When this returns, the key is on disk, and reading it back has worked.
    pub fn create_file(path: &Path, random: Random) -> Result<RootKey, KeyError> {
        file::create(path, random)
    }
}
