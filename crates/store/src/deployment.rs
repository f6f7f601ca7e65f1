//! The one row that says which deployment this is and how often its definitions have changed.

use sortie_model::Timestamp;
use uuid::Uuid;

use crate::db::{Db, Fault, FaultKind, Row, Sql, Tx};

/// How often anything has changed that an admin changes: definitions, users, their keys, stored values. A larger one is newer; equal ones mean that
/// everything is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(i64);

impl Generation {
    /// The number.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How often definitions have changed, and shared values. Equal ones mean the same definitions, whatever became of users meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edition(i64);

impl Edition {
    /// The number.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// How far a deployment has come, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Counts all changes.
    pub generation: Generation,
    /// Counts those of definitions.
    pub edition: Edition,
}

/// Reads the deployment's identity, after writing `new` as such if there is none. Of several nodes on an empty
/// database one writes, and all read the same.
pub(crate) async fn establish(db: &Db, new: Uuid) -> Result<(Uuid, Generation), Fault> {
    const FIND: Sql = Sql::new("deployment", "SELECT id, generation FROM deployment");
    const WRITE: Sql = Sql::new(
        "deployment",
        "INSERT INTO deployment (singleton, id, generation, created_at)
         VALUES (1, $1, 0, (SELECT millis FROM clock)) ON CONFLICT (singleton) DO NOTHING",
    );
    let row = match db.fetch_optional(FIND, []).await? {
        Some(row) => Some(row),
        None => {
            db.change(WRITE, [new.into()]).await?;
            db.fetch_optional(FIND, []).await?
        }
    };
    let row = row.ok_or_else(absent)?;
    Ok((row.id("id")?, Generation(row.integer("generation")?)))
}

const CURRENT: Sql = Sql::new("deployment", "SELECT generation, user_changes FROM deployment");

/// As of now.
pub(crate) async fn current(db: &Db) -> Result<Progress, Fault> {
    progress(&db.fetch_optional(CURRENT, []).await?.ok_or_else(absent)?)
}

/// What this transaction sees.
pub(crate) async fn seen_by(tx: &mut Tx) -> Result<Progress, Fault> {
    progress(&tx.fetch_optional(CURRENT, []).await?.ok_or_else(absent)?)
}

/// A program of an earlier version counts every change as one of definitions: what is counted apart are the others.
fn progress(row: &Row) -> Result<Progress, Fault> {
    let generation = row.integer("generation")?;
    Ok(Progress { generation: Generation(generation), edition: Edition(generation - row.integer("user_changes")?) })
}

/// Counts one up and keeps the row locked until the transaction ends: changes of definitions happen one after the
/// other in the whole cluster, in the order of their generations.
pub(crate) async fn advance(tx: &mut Tx) -> Result<Generation, Fault> {
    const ADVANCE: Sql = Sql::new("deployment", "UPDATE deployment SET generation = generation + 1 RETURNING generation");
    let row = tx.fetch_optional(ADVANCE, []).await?.ok_or_else(absent)?;
    row.integer("generation").map(Generation)
}

/// Says of the change that this transaction makes that definitions are as they were.
pub(crate) async fn note_users_only(tx: &mut Tx) -> Result<(), Fault> {
    const NOTE: Sql = Sql::new("deployment", "UPDATE deployment SET user_changes = user_changes + 1");
    tx.execute(NOTE, []).await.map(drop)
}

/// The database's own clock.
pub(crate) async fn now(db: &Db) -> Result<Timestamp, Fault> {
    const NOW: Sql = Sql::new("clock", "SELECT millis FROM clock");
    db.fetch_optional(NOW, []).await?.ok_or_else(absent)?.timestamp("millis")
}

fn absent() -> Fault {
    Fault::new(FaultKind::Unreadable { column: "id", why: "is absent" }, "deployment")
}
