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
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unregistered,
    Registered,
    Over,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.phase == Phase::Over {
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

impl AuditLog for Lane {
    async fn open(&self, intent: Intent<'_>) -> Result<Opened, AuditUnavailable> {
        let at = intent.at;
        let sequence = {
            let mut state = self.0.borrow_mut();
            if state.is_failing() {
                return Err(AuditUnavailable);
            }
            state.in_flight += 1;
            let sequence = state.append(at, "intent", |line| record::intent(line, &intent));
            if state.in_flight == 1 && state.durability == Durability::Process {
                // There is nobody to form a group with.
                state.write_group();
            }
            sequence
        };
        let mut waiter = Waiter { lane: self, intent: Opened { sequence, at }, phase: Phase::Unregistered };
        std::future::poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            let is_known = state.safe >= sequence || state.failed_up_to >= sequence;
            if !is_known && waiter.phase == Phase::Registered && state.durability == Durability::Process {
                // We are the first of this turn to come back. Its other callouts have added their intents meanwhile: that is the group.
                state.write_group();
            }
            if state.safe >= sequence {
                waiter.phase = Phase::Over;
                return Poll::Ready(Ok(Opened { sequence, at }));
            }
            if state.failed_up_to >= sequence {
                waiter.phase = Phase::Over;
                state.close(waiter.intent, &unsent("audit_unavailable", Duration::ZERO, Ending::NoAnswer));
                return Poll::Ready(Err(AuditUnavailable));
            }
            if waiter.phase == Phase::Unregistered {
                waiter.phase = Phase::Registered;
                match state.durability {
                    // Back again behind all that are ready by now.
                    Durability::Process => context.waker().wake_by_ref(),
                    Durability::Machine => state.wait(sequence, context.waker()),
                }
            }
            Poll::Pending
        })
        .await
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
