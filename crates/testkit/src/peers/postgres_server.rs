//! A PostgreSQL server of its own for one test, that the test can stop and start again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{fail, free_address};

/// A server on loopback with durable commits, in a directory of its own; stopped and removed when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    is_root: bool,
}

impl PostgresServer {
    /// Makes a database cluster and starts it.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn start() -> Self {
        let programs = programs().unwrap_or_else(|| fail("this test needs PostgreSQL", &"there is no `initdb` in /usr/lib/postgresql"));
        let directory = tempfile::Builder::new().prefix("sortie-postgres-").tempdir();
        let directory = directory.unwrap_or_else(|error| fail("cannot make a directory", &error));
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let server = Self { programs, directory, port: free_address().port(), is_root };
        if is_root {
            // PostgreSQL refuses to run as root: its files belong to the user that Debian's package made for it.
            server.run(Command::new("chown").arg("postgres:postgres").arg(server.directory.path()));
        }
        server.run(server.program("initdb").args(["-D", &server.data(), "-U", "sortie", "-A", "trust", "--no-locale", "-E", "UTF8"]));
        server.go_on();
        server
    }

    /// `postgres://…`.
    pub fn url(&self) -> String {
        format!("postgres://sortie@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops at once: connections are cut, nobody is waited for.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&self) {
        self.run(self.program("pg_ctl").args(["-D", &self.data(), "-w", "-m", "immediate", "stop"]));
    }

    /// Starts again, on the same port.
    ///
    /// # Panics
    /// If it does not.
    pub fn go_on(&self) {
        let options = format!("-k {} -h 127.0.0.1 -p {} -c shared_buffers=32MB", self.directory.path().display(), self.port);
        let log = format!("{}/log", self.directory.path().display());
        self.run(self.program("pg_ctl").args(["-D", &self.data(), "-l", &log, "-w", "-o", &options, "start"]));
    }

    fn data(&self) -> String {
        format!("{}/data", self.directory.path().display())
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if self.is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--inh-caps=-all"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/");
        command
    }

    fn run(&self, command: &mut Command) {
        // Into a file, not a pipe: the server that `pg_ctl` starts keeps its standard output, and a pipe would never end.
        let said = self.directory.path().with_added_extension("said");
        let file = fs::File::create(&said).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = file.unwrap_or_else(|error| fail("cannot make a file", &error));
        let done = command.stdin(std::process::Stdio::null()).stdout(out).stderr(err).status();
        let text = fs::read_to_string(&said).unwrap_or_default();
        let _ = fs::remove_file(&said);
        match done {
            Ok(status) if status.success() => {}
            other => fail(&format!("{command:?} failed ({other:?})"), &text),
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Fails only if the test has stopped it.
        let _ = self.program("pg_ctl").args(["-D", &self.data(), "-w", "-m", "immediate", "stop"]).output();
    }
}

/// The directory of the newest `initdb`: Debian keeps each version in a directory of its own, outside of `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |name: &std::ffi::OsStr| name.to_str().and_then(|name| name.parse::<u32>().ok());
    let newest = versions.flatten().filter_map(|entry| version(&entry.file_name())).max()?;
    let programs = PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    programs.join("initdb").is_file().then_some(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_server_comes_back_with_what_it_had() {
        let server = PostgresServer::start();
        let query =
            |sql: &str| Command::new("psql").args(["-XqtAc", sql, &server.url()]).output().ok().filter(|said| said.status.success());
        assert!(query("CREATE TABLE t (a int)").is_some());
        server.stop();
        assert!(query("SELECT 1").is_none());
        server.go_on();
        assert!(query("SELECT a FROM t").is_some());
    }
}
