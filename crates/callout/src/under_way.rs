//! What must not be cut off by an orderly end of the process: what a provider has been asked for, and what it answers, would be lost (P12).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Counts what is under way. All clones count together.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Default)]
struct State {
    count: usize,
    is_closed: bool,
}

/// One thing that is under way, until it is dropped.
pub struct Step(UnderWay);

impl UnderWay {
    /// Something begins. `None`: the process ends, and nothing may begin that it would cut off.
    pub fn begin(&self) -> Option<Step> {
        let is_open = self.0.send_if_modified(|state| {
            state.count += usize::from(!state.is_closed);
            !state.is_closed
        });
        is_open.then(|| Step(self.clone()))
    }

    /// Waits until nothing is under way, and lets nothing begin from then on. Gives what is still under way when the patience ends.
    pub async fn close(&self, patience: Duration) -> usize {
        let mut states = self.0.subscribe();
        let all_over = async {
            while !self.close_if_over() {
                // The sender is ours: it cannot be gone.
                let _ = states.wait_for(|state| state.count == 0).await;
            }
        };
        let _ = tokio::time::timeout(patience, all_over).await;
        self.0.send_modify(|state| state.is_closed = true);
        self.0.borrow().count
    }

    fn close_if_over(&self) -> bool {
        self.0.send_if_modified(|state| {
            state.is_closed = state.count == 0;
            state.is_closed
        })
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn p12_an_end_waits_for_what_is_under_way_and_lets_nothing_begin_behind_it() {
        for (takes, patience, waits, left) in [(0, 25, 0, 0), (3, 25, 3, 0), (40, 25, 25, 1)] {
            let under_way = UnderWay::default();
            let step = under_way.begin();
            assert!(step.is_some(), "{takes}");
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(takes)).await;
                drop(step);
            });
            let begun = tokio::time::Instant::now();
            let counted = under_way.close(Duration::from_secs(patience)).await;
            assert_eq!((begun.elapsed().as_secs(), counted, under_way.begin().is_none()), (waits, left, true), "{takes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_begins_while_an_end_waits_is_waited_for_too() {
        let under_way = UnderWay::default();
        let (first, beginning) = (under_way.begin(), under_way.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let second = beginning.begin();
            drop(first);
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(second);
        });
        let begun = tokio::time::Instant::now();
        assert_eq!((under_way.close(Duration::from_secs(25)).await, begun.elapsed().as_secs()), (0, 2));
    }
}
