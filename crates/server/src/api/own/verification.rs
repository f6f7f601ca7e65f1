//! Whether anybody has tampered with the audit of this node.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::audit::unreadable;
use crate::api::caller::unavailable;
use crate::api::document::{Operation, Tag};
use crate::api::{Api, Problem, json};
use crate::audit::{Verified, verify};

#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerification)]
struct Verification {
    /// One for each file of this node.
    lanes: Vec<Verified>,
    /// Whether nothing is wrong with any of them.
    intact: bool,
    /// How many lanes other nodes keep: they must be asked.
    lanes_elsewhere: usize,
}

pub(super) const VERIFY: Operation = Operation::new("verifyAudit", Tag::Audit, "Verify the audit")
    .describe("Reads every record of this node, one verification at a time.")
    .gives::<Verification>(200)
    .refuses(&[409]);

pub(super) async fn show(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let turn = Arc::clone(&api.verification).try_lock_owned().map_err(|_| {
        let detail = "the audit is being verified for somebody else";
        Problem::new(StatusCode::CONFLICT, "verification_under_way", detail, "ask again when that is done")
    })?;
    // Anchors first: what is written meanwhile comes behind them.
    let (anchors, lanes_elsewhere) = api.node.house().anchors().await.map_err(|error| unavailable(&error))?;
    let house = api.node.house().clone();
    let read = tokio::task::spawn_blocking(move || {
        // Also when whoever has asked does not wait any more.
        let _turn = turn;
        verify(house.audit_directory(), &house.chain_key(), &anchors)
    });
    let lanes = read.await.map_err(|_| Problem::internal())?.map_err(|error| unreadable(&error))?;
    let intact = lanes.iter().all(|lane| lane.finding.is_none());
    Ok(json(StatusCode::OK, &Verification { lanes, intact, lanes_elsewhere }))
}
