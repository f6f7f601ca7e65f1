//! The place of one grant in one process: the grant itself, the renewal under way, and how it went lately.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use sortie_model::Timestamp;
use tokio::sync::watch;

use crate::obtain::{GrantKey, Live, Unobtainable};
use crate::renewal;

pub(crate) type Renewed = Option<Result<Arc<Live>, Unobtainable>>;

/// The place of one grant in this process.
pub struct Slot {
    key: GrantKey,
    pub(crate) live: ArcSwapOption<Live>,
    pub(crate) renewal: Mutex<Option<watch::Receiver<Renewed>>>,
    pub(crate) failures: Mutex<Failures>,
    pub(crate) rejections: AtomicU32,
    pub(crate) health: SlotHealth,
}

#[derive(Default)]
pub(crate) struct Failures {
    in_a_row: u32,
    pub(crate) last: Option<(&'static str, Timestamp)>,
}

/// What happened lately with a slot's credential, written without locks on the data plane and collected from time to time.
#[derive(Debug, Default)]
pub(crate) struct SlotHealth {
    last_success: AtomicU64,
    last_failure: AtomicU64,
    last_failure_code: Mutex<Option<&'static str>>,
}

impl SlotHealth {
    pub(crate) fn succeeded(&self, now: Timestamp) {
        self.last_success.store(now.as_millis().unsigned_abs(), Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, now: Timestamp, code: &'static str) {
        self.last_failure.store(now.as_millis().unsigned_abs(), Ordering::Relaxed);
        *self.last_failure_code.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
    }
}

/// One slot's health, as collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// Whose.
    pub key: GrantKey,
    /// When an upstream last took the credential.
    pub last_success: Option<Timestamp>,
    /// When obtaining or using it last failed.
    pub last_failure: Option<Timestamp>,
    /// With which code.
    pub last_failure_code: Option<&'static str>,
    /// When the current token dies.
    pub token_expires_at: Option<Timestamp>,
}

impl Slot {
    pub(crate) fn new(key: GrantKey) -> Self {
        Self {
            key,
            live: ArcSwapOption::empty(),
            renewal: Mutex::default(),
            failures: Mutex::default(),
            rejections: AtomicU32::new(0),
            health: SlotHealth::default(),
        }
    }

    pub(crate) fn settle(&self, outcome: &Result<Arc<Live>, Unobtainable>, now: Timestamp) {
        let mut failures = lock(&self.failures);
        match outcome {
            Ok(live) => {
                *failures = Failures::default();
                self.live.store(Some(Arc::clone(live)));
            }
            Err(error) => {
                failures.in_a_row = failures.in_a_row.saturating_add(1);
                let retry_not_before = match error {
                    Unobtainable::BackingOff { retry_not_before, .. } => *retry_not_before,
                    other => now.after(renewal::pause(other, failures.in_a_row)),
                };
                failures.last = Some((error.code(), retry_not_before));
                self.health.failed(now, error.code());
                tracing::warn!(credential = %self.key.credential, principal = %self.key.principal, code = error.code(), "cannot obtain a grant: {error}");
            }
        }
    }

    pub(crate) fn report(&self) -> Option<HealthReport> {
        let moment = |millis: &AtomicU64| match millis.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))),
        };
        let (last_success, last_failure) = (moment(&self.health.last_success), moment(&self.health.last_failure));
        let token_expires_at = self.live.load().as_ref().and_then(|live| live.expires_at);
        let last_failure_code = *lock(&self.health.last_failure_code);
        (last_success.is_some() || last_failure.is_some()).then_some(HealthReport {
            key: self.key,
            last_success,
            last_failure,
            last_failure_code,
            token_expires_at,
        })
    }
}

/// A panic while one of these locks was held leaves nothing half-written: every critical section is a single assignment or look-up.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
