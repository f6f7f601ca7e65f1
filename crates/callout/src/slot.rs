//! The place of one grant in one process: the grant itself, the renewal under way, and how it went lately.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use sortie_model::Timestamp;
use tokio::sync::watch;

use crate::obtain::{GrantKey, Live};
use crate::renewal;
use crate::unobtainable::Unobtainable;

/// The first pause after a renewal that an upstream's refusal caused; it doubles with every one that did not help.
const REJECTION_PAUSE: Duration = Duration::from_secs(10);

/// The longest such pause.
const MAX_REJECTION_PAUSE: Duration = Duration::from_secs(300);

pub(crate) type Renewed = Option<Result<Arc<Live>, Unobtainable>>;

/// The place of one grant in this process.
pub struct Slot {
    key: GrantKey,
    pub(crate) live: ArcSwapOption<Live>,
    /// The renewal under way, or the last one: its outcome stays readable.
    pub(crate) renewal: Mutex<Option<watch::Receiver<Renewed>>>,
    failures: Mutex<Failures>,
    /// From when on an early renewal makes sense, in milliseconds: never while one runs, later after a failure. Callouts that could only join it, or hear of the failure
    /// again, read this and leave the locks alone that all cores share.
    early_from: AtomicI64,
    pub(crate) rejections: Rejections,
    pub(crate) health: SlotHealth,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Failed>,
}

/// A failed renewal.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) error: Unobtainable,
    pub(crate) retry_not_before: Timestamp,
}

/// Renewals that an upstream's refusals caused. They are paced: a token that was just renewed and is refused again is not helped by another one, and
/// a path that always refuses must not cost a token for each request, not even while other paths accept it.
#[derive(Default)]
pub(crate) struct Rejections {
    in_a_row: AtomicU32,
    last: AtomicI64,
}

impl Rejections {
    pub(crate) fn note(&self, now: Timestamp) {
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        self.last.store(now.as_millis(), Ordering::Relaxed);
    }

    /// A success ends the growth of the pause, and not the pause itself.
    pub(crate) fn note_success(&self) {
        if self.in_a_row.load(Ordering::Relaxed) > 1 {
            self.in_a_row.store(1, Ordering::Relaxed);
        }
    }

    /// Whether the pause is over: 10 s, doubling to 5 min.
    pub(crate) fn may_renew(&self, now: Timestamp) -> bool {
        let in_a_row = self.in_a_row.load(Ordering::Relaxed);
        let doublings = in_a_row.saturating_sub(1).min(5);
        let pause = REJECTION_PAUSE.saturating_mul(1 << doublings).min(MAX_REJECTION_PAUSE);
        in_a_row == 0 || now.since(Timestamp::from_millis(self.last.load(Ordering::Relaxed))) >= pause
    }
}

/// What happened lately with a slot's credential, written without locks on the data plane and collected from time to time.
#[derive(Debug, Default)]
pub(crate) struct SlotHealth {
    last_success: AtomicU64,
    last_failure: AtomicU64,
    last_failure_code: Mutex<Option<&'static str>>,
}

