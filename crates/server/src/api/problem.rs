//! A refusal, in the words of whoever is asked: RFC 9457 below `/api/v1`, the list of Salesforce's REST API below `/services/data`.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::json::{Fault, FaultKind};
use super::mount::{Mount, MountKind};

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    /// Stable.
    code: &'static str,
    detail: String,
    next_step: String,
    /// `errorCode`, where it is not the usual one of the status.
    error_code: Option<&'static str>,
    faults: Vec<Fault>,
    /// In how many seconds it may be asked again.
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        let (detail, next_step) = (detail.into(), next_step.into());
        Self(Arc::new(Inner { status, code, detail, next_step, error_code: None, faults: Vec::new(), retry_after: None }))
    }

    /// The same under another `errorCode`.
    pub(super) fn called(self, error_code: &'static str) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { error_code: Some(error_code), ..inner }))
    }

    /// The same with the seconds after which it may be asked again.
    pub(super) fn after(self, seconds: u64) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { retry_after: Some(seconds), ..inner }))
    }

    pub(super) fn unauthenticated() -> Self {
        let (detail, next_step) =
            ("a valid API key is needed, as `Authorization: Bearer sortie_…`", "ask an admin for a key: sortie key create --user NAME");
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail, next_step)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path", "look at the documentation of the API")
    }

    pub(super) fn malformed(detail: &str) -> Self {
        let next_step = "send a JSON object with Content-Type: application/json";
        Self::new(StatusCode::BAD_REQUEST, "request_malformed", detail, next_step).called("POST_BODY_PARSE_ERROR")
    }

    /// A body in which something is wrong.
    pub(super) fn of_faults(faults: Vec<Fault>) -> Self {
        let has_shape = faults.iter().any(|fault| fault.kind == FaultKind::Shape);
        let code = if has_shape { "request_malformed" } else { "request_invalid" };
        let problem = Self::new(StatusCode::BAD_REQUEST, code, "the body is refused", "correct what `errors` lists; nothing was changed");
        Self(Arc::new(Inner { faults, ..Arc::unwrap_or_clone(problem.0) }))
    }

    /// Something that can be asked of a program only.
    pub(super) fn internal() -> Self {
        let next_step = "try again; tell the operator the request id if it fails again";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "something went wrong here", next_step)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.0.status == StatusCode::NOT_FOUND
    }

    /// As it is sent.
    pub(super) fn render(&self, mount: Mount, request_id: &str) -> Response {
        let Inner { status, code, detail, next_step, error_code: _, faults, retry_after } = &*self.0;
        let (media_type, body) = match mount.kind {
            MountKind::Salesforce => ("application/json;charset=UTF-8", self.salesforce()),
            MountKind::Own => {
                let mut body =
                    json!({ "status": status.as_u16(), "code": code, "detail": detail, "next": next_step, "request_id": request_id });
                if !faults.is_empty() {
                    body["errors"] = faults
                        .iter()
                        .map(|fault| json!({ "pointer": fault.pointer, "code": fault.rule, "detail": fault.message }))
                        .collect();
                }
                ("application/problem+json", body)
            }
        };
        let mut response = Response::new(Body::from(format!("{body}\n")));
        *response.status_mut() = *status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response.headers_mut().insert("sortie-error", HeaderValue::from_static(code));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        if *status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn salesforce(&self) -> Value {
        let Inner { status, code: _, detail, next_step: _, error_code, faults, retry_after: _ } = &*self.0;
        if !faults.is_empty() {
            return faults
                .iter()
                .map(|fault| {
                    let code = if fault.kind == FaultKind::Shape { "POST_BODY_PARSE_ERROR" } else { "INVALID_API_INPUT" };
                    let place = if fault.pointer.is_empty() { "the body" } else { &fault.pointer };
                    let message =
                        if fault.kind == FaultKind::Sentence { fault.message.clone() } else { format!("{place} {}", fault.message) };
                    json!({ "errorCode": error_code.unwrap_or(code), "message": message, "fields": [fault.pointer] })
                })
                .collect();
        }
        // What its clients look for.
        let message = if *status == StatusCode::UNAUTHORIZED { "Session expired or invalid" } else { detail };
        json!([{ "errorCode": error_code.unwrap_or(usual(*status)), "message": message }])
    }
}

/// The `errorCode` of a status: those that are known of the REST API, and for the rest words in their style.
fn usual(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "INVALID_API_INPUT",
        401 => "INVALID_SESSION_ID",
        403 => "INSUFFICIENT_ACCESS",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        406 => "NOT_ACCEPTABLE",
        409 => "CONFLICT",
        410 => "GONE",
        412 => "PRECONDITION_FAILED",
        413 => "REQUEST_ENTITY_TOO_LARGE",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        424 => "FUNCTIONALITY_NOT_ENABLED",
        429 | 503 => "REQUEST_LIMIT_EXCEEDED",
        _ => "UNKNOWN_EXCEPTION",
    }
}

impl From<sortie_callout::Refused> for Problem {
    fn from(refused: sortie_callout::Refused) -> Self {
        let (status, detail) = crate::gateway::respond::in_words(&refused);
        Self::new(status, refused.code(), detail, refused.next_step())
    }
}

impl IntoResponse for Problem {
    /// Who is asked is known further out, where [`Problem::render`] writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
