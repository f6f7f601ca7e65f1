//! A lane as callouts see it: an intent is open when it is safe, and closed with its result.

use std::task::Poll;
use std::time::Duration;

use sortie_callout::{AuditLog, AuditUnavailable, Ending, Intent, Opened, Outcome, Refusal};

use super::{Durability, Lane};
use crate::audit::record;

/// A callout that waits for its intent to be safe. If it is given up meanwhile, because its caller has gone, its record is closed (AUD-11).
struct Waiter<'a> {
    lane: &'a Lane,
    intent: Opened,
    is_over: bool,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.lane.0.borrow_mut();
        state.waiting.retain(|(sequence, _)| *sequence != self.intent.sequence);
        let duration = state.world.now().since(self.intent.at);
        drop(state);
        self.lane.close(self.intent, unsent("caller_aborted", duration, Ending::CallerAborted));
    }
}

/// How a callout ended whose request never left.
const fn unsent(code: &'static str, duration: Duration, ending: Ending) -> Outcome {
    Outcome { status: None, code: Some(code), sent_bytes: 0, received_bytes: 0, duration, completeness: ending, renewed: false }
}

impl Lane {
    /// Waits until all that came in the same turn of the event loop have added their intents, and writes for all, if nobody else has done so.
    async fn join_group(&self, sequence: u64) {
        // Tokio looks at the sockets before those go on who wait so. More callouts join, and a connection that an upstream has closed meanwhile is known to be
        // closed before this callout would take it.
        tokio::task::yield_now().await;
        let mut state = self.0.borrow_mut();
        if !state.is_decided(sequence) {
            state.write_group();
        }
    }

    /// Waits for the flusher, which synchronises.
    async fn wait_for_disk(&self, sequence: u64) {
        let mut is_registered = false;
        std::future::poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.is_decided(sequence) {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_registered, true) {
                state.wait(sequence, context.waker());
            }
            Poll::Pending
        })
        .await;
    }
}

impl AuditLog for Lane {
    async fn open(&self, intent: Intent<'_>) -> Result<Opened, AuditUnavailable> {
        let at = intent.at;
        let sequence = {
            let mut state = self.0.borrow_mut();
            if state.is_failing() {
                return Err(AuditUnavailable);
            }
            state.append(at, "intent", |line| record::intent(line, &intent))
        };
        let mut waiter = Waiter { lane: self, intent: Opened { sequence, at }, is_over: false };
        let durability = self.0.borrow().durability;
        match durability {
            Durability::Process => self.join_group(sequence).await,
            Durability::Machine => self.wait_for_disk(sequence).await,
        }
        waiter.is_over = true;
        let mut state = self.0.borrow_mut();
        if state.safe >= sequence {
            return Ok(Opened { sequence, at });
        }
        state.close(waiter.intent, &unsent("audit_unavailable", Duration::ZERO, Ending::NoAnswer));
        Err(AuditUnavailable)
    }

    fn close(&self, opened: Opened, outcome: Outcome) {
        self.0.borrow_mut().close(opened, &outcome);
    }

    fn refuse(&self, refusal: Refusal<'_>) {
        let mut state = self.0.borrow_mut();
        if state.refusals_left == 0 || state.is_failing() {
            state.refusals_unrecorded += 1;
            return;
        }
        state.refusals_left -= 1;
        let unrecorded = std::mem::take(&mut state.refusals_unrecorded);
        state.append(refusal.at, "refused", |line| record::refusal(line, &refusal, unrecorded));
    }
}
