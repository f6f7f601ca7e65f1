//! One clock for a whole scene. Under tokio's paused time it stands still until somebody waits for a timer or advances it by hand.

use std::time::Duration;

use sortie_model::Timestamp;
use tokio::time::Instant;

/// 2026-11-22T00:00:00Z.
const START: i64 = 1_795_305_600_000;

/// Time as one node reads it.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    skew_millis: i64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), skew_millis: 0 }
    }

    /// The same time, read from a clock that is wrong.
    pub(crate) fn skewed(self, skew_millis: i64) -> Self {
        Self { skew_millis, ..self }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(START + self.skew_millis).after(self.start.elapsed())
    }
}

/// Moves paused time.
pub(crate) async fn advance(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}
