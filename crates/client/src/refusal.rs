//! What Sortie says when it refuses: the header `sortie-error`, and a problem of RFC 9457 or the list of Salesforce's REST API.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// A refusal by Sortie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The stable code, such as `not_permitted`.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub next_step: String,
    /// Everything that is wrong with the body of a request, where that is what is wrong.
    pub faults: Vec<Fault>,
    /// The id of the request, which is in the server's log.
    pub request_id: Option<String>,
    /// The id of the callout, which is in the audit.
    pub callout: Option<String>,
    /// How long to wait before trying again, where the server says so.
    pub retry_after: Option<Duration>,
}

/// One fault of a body.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901), such as `/principals/0/sequenceNumber`.
    pub pointer: String,
    /// The stable code of the rule.
    pub code: String,
    /// What is wrong, to be read behind the pointer.
    pub detail: String,
}

/// Long enough for a body with many faults; a refusal is never longer.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// The header by which a refusal is told from an upstream's answer.
const SORTIE_ERROR: &str = "sortie-error";

#[derive(Deserialize)]
struct Problem {
    detail: Option<String>,
    next: Option<String>,
    request_id: Option<String>,
    callout: Option<String>,
    #[serde(default)]
    errors: Vec<Fault>,
}

/// One of Salesforce's list.
#[derive(Deserialize)]
struct RestError {
    message: String,
}

impl Refusal {
    /// Whether an answer with these headers is one.
    pub(crate) fn is_told_by(headers: &HeaderMap) -> bool {
        headers.contains_key(SORTIE_ERROR)
    }

    /// Reads one. The header alone is enough: an answer to HEAD has no body, and one may be cut off.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let rest: Option<Vec<RestError>> = serde_json::from_slice(body).ok();
        let code = text(SORTIE_ERROR).unwrap_or_default();
        let rest_message = rest.map(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "));
        let Problem { detail, next, request_id, callout, errors } =
            problem.unwrap_or(Problem { detail: None, next: None, request_id: None, callout: None, errors: Vec::new() });
        Self {
            status: status.as_u16(),
            detail: detail.or(rest_message).unwrap_or_else(|| format!("refused with status {}", status.as_u16())),
            next_step: next.unwrap_or_else(|| format!("look up `{code}` in the documentation")),
            faults: errors,
            request_id: request_id.or_else(|| text("sortie-request-id")),
            callout,
            retry_after: headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs),
            code,
        }
    }

    /// Whether it may be otherwise later: the server or what it needs is not there at the moment.
    pub fn is_retryable(&self) -> bool {
        matches!(self.status, 429 | 502..=504) || self.code == "idempotency_under_way"
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)?;
        for (index, Fault { pointer, code: _, detail }) in self.faults.iter().enumerate() {
            let place = if pointer.is_empty() { "the body" } else { pointer };
            write!(formatter, "{} {place} {detail}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(code: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(SORTIE_ERROR), HeaderValue::from_static(code))])
    }

    #[test]
    fn a_problem_is_read_with_all_its_faults() {
        let body = br#"{"status":400,"code":"request_invalid","detail":"the body is refused","next":"correct it","request_id":"r1",
            "errors":[{"pointer":"/name","code":"required","detail":"is required"},{"pointer":"","code":"x","detail":"is odd"}]}"#;
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, &headers("request_invalid"), body);
        assert_eq!(refusal.to_string(), "the body is refused: /name is required; the body is odd");
        assert_eq!((refusal.code.as_str(), refusal.next_step.as_str()), ("request_invalid", "correct it"));
        assert_eq!(refusal.request_id.as_deref(), Some("r1"));
        assert!(!refusal.is_retryable());
    }

    #[test]
    fn salesforces_list_is_read_too() {
        let body = br#"[{"errorCode":"NOT_FOUND","message":"there is none"}]"#;
        let refusal = Refusal::read(StatusCode::NOT_FOUND, &headers("id_unknown"), body);
        assert_eq!((refusal.code.as_str(), refusal.detail.as_str()), ("id_unknown", "there is none"));
    }

    #[test]
    fn the_header_is_enough() {
        let mut headers = headers("upstream_unreachable");
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        let refusal = Refusal::read(StatusCode::BAD_GATEWAY, &headers, b"");
        assert_eq!((refusal.code.as_str(), refusal.retry_after), ("upstream_unreachable", Some(Duration::from_secs(7))));
        assert!(refusal.is_retryable());
    }
}
