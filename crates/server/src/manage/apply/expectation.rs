//! What whoever applies a definition expects of what is stored.

use sortie_metadata::Definition;
use sortie_store::Definitions;

use super::{ApplyError, Asker};
use crate::manage::UnknownName;

/// Whether the things of a definition are there already; of users nothing is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// They may be.
    #[default]
    Any,
    /// They are not: they are made.
    New,
    /// They are: they are changed.
    Stored,
}

/// What is expected.
#[derive(Default)]
pub struct Expectation<'e> {
    /// Whether things are there.
    pub standing: Standing,
    /// Whether what is stored is still as it was when it was read.
    pub seen: Option<&'e (dyn Fn(&Definitions) -> bool + Send + Sync)>,
    /// For whom secrets of others must not go anywhere new; `None`: an operator, who could read them anyway.
    pub asker: Option<Asker>,
}

impl Expectation<'_> {
    pub(super) fn check(&self, definition: &Definition, stored: &Definitions) -> Result<(), ApplyError> {
        let credentials = definition.external_credentials.iter().map(|one| {
            let is_there = stored.external_credentials.iter().any(|known| known.name == one.name);
            ("external credential", &one.name, is_there)
        });
        let named = definition.named_credentials.iter().map(|one| {
            let is_there = stored.named_credentials.iter().any(|known| known.name == one.name);
            ("named credential", &one.name, is_there)
        });
        let providers = definition
            .external_auth_identity_providers
            .iter()
            .map(|one| ("provider", &one.name, stored.identity_provider(one.name.as_str()).is_some()));
        let sets = definition.permission_sets.iter().map(|one| {
            let is_there = stored.permission_sets.iter().any(|known| known.name == one.name);
            ("permission set", &one.name, is_there)
        });
        let profiles = definition.profiles.iter().map(|one| {
            let is_there = stored.profiles.iter().any(|known| known.name == one.name);
            ("profile", &one.name, is_there)
        });
        for (what, name, is_there) in credentials.chain(named).chain(providers).chain(sets).chain(profiles) {
            match self.standing {
                Standing::New if is_there => return Err(ApplyError::Exists { what, name: name.to_string() }),
                Standing::Stored if !is_there => return Err(ApplyError::Missing(UnknownName::new(what, name))),
                Standing::Any | Standing::New | Standing::Stored => {}
            }
        }
        if self.seen.is_some_and(|seen| !seen(stored)) { Err(ApplyError::Stale) } else { Ok(()) }
    }
}
