//! A database of its own for one test, in the PostgreSQL server that `cargo xtask test` started.

use std::env;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use super::fail;

/// Names the server, as `postgres://user@host:port/database`; `cargo xtask test` sets it.
const VARIABLE: &str = "SORTIE_TEST_POSTGRES";

/// An empty database; dropped with everything in it, and with everybody who is still connected to it, when the value is.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Creates the database.
    ///
    /// # Panics
    /// If there is no server; the message says how to get one.
    pub fn create() -> Self {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let server = env::var(VARIABLE).unwrap_or_else(|_| fail("this test needs PostgreSQL", &format!("{VARIABLE} is not set")));
        let name = format!("sortie_{}_{}", process::id(), CREATED.fetch_add(1, Ordering::Relaxed));
        let database = Self { server, name };
        // A process id comes round again; what a killed process left under this name is nobody's any more.
        database.administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name));
        database.administer(&format!("CREATE DATABASE {}", database.name));
        database
    }

    /// `postgres://…/<this database>`.
    pub fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{base}/{}", self.name)
    }

    /// Runs SQL in this database and gives back its rows, columns joined by `|`: for a test that looks past the store.
    ///
    /// # Panics
    /// If the statement fails.
    pub fn query(&self, sql: &str) -> String {
        run(&self.url(), sql).unwrap_or_else(|error| fail("a statement failed", &error))
    }

    fn administer(&self, sql: &str) {
        if let Err(error) = run(&self.server, sql) {
            fail(&format!("PostgreSQL at {} refused `{sql}`", self.server), &error);
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Not worth a failed test: the whole server is thrown away after the run.
        let _ = run(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// PostgreSQL's own client, so that the testkit needs no database library beside the store's.
fn run(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", sql, url])
        .output()
        .map_err(|error| format!("cannot start `psql`: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_databases_do_not_see_each_other() {
        let (one, other) = (TestDatabase::create(), TestDatabase::create());
        one.query("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)");
        assert_eq!(one.query("SELECT a, a + 1 FROM t ORDER BY a"), "1|2\n2|3");
        assert_eq!(other.query("SELECT to_regclass('t') IS NULL"), "t");
    }

    #[test]
    fn a_dropped_database_is_gone() {
        let (kept, dropped) = (TestDatabase::create(), TestDatabase::create());
        let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", dropped.name);
        assert_eq!(kept.query(&exists), "1");
        drop(dropped);
        assert_eq!(kept.query(&exists), "0");
    }
}
