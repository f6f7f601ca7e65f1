//! What can go wrong in a database, in words that never hold a value.
//!
//! The drivers' own errors do not leave this file: PostgreSQL quotes the offending value in its messages.

use std::io;

/// Why the database did not do what was asked. Safe to log and to show: it names tables, columns and codes, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (`{table}`{})", Code(.code.as_deref()))]
pub struct Fault {
    kind: FaultKind,
    table: &'static str,
    /// SQLSTATE of PostgreSQL or extended result code of SQLite.
    code: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FaultKind {
    #[error("another row has the same value in `{index}`")]
    Unique {
        /// Table and last column of the unique index, joined by an underscore: every unique index is named so.
        index: Box<str>,
    },
    #[error("a row that is referred to does not exist, or is still referred to")]
    ForeignKey,
    #[error("the row breaks a rule of its table")]
    Rule,
    #[error("text may not hold U+0000")]
    NulInText,
    #[error("the transaction got in the way of another one")]
    Serialization,
    #[error("the database is busy")]
    Busy,
    #[error("no connection to the database: {0}")]
    Connection(Box<str>),
    #[error("the database refused the user name or the password, or grants too little")]
    NotAllowed,
    #[error("the connection broke before the database said whether it stored the change")]
    OutcomeUnknown,
    #[error("the disk of the database is full")]
    DiskFull,
    #[error("the database takes no changes: it is read-only or a standby")]
    ReadOnly,
    #[error("the database file is damaged, is no SQLite database, or cannot be read or written")]
    Damaged,
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    #[error("column `{column}` {why}")]
    Unreadable { column: &'static str, why: &'static str },
    #[error("the database refused a statement")]
    Other,
}

struct Code<'a>(Option<&'a str>);

impl std::fmt::Display for Code<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |code| write!(formatter, ", code {code}"))
    }
}

impl Fault {
    pub(crate) const fn new(kind: FaultKind, table: &'static str) -> Self {
        Self { kind, table, code: None }
    }

    pub(crate) const fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// Rolled back by the database for no reason of its own: the same transaction may well pass when tried again.
    pub(crate) const fn may_pass_when_repeated(&self) -> bool {
        matches!(self.kind, FaultKind::Serialization)
    }

    /// The fault of what makes a change durable: a connection that broke after it was sent leaves open whether it was done.
    pub(crate) fn of_commit(error: &sqlx::Error, table: &'static str) -> Self {
        let fault = Self::of(error, table);
        if matches!(fault.kind, FaultKind::Connection(_)) { Self { kind: FaultKind::OutcomeUnknown, ..fault } } else { fault }
    }

    pub(crate) fn of(error: &sqlx::Error, table: &'static str) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned().into_boxed_str());
        let kind = match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
                Some(_) => sqlite_kind(code.as_deref().unwrap_or_default(), error.message()),
                None => postgres_kind(code.as_deref().unwrap_or_default(), error.constraint()),
            },
            sqlx::Error::Io(error) => FaultKind::Connection(io_words(error).into()),
            // A certificate's fault: names no stored value, and the reader needs it to find the wrong certificate.
            sqlx::Error::Tls(error) => FaultKind::Connection(format!("TLS failed: {error}").into()),
            sqlx::Error::PoolTimedOut => FaultKind::Busy,
            sqlx::Error::PoolClosed => FaultKind::Connection("the store is closed".into()),
            sqlx::Error::WorkerCrashed => FaultKind::Connection("the database thread ended".into()),
            sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => FaultKind::Connection("the conversation got out of step".into()),
            _ => FaultKind::Other,
        };
        Self { kind, table, code }
    }
}

fn io_words(error: &io::Error) -> String {
    // The kind, not the text: drivers put whole messages of the server into the text.
    error.kind().to_string()
}

/// Result codes: <https://www.sqlite.org/rescode.html>.
fn sqlite_kind(code: &str, message: &str) -> FaultKind {
    let extended: i32 = code.parse().unwrap_or_default();
    match (extended & 0xFF, extended) {
        // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE: "UNIQUE constraint failed: users.folded, …".
        (19, 1555 | 2067) => {
            let last = message.rsplit([' ', ',']).next().unwrap_or_default();
            FaultKind::Unique { index: last.replace('.', "_").into() }
        }
        // SQLITE_CONSTRAINT_FOREIGNKEY, and _TRIGGER for RESTRICT.
        (19, 787 | 1811) => FaultKind::ForeignKey,
        (19, _) => FaultKind::Rule,
        // SQLITE_BUSY, SQLITE_LOCKED.
        (5 | 6, _) => FaultKind::Busy,
        // SQLITE_READONLY.
        (8, _) => FaultKind::ReadOnly,
        // SQLITE_FULL.
        (13, _) => FaultKind::DiskFull,
        // SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_CANTOPEN, SQLITE_NOTADB.
        (10 | 11 | 14 | 26, _) => FaultKind::Damaged,
        _ => FaultKind::Other,
    }
}

/// SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_kind(code: &str, constraint: Option<&str>) -> FaultKind {
    match code {
        "23505" => FaultKind::Unique { index: constraint.unwrap_or_default().into() },
        "23503" => FaultKind::ForeignKey,
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => FaultKind::Serialization,
        // lock_not_available, object_in_use, query_canceled by a time-out, too_many_connections.
        "55P03" | "55006" | "57014" | "53300" => FaultKind::Busy,
        "53100" => FaultKind::DiskFull,
        // read_only_sql_transaction.
        "25006" => FaultKind::ReadOnly,
        // in_failed_sql_transaction.
        "25P02" => FaultKind::Aborted,
        // insufficient_privilege.
        "42501" => FaultKind::NotAllowed,
        // data_corrupted, index_corrupted.
        "XX001" | "XX002" => FaultKind::Damaged,
        // invalid_catalog_name.
        "3D000" => FaultKind::Connection("there is no database of that name".into()),
        _ if code.starts_with("23") => FaultKind::Rule,
        _ if code.starts_with("28") => FaultKind::NotAllowed,
        // Connection exceptions; admin_shutdown, crash_shutdown, cannot_connect_now; idle-in-transaction time-out.
        _ if code.starts_with("08") || code.starts_with("57P") || code == "25P03" => {
            FaultKind::Connection("the database server ended it or takes none yet".into())
        }
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_name_a_broken_unique_index_alike() {
        let expected = FaultKind::Unique { index: "principals_sequence_number".into() };
        let message = "UNIQUE constraint failed: principals.external_credential_id, principals.sequence_number";
        assert_eq!(sqlite_kind("2067", message), expected);
        assert_eq!(postgres_kind("23505", Some("principals_sequence_number")), expected);
    }

    #[test]
    fn a_fault_says_table_column_and_code() {
        let fault = Fault::new(FaultKind::Unreadable { column: "settings", why: "is not the JSON of its type" }, "external_credentials");
        assert_eq!(fault.to_string(), "column `settings` is not the JSON of its type (`external_credentials`)");
        let fault = Fault { kind: FaultKind::Busy, table: "grants", code: Some("5".into()) };
        assert_eq!(fault.to_string(), "the database is busy (`grants`, code 5)");
    }
}
