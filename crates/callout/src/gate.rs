//! How many renewals ask one provider at a time: ten thousand tokens that die in the same second must not be ten thousand requests in that second (REL-T18).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::slot::lock;

/// 32: more than any provider needs to be kept busy, and fewer than make one think of an attack.
const AT_ONCE: usize = 32;

/// One gate for each provider that is being asked. Those who wait pass in the order in which they came.
#[derive(Default)]
pub(crate) struct Gates(Mutex<HashMap<Box<str>, Weak<Semaphore>>>);

/// The right to ask; given back when it is dropped.
pub(crate) struct Passed {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Gates {
    /// Waits until this provider may be asked.
    pub(crate) async fn pass(&self, provider: &str) -> Passed {
        // A semaphore that is never closed always gives a permit in the end.
        Passed { _permit: self.gate(provider).acquire_owned().await.ok() }
    }

    fn gate(&self, provider: &str) -> Arc<Semaphore> {
        let mut gates = lock(&self.0);
        if let Some(gate) = gates.get(provider).and_then(Weak::upgrade) {
            return gate;
        }
        // Nobody is asking this one: a good moment to forget others of whom that is true.
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        gates.insert(provider.into(), Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_so_many_pass_at_once_and_nothing_stays_behind() {
        let gates = Gates::default();
        let mut passed = Vec::new();
        for _ in 0..AT_ONCE {
            passed.push(gates.pass("https://id.test/token").await);
        }
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), gates.pass("https://id.test/token"));
        assert!(waiting.await.is_err());
        let _other = gates.pass("https://other.test/token").await;
        passed.pop();
        drop(gates.pass("https://id.test/token").await);
        drop(passed);
        let _third = gates.pass("https://third.test/token").await;
        assert_eq!(lock(&gates.0).len(), 2, "the first one is forgotten");
    }
}
