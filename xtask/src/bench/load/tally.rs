//! What came back in one window.

use std::time::Duration;

/// Answers, all of them right, and how long each took.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Tally {
    latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub(in crate::bench) elapsed: Duration,
}

impl Tally {
    pub(super) fn with_capacity(answers: usize) -> Self {
        Self { latencies: Vec::with_capacity(answers), elapsed: Duration::ZERO }
    }

    pub(super) fn note(&mut self, latency: Duration) {
        self.latencies.push(latency);
    }

    /// How many answers came.
    pub(in crate::bench) fn answers(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// Answers per second.
    pub(in crate::bench) fn per_second(&self) -> f64 {
        self.answers() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency in microseconds that this share of the answers did not exceed. Sorts what it has.
    pub(in crate::bench) fn quantile_us(&mut self, share: f64) -> f64 {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        let latency = self.latencies.get((share * last as f64).round() as usize);
        latency.map_or(f64::NAN, |latency| latency.as_nanos() as f64 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_read_from_the_sorted_latencies() {
        let mut tally = Tally::default();
        (1..=101).rev().for_each(|us| tally.note(Duration::from_micros(us)));
        assert_eq!((tally.quantile_us(0.5), tally.quantile_us(0.99), tally.quantile_us(1.0)), (51.0, 100.0, 101.0));
        assert_eq!(tally.answers(), 101);
    }
}
