//! User instructions per callout, counted by valgrind: a repeatable substitute where the processor's counters are out of reach. The kernel's share is
//! not in them.
//!
//! Each server runs under callgrind from its start; callgrind is told to write down and forget its counts before and after so many callouts, so that
//! start-up and warm-up are not in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::load::{Pace, Request};
use super::measure::Candidate;
use crate::process::{Failure, during, output};

/// Enough that a token's renewal or a tick of a timer does not show.
const CALLOUTS: u64 = 3_000;

/// Tables grow, caches fill and buffers find their size in these.
const WARM_UP: u64 = 1_500;

/// Where callgrind writes, and how it is started.
pub(super) struct Callgrind {
    directory: PathBuf,
}

impl Callgrind {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The command that runs `program` under callgrind; its arguments are still to be added.
    pub(super) fn command(&self, program: &Path, name: &str) -> Command {
        let mut command = Command::new("valgrind");
        // The threads of one core's server would starve each other under valgrind's default lock.
        command.args(["--tool=callgrind", "--fair-sched=yes", "--log-file=/dev/null"]);
        command.arg(format!("--callgrind-out-file={}", self.counts(name).display())).arg(program);
        command
    }

    /// User instructions of a candidate that runs under callgrind with this name, for each callout.
    pub(super) fn per_callout(&self, name: &str, candidate: &mut Candidate, request: &Request) -> Result<f64, Failure> {
        candidate.send(request, Pace::Count(WARM_UP))?;
        self.dump(name, candidate.pid)?;
        candidate.send(request, Pace::Count(CALLOUTS))?;
        let counted = self.dump(name, candidate.pid)?;
        Ok(counted as f64 / CALLOUTS as f64)
    }

    /// Lets callgrind write its counts down and forget them; says how many instructions they were.
    fn dump(&self, name: &str, pid: u32) -> Result<u64, Failure> {
        let before = self.dumps(name)?;
        output(Command::new("vgdb").arg(format!("--pid={pid}")).args(["dump", "bench"]))?;
        let after = self.dumps(name)?;
        let new = after.iter().find(|file| !before.contains(file)).ok_or_else(|| Failure::new("callgrind wrote no counts"))?;
        let text = fs::read_to_string(new).map_err(during("cannot read callgrind's counts"))?;
        total(&text).ok_or_else(|| Failure::new(format!("callgrind's counts in {} have no total", new.display())))
    }

    /// `counts.<name>.1`, `counts.<name>.2`, …
    fn dumps(&self, name: &str) -> Result<Vec<PathBuf>, Failure> {
        let prefix = format!("counts.{name}.");
        let files = fs::read_dir(&self.directory).map_err(during("cannot list callgrind's files"))?.flatten();
        Ok(files.filter(|file| file.file_name().to_string_lossy().starts_with(&prefix)).map(|file| file.path()).collect())
    }

    fn counts(&self, name: &str) -> PathBuf {
        self.directory.join(format!("counts.{name}"))
    }
}

fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("# callgrind format\nevents: Ir\n\nfn=(1) main\n1 5\n\ntotals: 34567\n"), Some(34_567));
        assert_eq!(total("events: Ir\n"), None);
    }
}
