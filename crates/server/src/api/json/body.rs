//! The body of a request.

use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::{At, Fault, FaultKind, Node, Reader};
use crate::api::Problem;

/// A body that is JSON.
pub(in crate::api) struct Body(Node);

impl Body {
    /// Reads it whole, or says all that is wrong with it.
    pub(in crate::api) fn read<T>(&self, version: u16, read: impl FnOnce(&mut Reader, &At<'_>) -> Option<T>) -> Result<T, Problem> {
        let mut reader = Reader::new(version);
        let read = read(&mut reader, &At { node: &self.0, pointer: String::new() });
        reader.finish(read).map_err(Problem::of_faults)
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let next_step = "send JSON with Content-Type: application/json";
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media_type_unsupported",
                "the body is not JSON in UTF-8",
                next_step,
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.into_response().status();
            let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "body_too_large" } else { "request_malformed" };
            Problem::new(status, code, "the body cannot be read, or is too large", "send less")
        })?;
        // The words of serde's parser hold places, never content.
        let node = serde_json::from_slice(&bytes).map_err(|error| {
            let fault = Fault { pointer: String::new(), kind: FaultKind::Shape, rule: "syntax", message: format!("is no JSON: {error}") };
            Problem::of_faults(vec![fault])
        })?;
        Ok(Self(node))
    }
}

/// API-15: nothing else that a browser's form could send, and no other coding of its characters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let text = first.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    parts.next() == Some("application/json")
        && parts.all(|parameter| parameter.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"))
}
