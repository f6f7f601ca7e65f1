//! Requests that must not be done twice. Of all that come under one key at the same time, in the whole cluster, one is done.

use std::time::Duration;

use sortie_model::UserId;
use uuid::Uuid;

use crate::db::{Db, Fault, Row, Sql};
use crate::error::{ReadError, WriteError};

/// A request under a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRequest {
    /// Identity of its row.
    pub id: Uuid,
    /// Whose key it is.
    pub user: UserId,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// SHA-256 of everything that it says.
    pub request_hash: [u8; 32],
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// Identity of its row.
    pub id: Uuid,
    /// SHA-256 of everything that the request said.
    pub request_hash: [u8; 32],
    /// The answer, sealed; `None` while it is under way, or if it was never told.
    pub sealed: Option<Vec<u8>>,
}

/// Reads and writes requests under keys.
pub struct IdempotencyKeys<'a> {
    pub(crate) db: &'a Db,
}

impl IdempotencyKeys<'_> {
    /// Takes a key. Keys that are older than `lifetime` go first. `false`: it is taken already, by [`IdempotencyKeys::load`].
    ///
    /// # Errors
    /// A [`WriteError`]; [`WriteError::Gone`] if the user does not exist any more.
    pub async fn take(&self, request: &KeyedRequest, lifetime: Duration) -> Result<bool, WriteError> {
        const OLD: Sql =
            Sql::new("idempotency_keys", "DELETE FROM idempotency_keys WHERE created_at < (SELECT millis FROM clock) - $1 RETURNING id");
        const TAKE: Sql = Sql::new(
            "idempotency_keys",
            "INSERT INTO idempotency_keys (id, user_id, key_hash, request_hash, created_at)
             VALUES ($1, $2, $3, $4, (SELECT millis FROM clock)) ON CONFLICT DO NOTHING RETURNING id",
        );
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 2);
        self.db.change(OLD, [millis.into()]).await?;
        let KeyedRequest { id, user, key_hash, request_hash } = request;
        let values = [(*id).into(), (*user).into(), key_hash.as_slice().into(), request_hash.as_slice().into()];
        Ok(!self.db.change(TAKE, values).await?.is_empty())
    }

    /// What is known of a user's key.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn load(&self, user: UserId, key_hash: [u8; 32]) -> Result<Option<StoredRequest>, ReadError> {
        const LOAD: Sql =
            Sql::new("idempotency_keys", "SELECT id, request_hash, sealed FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2");
        let row = self.db.fetch_optional(LOAD, [user.into(), key_hash.as_slice().into()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Keeps the answer of a request.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn answer(&self, id: Uuid, sealed: &[u8]) -> Result<(), WriteError> {
        const ANSWER: Sql = Sql::new("idempotency_keys", "UPDATE idempotency_keys SET sealed = $2 WHERE id = $1 RETURNING id");
        self.db.change(ANSWER, [id.into(), sealed.into()]).await?;
        Ok(())
    }

    /// Gives a key back: what came under it was not done.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn give_back(&self, id: Uuid) -> Result<(), WriteError> {
        const GIVE_BACK: Sql = Sql::new("idempotency_keys", "DELETE FROM idempotency_keys WHERE id = $1 RETURNING id");
        self.db.change(GIVE_BACK, [id.into()]).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<StoredRequest, Fault> {
    let hash = row.bytes("request_hash")?;
    let request_hash = <[u8; 32]>::try_from(hash.as_slice()).map_err(|_| row.unreadable("request_hash", "is no SHA-256"))?;
    Ok(StoredRequest { id: row.id("id")?, request_hash, sealed: row.optional_bytes("sealed")? })
}
