//! What was refused to whom stands in the audit, too (AUD-06): as many as somebody reads, and how many more there were.
//!
//! Each user has as many of their own, and all whom nobody knows have as many together: nobody who asks without end hides what was refused to others.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use sortie_model::UserId;

use crate::audit::{ChangeRecord, record_changes};
use crate::node::Node;

/// A minute's worth for one node: whoever asks without end must not fill the disk.
const EACH_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

/// 200 characters of a path.
const MOST: usize = 200;

/// Users to whom nothing was refused lately are forgotten when there are more.
const MOST_USERS: usize = 1_024;

/// Records refusals.
pub(super) struct Refusals {
    of_users: DefaultKeyedRateLimiter<UserId>,
    of_others: DefaultDirectRateLimiter,
    /// Since the last one that was recorded.
    more: AtomicU64,
}

/// What was asked.
pub(super) struct Refused<'r> {
    /// Who asked, if that is known.
    pub(super) user: Option<UserId>,
    /// `user:alice`, or `unknown`.
    pub(super) actor: &'r str,
    pub(super) method: &'r str,
    /// Without its query: keys have been seen there (AUTH-05).
    pub(super) path: &'r str,
    pub(super) code: &'r str,
}

impl Refusals {
    pub(super) fn new() -> Self {
        let quota = Quota::per_minute(EACH_MINUTE);
        Self { of_users: RateLimiter::keyed(quota), of_others: RateLimiter::direct(quota), more: AtomicU64::new(0) }
    }

    /// Records one, or counts it.
    pub(super) async fn note(&self, node: &Node, refused: &Refused<'_>) {
        if !self.is_recorded(refused.user) {
            self.more.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Refused { user: _, actor, method, path, code } = refused;
        let object = format!("api {method} {}", path.chars().take(MOST).collect::<String>());
        let more = self.more.swap(0, Ordering::Relaxed);
        let fields = if more == 0 { (*code).to_owned() } else { format!("{code}, and {more} refusals more that are not recorded") };
        let (house, at) = (node.house(), node.world().now());
        let change = ChangeRecord { at, actor, action: "refused", object: &object, fields: &fields };
        if let Err(error) = record_changes(house.audit_directory(), &house.chain_key(), &[change]).await {
            tracing::error!("the audit cannot be written: {error}");
        }
    }

    fn is_recorded(&self, user: Option<UserId>) -> bool {
        let Some(user) = user else { return self.of_others.check().is_ok() };
        if self.of_users.len() > MOST_USERS {
            self.of_users.retain_recent();
        }
        self.of_users.check_key(&user).is_ok()
    }
}
