//! The one layer over both databases: every statement above it is written once.
//!
//! SQLite has one writer connection and a few readers (it allows only one writer anyway, and a queue in front of it is
//! kinder than its lock); PostgreSQL has one pool. The two differ in how a transaction begins, and in nothing that a
//! query function can see.

mod fault;
mod postgres;
mod row;
mod sqlite;
mod value;

use std::future::Future;
use std::time::Duration;

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

pub use fault::Fault;
pub(crate) use fault::FaultKind;
pub(crate) use postgres::{Listener, Server, Sessions};
pub(crate) use row::Row;
pub(crate) use sqlite::FileError;
pub(crate) use value::Value;

/// How long a statement waits for a connection or for SQLite's lock before it is refused as busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// Three tries: two transactions that keep killing each other do so by chance, and chance does not strike often.
const TRIES: u32 = 3;

/// One statement: its text, and the table that an error names.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    table: &'static str,
    text: &'static str,
}

impl Sql {
    pub(crate) const fn new(table: &'static str, text: &'static str) -> Self {
        Self { table, text }
    }
}

/// A statement that reads very many rows: the columns of each come as one text, with tabs between. What a driver does, it does for each cell, and half of a start with
/// 100,000 credentials was that. Names, identities, numbers and JSON hold no tab; a text that may comes last. [`Row::fields`] reads what comes.
macro_rules! packed {
    ($table:literal, [$first:literal $(, $column:literal)* $(,)?], $rest:literal) => {
        $crate::db::Sql::new($table, concat!("SELECT ", $first, $(" || '\t' || ", $column,)* " AS fields FROM ", $table, " ", $rest))
    };
}
pub(crate) use packed;

/// How a driver's error is told: as the fault of a statement inside something larger, or of one that stands alone.
type Translate = fn(&sqlx::Error, &'static str) -> Fault;

/// The open database.
#[derive(Clone)]
pub(crate) enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool, sessions: Sessions },
}

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub(crate) struct Tx {
    inner: Inner,
    /// PostgreSQL refuses everything after a failed statement, SQLite goes on: here both refuse.
    has_failed: bool,
}

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>, Sessions),
}

impl Db {
    /// Reads with one statement of its own.
    pub(crate) async fn fetch<const N: usize>(&self, sql: Sql, values: [Value; N]) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Sqlite { readers, .. } => {
                let mut connection = readers.acquire().await.map_err(|error| Fault::of(&error, sql.table))?;
                sqlite::fetch(&mut connection, sql, values.into(), Fault::of).await
            }
            Self::Postgres { pool, sessions } => postgres::fetch_alone(pool, *sessions, sql, values.into(), Fault::of).await,
        }
    }

    /// Reads the first row, if there is one, with one statement of its own.
    pub(crate) async fn fetch_optional<const N: usize>(&self, sql: Sql, values: [Value; N]) -> Result<Option<Row>, Fault> {
        Ok(self.fetch(sql, values).await?.into_iter().next())
    }

    /// Changes with one statement of its own, durable when this returns, and gives back its `RETURNING` rows.
    pub(crate) async fn change<const N: usize>(&self, sql: Sql, values: [Value; N]) -> Result<Vec<Row>, Fault> {
        retry(|| self.try_change(sql, values.to_vec())).await
    }

    async fn try_change(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await.map_err(|error| Fault::of(&error, sql.table))?;
                sqlite::fetch(&mut connection, sql, values, Fault::of_commit).await
            }
            Self::Postgres { pool, sessions } => postgres::fetch_alone(pool, *sessions, sql, values, Fault::of_commit).await,
        }
    }

    /// Begins a transaction whose reads all see the same moment.
    pub(crate) async fn begin_read(&self) -> Result<Tx, Fault> {
        let inner = match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Inner::Sqlite),
            Self::Postgres { pool, sessions } => pool.begin_with(postgres::BEGIN_READ).await.map(|tx| Inner::Postgres(tx, *sessions)),
        };
        inner.map(|inner| Tx { inner, has_failed: false }).map_err(|error| Fault::of(&error, "transaction"))
    }

    /// Begins a transaction that changes something. SQLite takes its write lock at once: a transaction that began by
    /// reading could otherwise find itself unable to write half-way.
    pub(crate) async fn begin_write(&self) -> Result<Tx, Fault> {
        let inner = match self {
            Self::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite),
            Self::Postgres { pool, sessions } => pool.begin_with(postgres::BEGIN_WRITE).await.map(|tx| Inner::Postgres(tx, *sessions)),
        };
        inner.map(|inner| Tx { inner, has_failed: false }).map_err(|error| Fault::of(&error, "transaction"))
    }

    /// Closes all connections; SQLite folds its log into the file.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, sessions: _ } => pool.close().await,
        }
    }
}

