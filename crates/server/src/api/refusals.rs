//! What was refused to whom stands in the audit, too (AUD-06): as many as somebody reads, and how many more there were.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::audit::{ChangeRecord, append_changes};
use crate::node::Node;

/// A minute's worth for one node: whoever asks without end must not fill the disk.
const EACH_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

/// 200 characters of a path.
const MOST: usize = 200;

/// Records refusals.
pub(super) struct Refusals {
    records: DefaultDirectRateLimiter,
    /// Since the last one that was recorded.
    more: AtomicU64,
}

/// What was asked.
pub(super) struct Refused<'r> {
    /// `user:alice`, or `unknown`.
    pub(super) actor: &'r str,
    pub(super) method: &'r str,
    /// Without its query: keys have been seen there (AUTH-05).
    pub(super) path: &'r str,
    pub(super) code: &'r str,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { records: RateLimiter::direct(Quota::per_minute(EACH_MINUTE)), more: AtomicU64::new(0) }
    }

    /// Records one, or counts it.
    pub(super) fn note(&self, node: &Node, refused: &Refused<'_>) {
        if self.records.check().is_err() {
            self.more.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Refused { actor, method, path, code } = refused;
        let object = format!("api {method} {}", path.chars().take(MOST).collect::<String>());
        let more = self.more.swap(0, Ordering::Relaxed);
        let fields = if more == 0 { (*code).to_owned() } else { format!("{code}, and {more} refusals more that are not recorded") };
        let (house, at) = (node.house(), node.world().now());
        let change = ChangeRecord { at, actor, action: "refused", object: &object, fields: &fields };
        if let Err(error) = append_changes(house.audit_directory(), &house.chain_key(), &[change]) {
            tracing::error!("the audit cannot be written: {error}");
        }
    }
}
