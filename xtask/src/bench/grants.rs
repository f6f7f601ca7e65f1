//! What a million logins cost that nobody uses: memory of a node, and the first callout of a user who is not in memory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::GrantsOptions;
use super::machine::{MEASURED_CORE, memory_kib};
use super::progress::Progress;
use super::server::Server;
use super::sortie::Sortie;
use crate::process::{Failure, cargo, during, output, root, run};

/// What the many are compared with.
const FEW: u32 = 1_000;

/// How many users call out.
const CALLERS: u32 = 1_000;

/// What one house costs.
struct Cost {
    grants: u32,
    /// Resident once it listens, in KiB.
    at_rest: u64,
    /// Resident after every caller has called out.
    after_callouts: u64,
    /// What each caller waited for the first answer, in microseconds, shortest first.
    first: Vec<u64>,
    /// And for the second.
    second: Vec<u64>,
}

/// Fills two houses, starts a node on each, and compares.
pub(super) fn run_with(options: &GrantsOptions) -> Result<(), Failure> {
    let sortie = Sortie::build(options.sortie.as_deref())?;
    let filler = filler(options.filler.as_deref())?;
    let upstream = upstream()?;
    let mut progress = Progress::new(4);
    let few = measure(&sortie, &filler, upstream, FEW, &mut progress)?;
    let many = measure(&sortie, &filler, upstream, options.grants, &mut progress)?;
    progress.end();
    for cost in [&few, &many] {
        println!("{}", line(cost));
    }
    if let Some(file) = &options.json {
        let figures = serde_json::json!([figures(&few), figures(&many)]);
        fs::write(file, format!("{figures:#}\n")).map_err(during("cannot write the figures"))?;
    }
    // A tenth for chance, and 4 MiB: SQLite's own cache of pages fills up where there is more to read.
    let allowed = few.at_rest.max(few.after_callouts) * 11 / 10 + 4 * 1024;
    if many.after_callouts > allowed {
        return Err(Failure::new(format!(
            "the memory of a node grows with its grants: {} KiB, {allowed} KiB would be in order",
            many.after_callouts
        )));
    }
    Ok(())
}

/// The program that fills a house, optimised: a million grants are sealed one by one.
fn filler(program: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(program) = program {
        return program.canonicalize().map_err(during("cannot find the program that fills"));
    }
    run(cargo().args(["build", "--release", "--quiet", "--package", "sortie-server", "--example", "fill_grants"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/examples/fill_grants"))
}

fn measure(sortie: &Sortie, filler: &Path, upstream: SocketAddr, grants: u32, progress: &mut Progress) -> Result<Cost, Failure> {
    let directory = tempfile::tempdir().map_err(during("cannot make a directory"))?;
    progress.step(&format!("storing {grants} logins"));
    fs::write(directory.path().join("sortie.toml"), CONFIGURATION).map_err(during("cannot write a file"))?;
    let mut fill = at_home(Command::new(filler), directory.path());
    let keys = output(fill.args(["data", &format!("http://{upstream}"), &grants.to_string(), &CALLERS.min(grants).to_string()]))?;
    let keys = String::from_utf8_lossy(&keys);
    progress.step(&format!("calling out beside {grants} logins"));
    let mut serve = at_home(Command::new(sortie.program()), directory.path());
    let serve =
        serve.args(["--data-dir", "data", "--config", "sortie.toml", "serve", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Server::start("Sortie", MEASURED_CORE, serve)?;
    let ready: serde_json::Value = serde_json::from_str(&server.first_line()?).map_err(during("`sortie serve` says no JSON"))?;
    let gateway = ready["gateway"].as_str().and_then(|gateway| gateway.strip_prefix("http://")?.parse().ok());
    let gateway: SocketAddr = gateway.ok_or_else(|| Failure::new("`sortie serve` does not say where it listens"))?;
    // What a node does by itself once it has begun.
    thread::sleep(Duration::from_secs(2));
    let at_rest = memory_kib(server.pid(), "VmRSS")?;
    let (first, second) = (calls(gateway, &keys)?, calls(gateway, &keys)?);
    let after_callouts = memory_kib(server.pid(), "VmRSS")?;
    server.stop()?;
    Ok(Cost { grants, at_rest, after_callouts, first, second })
}

const CONFIGURATION: &str =
    "[egress]\nallow = ['127.0.0.0/8']\n[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:0'\n";

/// On this directory and on no other, whatever the environment says.
fn at_home(mut command: Command, directory: &Path) -> Command {
    command.env_remove("SORTIE_DATABASE_URL").env_remove("SORTIE_DATABASE_URL_FILE").env_remove("SORTIE_CONFIG");
    command.current_dir(directory);
    command
}

/// One callout of each caller over one connection: what each took, in microseconds, shortest first.
fn calls(gateway: SocketAddr, keys: &str) -> Result<Vec<u64>, Failure> {
    let mut connection = TcpStream::connect(gateway).map_err(during("cannot reach the gateway"))?;
    connection.set_nodelay(true).map_err(during("cannot set up a connection"))?;
    let mut took = Vec::new();
    for key in keys.lines() {
        let request = format!("GET /callout/Cal/x HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {key}\r\n\r\n");
        let begun = Instant::now();
        connection.write_all(request.as_bytes()).map_err(during("cannot call out"))?;
        let answer = head(&mut connection)?;
        took.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(Failure::new(format!("a callout was not served: {answer}")));
        }
    }
    took.sort_unstable();
    Ok(took)
}

/// All up to the empty line; the upstream's answers have no body.
fn head(connection: &mut TcpStream) -> Result<String, Failure> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    while !read.ends_with(b"\r\n\r\n") {
        match connection.read(&mut piece).map_err(during("no answer"))? {
            0 => return Err(Failure::new("a connection ended without an answer")),
            length => read.extend_from_slice(&piece[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

/// The least that an upstream can be: it answers every request with nothing.
fn upstream() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(during("no free port on loopback"))?;
    let address = listener.local_addr().map_err(during("no free port on loopback"))?;
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = connection.set_nodelay(true);
                while head(&mut connection).is_ok() {
                    if connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

fn at(sorted: &[u64], percent: usize) -> u64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn line(cost: &Cost) -> String {
    let Cost { grants, at_rest, after_callouts, first, second } = cost;
    let mib = |kib: u64| format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024);
    format!(
        "{grants} logins: {} resident, {} after {} users have called out; the first callout of a user takes {} µs (p99 {}), the second {} µs (p99 {})",
        mib(*at_rest),
        mib(*after_callouts),
        first.len(),
        at(first, 50),
        at(first, 99),
        at(second, 50),
        at(second, 99)
    )
}

fn figures(cost: &Cost) -> serde_json::Value {
    let Cost { grants, at_rest, after_callouts, first, second } = cost;
    serde_json::json!({
        "grants": grants, "resident_kib": at_rest, "resident_after_callouts_kib": after_callouts,
        "first_callout_microseconds": { "p50": at(first, 50), "p99": at(first, 99) },
        "second_callout_microseconds": { "p50": at(second, 50), "p99": at(second, 99) },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_is_timed_and_a_refusal_is_no_answer() {
        let upstream = upstream().unwrap();
        assert_eq!(calls(upstream, "one\ntwo\nthree").unwrap().len(), 3);
        let sorted: Vec<u64> = (0..100).collect();
        assert_eq!((at(&sorted, 50), at(&sorted, 99), at(&[], 50)), (50, 99, 0));
    }
}
