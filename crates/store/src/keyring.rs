//! The keyring's rows: wrapped keys, which are worth nothing without the root key. What they mean, the vault knows.

use uuid::Uuid;

use crate::db::{Db, Fault, FaultKind, Row, Sql, Tx};
use crate::error::{ReadError, WriteError};

/// One key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Which key.
    pub id: Uuid,
    /// `pending`, `active`, `decrypt_only` or `retired`. At most one is active.
    pub state: String,
    /// The key, wrapped.
    pub wrapped: Vec<u8>,
}

/// What came of storing the first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialised {
    /// This is the first key now.
    Done,
    /// There is a keyring already, perhaps of a node that was faster: load it, and never write over it.
    AlreadyThere,
}

/// What came of replacing the keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The new rows are stored.
    Done,
    /// The stored rows are not those that were seen: load them again.
    Changed,
}

/// Reads and writes the keyring.
pub struct Keyring<'a> {
    pub(crate) db: &'a Db,
}

const ALL: Sql = Sql::new("keyring", "SELECT id, state, wrapped FROM keyring ORDER BY id");

impl Keyring<'_> {
    /// All keys, in the order of their identities.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self) -> Result<Vec<StoredKey>, ReadError> {
        let rows = self.db.fetch(ALL, []).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Stores the first key, if there is none at all: a keyring that exists is never begun anew (CRY-09 of the attack
    /// catalogue).
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn initialise(&self, first: &StoredKey) -> Result<Initialised, WriteError> {
        Ok(match self.exchange(|stored| stored.is_empty(), std::slice::from_ref(first)).await? {
            Replaced::Done => Initialised::Done,
            Replaced::Changed => Initialised::AlreadyThere,
        })
    }

    /// Puts `new` in place of all rows, if these are still exactly those that were `seen`.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn replace(&self, seen: &[StoredKey], new: &[StoredKey]) -> Result<Replaced, WriteError> {
        let mut seen = seen.to_vec();
        seen.sort_by_key(|key| key.id);
        self.exchange(|stored| stored == seen, new).await
    }

    async fn exchange(&self, is_expected: impl FnOnce(&[StoredKey]) -> bool, new: &[StoredKey]) -> Result<Replaced, WriteError> {
        let mut tx = self.db.begin_write().await?;
        tx.exclude_others().await?;
        let stored: Vec<_> = tx.fetch(ALL, []).await?.iter().map(read).collect::<Result<_, Fault>>()?;
        if !is_expected(&stored) {
            return Ok(Replaced::Changed);
        }
        write(&mut tx, new).await?;
        tx.commit().await?;
        Ok(Replaced::Done)
    }
}

async fn write(tx: &mut Tx, keys: &[StoredKey]) -> Result<(), WriteError> {
    const CLEAR: Sql = Sql::new("keyring", "DELETE FROM keyring");
    const INSERT: Sql =
        Sql::new("keyring", "INSERT INTO keyring (id, state, wrapped, stored_at) VALUES ($1, $2, $3, (SELECT millis FROM clock))");
    tx.execute(CLEAR, []).await?;
    for StoredKey { id, state, wrapped } in keys {
        let values = [(*id).into(), state.as_str().into(), wrapped.as_slice().into()];
        tx.execute(INSERT, values).await.map_err(|fault| match fault.kind() {
            FaultKind::Unique { .. } => WriteError::Exists,
            _ => fault.into(),
        })?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<StoredKey, Fault> {
    Ok(StoredKey { id: row.id("id")?, state: row.text("state")?, wrapped: row.bytes("wrapped")? })
}
