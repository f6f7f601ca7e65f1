//! An audit in memory that can be made to fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sortie_callout::{AuditLog, AuditUnavailable, Intent, Opened, Outcome, Refusal};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) user: String,
    pub(crate) named: String,
    pub(crate) principal: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) outcomes: Vec<Outcome>,
}

/// Cheap to clone: all clones are the same log.
#[derive(Clone, Default)]
pub(crate) struct MemoryAudit(Arc<Inner>);

#[derive(Default)]
struct Inner {
    records: Mutex<Vec<Recorded>>,
    is_failing: AtomicBool,
    is_stuck: AtomicBool,
}

impl MemoryAudit {
    pub(crate) fn records(&self) -> Vec<Recorded> {
        self.0.records.lock().unwrap().clone()
    }

    pub(crate) fn fail(&self) {
        self.0.is_failing.store(true, Ordering::SeqCst);
    }

    /// Never answers again.
    pub(crate) fn hang(&self) {
        self.0.is_stuck.store(true, Ordering::SeqCst);
    }
}

impl AuditLog for MemoryAudit {
    async fn open(&self, intent: Intent<'_>) -> Result<Opened, AuditUnavailable> {
        tokio::task::yield_now().await;
        if self.0.is_stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.0.is_failing.load(Ordering::SeqCst) {
            return Err(AuditUnavailable);
        }
        let mut records = self.0.records.lock().unwrap();
        records.push(Recorded {
            user: intent.chosen.identity().caller().name.to_string(),
            named: intent.chosen.named().name.to_string(),
            principal: intent.chosen.identity().principal().name.to_string(),
            method: intent.method.to_string(),
            path: intent.path.to_owned(),
            outcomes: Vec::new(),
        });
        Ok(Opened { sequence: records.len() as u64 - 1, at: intent.at })
    }

    fn close(&self, opened: Opened, outcome: Outcome) {
        let index = usize::try_from(opened.sequence).unwrap();
        self.0.records.lock().unwrap()[index].outcomes.push(outcome);
    }

    fn refuse(&self, _refusal: Refusal<'_>) {}
}
