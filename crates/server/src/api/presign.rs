//! A URL that anybody can use for a while: `POST /api/v1/presign`, under the same permissions as a callout of the key's user and recorded in the audit before.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use sortie_callout::{Presigned, Presigning};

use super::caller::ApiCaller;
use super::{Api, Problem, json};

/// Seven days, as far as AWS goes (AWS Signature Version 4, "Query parameters": `X-Amz-Expires`).
const MOST_SECONDS: u64 = 7 * 86_400;

/// What is to be presigned.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// `callout:Name/path?query`.
    target: String,
    /// How it will be sent; `GET` if left out.
    method: Option<String>,
    /// For how long it is good; 15 minutes if left out.
    expires_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    url: &'a str,
    /// RFC 3339.
    expires_at: String,
}

pub(super) async fn presign(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Request { target, method, expires_seconds }) = request.map_err(|rejection| Problem::malformed(&rejection.body_text()))?;
    let method =
        Method::from_bytes(method.as_deref().unwrap_or("GET").as_bytes()).map_err(|_| Problem::malformed("`method` is no method"))?;
    let seconds = expires_seconds.unwrap_or(900);
    if !(1..=MOST_SECONDS).contains(&seconds) {
        return Err(Problem::malformed("`expires_seconds` must be a whole number from 1 to 604800"));
    }
    let actor = caller.actor();
    let presigning = Presigning { target: &target, method: &method, lifetime: Duration::from_secs(seconds) };
    let Presigned { url, expires_at } = api.node.presign(caller.user, &actor, presigning).await?;
    Ok(json(StatusCode::OK, &Answer { url: url.expose(), expires_at: expires_at.to_string() }))
}
