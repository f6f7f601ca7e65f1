//! Definitions, as a file describes them.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// Definitions: `client.definitions()`.
#[derive(Clone, Copy, Debug)]
pub struct Definitions<'c>(pub(crate) &'c Client);

/// Whether anything is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyMode {
    /// It is.
    #[default]
    Store,
    /// Only what would change is said.
    DryRun,
}

/// What becomes of principals that the definition's external credentials do not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// They stay, and are named.
    #[default]
    Leave,
    /// They are deleted with their access, values and tokens.
    Prune,
}

/// How a definition is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applying {
    /// Whether anything is stored.
    pub mode: ApplyMode,
    /// What becomes of the rest.
    pub unlisted: Unlisted,
}

#[derive(Serialize)]
struct Wish<'a> {
    definition: &'a str,
    dry_run: bool,
    prune: bool,
}

#[derive(Deserialize)]
struct Done {
    changes: Vec<Change>,
}

impl Definitions<'_> {
    /// Makes what the YAML says so: providers, external and named credentials. All of it, or nothing.
    ///
    /// # Errors
    /// A [`ClientError`]; the refusal's `faults` say all that is wrong.
    pub async fn apply(&self, definition: &str, applying: Applying) -> Result<Vec<Change>, ClientError> {
        let Applying { mode, unlisted } = applying;
        let wish = Wish { definition, dry_run: mode == ApplyMode::DryRun, prune: unlisted == Unlisted::Prune };
        let Done { changes } = self.0.ask(Ask::post(&["/definitions/apply"]).json(&wish)).await?;
        Ok(changes)
    }
}
