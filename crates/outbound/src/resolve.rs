//! Names to addresses.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use sortie_protocol::Pending;

/// How names become addresses. Whoever asks for a name that is being looked up already waits for that same look-up: the system's
/// blocks a thread each, and a slow name server must not cost a thread for every waiting callout.
///
/// Nothing is kept afterwards. The system's interface does not say for how long an answer holds, and the system has a cache.
pub struct Resolver {
    lookup: Box<Lookup>,
    running: Mutex<HashMap<Key, WeakShared<Pending<'static, Found>>>>,
}

type Lookup = dyn Fn(&str, u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Name and port.
type Key = (Box<str>, u16);

/// The reason why there is nothing stays behind: it may name addresses, and nobody acts on it.
type Found = Option<Arc<[SocketAddr]>>;

impl Resolver {
    /// The system's own resolver.
    pub fn system() -> Self {
        Self::new(|name, port| {
            let name = name.to_owned();
            Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
        })
    }

    /// Any other source of addresses: a fixed table, or a server that changes its mind.
    pub fn new(lookup: impl Fn(&str, u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static) -> Self {
        Self { lookup: Box::new(lookup), running: Mutex::default() }
    }

    /// All addresses of a name.
    pub(crate) async fn lookup(&self, name: &str, port: u16) -> Found {
        self.join(name, port).await
    }

    /// The look-up of this name that is running, or a new one. A look-up ends early when nobody waits for it any more.
    fn join(&self, name: &str, port: u16) -> Shared<Pending<'static, Found>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.into(), port);
        if let Some(shared) = running.get(&key).and_then(WeakShared::upgrade).filter(|shared| shared.peek().is_none()) {
            return shared;
        }
        running.retain(|_, other| other.upgrade().is_some());
        let lookup = (self.lookup)(name, port);
        let name = name.to_owned();
        let found: Pending<'static, Found> = Box::pin(async move {
            let found = lookup.await.inspect_err(|error| tracing::warn!(%name, %error, "cannot resolve `{name}`: {error}"));
            found.ok().map(Arc::from)
        });
        let shared = found.shared();
        running.extend(shared.downgrade().map(|weak| (key, weak)));
        shared
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Resolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_for_one_name_at_once_share_one_lookup() {
        let (lookups, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (counted, waited) = (Arc::clone(&lookups), Arc::clone(&gate));
        let resolver = Resolver::new(move |_, port| {
            let (number, gate) = (counted.fetch_add(1, Ordering::SeqCst), Arc::clone(&waited));
            Box::pin(async move {
                gate.acquire().await.map_err(io::Error::other)?.forget();
                if number == 0 { Ok(vec![([192, 0, 2, 1], port).into()]) } else { Err(io::Error::other("no such name")) }
            })
        });
        let (one, two, other) = tokio::join!(
            async {
                let both = tokio::join!(resolver.lookup("up.test", 1), resolver.lookup("up.test", 1));
                gate.add_permits(1);
                both.0.map(|addresses| (addresses.len(), both.1.unwrap().len()))
            },
            async {
                tokio::task::yield_now().await;
                gate.add_permits(1);
            },
            async {
                tokio::task::yield_now().await;
                resolver.lookup("other.test", 1).await
            },
        );
        assert_eq!((one, two, other), (Some((1, 1)), (), None));
        assert_eq!(lookups.load(Ordering::SeqCst), 2);
        // The answer is not kept: the next one asks again.
        gate.add_permits(1);
        assert_eq!(resolver.lookup("up.test", 1).await, None);
        assert_eq!(lookups.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_lookup_that_nobody_waits_for_is_forgotten() {
        let resolver = Resolver::new(|_, _| Box::pin(std::future::pending()));
        for name in ["a.test", "b.test", "c.test"] {
            assert!(resolver.lookup(name, 1).now_or_never().is_none());
        }
        assert_eq!(resolver.running.lock().unwrap().len(), 1);
    }
}