impl SlotHealth {
    /// Kept to the second: what all cores look at for each callout is written as rarely as it may. At once after a failure, which is over now.
    pub(crate) fn succeeded(&self, now: Timestamp) {
        let (now, last) = (now.as_millis().unsigned_abs(), self.last_success.load(Ordering::Relaxed));
        if now.abs_diff(last) >= 1000 || self.last_failure.load(Ordering::Relaxed) >= last {
            self.last_success.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn failed(&self, now: Timestamp, code: &'static str) {
        self.last_failure.store(now.as_millis().unsigned_abs(), Ordering::Relaxed);
        *lock(&self.last_failure_code) = Some(code);
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
            early_from: AtomicI64::new(i64::MIN),
            rejections: Rejections::default(),
            health: SlotHealth::default(),
        }
    }

    /// Whether a renewal is under way. One whose task is gone without a word is not.
    pub(crate) fn is_renewing(&self) -> bool {
        lock(&self.renewal).as_ref().is_some_and(is_under_way)
    }

    /// The last failure, unless a renewal has succeeded since.
    pub(crate) fn last_failed(&self) -> Option<Failed> {
        lock(&self.failures).last.clone()
    }

    /// As if nothing had ever been held. A renewal that is under way still brings what it brings.
    pub(crate) fn forget(&self) {
        self.live.store(None);
        *lock(&self.failures) = Failures::default();
        // What a renewal that is over has brought is held there, too.
        let mut renewal = lock(&self.renewal);
        if !renewal.as_ref().is_some_and(is_under_way) {
            *renewal = None;
            self.early_from.store(i64::MIN, Ordering::Relaxed);
        }
    }

    /// Whether a renewal of a token that is still good could do more than wait for one that runs, or fail as the last one did.
    pub(crate) fn may_renew_early(&self, now: Timestamp) -> bool {
        now.as_millis() >= self.early_from.load(Ordering::Relaxed)
    }

    /// A renewal begins; [`Self::settle`] ends it.
    pub(crate) fn begin(&self) {
        self.early_from.store(i64::MAX, Ordering::Relaxed);
    }

    pub(crate) fn settle(&self, outcome: &Result<Arc<Live>, Unobtainable>, now: Timestamp) {
        let mut failures = lock(&self.failures);
        match outcome {
            Ok(live) => {
                *failures = Failures::default();
                self.live.store(Some(Arc::clone(live)));
                self.early_from.store(i64::MIN, Ordering::Relaxed);
            }
            Err(error) => {
                failures.in_a_row = failures.in_a_row.saturating_add(1);
                let retry_not_before = match error {
                    Unobtainable::BackingOff { retry_not_before, .. } => *retry_not_before,
                    other => now.after(renewal::pause(other, failures.in_a_row)),
                };
                self.early_from.store(retry_not_before.as_millis(), Ordering::Relaxed);
                failures.last = Some(Failed { error: error.clone(), retry_not_before });
                self.health.failed(now, error.code());
                // Whose turn it is hears of it at every callout; the log need not.
                if let Unobtainable::NeedsLogin { .. } = error {
                    return;
                }
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

/// Its outcome is still to come, and there is somebody to bring it.
pub(crate) fn is_under_way(renewal: &watch::Receiver<Renewed>) -> bool {
    renewal.borrow().is_none() && renewal.has_changed().is_ok()
}

/// A panic while one of these locks was held leaves nothing half-written: every critical section is a single assignment or look-up.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sortie_model::{ExternalCredentialId, PrincipalId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_success_is_kept_to_the_second_and_at_once_after_a_failure() {
        let (health, at) = (SlotHealth::default(), |millis: i64| Timestamp::from_millis(1_000_000 + millis));
        let success = || health.last_success.load(Ordering::Relaxed) - 1_000_000;
        for (millis, kept) in [(0, 0), (400, 0), (999, 0), (1000, 1000), (1500, 1000), (900, 1000)] {
            health.succeeded(at(millis));
            assert_eq!(success(), kept, "{millis}");
        }
        health.failed(at(1600), "upstream_timeout");
        health.succeeded(at(1700));
        assert_eq!(success(), 1700, "or what is over would look as if it were not");
    }

    #[test]
    fn an_early_renewal_is_tried_neither_while_one_runs_nor_within_the_pause_after_a_failure() {
        let (credential, principal) = (ExternalCredentialId::from_uuid(Uuid::nil()), PrincipalId::from_uuid(Uuid::nil()));
        let slot = Slot::new(GrantKey { credential, principal, user: None, revision: 1, variant: None });
        let now = Timestamp::from_millis(1_000_000);
        assert!(slot.may_renew_early(now));
        slot.begin();
        assert!(!slot.may_renew_early(now.after(Duration::from_secs(3600))));
        for (failures, pause) in [(1, 1), (2, 2), (3, 4)] {
            slot.settle(&Err(Unobtainable::Slow), now);
            let pause = Duration::from_secs(pause);
            assert!(!slot.may_renew_early(now.after(pause - Duration::from_millis(1))), "{failures}");
            assert!(slot.may_renew_early(now.after(pause)), "{failures}");
        }
        slot.forget();
        assert!(slot.may_renew_early(now));
    }

    #[test]
    fn refusals_are_answered_with_renewals_further_and_further_apart() {
        let (rejections, mut now) = (Rejections::default(), Timestamp::from_millis(1_000_000));
        for pause in [10, 20, 40, 80, 160, 300, 300] {
            assert!(rejections.may_renew(now));
            rejections.note(now);
            now = now.after(Duration::from_secs(pause - 1));
            assert!(!rejections.may_renew(now), "{pause}");
            now = now.after(Duration::from_secs(1));
        }
        // A success shortens the pause to the first one.
        rejections.note(now);
        rejections.note_success();
        assert!(!rejections.may_renew(now.after(Duration::from_secs(9))));
        assert!(rejections.may_renew(now.after(Duration::from_secs(10))));
    }
}
