//! How a new version takes over, as a body says it.

use std::time::Duration;

use crate::api::document::Schema;
use crate::api::json::{Fields, Reader};
use crate::manage::certificate::Handover;

/// A year.
const MOST_SECONDS: u32 = 365 * 86_400;

/// With the members that say how the next version takes over.
pub(super) fn with_handover(schema: Schema) -> Schema {
    schema
        .optional(
            "delay_seconds",
            Schema::number(MOST_SECONDS).saying("How long the new public key is published before it signs. Ten minutes, if left out."),
        )
        .optional(
            "overlap_seconds",
            Schema::number(MOST_SECONDS).saying("How long the old public key stays published after that. A day, if left out."),
        )
}

pub(super) fn read_handover(reader: &mut Reader, fields: &mut Fields<'_>) -> Handover {
    let usual = Handover::default();
    let mut seconds = |name: &str| {
        let read = fields.take(name).and_then(|at| reader.number(&at, MOST_SECONDS));
        read.map(|seconds| Duration::from_secs(seconds.into()))
    };
    Handover { delay: seconds("delay_seconds").unwrap_or(usual.delay), overlap: seconds("overlap_seconds").unwrap_or(usual.overlap) }
}
