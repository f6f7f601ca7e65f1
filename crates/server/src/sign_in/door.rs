//! Signing in with a password: slow for everybody alike, and closed to those who guess.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sortie_model::{Secret, Timestamp, UserId, UserName};
use sortie_store::{ReadError, Store, WriteError};
use tokio::sync::Semaphore;

use super::password;

/// 10 wrong passwords for one name from one place, then it is closed there.
const MAX_FAILURES: u64 = 10;
/// 15 minutes from the first of them on. Tries while it is closed do not make it longer.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// 2 hashes at once: 128 MiB and two cores at most.
const HASHES_AT_ONCE: usize = 2;
/// 16 more may wait for their turn, some 2 s; the rest is sent away at once (AUTH-16).
const WAITING: usize = 16;

/// The one way in with a password. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    inside: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
}

/// Why somebody is not let in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such user, or this is not the password: nobody is told which.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// Too many wrong passwords.
    #[error("too many wrong passwords")]
    Closed,
    /// Too many people at once.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The database cannot be asked.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database cannot be asked.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Door {
    pub(crate) fn new() -> Self {
        Self { inside: Arc::new(Semaphore::new(HASHES_AT_ONCE + WAITING)), hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)) }
    }

    /// Lets somebody in, or does not.
    pub(crate) async fn enter(
        &self,
        store: &Store,
        typed: &str,
        password: Secret,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<(UserId, UserName), Refusal> {
        let _inside = self.inside.try_acquire().map_err(|_| Refusal::Busy)?;
        // One form for every way of typing it, so that no spelling has a counter of its own (AUTH-15). What cannot be a name is counted together.
        let name = UserName::parse(typed.trim()).ok();
        let account = name.as_ref().map(UserName::folded).unwrap_or_default();
        let source = place(source);
        if store.sign_in_failures().count(&account, &source, now, WINDOW).await? > MAX_FAILURES {
            return Err(Refusal::Closed);
        }
        let stored = match &name {
            Some(name) => store.passwords().find(name).await?,
            None => None,
        };
        let (user, hash) = stored.map(|stored| ((stored.user, stored.name), stored.hash)).unzip();
        let hashing = self.hashing.acquire().await.expect("nobody closes it");
        let is_right = tokio::task::spawn_blocking(move || password::is_right(&password, hash.as_deref())).await.unwrap_or(false);
        drop(hashing);
        match user {
            Some(user) if is_right => {
                store.sign_in_failures().forget(&account, &source).await?;
                Ok(user)
            }
            _ => Err(Refusal::Wrong),
        }
    }
}

/// Where somebody is, as far as one person can hardly be elsewhere at will: an IPv6 network of 64 bits is one household's.
fn place(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_or_a_household() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(place(address.parse().unwrap()), expected);
        }
    }
}
