//! Definitions from a file.

use std::path::Path;

use sortie_client::{ApplyMode, Applying, Change};
use sortie_metadata::Definition;
use sortie_server::manage::apply::{ApplyError, Mode, Surroundings, Unlisted, apply};
use sortie_server::outside_world;

use super::{Site, shown};
use crate::failure::Failure;
use crate::setup;

/// A file as it was read.
pub(crate) struct DefinitionFile<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    /// What paths in it are relative to.
    pub(crate) directory: &'a Path,
}

impl Site {
    pub(crate) async fn apply(&self, file: DefinitionFile<'_>, (mode, unlisted): (Mode, Unlisted)) -> Result<Vec<Change>, Failure> {
        let DefinitionFile { name, text, directory } = file;
        // What can be seen to be wrong here is said with its place in the file, before anything is sent.
        let definition = Definition::parse(name, text).map_err(ApplyError::Refused)?;
        match self {
            Self::House(opened) => {
                let world = definition.needs_discovery().then(|| outside_world(&opened.config)).transpose()?;
                let world = world.as_ref().map(|world| world as _);
                let surroundings = Surroundings { variable: &|name| setup::secret_variable(name).ok().flatten(), world, directory };
                shown(&apply(&opened.manage(), &definition, &surroundings, mode, unlisted).await?)
            }
            Self::Server(client) => {
                let mode = if mode == Mode::DryRun { ApplyMode::DryRun } else { ApplyMode::Store };
                let unlisted = match unlisted {
                    Unlisted::Leave => sortie_client::Unlisted::Leave,
                    Unlisted::Prune => sortie_client::Unlisted::Prune,
                };
                Ok(client.definitions().apply(text, Applying { mode, unlisted }).await?)
            }
        }
    }
}
