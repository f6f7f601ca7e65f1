//! A clock that follows the system's time of day forwards but never backwards.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use sortie_model::Timestamp;

/// The time of day at the start, plus what has passed since; when the system's clock is found ahead of that (the machine slept, or the
/// clock was put right), we jump ahead with it. When it is put back, we stay ahead: a token must not become younger.
pub(crate) struct ForwardClock {
    start: Instant,
    /// Milliseconds from the epoch to `start`, as far as is known.
    epoch_to_start: AtomicI64,
    /// The millisecond since the start in which the time of day was last looked at.
    looked_at: AtomicI64,
}

impl ForwardClock {
    #[allow(clippy::disallowed_methods, reason = "this is the place from which time is handed to everybody else")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), epoch_to_start: AtomicI64::new(i64::MIN), looked_at: AtomicI64::new(-1) }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the place from which time is handed to everybody else")]
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = millis(self.start.elapsed());
        // A callout asks several times within one millisecond, and a timestamp is no finer.
        if self.looked_at.load(Ordering::Acquire) == elapsed {
            return Timestamp::from_millis(self.epoch_to_start.load(Ordering::Relaxed) + elapsed);
        }
        // Before 1970 nothing that we do makes sense; the clock then simply starts at the epoch.
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = self.read(millis(wall), elapsed);
        self.looked_at.store(elapsed, Ordering::Release);
        now
    }

    /// Both in milliseconds.
    fn read(&self, wall: i64, elapsed: i64) -> Timestamp {
        let seen = wall - elapsed;
        let epoch_to_start = self.epoch_to_start.fetch_max(seen, Ordering::Relaxed).max(seen);
        Timestamp::from_millis(epoch_to_start + elapsed)
    }
}

/// Without the 128 bits of [`Duration::as_millis`]: no clock of ours reaches the end of 63.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000).saturating_add(i64::from(duration.subsec_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_jumps_ahead_with_the_system_and_never_back() {
        let clock = ForwardClock::start();
        let read = |wall, elapsed| clock.read(wall, elapsed).as_millis();
        assert_eq!(read(1_000_000, 0), 1_000_000);
        assert_eq!(read(1_000_500, 500), 1_000_500);
        // Put back by ten minutes: time goes on from where it was.
        assert_eq!(read(400_600, 600), 1_000_600);
        assert_eq!(read(401_600, 1_600), 1_001_600);
        // An hour asleep, in which only the time of day went on.
        assert_eq!(read(4_601_700, 1_700), 4_601_700);
    }
}