impl Tx {
    pub(crate) async fn fetch<const N: usize>(&mut self, sql: Sql, values: [Value; N]) -> Result<Vec<Row>, Fault> {
        if self.has_failed {
            return Err(Fault::new(FaultKind::Aborted, sql.table));
        }
        let fetched = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite::fetch(tx, sql, values.into(), Fault::of).await,
            Inner::Postgres(tx, sessions) => postgres::fetch(tx, *sessions, sql, values.into(), Fault::of).await,
        };
        self.has_failed = fetched.is_err();
        fetched
    }

    /// Reads all rows of a statement without arguments, each while the next ones are on their way: for those that may be very many.
    pub(crate) async fn fetch_each<T>(&mut self, sql: Sql, read: fn(&Row) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        if self.has_failed {
            return Err(Fault::new(FaultKind::Aborted, sql.table));
        }
        let fetched = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite::fetch_each(tx, sql, read).await,
            Inner::Postgres(tx, sessions) => postgres::fetch_each(tx, *sessions, sql, read).await,
        };
        self.has_failed = fetched.is_err();
        fetched
    }

    pub(crate) async fn fetch_optional<const N: usize>(&mut self, sql: Sql, values: [Value; N]) -> Result<Option<Row>, Fault> {
        Ok(self.fetch(sql, values).await?.into_iter().next())
    }

    /// How many rows were changed.
    pub(crate) async fn execute<const N: usize>(&mut self, sql: Sql, values: [Value; N]) -> Result<u64, Fault> {
        if self.has_failed {
            return Err(Fault::new(FaultKind::Aborted, sql.table));
        }
        let executed = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite::execute(tx, sql, values.into()).await,
            Inner::Postgres(tx, sessions) => postgres::execute(tx, *sessions, sql, values.into()).await,
        };
        self.has_failed = executed.is_err();
        executed
    }

    /// Runs the statements of a migration, after putting this database's words in place of `{text}`, `{bytes}` and `{now}`.
    pub(crate) async fn migrate(&mut self, statements: &'static str) -> Result<(), Fault> {
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite::migrate(tx, statements).await,
            Inner::Postgres(tx, _) => postgres::migrate(tx, statements).await,
        };
        done.map_err(|error| Fault::of(&error, "migrations"))
    }

    /// Makes every other transaction that calls this wait until this one ends: migrations and keys are written one at a time.
    pub(crate) async fn exclude_others(&mut self) -> Result<(), Fault> {
        match &mut self.inner {
            // `BEGIN IMMEDIATE` has locked the whole file.
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres(tx, _) => postgres::exclude_others(tx).await.map_err(|error| Fault::of(&error, "transaction")),
        }
    }

    /// Whether a table of this name exists.
    pub(crate) async fn has_table(&mut self, name: &'static str) -> Result<bool, Fault> {
        const SQLITE: Sql = Sql::new("sqlite_schema", "SELECT 1 AS one FROM sqlite_schema WHERE type = 'table' AND name = $1");
        const POSTGRES: Sql = Sql::new("pg_class", "SELECT 1::BIGINT AS one WHERE to_regclass($1) IS NOT NULL");
        let sql = if matches!(self.inner, Inner::Sqlite(_)) { SQLITE } else { POSTGRES };
        Ok(self.fetch_optional(sql, [name.into()]).await?.is_some())
    }

    /// Tells the listeners of other nodes that a change is coming, at the moment of the commit. SQLite has no other nodes.
    pub(crate) async fn announce(&mut self, generation: i64) -> Result<(), Fault> {
        const NOTIFY: Sql = Sql::new("deployment", "SELECT 1::BIGINT AS one FROM pg_notify('sortie_changes', $1)");
        match &self.inner {
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres(..) => self.fetch(NOTIFY, [generation.to_string().into()]).await.map(drop),
        }
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), Fault> {
        if self.has_failed {
            return Err(Fault::new(FaultKind::Aborted, "transaction"));
        }
        let committed = match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx, _) => tx.commit().await,
        };
        committed.map_err(|error| Fault::of_commit(&error, "transaction"))
    }
}

/// Repeats what the database rolled back for no reason of its own (REL-D25 of the fault catalogue), a bounded number of times.
pub(crate) async fn retry<T, Attempt>(mut attempt: impl FnMut() -> Attempt) -> Result<T, Fault>
where
    Attempt: Future<Output = Result<T, Fault>>,
{
    for _ in 1..TRIES {
        match attempt().await {
            Err(fault) if fault.may_pass_when_repeated() => {}
            done => return done,
        }
    }
    attempt().await
}
