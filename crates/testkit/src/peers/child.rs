//! A child process that does not outlive the value that owns it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::fail;
use crate::port::free_port;

/// 30 s at most until a server that starts on a busy machine is there: 1,500 looks, 20 ms apart.
const LOOKS: u32 = 1_500;
const PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub(crate) struct Child(std::process::Child);

impl Child {
    /// Starts the command. Its standard input stays open for as long as the value lives: a server that ends with its
    /// input ends even when the test is killed.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        match command.stdin(Stdio::piped()).spawn() {
            Ok(child) => Self(child),
            Err(error) => fail(&format!("cannot start `{program}`"), &error),
        }
    }

    /// The first line of standard output, which the command must have piped.
    pub(crate) fn first_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let output = self.0.stdout.take()?;
        BufReader::new(output).read_line(&mut line).ok()?;
        (!line.trim().is_empty()).then_some(line)
    }

    /// Whether the server became ready before it ended or the patience did.
    pub(crate) fn becomes_ready(&mut self, is_ready: impl Fn() -> bool) -> bool {
        for _ in 0..LOOKS {
            if self.0.try_wait().is_ok_and(|status| status.is_some()) {
                return false;
            }
            if is_ready() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback address for a server that has to be told one.
pub(crate) fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}
