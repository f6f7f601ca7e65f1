//! A database of its own for each test, on either backend.

use sortie_model::Secret;
use sortie_store::{Location, Store};
use sortie_testkit::peers::TestDatabase;
use tempfile::TempDir;
use uuid::Uuid;

/// A database that is gone when the value is.
pub(crate) enum Backend {
    Sqlite(TempDir),
    Postgres(TestDatabase),
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(TestDatabase::create())
    }

    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Sqlite(directory) => Location::Sqlite { path: directory.path().join("sortie.db") },
            Self::Postgres(database) => Location::Postgres { url: Secret::new(database.url()) },
        }
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.location(), Uuid::new_v4()).await.unwrap()
    }

    /// Looks or writes past the store: every column of the answer as text, columns joined by `|`.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Postgres(database) => database.query(sql).lines().map(str::to_owned).collect(),
            Self::Sqlite(directory) => sqlite(&directory.path().join("sortie.db"), sql).await,
        }
    }
}

async fn sqlite(path: &std::path::Path, sql: &str) -> Vec<String> {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection, Row};

    let mut connection = SqliteConnectOptions::new().filename(path).foreign_keys(false).connect().await.unwrap();
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
    let cell = |row: &sqlx::sqlite::SqliteRow, index| match row.try_get::<Option<i64>, _>(index) {
        Ok(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        Err(_) => row.get::<String, _>(index),
    };
    let lines = rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect::<Vec<_>>().join("|")).collect();
    connection.close().await.unwrap();
    lines
}

/// Makes two tests of every function: one on SQLite, one on PostgreSQL.
macro_rules! both_backends {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::backend::Backend::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::backend::Backend::postgres()).await;
            })+
        }
    };
}
pub(crate) use both_backends;
