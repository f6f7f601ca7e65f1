//! The management API: what programs ask for with a key, on the listener for people and operators. JSON in, JSON out; a refusal is a problem of RFC 9457 with the
//! stable codes that callouts have.

mod caller;
mod presign;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderValue, StatusCode, header};

use crate::gateway::respond;
use crate::node::Node;

/// 64 KiB: more than any request is long.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Everything below `/api/v1`.
pub(crate) fn router(node: Node) -> Router {
    Router::new()
        .route("/presign", post(presign::presign))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path", "look at the documentation of the API")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path takes no such method", "use POST")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(node)
}

/// A refusal.
pub(crate) struct Problem(Box<http::Response<bytes::Bytes>>);

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: &str, next_step: &str) -> Self {
        Self(Box::new(respond::problem(status, code, detail, next_step, None)))
    }

    fn unauthenticated() -> Self {
        let (detail, next_step) =
            ("a valid API key is needed, as `Authorization: Bearer sortie_…`", "ask an admin for a key: sortie key create --user NAME");
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail, next_step);
        problem.0.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        problem
    }

    fn malformed(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request_malformed", detail, "send a JSON object with Content-Type: application/json")
    }
}

impl From<sortie_callout::Refused> for Problem {
    fn from(refused: sortie_callout::Refused) -> Self {
        Self(Box::new(respond::refused(&refused, None)))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        not_kept(self.0.map(axum::body::Body::from))
    }
}

/// Nothing of an answer is kept on its way.
fn not_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A JSON answer.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    not_kept((status, axum::Json(value)).into_response())
}
