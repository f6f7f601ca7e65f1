//! PostgreSQL: connecting, listening, and running one statement.
//!
//! No state is kept in a session (no advisory locks, no settings). Prepared statements and `LISTEN` are the exceptions, and
//! behind a pooler that hands a session to each transaction anew, both are done without.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, query, query_with, raw_sql};

use super::{Db, Fault, FaultKind, PATIENCE, Row, Sql, Translate, Value, value};

/// Every read of the transaction sees the same moment.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A node that hangs inside a transaction loses it, so that it cannot keep the others from changing anything.
pub(super) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";

/// "sortie" as a number. The transaction holds the lock, never the session.
const EXCLUDE_OTHERS: &str = "SELECT pg_advisory_xact_lock(126922498795877)";

/// A connection that was used within the last second is taken to be alive: asking costs a round trip on every call. The
/// price is a burst of errors of at most a second after the server went away (REL-D28 of the fault catalogue).
const FRESH: Duration = Duration::from_secs(1);

const MAX_CONNECTIONS: u32 = 10;

/// A server, as a URL names it.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) options: PgConnectOptions,
    pub(crate) sessions: Sessions,
}

/// Whose sessions statements run in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// Our own: a statement is prepared once and stays.
    Own,
    /// A pooler's, which may be another one after every transaction. The driver prepares a statement and runs it in two
    /// steps, so each statement has a transaction around it, and nothing stays prepared.
    Shared,
}

impl Db {
    /// Opens a pool. Connects at once, so that a wrong address or password shows now.
    pub(crate) async fn open_postgres(server: Server) -> Result<Self, Fault> {
        let Server { options, sessions } = server;
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| Box::pin(is_alive(connection, meta.idle_for)))
            .connect_with(for_poolers(options))
            .await
            .map_err(|error| Fault::of(&error, "connection"))?;
        let db = Self::Postgres { pool, sessions };
        db.require_utf8().await?;
        Ok(db)
    }

    /// Any other encoding would refuse or change names that SQLite takes.
    async fn require_utf8(&self) -> Result<(), Fault> {
        const ENCODING: Sql = Sql::new("pg_database", "SELECT current_setting('server_encoding') AS encoding");
        let row = self.fetch_optional(ENCODING, []).await?;
        match row.map(|row| row.text("encoding")).transpose()?.as_deref() {
            Some("UTF8") => Ok(()),
            _ => {
                let why = "is not UTF8: make the database anew with ENCODING 'UTF8'";
                Err(Fault::new(FaultKind::Unreadable { column: "encoding", why }, "pg_database"))
            }
        }
    }
}

/// `extra_float_digits` is a start-up parameter that poolers refuse, and no column is a float.
fn for_poolers(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

async fn is_alive(connection: &mut PgConnection, idle_for: Duration) -> Result<bool, sqlx::Error> {
    if idle_for > FRESH {
        connection.ping().await?;
    }
    Ok(true)
}

/// Runs a statement that is not part of a transaction.
pub(super) async fn fetch_alone(
    pool: &PgPool,
    sessions: Sessions,
    sql: Sql,
    values: Vec<Value>,
    translate: Translate,
) -> Result<Vec<Row>, Fault> {
    match sessions {
        Sessions::Own => {
            let mut connection = pool.acquire().await.map_err(|error| Fault::of(&error, sql.table))?;
            fetch(&mut connection, sessions, sql, values, translate).await
        }
        Sessions::Shared => {
            let mut tx = pool.begin().await.map_err(|error| Fault::of(&error, sql.table))?;
            let rows = fetch(&mut tx, sessions, sql, values, Fault::of).await?;
            tx.commit().await.map_err(|error| translate(&error, sql.table))?;
            Ok(rows)
        }
    }
}

pub(super) async fn fetch(
    connection: &mut PgConnection,
    sessions: Sessions,
    sql: Sql,
    values: Vec<Value>,
    translate: Translate,
) -> Result<Vec<Row>, Fault> {
    let query = query_with(sql.text, value::postgres(values, sql.table)?).persistent(sessions == Sessions::Own);
    let rows = query.fetch_all(connection).await.map_err(|error| translate(&error, sql.table))?;
    Ok(rows.into_iter().map(|row| Row::postgres(sql.table, row)).collect())
}

/// Reads each row while the next ones are on their way.
pub(super) async fn fetch_each<T>(
    connection: &mut PgConnection,
    sessions: Sessions,
    sql: Sql,
    read: fn(&Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut rows = query(sql.text).persistent(sessions == Sessions::Own).fetch(connection);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(|error| Fault::of(&error, sql.table))? {
        found.push(read(&Row::postgres(sql.table, row))?);
    }
    Ok(found)
}

pub(super) async fn execute(connection: &mut PgConnection, sessions: Sessions, sql: Sql, values: Vec<Value>) -> Result<u64, Fault> {
    let query = query_with(sql.text, value::postgres(values, sql.table)?).persistent(sessions == Sessions::Own);
    query.execute(connection).await.map(|done| done.rows_affected()).map_err(|error| Fault::of(&error, sql.table))
}

pub(super) async fn migrate(connection: &mut PgConnection, statements: &'static str) -> Result<(), sqlx::Error> {
    // Byte order, not the language's: the same order as in SQLite, and indexes that survive an upgrade of the system's
    // locales. `clock_timestamp` moves on within a transaction, `now` would not.
    let statements = statements
        .replace("{text}", "TEXT COLLATE \"C\"")
        .replace("{bytes}", "BYTEA")
        .replace("{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT");
    raw_sql(AssertSqlSafe(statements)).execute(connection).await.map(drop)
}

pub(super) async fn exclude_others(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Waits for as long as the other one takes, a long migration perhaps, not only for the five seconds that a change may wait.
    raw_sql("SET LOCAL lock_timeout = '0'").execute(&mut *connection).await?;
    raw_sql(EXCLUDE_OTHERS).execute(connection).await.map(drop)
}

/// A connection that hears of other nodes' commits.
pub(crate) struct Listener(PgListener);

impl Listener {
    /// Connects on its own, so that waiting never takes a connection from those who work.
    pub(crate) async fn connect(options: PgConnectOptions) -> Result<Self, Fault> {
        let translate = |error| Fault::of(&error, "connection");
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(for_poolers(options));
        let mut listener = PgListener::connect_with(&own).await.map_err(translate)?;
        listener.ignore_pool_close_event(true);
        listener.listen("sortie_changes").await.map_err(translate)?;
        Ok(Self(listener))
    }

    /// Waits until somebody committed, or may have while the connection was lost.
    pub(crate) async fn heard(&mut self) -> Result<(), Fault> {
        self.0.try_recv().await.map(drop).map_err(|error| Fault::of(&error, "connection"))
    }
}
