//! The audit of this node, oldest first, in pages.
//!
//! A cursor is how far each of the audit's files has been read. It is not signed: whoever has one may read all of them, and what it says is checked against what is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::pages::{AFTER, LIMIT, Page, parameter, wrong};
use crate::api::document::{Needed, Operation, Query as Parameter, Schema, Tag};
use crate::api::{Api, Problem, json};
use crate::audit::{Line, ReadAuditError, files, last_lines, read_some};

#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
struct Listed {
    /// As they stand in the file.
    #[schema(value_type = Vec<serde_json::Map<String, serde_json::Value>>)]
    records: Vec<Box<RawValue>>,
    /// Where it goes on, now or when there is more.
    next: String,
}

const QUERY: &[Parameter] = &[
    LIMIT,
    AFTER,
    Parameter {
        name: "from",
        needed: Needed::IfWanted,
        schema: || Schema::word(["start", "end"]).usually("end"),
        description: "Where to begin, without `after`.",
    },
];

/// By file name.
type Positions = BTreeMap<String, u64>;

pub(super) const LIST: Operation = Operation::new("listAudit", Tag::Audit, "Show records of the audit")
    .describe("The last ones of this node, or from the beginning; oldest first.")
    .query(QUERY)
    .gives::<Listed>(200);

/// Without a cursor: the last ones, or from the beginning with `from=start`.
pub(super) async fn list(State(api): State<Arc<Api>>, Query(query): Query<Vec<(String, String)>>) -> Result<Response, Problem> {
    let page = Page::of_query(&query)?;
    let directory = api.node.house().audit_directory().to_owned();
    let is_from_start = match parameter(&query, "from") {
        None | Some("end") => false,
        Some("start") => true,
        Some(_) => return Err(wrong("from", "must be start or end")),
    };
    let limit = page.limit as usize;
    let cursor = page.after.as_deref().map(decoded).transpose()?;
    // Files are read on a thread that others do not wait for.
    let read = tokio::task::spawn_blocking(move || match cursor {
        Some(positions) => following(&directory, positions, limit),
        None if is_from_start => following(&directory, Positions::new(), limit),
        None => newest(&directory, limit),
    });
    let (lines, positions) = read.await.map_err(|_| Problem::internal())?.map_err(|error| unreadable(&error))?;
    let records = lines.into_iter().filter_map(|line| RawValue::from_string(line.text).ok()).collect();
    let next = format!("/api/v1/audit?limit={limit}&after={}", encoded(&positions));
    Ok(json(StatusCode::OK, &Listed { records, next }))
}

pub(super) fn unreadable(error: &ReadAuditError) -> Problem {
    tracing::error!("the audit cannot be read: {error}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", "the audit cannot be read now", "the operator must look at the log")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn newest(directory: &Path, limit: usize) -> Result<(Vec<Line>, Positions), ReadAuditError> {
    let (lines, positions) = last_lines(directory, limit)?;
    Ok((lines, positions.into_iter().map(|(path, position)| (name_of(&path), position)).collect()))
}

/// The next records of all files together. A file that a cursor does not name is read from its beginning: it is new.
fn following(directory: &Path, mut positions: Positions, limit: usize) -> Result<(Vec<Line>, Positions), ReadAuditError> {
    let known: Vec<PathBuf> = files(directory)?;
    positions.retain(|name, _| known.iter().any(|path| name_of(path) == *name));
    let mut found: Vec<(String, u64, Line)> = Vec::new();
    for path in &known {
        let name = name_of(path);
        let position = *positions.entry(name.clone()).or_insert(0);
        let mut latest = String::new();
        for (end, mut line) in read_some(path, position, limit)? {
            // A change is recorded when it is committed, with the moment at which it began.
            latest = latest.max(std::mem::take(&mut line.at));
            line.at.clone_from(&latest);
            found.push((name.clone(), end, line));
        }
    }
    // Stable: within a file the order stays, since each counts as no earlier than the one before it.
    found.sort_by(|one, other| one.2.at.cmp(&other.2.at));
    found.truncate(limit);
    let mut lines = Vec::with_capacity(found.len());
    for (name, end, line) in found {
        positions.insert(name, end);
        lines.push(line);
    }
    Ok((lines, positions))
}

fn encoded(positions: &Positions) -> String {
    let text: Vec<String> = positions.iter().map(|(name, position)| format!("{name}:{position}")).collect();
    URL_SAFE_NO_PAD.encode(text.join("\n"))
}

fn decoded(cursor: &str) -> Result<Positions, Problem> {
    let invalid = || wrong("after", "must be what `next` says");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let text = String::from_utf8(bytes).map_err(|_| invalid())?;
    let position = |line: &str| {
        let (name, position) = line.rsplit_once(':')?;
        // No file is longer than that.
        let position = position.parse().ok().filter(|position| i64::try_from(*position).is_ok())?;
        Some((name.to_owned(), position))
    };
    text.lines().map(|line| position(line).ok_or_else(invalid)).collect()
}
