//! The world around a callout, in memory: each double keeps a ledger of what reached it.

mod audit;
mod clock;
mod custody;
mod node;
mod provider;
mod scene;
mod upstream;

pub(crate) use audit::MemoryAudit;
pub(crate) use clock::{Clock, advance};
pub(crate) use custody::{Fault, MemoryCustody, Operation};
pub(crate) use node::{Answered, Node, outcome, refusal};
pub(crate) use provider::{Provider, Reply, ScriptedWorld};
pub(crate) use scene::{EVERYBODY, Scene, custom_header};
pub(crate) use upstream::{Received, ScriptedUpstream, TestBody, answer};

/// Long enough for anything that does not wait for a timer.
pub(crate) async fn settle() {
    for _ in 0..60 {
        tokio::task::yield_now().await;
    }
}
