//! A server in a process of its own, for tests that kill it or measure its memory: the test's own binary, started again for the same test, which then serves
//! instead of testing.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use sortie_server::Server;

use super::TestServer;

/// In the environment of a child: its data directory.
const VARIABLE: &str = "SORTIE_TEST_CHILD";

/// Between the two addresses in the line that a child says when it listens.
const LISTENS: &str = "listens at ";

/// A running child. Dropping it kills it.
pub(crate) struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
    /// Kept open: a child that cannot say how its test went has failed.
    _output: Lines<BufReader<ChildStdout>>,
    pub(crate) gateway: SocketAddr,
}

/// In a child: serves until its input ends or it is killed, and says `true`. In the test itself: `false`. First thing in each test that has children.
pub(crate) fn served_as_child(adjust: impl FnOnce(&mut sortie_server::Config)) -> bool {
    let Some(directory) = std::env::var_os(VARIABLE) else { return false };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let setup = TestServer::setup(PathBuf::from(directory), None, adjust);
    let server = runtime.block_on(Server::start(&setup)).unwrap();
    // Past the test harness, which would keep it until the test's end.
    std::io::stdout().write_all(format!("\n{LISTENS}{}\n", server.gateway()).as_bytes()).unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
    runtime.block_on(server.stop());
    true
}

impl Child {
    /// Starts a child for `test`, the full name of the test that calls this, on the house of `server`, which must not listen itself.
    pub(crate) fn start(test: &str, server: &TestServer) -> Self {
        Self::start_limited(test, server, None)
    }

    /// The same with a limit on the size of the files that it may write.
    pub(crate) fn start_limited(test: &str, server: &TestServer, file_bytes: Option<u64>) -> Self {
        // The shell counts in blocks of 512 bytes, and only the soft limit can be lifted again. Without the trap the kernel ends who goes beyond it.
        let blocks = file_bytes.map_or("unlimited".to_owned(), |bytes| (bytes / 512).to_string());
        let mut process = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -S -f \"$1\"; shift; exec \"$@\"", "sh", &blocks])
            .arg(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, &server.setup.data_directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let gateway = output.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix(LISTENS)?.parse().ok());
        let input = process.stdin.take();
        Self { process, input, _output: output, gateway: gateway.expect("the child says where it listens") }
    }

    /// SIGKILL: no destructor, no flush.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops in order.
    pub(crate) fn stop(mut self) {
        drop(self.input.take());
        assert!(self.process.wait().unwrap().success());
    }

    /// Takes away the limit of [`Child::start_limited`].
    pub(crate) fn lift_limit(&self) {
        let pid = self.process.id().to_string();
        let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status().expect("util-linux has prlimit");
        assert!(lifted.success());
    }

    /// The most memory that it has ever had resident, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
