//! How a definition made of a body is stored: as new or in the place of what was seen, with what is wrong shown at its place in the body.

use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use sortie_metadata::Definition;
use sortie_store::Definitions;

use super::etag::changed;
use crate::api::caller::ApiCaller;
use crate::api::json::{Fault, FaultKind};
use crate::api::{Api, Problem};
use crate::manage::apply::{ApplyError, Expectation, Mode, Standing, Surroundings, Unlisted, apply_expecting};

/// Where in the body the things of a definition come from, by their paths.
#[derive(Default)]
pub(in crate::api) struct Pointers(BTreeMap<String, String>);

impl Pointers {
    pub(in crate::api) fn set(&mut self, path: impl Into<String>, pointer: impl Into<String>) {
        self.0.insert(path.into(), pointer.into());
    }

    /// Of the path, or of the nearest thing around it.
    fn of(&self, path: &str) -> &str {
        let mut around = path;
        loop {
            if let Some(pointer) = self.0.get(around) {
                return pointer;
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = &around[..end],
                None if around.is_empty() => return "",
                None => around = "",
            }
        }
    }
}

/// What is to be stored.
pub(in crate::api) struct Wanted {
    pub(in crate::api) definition: Definition,
    pub(in crate::api) pointers: Pointers,
}

/// Stores it. `seen` says whether what is stored is still what the definition was made beside; a change of something else in between is no reason to fail.
pub(in crate::api) async fn store(
    api: &Api,
    caller: &ApiCaller,
    wanted: &Wanted,
    standing: Standing,
    seen: &(dyn Fn(&Definitions) -> bool + Send + Sync),
) -> Result<(), Problem> {
    let actor = caller.actor();
    let world = api.node.world();
    let surroundings = Surroundings { variable: &|_| None, world: Some(&*world), directory: Path::new("/") };
    let expectation = Expectation { standing, seen: Some(seen), asker: Some(caller.asker()) };
    let mode = (Mode::Store, Unlisted::Prune);
    let applied = apply_expecting(&api.manage(&actor).by(caller.asking()), &wanted.definition, &surroundings, mode, &expectation).await;
    let changes = applied.map_err(|error| refused(error, &wanted.pointers))?;
    if changes.iter().any(|change| change.action.is_made()) {
        api.settle().await;
    }
    Ok(())
}

/// What is wrong with a definition, at its places in the body.
pub(in crate::api) fn refused(error: ApplyError, pointers: &Pointers) -> Problem {
    match error {
        ApplyError::Refused(problems) => {
            let fault = |problem: sortie_metadata::Problem| Fault {
                pointer: pointers.of(&problem.path).to_owned(),
                kind: FaultKind::Value,
                rule: problem.rule,
                message: problem.message,
            };
            Problem::of_faults(problems.into_iter().map(fault).collect())
        }
        ApplyError::Exists { .. } => {
            Problem::new(StatusCode::CONFLICT, "already_exists", error.to_string(), error.next_step()).called("DUPLICATE_VALUE")
        }
        ApplyError::Missing(unknown) => unknown.into(),
        ApplyError::Stale => changed(),
        ApplyError::OthersSecrets { .. } => Problem::new(StatusCode::FORBIDDEN, error.code(), error.to_string(), error.next_step()),
        ApplyError::NotStored(error) => error.into(),
    }
}
