//! Values of a definition's principals, and all others where the place that they may be sent to moves.

use std::collections::BTreeSet;

use sortie_model::{ExternalCredential, ExternalCredentialId};
use sortie_store::{Identity, StoredValue};
use uuid::Uuid;

use super::principal::Planned;
use super::scene::Scene;
use crate::manage::NotStored;
use crate::manage::secret::{Sealer, Slot, destination};

/// The stored values of one credential.
pub(super) struct Values<'a> {
    credential_index: usize,
    credential: ExternalCredentialId,
    credential_name: String,
    sealer: Sealer<'a>,
    rows: Vec<(Identity, StoredValue)>,
    /// Those that the file itself gave.
    replaced: BTreeSet<Uuid>,
}

impl<'a> Values<'a> {
    pub(super) async fn open(
        scene: &mut Scene<'a>,
        credential_index: usize,
        before: &ExternalCredential,
        wanted: &ExternalCredential,
    ) -> Result<Self, NotStored> {
        let sealer = Sealer {
            vault: scene.manage.vault,
            stored: destination(&before.protocol, &before.settings),
            wanted: destination(&wanted.protocol, &wanted.settings),
        };
        let rows = scene.change.credential_values().of_credential(wanted.id).await?;
        let (credential, credential_name) = (wanted.id, wanted.name.to_string());
        Ok(Self { credential_index, credential, credential_name, sealer, rows, replaced: BTreeSet::new() })
    }

    /// Stores what the file gives for one principal, and names what was other.
    pub(super) async fn apply(&mut self, scene: &mut Scene<'_>, planned: &Planned) -> Result<Vec<String>, NotStored> {
        let definition = &scene.definition.external_credentials[self.credential_index].principals[planned.index];
        let identity = Identity::shared(planned.wanted.id);
        let mut fields = Vec::new();
        for name in definition.values.keys() {
            let Some(value) = scene.given.of(self.credential_index, planned.index, name) else { continue };
            let row = self.rows.iter().find(|(owner, row)| *owner == identity && row.head.name == *name).map(|(_, row)| row);
            // A stored value that does not open any more is replaced: that is what mends it.
            let opened = row.and_then(|row| self.sealer.open(identity, row).ok());
            let is_same = opened.is_some_and(|plain| plain.expose() == value.expose().as_bytes());
            // Who gives the value that is there knows it, whoever has stored it.
            let is_known = scene.manage.by.is_none() || row.is_some_and(|row| row.head.stored_by == scene.manage.by);
            if is_same && is_known && !self.sealer.moves() {
                continue;
            }
            self.sealer
                .store(&mut scene.change, &Slot { identity, name, head: row.map(|row| &row.head) }, scene.manage.new_id, value)
                .await?;
            self.replaced.extend(row.map(|row| row.head.id));
            // Also if it is the same one: whoever guesses what others have stored is told nothing by a trial, and stands in the audit afterwards.
            if !is_same || !is_known {
                fields.push(format!("values.{name}"));
            }
        }
        Ok(fields)
    }

    /// Where the destination moves, seals anew all values that the file did not give, users' own ones too.
    pub(super) async fn move_the_others(self, scene: &mut Scene<'_>) -> Result<(), NotStored> {
        if !self.sealer.moves() {
            return Ok(());
        }
        for (identity, row) in self.rows.iter().filter(|(_, row)| !self.replaced.contains(&row.head.id)) {
            let principal = scene.principals(self.credential).find(|principal| principal.id == identity.principal);
            let principal = format!("{}/{}", self.credential_name, principal.map_or("", |principal| principal.name.as_str()));
            self.sealer.move_on(&mut scene.change, *identity, row, &principal).await?;
        }
        Ok(())
    }
}
