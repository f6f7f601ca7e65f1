//! What admins do: one folder a resource, one file an operation.
//!
//! Every operation is a plain function over [`Manage`]: it reads what is there, decides, writes in one transaction, and says what
//! it changed. A change is recorded in the audit before it is committed, so that none is done unseen.

pub mod apply;
pub mod certificate;
mod change;
pub mod definition;
mod find;
pub mod formula;
pub mod grant;
pub mod key;
mod not_stored;
pub mod personal;
pub mod provider;
pub mod secret;
mod slow;
pub mod status;
pub mod user;

use std::path::Path;

use sortie_model::{Timestamp, UserId};
use sortie_store::Store;
use sortie_vault::{Random, Vault, operating_system_random};
use uuid::Uuid;

use crate::audit::{self, ChainKey, ChangeRecord};
use crate::house::{House, new_id};

pub use change::{Action, Change};
pub use find::{PrincipalReference, UnknownName};
pub use not_stored::NotStored;

/// What an operation works with.
pub struct Manage<'a> {
    /// The database.
    pub store: &'a Store,
    /// Seals and opens values.
    pub vault: &'a Vault,
    /// Where changes are recorded.
    pub audit_directory: &'a Path,
    /// The key of the audit's chains.
    pub chain_key: ChainKey,
    /// Who does it, for the audit: `operator:alice`.
    pub actor: &'a str,
    /// The user who does it; `None`: an operator. Values that are stored are known to them from then on.
    pub by: Option<UserId>,
    /// What time it is.
    pub now: Timestamp,
    /// New identities, ordered by time.
    pub new_id: fn() -> Uuid,
    /// Chance.
    pub random: Random,
}

impl<'a> Manage<'a> {
    /// Management of an open house.
    pub fn of(house: &'a House, actor: &'a str, now: Timestamp) -> Self {
        Self {
            store: house.store(),
            vault: house.vault(),
            audit_directory: house.audit_directory(),
            chain_key: house.chain_key(),
            actor,
            by: None,
            now,
            new_id,
            random: operating_system_random,
        }
    }

    /// The same for this user.
    #[must_use]
    pub fn by(self, user: UserId) -> Self {
        Self { by: Some(user), ..self }
    }

    /// Begins a change in which values may be stored.
    async fn change(&self) -> Result<sortie_store::Change<'_>, sortie_store::ChangeError> {
        self.store.change_by(self.by).await
    }

    /// Records the changes in the audit and commits them, in this order: what is not recorded is not done. What was recorded and then
    /// could not be committed is recorded again, as `not_stored`.
    async fn commit(&self, change: sortie_store::Change<'_>, changes: &[Change]) -> Result<(), NotStored> {
        self.record(changes, Action::as_str).await?;
        match change.commit().await {
            Ok(_) => Ok(()),
            Err(error) => {
                // The first failure is the one to report.
                let _ = self.record(changes, |_| "not_stored").await;
                Err(error.into())
            }
        }
    }

    async fn record(&self, changes: &[Change], action: impl Fn(Action) -> &'static str) -> Result<(), NotStored> {
        let made = changes.iter().filter(|change| change.action.is_made());
        let texts: Vec<_> =
            made.map(|change| (change.action, format!("{} {}", change.object, change.name), change.fields.join(", "))).collect();
        let mut records = Vec::with_capacity(texts.len());
        for (done, object, fields) in &texts {
            records.push(ChangeRecord { at: self.now, actor: self.actor, action: action(*done), object, fields });
        }
        if records.is_empty() { Ok(()) } else { Ok(audit::record_changes(self.audit_directory, &self.chain_key, &records).await?) }
    }
}
