//! Signing in with a password: slow for everybody alike, and closed to those who guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sortie_model::{Secret, Timestamp, UserId, UserName};
use sortie_store::{ReadError, Store, WriteError};
use tokio::sync::Semaphore;

use super::password;

/// 10 wrong passwords for one name from one place, then it is closed there.
const MAX_FAILURES: u64 = 10;
/// 100 wrong passwords from one place for whatever names, then everything is closed there: else one place could try a few with every name.
const MAX_FAILURES_OF_A_PLACE: u64 = 100;
/// No name of a user: what is counted under it is a place.
const ANY_NAME: &str = "*";
/// 15 minutes from the first of them on. Tries while it is closed do not make it longer.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// 2 hashes at once: 128 MiB and two cores at most.
const HASHES_AT_ONCE: usize = 2;
/// 16 more may wait for their turn, some 2 s; the rest is sent away at once (AUTH-16).
const WAITING: usize = 16;
/// 8 of one place, so that it cannot keep everybody else out.
const OF_A_PLACE: usize = 8;

/// The one way in with a password. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    inside: Arc<Semaphore>,
    /// How many of them come from where.
    places: Arc<Mutex<HashMap<String, usize>>>,
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
        Self {
            inside: Arc::new(Semaphore::new(HASHES_AT_ONCE + WAITING)),
            places: Arc::default(),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        }
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
        let source = place(source);
        let _of_place = Visit::begin(&self.places, &source).ok_or(Refusal::Busy)?;
        let _inside = self.inside.try_acquire().map_err(|_| Refusal::Busy)?;
        // One form for every way of typing it, so that no spelling has a counter of its own (AUTH-15). What cannot be a name is counted together.
        let name = UserName::parse(typed.trim()).ok();
        let account = name.as_ref().map(UserName::folded).unwrap_or_default();
        let failures = store.sign_in_failures();
        let of_place = failures.count(ANY_NAME, &source, now, WINDOW).await? > MAX_FAILURES_OF_A_PLACE;
        if of_place || failures.count(&account, &source, now, WINDOW).await? > MAX_FAILURES {
            tracing::warn!(code = "sign_in_closed", name = %account, %source, "a sign-in is refused after too many wrong passwords");
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
                failures.forget(&account, &source).await?;
                failures.forgive(ANY_NAME, &source).await?;
                Ok(user)
            }
            _ => {
                // Whoever types a password as the name would find it in the log: only what can be a name is in it.
                tracing::warn!(code = "sign_in_wrong", name = %account, %source, "a sign-in is refused: the user name or the password is wrong");
                Err(Refusal::Wrong)
            }
        }
    }
}

/// One who is inside, counted where they come from until they leave.
struct Visit<'a> {
    places: &'a Mutex<HashMap<String, usize>>,
    place: &'a str,
}

impl<'a> Visit<'a> {
    /// `None`: there are as many of this place as may be.
    fn begin(places: &'a Mutex<HashMap<String, usize>>, place: &'a str) -> Option<Self> {
        let mut visits = places.lock().unwrap_or_else(PoisonError::into_inner);
        let of_place = visits.entry(place.to_owned()).or_default();
        let may = *of_place < OF_A_PLACE;
        *of_place += usize::from(may);
        // Made only if it may be: one that is dropped counts down.
        may.then(|| Self { places, place })
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut visits = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_place) = visits.get_mut(self.place) {
            *of_place -= 1;
            if *of_place == 0 {
                visits.remove(self.place);
            }
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
    fn one_place_cannot_take_all_the_room() {
        let places = Mutex::default();
        let visits: Vec<_> = (0..OF_A_PLACE).map(|_| Visit::begin(&places, "a").unwrap()).collect();
        assert!(Visit::begin(&places, "a").is_none() && Visit::begin(&places, "b").is_some());
        drop(visits);
        assert!(Visit::begin(&places, "a").is_some());
        assert!(places.lock().unwrap().is_empty(), "nobody is remembered who has left");
    }

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
