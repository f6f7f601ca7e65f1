//! Windows and rounds: how two servers are compared on a machine that is never quiet.
//!
//! Each round gives every contestant one short window, one right after the other, in turn first and last; a ratio is taken inside a
//! round, where both had the same machine, and the median over all rounds is quoted.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::case::Case;
use super::load::{Crowd, Pace, Request, Tally};
use super::machine::CpuTimes;
use super::progress::Progress;
use crate::process::Failure;

/// As many connections as the founding measurements had: enough to keep one core busy, not so many that they queue for long.
pub(super) const CONNECTIONS: usize = 32;

/// 5 ms: what a server still does after its last answer is counted too.
const SETTLING: Duration = Duration::from_millis(5);

/// One server with its open connections.
pub(super) struct Candidate {
    pub(super) title: &'static str,
    pub(super) pid: u32,
    address: SocketAddr,
    crowd: Crowd,
    /// A header line that every request needs, or nothing.
    authorization: String,
}

/// What one candidate is asked in one series.
pub(super) struct Contestant {
    /// Index among the candidates.
    pub(super) candidate: usize,
    pub(super) request: Request,
}

/// One candidate's turn.
#[derive(Clone, Debug)]
pub(super) struct Window {
    tally: Tally,
    cpu: Duration,
}

/// All turns of all contestants: `windows[round][contestant]`.
pub(super) struct Series {
    windows: Vec<Vec<Window>>,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) window: Duration,
    /// For latency at a fixed rate.
    pub(super) rated_rounds: usize,
    pub(super) rated_window: Duration,
}

impl Plan {
    pub(super) const FULL: Self =
        Self { rounds: 20, window: Duration::from_millis(400), rated_rounds: 6, rated_window: Duration::from_secs(2) };
    pub(super) const QUICK: Self =
        Self { rounds: 8, window: Duration::from_millis(200), rated_rounds: 2, rated_window: Duration::from_secs(1) };
}

/// The median of some rounds, and how far they lay apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// What one contestant did, as medians over its windows.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) requests_per_second: f64,
    pub(super) cpu_us_per_callout: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

impl Candidate {
    pub(super) fn open(title: &'static str, pid: u32, address: SocketAddr, authorization: String) -> Result<Self, Failure> {
        Ok(Self { title, pid, address, crowd: Crowd::open(address, CONNECTIONS)?, authorization })
    }

    /// The request for a path of this candidate, in the shape of a case.
    pub(super) fn request(&self, path: &str, case: &Case) -> Request {
        let method = if case.sent_bytes == 0 { "GET" } else { "POST" };
        let length = if case.sent_bytes == 0 {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", case.sent_bytes)
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sortie-bench\r\nAccept: */*\r\n{}{length}\r\n",
            self.address, self.authorization
        );
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + case.sent_bytes, b'x');
        Request { bytes, answer_bytes: case.answer_bytes }
    }

    pub(super) fn send(&mut self, request: &Request, pace: Pace) -> Result<Tally, Failure> {
        self.crowd.send(request, pace).map_err(|failure| Failure { message: format!("{}: {}", self.title, failure.message), ..failure })
    }

    fn window(&mut self, request: &Request, pace: Pace) -> Result<Window, Failure> {
        let before = CpuTimes::of(self.pid)?;
        let tally = self.send(request, pace)?;
        thread::sleep(SETTLING);
        let cpu = CpuTimes::of(self.pid)?.since(&before);
        Ok(Window { tally, cpu })
    }
}

/// Runs all rounds. One round before them, which is not counted, opens upstream connections and obtains tokens.
pub(super) fn series(
    candidates: &mut [Candidate],
    contestants: &[Contestant],
    rounds: usize,
    pace: Pace,
    progress: &mut Progress,
) -> Result<Series, Failure> {
    for contestant in contestants {
        candidates[contestant.candidate].send(&contestant.request, Pace::Count(10 * CONNECTIONS as u64))?;
    }
    let mut windows = Vec::with_capacity(rounds);
    for round in 0..rounds {
        progress.round(round + 1, rounds);
        let mut turns: Vec<Option<Window>> = vec![None; contestants.len()];
        // Who goes first changes, so that a drift of the machine does not favour one of them.
        let order: Vec<usize> = if round % 2 == 0 { (0..contestants.len()).collect() } else { (0..contestants.len()).rev().collect() };
        for index in order {
            let Contestant { candidate, request } = &contestants[index];
            turns[index] = Some(candidates[*candidate].window(request, pace)?);
        }
        windows.push(turns.into_iter().flatten().collect());
    }
    Ok(Series { windows })
}

impl Series {
    /// A contestant's CPU time per answer, as a multiple of another's.
    pub(super) fn cpu_ratio(&self, contestant: usize, to: usize) -> Spread {
        self.ratio(contestant, to, Window::cpu_us_per_callout)
    }

    /// The same of answers per second.
    pub(super) fn throughput_ratio(&self, contestant: usize, to: usize) -> Spread {
        self.ratio(contestant, to, |window| window.tally.per_second())
    }

    fn ratio(&self, contestant: usize, to: usize, measure: impl Fn(&Window) -> f64) -> Spread {
        Spread::of(self.windows.iter().map(|round| measure(&round[contestant]) / measure(&round[to])))
    }

    pub(super) fn figures(&self, contestant: usize) -> Figures {
        let median =
            |measure: &dyn Fn(Window) -> f64| Spread::of(self.windows.iter().map(|round| measure(round[contestant].clone()))).median;
        Figures {
            requests_per_second: median(&|window| window.tally.per_second()),
            cpu_us_per_callout: median(&|window| window.cpu_us_per_callout()),
            p50_us: median(&|mut window| window.tally.quantile_us(0.5)),
            p99_us: median(&|mut window| window.tally.quantile_us(0.99)),
        }
    }
}

impl Window {
    fn cpu_us_per_callout(&self) -> f64 {
        self.cpu.as_nanos() as f64 / 1_000.0 / self.tally.answers() as f64
    }
}

impl Spread {
    /// Of an even number of values, the median is the mean of the middle two.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let middle = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let median = f64::midpoint(middle(values.len().saturating_sub(1) / 2), middle(values.len() / 2));
        Self { median, min: middle(0), max: middle(values.len().saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let Spread { median, min, max } = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((median, min, max), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0].into_iter()).median, 2.5);
        assert!(Spread::of(std::iter::empty()).median.is_nan());
    }
}
