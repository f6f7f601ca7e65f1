//! What says that something is as it was: for `ETag` and `If-Match`.
//!
//! It is made of the definition that PUT replaces, not of the answer: the answer also holds what follows from other things, such as a status. Both mounts and all
//! versions have the same one.

use std::fmt::Debug;

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::Response;
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::api::Problem;

/// A version of something stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Etag(String);

impl Etag {
    /// Of everything that the thing consists of. Nothing secret is in it.
    pub(in crate::api) fn of(thing: &impl Debug) -> Self {
        let hash = digest(&SHA256, format!("{thing:?}").as_bytes());
        let hex: String = hash.as_ref()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("\"{hex}\""))
    }

    /// Puts it on an answer.
    pub(in crate::api) fn on(&self, mut response: Response) -> Response {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(ETAG, value);
        }
        response
    }

    /// Refuses a change by somebody who has seen another version (RFC 9110, section 13.1.1). Who does not say what they have seen changes what is there.
    pub(in crate::api) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut wanted = headers.get_all(IF_MATCH).iter().peekable();
        if wanted.peek().is_none() {
            return Ok(());
        }
        let is_it = |text: &str| matches!(text.trim(), "*") || text.trim() == self.0;
        if wanted.any(|value| value.to_str().is_ok_and(|text| text.split(',').any(is_it))) {
            return Ok(());
        }
        Err(changed())
    }
}

/// Somebody else was faster.
pub(in crate::api) fn changed() -> Problem {
    let detail = "it has changed since it was read";
    Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail, "read it again, and decide anew")
}
