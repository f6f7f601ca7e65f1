//! A PostgreSQL server for one run of the tests: its own data directory, loopback, a random port, no durability.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::peers::is_root;
use crate::process::{Failure, during};

/// How often the start is tried again when another process took the port between our look and the server's.
const ATTEMPTS: u32 = 3;

/// Runs the server until its standard input ends, which happens however we end: by a return, a panic, Ctrl-C or `kill -9`.
///
/// Arguments: the directory of the programs, the port.
const SCRIPT: &str = r#"
set -eu
cd /
directory=$(mktemp -d "${TMPDIR:-/tmp}/sortie-postgres.XXXXXX")
trap '"$1/pg_ctl" -D "$directory/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$directory"' EXIT
trap 'exit 1' HUP INT TERM
"$1/initdb" -D "$directory/data" -U sortie -A trust -N --no-locale -E UTF8 >"$directory/log" 2>&1 || { cat "$directory/log" >&2; exit 1; }
"$1/pg_ctl" -D "$directory/data" -l "$directory/log" -w -o "-k $directory -h 127.0.0.1 -p $2 -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB" start >/dev/null || { cat "$directory/log" >&2; exit 1; }
echo ready
cat >/dev/null
"#;

/// The running server. Dropping it stops it and removes its files.
pub(crate) struct Postgres {
    keeper: Child,
    port: u16,
}

impl Postgres {
    /// Makes a new database cluster and starts it.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs =
            programs().ok_or_else(|| Failure::new("PostgreSQL's `initdb` is nowhere: is the package `postgresql` installed?"))?;
        for _ in 0..ATTEMPTS {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|listener| listener.local_addr())
                .map_err(during("no free port on loopback"))?
                .port();
            let mut keeper = unprivileged()?
                .args(["sh", "-c", SCRIPT, "sh"])
                .arg(&programs)
                .arg(port.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // Ctrl-C is for us and the tests; the server goes after them, when its input ends.
                .process_group(0)
                .spawn()
                .map_err(during("cannot start PostgreSQL"))?;
            let mut line = String::new();
            if let Some(output) = keeper.stdout.take() {
                // An error here is the same as no line: the script has said why on standard error.
                let _ = BufReader::new(output).read_line(&mut line);
            }
            let server = Self { keeper, port };
            if line == "ready\n" {
                return Ok(server);
            }
        }
        Err(Failure::new("PostgreSQL did not start; its own words are above"))
    }

    /// Where it listens, as every PostgreSQL client understands it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://sortie@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Fails only if it has ended already.
        let _ = self.keeper.wait();
    }
}

/// PostgreSQL refuses to run as root: then it runs as the user that Debian's package made for it.
fn unprivileged() -> Result<Command, Failure> {
    if !is_root()? {
        return Ok(Command::new("env"));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--inh-caps=-all", "env", "-u", "TMPDIR"]);
    Ok(command)
}

/// The directory of the newest `initdb`: Debian keeps each version in a directory of its own, outside of `PATH`.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |name: &std::ffi::OsStr| name.to_str().and_then(|name| name.parse::<u32>().ok());
    let newest = versions.flatten().filter_map(|entry| version(&entry.file_name())).max()?;
    let programs = PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    programs.join("initdb").is_file().then_some(programs)
}
