//! Instructions per callout, user and kernel, counted by the processor: the figure that hardly moves with the noise of a machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::load::{Pace, Request};
use super::measure::Candidate;
use super::server::interrupt;
use crate::process::{Failure, during, is_installed};

const EVENTS: &str = "instructions:u,instructions:k";

/// How many callouts are counted at once: the 100 or so thousand instructions of an idle moment do not show among them.
const CALLOUTS: u64 = 10_000;

/// 300 ms until `perf` has surely attached itself.
const ATTACHING: Duration = Duration::from_millis(300);

/// Counts instructions, or knows why this machine cannot.
pub(super) enum Counter {
    Available { file: PathBuf },
    Unavailable { reason: String },
}

impl Counter {
    /// Finds out by counting a program that does nothing.
    pub(super) fn look(directory: &Path) -> Self {
        if !is_installed("perf") {
            return Self::Unavailable { reason: "`perf` is not installed (Debian: linux-perf)".to_owned() };
        }
        let file = directory.join("perf");
        let tried = Command::new("perf").args(["stat", "-x,", "-e", EVENTS, "-o"]).arg(&file).arg("true").output();
        let counted = match tried {
            Ok(output) if output.status.success() => fs::read_to_string(&file).unwrap_or_default(),
            Ok(output) => return Self::Unavailable { reason: String::from_utf8_lossy(&output.stderr).trim().to_owned() },
            Err(error) => return Self::Unavailable { reason: error.to_string() },
        };
        match sum(&counted) {
            Ok(_) => Self::Available { file },
            Err(reason) => Self::Unavailable { reason },
        }
    }

    /// Instructions of the candidate's process for each callout; `None` where they cannot be counted.
    pub(super) fn per_callout(&self, candidate: &mut Candidate, request: &Request) -> Result<Option<f64>, Failure> {
        let Self::Available { file } = self else { return Ok(None) };
        let pid = candidate.pid.to_string();
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x,", "-e", EVENTS, "-p", &pid, "-o"]).arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let mut perf = perf.spawn().map_err(during("cannot start `perf`"))?;
        thread::sleep(ATTACHING);
        let sent = candidate.send(request, Pace::Count(CALLOUTS));
        let stopped = interrupt(&perf, Signal::INT);
        let _ = perf.wait();
        sent.and(stopped)?;
        let counted = fs::read_to_string(file).map_err(during("cannot read what `perf` counted"))?;
        let cannot = |reason: String| {
            Failure::new(format!("{reason}: Sortie keeps its memory from other processes of its user, so `perf` must run as root"))
        };
        let instructions = sum(&counted).map_err(cannot)?;
        Ok(Some(instructions as f64 / CALLOUTS as f64))
    }
}

/// Adds up what `perf stat -x,` wrote: `123,,instructions:u,…`, or `<not supported>` instead of the number.
fn sum(counted: &str) -> Result<u64, String> {
    let lines: Vec<(&str, &str)> =
        counted.lines().filter(|line| line.contains("instructions:")).filter_map(|line| line.split_once(',')).collect();
    if lines.len() != EVENTS.split(',').count() {
        return Err(format!("`perf stat -e {EVENTS}` counts nothing here"));
    }
    lines.iter().map(|(count, _)| count.parse::<u64>().map_err(|_| format!("`perf stat -e {EVENTS}` says {count}"))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up() {
        let counted = "# started on Sun Nov 22 07:21:00 2026\n\n1200,,instructions:u,1000,100.00,,\n34,,instructions:k,1000,100.00,,\n";
        assert_eq!(sum(counted), Ok(1234));
    }

    #[test]
    fn a_machine_without_counters_says_so() {
        let counted = "<not supported>,,instructions:u,0,100.00,,\n<not supported>,,instructions:k,0,100.00,,\n";
        assert_eq!(sum(counted), Err("`perf stat -e instructions:u,instructions:k` says <not supported>".to_owned()));
        assert!(sum("").is_err());
    }
}
