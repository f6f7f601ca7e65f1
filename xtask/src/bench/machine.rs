//! Who runs on which core, and what a process has used.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::process::{Failure, during};

/// What is measured runs here, alone.
pub(super) const MEASURED_CORE: usize = 0;
/// The load and the upstream share this one.
pub(super) const LOAD_CORE: usize = 1;

/// Lets this thread, and the threads and processes that it starts from now on, run on one core only.
pub(super) fn stay_on(core: usize) -> Result<(), Failure> {
    pin(core).map_err(during("this machine has too few cores: the measured proxy and its load need one each"))
}

fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// Starts a command that stays on one core. A child inherits the core of the thread that starts it.
pub(super) fn spawn_on(core: usize, command: &mut Command) -> Result<Child, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let spawned = thread::scope(|scope| scope.spawn(|| pin(core).and_then(|()| command.spawn())).join());
    spawned.map_err(|_| Failure::new("a thread ended early"))?.map_err(during(&format!("cannot start `{program}`")))
}

/// What each thread of a process has run so far, in nanoseconds, user and kernel together.
#[derive(Clone, Debug)]
pub(super) struct CpuTimes(HashMap<String, u64>);

impl CpuTimes {
    /// Reads the scheduler's own count, which is exact once the process has nothing to do: `/proc/<pid>/stat` counts in steps of 10 ms.
    pub(super) fn of(pid: u32) -> Result<Self, Failure> {
        let failed = || during("cannot read what a process has used");
        let mut times = HashMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(failed())? {
            let task = task.map_err(failed())?;
            // A thread may end between the two looks; it had nothing to do then.
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let ran = text.split(' ').next().and_then(|number| number.parse().ok());
            let ran = ran.ok_or_else(|| Failure::new(format!("this kernel counts no CPU time of threads: `{text}`")))?;
            times.insert(task.file_name().to_string_lossy().into_owned(), ran);
        }
        Ok(Self(times))
    }

    /// What was used since an earlier look. A thread that ended meanwhile is left out: pools end only threads that were idle for seconds.
    pub(super) fn since(&self, earlier: &Self) -> Duration {
        let used = self.0.iter().map(|(thread, ran)| ran.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0)));
        Duration::from_nanos(used.sum())
    }
}

/// Resident memory of a process in KiB: `VmRSS` now, or `VmHWM`, the most it ever was.
pub(super) fn memory_kib(pid: u32, field: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(during("cannot read a process's memory"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.ok_or_else(|| Failure::new(format!("the kernel does not say {field} of a process")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_uses_is_counted() {
        let pid = std::process::id();
        let before = CpuTimes::of(pid).unwrap();
        // Another thread, since a running one is counted only up to its last tick.
        let work = || (0_u64..30_000_000).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        let (ended, is_ended) = std::sync::mpsc::channel::<()>();
        let worker = thread::spawn(move || {
            std::hint::black_box(work());
            // Stays, so that it can be counted.
            let _ = is_ended.recv();
        });
        while CpuTimes::of(pid).unwrap().since(&before) < Duration::from_millis(1) {
            thread::yield_now();
        }
        drop(ended);
        worker.join().unwrap();
        assert!(memory_kib(pid, "VmRSS").unwrap() > 100);
        assert!(memory_kib(pid, "VmHWM").unwrap() >= memory_kib(pid, "VmRSS").unwrap());
        assert!(memory_kib(pid, "VmNothing").is_err());
    }
}
