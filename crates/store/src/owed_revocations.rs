//! What providers are still to be told: that a grant which was taken away is not needed any more.
//!
//! Whoever tells a provider moves the moment of the next attempt first, with one statement, so that one node at a time does; and counts the attempt up, so that one who
//! was too slow can say nothing of it any more. The sealed bytes are those of the grant's row: they are moved, never opened.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_model::{PrincipalId, Timestamp};
use uuid::Uuid;

use crate::db::{Db, Fault, Row, Sql, Tx};
use crate::error::{ReadError, WriteError};
use crate::identity::Identity;

/// 30 days: how long it is told that nobody tries any more.
const TOLD_MILLIS: i64 = 30 * 86_400_000;

/// A grant that is owed to its provider from now on.
#[derive(Clone, Debug)]
pub struct NewlyOwed {
    /// Names this one time.
    pub id: Uuid,
    /// Whose it was.
    pub identity: Identity,
    /// The row and the version that the sealed bytes are bound to.
    pub grant_id: Uuid,
    /// The version.
    pub grant_version: i64,
    /// Ciphertext.
    pub sealed: Vec<u8>,
}

/// A grant that its provider is to be told about by whoever holds this, until the next attempt is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedRevocation {
    /// Names this one time.
    pub id: Uuid,
    /// Whose it was.
    pub identity: Identity,
    /// The row that the sealed bytes are bound to.
    pub grant_id: Uuid,
    /// The version that they are bound to.
    pub grant_version: i64,
    /// Ciphertext.
    pub sealed: Vec<u8>,
    /// Counts this attempt; only the newest may say what came of it.
    pub attempt: i64,
    /// For how long it has been owed, on the database's clock.
    pub age: Duration,
}

/// How far it is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedState {
    /// Since when it is owed.
    pub since: Timestamp,
    /// How many attempts there were.
    pub attempts: i64,
    /// When the next one is due; `None`: nobody tries any more.
    pub try_at: Option<Timestamp>,
    /// Why the last one failed, if that is known.
    pub failure_code: Option<String>,
}

/// How much is owed for a principal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwedSummary {
    /// How many are tried again.
    pub waiting: u64,
    /// How many nobody tries any more.
    pub given_up: u64,
}

/// Reads and writes what is owed.
pub struct OwedRevocations<'a> {
    pub(crate) db: &'a Db,
}

/// Within a transaction. The first attempt is the caller's, who has `patience` for it.
pub(crate) async fn insert(tx: &mut Tx, newly: NewlyOwed, patience: Duration) -> Result<OwedRevocation, Fault> {
    const INSERT: Sql = Sql::new(
        "owed_revocations",
        "INSERT INTO owed_revocations (id, principal_id, owner_id, grant_id, grant_version, sealed, owed_since, attempts, try_at)
         VALUES ($1, $2, $3, $4, $5, $6, (SELECT millis FROM clock), 1, (SELECT millis FROM clock) + $7)",
    );
    let NewlyOwed { id, identity, grant_id, grant_version, sealed } = newly;
    let values = [
        id.into(),
        identity.principal.into(),
        identity.owner.into(),
        grant_id.into(),
        grant_version.into(),
        sealed.clone().into(),
        millis(patience).into(),
    ];
    tx.execute(INSERT, values).await?;
    Ok(OwedRevocation { id, identity, grant_id, grant_version, sealed, attempt: 1, age: Duration::ZERO })
}

