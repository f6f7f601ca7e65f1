//! User instructions per callout, counted by valgrind: a repeatable substitute where the processor's counters are out of reach. The kernel's share is
//! not in them.
//!
//! Each server runs under callgrind from its start; callgrind is told to write down and forget its counts before and after so many callouts, so that
//! start-up and warm-up are not in them.
//!
//! Valgrind's processor has no instructions for SHA-256, with which real ones hash in a tenth of the instructions. What hashing took is told apart, so
//! that it can be left out.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use super::load::{Pace, Request};
use super::measure::Candidate;
use crate::process::{Failure, during, output};

/// Enough that a token's renewal or a tick of a timer does not show.
const CALLOUTS: u64 = 3_000;

/// Tables grow, caches fill and buffers find their size in these.
const WARM_UP: u64 = 1_500;

/// Part of the names of the functions that SHA-256 is done by.
const SHA256: &str = "sha256_block";

/// Whether SHA-256 can be told apart in a program's profile: valgrind reads the names of functions from the program, if they were left in it.
pub(super) fn can_tell_sha256_apart(program: &Path) -> Result<bool, Failure> {
    let text = fs::read(program).map_err(during(&format!("cannot read {}", program.display())))?;
    Ok(text.windows(SHA256.len()).any(|window| window == SHA256.as_bytes()))
}

/// User instructions for each callout.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct UserInstructions {
    pub(super) per_callout: f64,
    /// The part of them that SHA-256 took, in software.
    pub(super) sha256_per_callout: f64,
}

impl UserInstructions {
    pub(super) fn without_sha256(self) -> f64 {
        self.per_callout - self.sha256_per_callout
    }
}

/// Where callgrind writes, and how it is started.
pub(super) struct Callgrind {
    directory: PathBuf,
}

impl Callgrind {
    pub(super) fn new(directory: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(directory).map_err(during("cannot make a directory"))?;
        let directory = directory.canonicalize().map_err(during("cannot make a directory"))?;
        Ok(Self { directory })
    }

    /// The command that runs `program` under callgrind; its arguments are still to be added.
    pub(super) fn command(&self, program: &Path, name: &str) -> Command {
        let mut command = Command::new("valgrind");
        // The threads of one core's server would starve each other under valgrind's default lock.
        command.args(["--tool=callgrind", "--fair-sched=yes", "--log-file=/dev/null"]);
        command.arg(format!("--callgrind-out-file={}", self.counts(name).display())).arg(program);
        command
    }

    /// Counts a candidate that runs under callgrind with this name.
    pub(super) fn count(&self, name: &str, case: &str, candidate: &mut Candidate, request: &Request) -> Result<UserInstructions, Failure> {
        candidate.send(request, Pace::Count(WARM_UP))?;
        fs::remove_file(self.dump(name, candidate.pid)?).map_err(during("cannot remove what is not needed"))?;
        candidate.send(request, Pace::Count(CALLOUTS))?;
        let counts = self.directory.join(format!("callgrind.{case}.{name}"));
        fs::rename(self.dump(name, candidate.pid)?, &counts).map_err(during("cannot name callgrind's counts"))?;
        let text = fs::read_to_string(&counts).map_err(during("cannot read callgrind's counts"))?;
        let all = total(&text).ok_or_else(|| Failure::new(format!("callgrind's counts in {} have no total", counts.display())))?;
        let each = |instructions: u64| instructions as f64 / CALLOUTS as f64;
        Ok(UserInstructions { per_callout: each(all), sha256_per_callout: each(inside(&text, SHA256)) })
    }

    /// Lets callgrind write its counts down and forget them; says where they are.
    fn dump(&self, name: &str, pid: u32) -> Result<PathBuf, Failure> {
        let before = self.dumps(name)?;
        output(Command::new("vgdb").arg(format!("--pid={pid}")).args(["dump", "bench"]))?;
        let mut after = self.dumps(name)?.into_iter();
        after.find(|file| !before.contains(file)).ok_or_else(|| Failure::new("callgrind wrote no counts"))
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

/// What functions with this in their names took themselves. A function is named at its first mention, `fn=(3) name`, and after that by its number;
/// the line after `calls=` says what the callee took.
fn inside(text: &str, part: &str) -> u64 {
    let (mut meant, mut is_inside, mut is_callee, mut sum) = (HashSet::new(), false, false, 0);
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if name.contains(part) {
                meant.insert(number);
            }
            if line.starts_with("fn=") {
                is_inside = meant.contains(number);
            }
        } else if line.starts_with("calls=") {
            is_callee = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let took = line.split(' ').nth(1).and_then(|took| took.parse::<u64>().ok()).unwrap_or(0);
            sum += if is_inside && !is_callee { took } else { 0 };
            is_callee = false;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("# callgrind format\nevents: Ir\n\nfn=(1) main\n1 5\n\ntotals: 34567\n"), Some(34_567));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn what_some_functions_took_themselves_is_added_up() {
        let text = "events: Ir\n\nfn=(1) main\n1 5\ncfn=(2) x_sha256_block_hw\ncalls=1 7\n+3 100\n\nfn=(2)\n7 60\n+1 40\ncfn=(1)\ncalls=1 1\n* 9\n* 3\nfn=(1)\n2 8\n";
        assert_eq!((inside(text, "sha256_block"), inside(text, "main"), inside(text, "absent")), (103, 13, 0));
    }
}
