//! A server that is measured or measured against: started on its core, gone when dropped.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::machine::spawn_on;
use crate::process::{Failure, during};

/// 120 s: under valgrind a start takes half a minute on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server.
pub(super) struct Server {
    child: Child,
    name: &'static str,
}

impl Server {
    pub(super) fn start(name: &'static str, core: usize, command: &mut Command) -> Result<Self, Failure> {
        Ok(Self { child: spawn_on(core, command)?, name })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server has written this file, as nginx does with its process id once its sockets are bound.
    pub(super) fn wait_for_file(&mut self, file: &Path) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        while !file.is_file() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::new(format!("{} did not start: {status}", self.name)));
            }
            if Instant::now() > end {
                return Err(Failure::new(format!("{} did not start within {} s", self.name, PATIENCE.as_secs())));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The first line of standard output, which the command must have piped. What follows is read and dropped, so that the server never
    /// waits for a reader.
    pub(super) fn first_line(&mut self) -> Result<String, Failure> {
        let output = self.child.stdout.take().ok_or_else(|| Failure::new("the output is not piped"))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).map_err(during("cannot read what a server says"))?;
        if line.is_empty() {
            return Err(Failure::new(format!("{} ended without a word on its standard output", self.name)));
        }
        thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(line)
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        interrupt(&self.child, Signal::TERM)?;
        let status = self.child.wait().map_err(during("cannot wait for a server's end"))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("{} did not end well: {status}", self.name))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a child that has not been waited for.
pub(super) fn interrupt(child: &Child, signal: Signal) -> Result<(), Failure> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Failure::new("a process has no id"))?;
    kill_process(pid, signal).map_err(during("cannot send a signal"))
}

/// A loopback address that was free a moment ago.
pub(super) fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).map_err(during("no free port on loopback"))
}