impl OwedRevocations<'_> {
    /// Adds what was never stored as a grant. The first attempt is the caller's, who has `patience` for it.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn add(&self, newly: NewlyOwed, patience: Duration) -> Result<OwedRevocation, WriteError> {
        let mut tx = self.db.begin_write().await?;
        let owed = insert(&mut tx, newly, patience).await?;
        tx.commit().await?;
        Ok(owed)
    }

    /// Takes the one that is due longest, for `patience`. Of all that ask at the same time, in the whole cluster, one gets it. What nobody has tried for long is
    /// forgotten.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn take(&self, patience: Duration) -> Result<Option<OwedRevocation>, WriteError> {
        const LOOK: Sql = Sql::new(
            "owed_revocations",
            "SELECT id, given_up_at FROM owed_revocations CROSS JOIN clock WHERE try_at <= millis OR given_up_at <= millis - $1 LIMIT 1",
        );
        const FORGET: Sql =
            Sql::new("owed_revocations", "DELETE FROM owed_revocations WHERE given_up_at <= (SELECT millis FROM clock) - $1 RETURNING id");
        const TAKE: Sql = Sql::new(
            "owed_revocations",
            "UPDATE owed_revocations SET attempts = attempts + 1, try_at = (SELECT millis FROM clock) + $1
             WHERE id = (SELECT id FROM owed_revocations WHERE try_at <= (SELECT millis FROM clock) ORDER BY try_at LIMIT 1)
                 AND try_at <= (SELECT millis FROM clock)
             RETURNING id, principal_id, owner_id, grant_id, grant_version, sealed, attempts, (SELECT millis FROM clock) - owed_since AS age",
        );
        // Usually there is nothing, and nothing is written.
        if self.db.fetch_optional(LOOK, [TOLD_MILLIS.into()]).await?.is_none() {
            return Ok(None);
        }
        self.db.change(FORGET, [TOLD_MILLIS.into()]).await?;
        let taken = self.db.change(TAKE, [millis(patience).into()]).await?;
        Ok(taken.first().map(read).transpose()?)
    }

    /// The provider knows.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn settle(&self, id: Uuid) -> Result<(), WriteError> {
        const SETTLE: Sql = Sql::new("owed_revocations", "DELETE FROM owed_revocations WHERE id = $1 RETURNING id");
        self.db.change(SETTLE, [id.into()]).await?;
        Ok(())
    }

    /// The attempt failed, and the next one is due after a while. Says whether this attempt is still the newest.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn put_off(&self, id: Uuid, attempt: i64, code: &str, pause: Duration) -> Result<bool, WriteError> {
        const PUT_OFF: Sql = Sql::new(
            "owed_revocations",
            "UPDATE owed_revocations SET failure_code = $3, try_at = (SELECT millis FROM clock) + $4
             WHERE id = $1 AND attempts = $2 AND try_at IS NOT NULL RETURNING id",
        );
        let done = self.db.change(PUT_OFF, [id.into(), attempt.into(), code.into(), millis(pause).into()]).await?;
        Ok(!done.is_empty())
    }

    /// Nobody tries any more: the token is forgotten, and that it was never revoked is told for a while. Says whether this attempt is still the newest.
    ///
    /// # Errors
    /// A [`WriteError`].
    pub async fn give_up(&self, id: Uuid, attempt: i64, code: &str) -> Result<bool, WriteError> {
        const GIVE_UP: Sql = Sql::new(
            "owed_revocations",
            "UPDATE owed_revocations SET failure_code = $3, sealed = NULL, try_at = NULL, given_up_at = (SELECT millis FROM clock)
             WHERE id = $1 AND attempts = $2 AND try_at IS NOT NULL RETURNING id",
        );
        Ok(!self.db.change(GIVE_UP, [id.into(), attempt.into(), code.into()]).await?.is_empty())
    }

    /// What is owed for one identity, oldest first.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn of(&self, identity: Identity) -> Result<Vec<OwedState>, ReadError> {
        const OF: Sql = Sql::new(
            "owed_revocations",
            "SELECT owed_since, attempts, try_at, failure_code FROM owed_revocations
             WHERE principal_id = $1 AND COALESCE(owner_id, '') = $2 ORDER BY owed_since",
        );
        let rows = self.db.fetch(OF, [identity.principal.into(), identity.owner_key()]).await?;
        let state = |row: &Row| {
            Ok(OwedState {
                since: row.timestamp("owed_since")?,
                attempts: row.integer("attempts")?,
                try_at: row.optional_timestamp("try_at")?,
                failure_code: row.optional_text("failure_code")?,
            })
        };
        Ok(rows.iter().map(state).collect::<Result<_, Fault>>()?)
    }

    /// How much is owed for each principal.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn summary(&self) -> Result<BTreeMap<PrincipalId, OwedSummary>, ReadError> {
        const SUMMARY: Sql = Sql::new(
            "owed_revocations",
            "SELECT principal_id, COUNT(try_at) AS waiting, COUNT(given_up_at) AS given_up FROM owed_revocations GROUP BY principal_id",
        );
        let rows = self.db.fetch(SUMMARY, []).await?;
        let count = |row: &Row, column| Ok::<_, Fault>(row.integer(column)?.unsigned_abs());
        let summary =
            |row: &Row| Ok((row.id("principal_id")?, OwedSummary { waiting: count(row, "waiting")?, given_up: count(row, "given_up")? }));
        Ok(rows.iter().map(summary).collect::<Result<_, Fault>>()?)
    }
}

fn read(row: &Row) -> Result<OwedRevocation, Fault> {
    Ok(OwedRevocation {
        id: row.id("id")?,
        identity: Identity::read(row)?,
        grant_id: row.id("grant_id")?,
        grant_version: row.integer("grant_version")?,
        sealed: row.bytes("sealed")?,
        attempt: row.integer("attempts")?,
        age: Duration::from_millis(row.integer("age")?.unsigned_abs()),
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
