//! How often each user may ask: one program that asks without end must not be all that this node does.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use http::StatusCode;
use sortie_model::UserId;

use super::Problem;

/// Users who have not asked lately are forgotten each time that so many requests have come.
const FORGET_EVERY: u32 = 1_024;

/// The limits of one node. A minute's worth can be asked at once; then it is one request at a time.
pub(super) struct Limits {
    users: Option<DefaultKeyedRateLimiter<UserId>>,
    asked: AtomicU32,
}

impl Limits {
    /// 0 means none.
    pub(super) fn new(requests_per_minute: u32) -> Self {
        let quota = NonZeroU32::new(requests_per_minute).map(Quota::per_minute);
        Self { users: quota.map(DefaultKeyedRateLimiter::keyed), asked: AtomicU32::new(0) }
    }

    /// Counts a request of this user.
    pub(super) fn count(&self, user: UserId) -> Result<(), Problem> {
        let Some(users) = &self.users else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            users.retain_recent();
        }
        users.check_key(&user).map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))
    }
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    let problem = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "you have asked more often than the operator allows",
        format!("wait {seconds} s; the setting is `requests_per_minute` of [admin]"),
    );
    problem.called("REQUEST_LIMIT_EXCEEDED").after(u64::try_from(seconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the limiter has the real clock")]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_user_has_a_limit_of_their_own_and_zero_is_none() {
        let [alice, bob] = [1, 2].map(|number| UserId::from_uuid(Uuid::from_u128(number)));
        let limits = Limits::new(3);
        for _ in 0..3 {
            assert!(limits.count(alice).is_ok());
        }
        assert!(limits.count(alice).is_err() && limits.count(bob).is_ok());
        let none = Limits::new(0);
        assert!((0..10_000).all(|_| none.count(alice).is_ok()));
    }

    #[test]
    fn who_has_not_asked_lately_is_forgotten() {
        let limits = Limits::new(6_000_000);
        for number in 0..10 * u128::from(FORGET_EVERY) {
            let _ = limits.count(UserId::from_uuid(Uuid::from_u128(number)));
        }
        std::thread::sleep(Duration::from_millis(5));
        for _ in 0..FORGET_EVERY {
            let _ = limits.count(UserId::from_uuid(Uuid::nil()));
        }
        assert!(limits.users.as_ref().is_some_and(|users| users.len() < FORGET_EVERY as usize));
    }
}
