//! SQLite: opening the file safely, and running one statement.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool, query, query_with, raw_sql};

use super::{Db, Fault, FaultKind, PATIENCE, Row, Sql, Translate, Value, value};

/// Readers run beside the writer; more than this many only take memory from the page cache.
const READERS: u32 = 4;

/// How often a connection is tried while another process turns the write-ahead log on: that step asks for the whole
/// file without waiting for it.
const OPENING_TRIES: u32 = 250;
const OPENING_PAUSE: Duration = Duration::from_millis(20);

/// Why a database file is not even opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot prepare the database file")]
    Io(#[source] io::Error),
    #[error("is not a regular file")]
    NotAFile,
    #[error("can be read or written by others (mode {mode:03o})")]
    FileOpenToOthers { mode: u32 },
    #[error("lies in a directory that others can write to (mode {mode:03o})")]
    DirectoryOpenToOthers { mode: u32 },
}

/// Makes directory and file where they are missing, for nobody but their owner (OPS-03 of the attack catalogue). SQLite
/// gives the write-ahead log the mode of the file beside it. What is there already is never loosened or tightened behind
/// its owner's back: what is too open is refused.
pub(super) fn prepare_file(path: &Path) -> Result<(), FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(FileError::Io)?;
    let mode = directory.metadata().map_err(FileError::Io)?.mode() & 0o7777;
    // Who may write to the directory may put another database in place of this one.
    if mode & 0o022 != 0 {
        return Err(FileError::DirectoryOpenToOthers { mode });
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(FileError::Io(error)),
    }
    let existing = path.symlink_metadata().map_err(FileError::Io)?;
    if !existing.is_file() {
        return Err(FileError::NotAFile);
    }
    match existing.mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(FileError::FileOpenToOthers { mode }),
        _ => Ok(()),
    }
}

impl Db {
    /// Opens a database file, which is made if it is missing.
    pub(crate) async fn open_sqlite(path: &Path) -> Result<Result<Self, Fault>, FileError> {
        prepare_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            // Set before anything else happens on the connection, the switch to the write-ahead log included.
            .busy_timeout(PATIENCE)
            .foreign_keys(true)
            // Reading all definitions is tens of thousands of rows from another thread: waking up for each handful costs more than the rows.
            .row_buffer_size(1_000)
            // Whatever was acknowledged survives a power cut; NORMAL would lose the last commits.
            .synchronous(SqliteSynchronous::Full)
            .pragma("trusted_schema", "OFF");
        Ok(open_pools(options).await)
    }
}

async fn open_pools(options: SqliteConnectOptions) -> Result<Db, Fault> {
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
    };
    let writer = open_writer(&pool(1), options.clone().journal_mode(SqliteJournalMode::Wal)).await?;
    let readers = pool(READERS).connect_lazy_with(options.read_only(true));
    let db = Db::Sqlite { writer, readers };
    db.require_safe_library().await?;
    Ok(db)
}

async fn open_writer(pool: &SqlitePoolOptions, options: SqliteConnectOptions) -> Result<SqlitePool, Fault> {
    for _ in 1..OPENING_TRIES {
        match pool.clone().connect_with(options.clone()).await.map_err(|error| Fault::of(&error, "connection")) {
            Err(fault) if *fault.kind() == FaultKind::Busy => tokio::time::sleep(OPENING_PAUSE).await,
            opened => return opened,
        }
    }
    pool.clone().connect_with(options).await.map_err(|error| Fault::of(&error, "connection"))
}

impl Db {
    /// Before 3.51.3, SQLite could damage a database in write-ahead mode (<https://www.sqlite.org/wal.html#walresetbug>).
    async fn require_safe_library(&self) -> Result<(), Fault> {
        const VERSION: Sql = Sql::new("sqlite", "SELECT sqlite_version() AS version");
        const MODE: Sql = Sql::new("sqlite", "SELECT journal_mode FROM pragma_journal_mode");
        let version = self.fetch_optional(VERSION, []).await?.map(|row| row.text("version")).transpose()?;
        if version.as_deref().and_then(numbers).is_none_or(|version| version < [3, 51, 3]) {
            let why = "is older than 3.51.3, which can damage a database in write-ahead mode";
            return Err(Fault::new(FaultKind::Unreadable { column: "version", why }, "sqlite"));
        }
        let mode = self.fetch_optional(MODE, []).await?.map(|row| row.text("journal_mode")).transpose()?;
        if mode.as_deref() != Some("wal") {
            let why = "is not `wal`: the file system cannot share memory; put the database on a local disk";
            return Err(Fault::new(FaultKind::Unreadable { column: "journal_mode", why }, "sqlite"));
        }
        Ok(())
    }
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

pub(super) async fn fetch(
    connection: &mut SqliteConnection,
    sql: Sql,
    values: Vec<Value>,
    translate: Translate,
) -> Result<Vec<Row>, Fault> {
    let arguments = value::sqlite(values, sql.table)?;
    // All rows, always: a statement that is dropped after its first row may not have been committed yet.
    let rows = query_with(sql.text, arguments).fetch_all(connection).await.map_err(|error| translate(&error, sql.table))?;
    Ok(rows.into_iter().map(|row| Row::sqlite(sql.table, row)).collect())
}

/// Reads each row while the next ones are on their way.
pub(super) async fn fetch_each<T>(
    connection: &mut SqliteConnection,
    sql: Sql,
    read: fn(&Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut rows = query(sql.text).fetch(connection);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(|error| Fault::of(&error, sql.table))? {
        found.push(read(&Row::sqlite(sql.table, row))?);
    }
    Ok(found)
}

pub(super) async fn execute(connection: &mut SqliteConnection, sql: Sql, values: Vec<Value>) -> Result<u64, Fault> {
    let arguments = value::sqlite(values, sql.table)?;
    let done = query_with(sql.text, arguments).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| Fault::of(&error, sql.table))
}

pub(super) async fn migrate(connection: &mut SqliteConnection, statements: &'static str) -> Result<(), sqlx::Error> {
    let statements = statements
        .replace("{text}", "TEXT")
        .replace("{bytes}", "BLOB")
        .replace("{now}", "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)");
    raw_sql(AssertSqlSafe(statements)).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("3.9.10") < numbers("3.51.3"));
        assert_eq!(numbers("3.51"), None);
    }
}
