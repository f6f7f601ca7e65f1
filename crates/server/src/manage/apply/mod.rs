//! Applies a definition: what the file says becomes so, in one transaction or not at all. Applying it twice changes nothing more.
//!
//! An object that the file describes becomes exactly that. What the file does not mention stays: other objects, a list that is not
//! stated, a stored value that is not named. Principals that a described external credential does not list stay too, unless pruned.
//! Names, protocols and identity types never change: who wants another one deletes the object and makes a new one.

mod certificate;
mod check;
mod discovery;
mod error;
mod expectation;
mod external_credential;
mod formula;
mod index;
mod named_credential;
mod permission_set;
mod principal;
mod principal_access;
mod profile;
mod provider;
mod reach;
mod scene;
mod sources;
mod user;
mod value;

use sortie_metadata::Definition;

use super::{Change, Manage};
use scene::Scene;

pub use error::ApplyError;
pub use expectation::{Expectation, Standing};
pub use reach::Asker;
pub use sources::Surroundings;

/// Whether anything is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Store,
    /// Only what would change is said.
    DryRun,
}

/// What becomes of principals that the file's external credentials do not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// They stay, and are named.
    Leave,
    /// They are deleted with their access, values and tokens.
    Prune,
}

/// Applies a definition.
///
/// # Errors
/// An [`ApplyError`]: everything that is wrong with the definition beside what is stored, with its place, or why it could not be
/// stored. Nothing was changed.
pub async fn apply(
    manage: &Manage<'_>,
    definition: &Definition,
    surroundings: &Surroundings<'_>,
    mode: Mode,
    unlisted: Unlisted,
) -> Result<Vec<Change>, ApplyError> {
    apply_expecting(manage, definition, surroundings, (mode, unlisted), &Expectation::default()).await
}

/// The same where something is expected of what is stored: whoever changes one object by itself has looked at it before.
///
/// # Errors
/// An [`ApplyError`], also if it is otherwise than expected.
pub async fn apply_expecting(
    manage: &Manage<'_>,
    definition: &Definition,
    surroundings: &Surroundings<'_>,
    (mode, unlisted): (Mode, Unlisted),
    expectation: &Expectation<'_>,
) -> Result<Vec<Change>, ApplyError> {
    let mut problems = check::against_protocols(definition);
    let given = sources::read(definition, surroundings, &mut problems);
    let discovered = discovery::ask(definition, surroundings.world, expectation.asker, &mut problems).await;
    let mut scene = Scene::begin(manage, definition, (given, discovered), unlisted, problems).await?;
    expectation.check(definition, &scene.stored)?;
    let before = expectation.asker.map(|_| scene.stored.clone());
    formula::judge(&mut scene).await?;
    profile::apply(&mut scene).await?;
    permission_set::apply(&mut scene).await?;
    user::apply(&mut scene).await?;
    provider::apply(&mut scene).await?;
    external_credential::apply(&mut scene).await?;
    named_credential::apply(&mut scene).await?;
    if let (Some(asker), Some(before), true) = (expectation.asker, &before, scene.is_sound()) {
        reach::judge(&mut scene, asker, before).await?;
    }
    scene.finish(mode).await
}
