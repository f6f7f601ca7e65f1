//! The audit: one append-only file of JSON lines for each core of the data plane and one for management, each a chain of groups of records in which every group vouches for the one before it.
//!
//! A core writes its own file, so that a record costs no hop to another thread: records of one turn of the event loop are written together by one system call
//! (group commit), and only then are the callouts that wait for them released.

mod chain;
mod changes;
mod lane;
mod reader;
pub(crate) mod record;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::{ChainKey, Mac};
pub use changes::{ChangeRecord, append_changes, record_changes};
pub use lane::{Durability, Lane, LaneError};
pub use reader::{Line, Positions, ReadAuditError, files, last_lines, read_lines, read_some};
pub use verify::{Finding, Verified, verify};

/// The file of a lane within the audit's directory.
pub(crate) fn file_name(lane: &str) -> String {
    format!("{lane}.jsonl")
}
