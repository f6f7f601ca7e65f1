//! Sealing: where a value's row, its owner and its destination become what the sealed bytes are bound to.

use sortie_model::{Secret, SecretBytes};
use sortie_store::{Change, Identity, StoredValue, ValueHead};
use sortie_vault::{OpenError, SealContext, Vault};
use uuid::Uuid;

use crate::manage::NotStored;

/// Seals and opens the values of one external credential.
pub(in crate::manage) struct Sealer<'a> {
    pub(in crate::manage) vault: &'a Vault,
    /// What stored values are bound to.
    pub(in crate::manage) stored: [u8; 32],
    /// What new ones will be bound to; another one where this very change moves the destination.
    pub(in crate::manage) wanted: [u8; 32],
}

/// Where a value goes.
pub(in crate::manage) struct Slot<'a> {
    pub(in crate::manage) identity: Identity,
    pub(in crate::manage) name: &'a str,
    /// What is there already.
    pub(in crate::manage) head: Option<&'a ValueHead>,
}

impl Sealer<'_> {
    /// Stores a value in its slot.
    pub(in crate::manage) async fn store(
        &self,
        change: &mut Change<'_>,
        slot: &Slot<'_>,
        new_id: fn() -> Uuid,
        value: &Secret,
    ) -> Result<(), NotStored> {
        let plain = SecretBytes::new(value.expose().as_bytes());
        match slot.head {
            None => {
                let id = new_id();
                let sealed = self.vault.seal(&context(slot.identity, id, slot.name, 1, self.wanted), &plain)?;
                change.credential_values().insert(slot.identity, id, slot.name, &sealed).await?;
            }
            Some(head) => {
                let sealed = self.vault.seal(&context(slot.identity, head.id, slot.name, head.version + 1, self.wanted), &plain)?;
                change.credential_values().replace(slot.identity, head, &sealed).await?;
            }
        }
        Ok(())
    }

    /// Opens a stored value. A row that somebody's edit of the database moved to another destination still opens if this change moves it
    /// back to where it was sealed for.
    pub(in crate::manage) fn open(&self, identity: Identity, row: &StoredValue) -> Result<SecretBytes, OpenError> {
        let open = |destination| {
            let head = &row.head;
            self.vault.open(&context(identity, head.id, &head.name, head.version, destination), &row.sealed)
        };
        open(self.stored).or_else(|error| if self.stored == self.wanted { Err(error) } else { open(self.wanted).map_err(|_| error) })
    }

    /// Whether the destination moves, so that every stored value must be sealed anew.
    pub(in crate::manage) fn moves(&self) -> bool {
        self.stored != self.wanted
    }

    /// Seals a stored value anew for the new destination.
    pub(in crate::manage) async fn move_on(
        &self,
        change: &mut Change<'_>,
        identity: Identity,
        row: &StoredValue,
        principal: &str,
    ) -> Result<(), NotStored> {
        let open_error = |source| NotStored::Open { field: row.head.name.clone(), principal: principal.to_owned(), source };
        let plain = self.open(identity, row).map_err(open_error)?;
        let head = &row.head;
        let sealed = self.vault.seal(&context(identity, head.id, &head.name, head.version + 1, self.wanted), &plain)?;
        change.credential_values().reseal(identity, head, &sealed).await?;
        Ok(())
    }
}

/// The same context under which custody opens the value.
fn context(identity: Identity, row: Uuid, field: &str, version: i64, destination: [u8; 32]) -> SealContext<'_> {
    SealContext { table: "credential_values", row, field, owner: identity.owner, version, destination }
}
