//! The one place where a refusal becomes HTTP: `application/problem+json` (RFC 9457) with a stable `code`, and the header `Sortie-Error`, by which a caller tells our
//! refusal from an upstream's answer.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use sortie_callout::{ForwardError, Refused, Turn};

/// A refusal, ready to be written.
pub(crate) type Problem = Response<Bytes>;

/// The header that names the code of a refusal.
const SORTIE_ERROR: HeaderName = HeaderName::from_static("sortie-error");

/// Why a request is refused before it is a callout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRequest {
    /// The framing could be read in two ways.
    #[error("the request's framing is ambiguous: {0}")]
    Framing(&'static str),
    /// `CONNECT`, `TRACE`, or something that is no method.
    #[error("this method is not forwarded")]
    Method,
    /// Not a path below `/callout/`.
    #[error("there is nothing at this path; callouts are at /callout/Name/path")]
    NotACallout,
    /// The target cannot be read.
    #[error("the target must be a path, such as /callout/Name/path")]
    Target,
    /// No key, or one that is not good. The caller is not told what is wrong with it: that would help whoever guesses.
    #[error("a valid API key is needed, as `Proxy-Authorization: Bearer sortie_…` or `Authorization: Bearer sortie_…`")]
    Unauthenticated(Doubt),
    /// The key cannot be told.
    #[error("the API key is given twice")]
    KeyTwice,
    /// An expectation that we do not meet.
    #[error("only `Expect: 100-continue` is understood")]
    Expectation,
    /// The node has no root key.
    #[error("the node is sealed")]
    Sealed,
    /// Callers cannot be looked up.
    #[error("the database cannot be reached")]
    StoreUnavailable,
}

/// What is wrong with an API key: for the audit, never for the caller (AUTH-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// There is none.
    NoKey,
    /// It was never one of ours, or it is mistyped.
    NotAKey,
    /// It looks like one of ours, and is none.
    UnknownKey,
    /// There is such a key, with another secret.
    WrongSecret,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// Its user is switched off.
    InactiveUser,
}

impl Doubt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::NotAKey => "not_a_key",
            Self::UnknownKey => "unknown_key",
            Self::WrongSecret => "wrong_secret",
            Self::Expired => "key_expired",
            Self::Revoked => "key_revoked",
            Self::InactiveUser => "user_inactive",
        }
    }
}

impl BadRequest {
    /// The private reason beside the public code.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Unauthenticated(doubt) => doubt.as_str(),
            other => other.code(),
        }
    }

    /// The stable code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Framing(_) => "framing_invalid",
            Self::Method => "method_not_allowed",
            Self::NotACallout => "not_found",
            Self::Target => "target_invalid",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::KeyTwice => "header_invalid",
            Self::Expectation => "expectation_failed",
            Self::Sealed => "sealed",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Framing(_) | Self::Target | Self::KeyTwice => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotACallout => StatusCode::NOT_FOUND,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Sealed | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::Framing(_) => "send one Host, and either Content-Length or `Transfer-Encoding: chunked`",
            Self::Method => "use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS",
            Self::NotACallout | Self::Target => "request /callout/Name/path?query",
            Self::Unauthenticated(_) => "ask an admin for a key: sortie key create --user NAME",
            Self::KeyTwice => "send it once",
            Self::Expectation => "leave the Expect header out",
            Self::Sealed => "the operator must provide the root key",
            Self::StoreUnavailable => "try again; the operator must bring the database back",
        }
    }

    /// As HTTP. Framing trouble also ends the connection, since nobody knows where the next request begins.
    pub(super) fn into_problem(self) -> Problem {
        let mut problem = problem(self.status(), self.code(), &self.to_string(), self.next_step(), None);
        if matches!(self, Self::Unauthenticated(_)) {
            problem.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self, Self::Framing(_)) {
            problem.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        problem
    }
}

/// A refused callout as HTTP.
pub(crate) fn refused(refused: &Refused, callout: Option<&str>) -> Problem {
    let (status, detail) = in_words(refused);
    problem(status, refused.code(), &detail, refused.next_step(), callout)
}

/// Status and public words of a refused callout.
pub(crate) fn in_words(refused: &Refused) -> (StatusCode, String) {
    // The caller learns what is wrong with their own request, and else only whose turn it is: nothing about upstreams, providers or addresses.
    let detail = match refused {
        Refused::Target(_)
        | Refused::Request(_)
        | Refused::NotPermitted { .. }
        | Refused::Disabled
        | Refused::NotPresignable
        | Refused::Audit(_) => refused.to_string(),
        Refused::Upstream(ForwardError::FormulaWithheld | ForwardError::Body(_)) => refused.to_string(),
        Refused::Credential(_) | Refused::Setting(_) => "the credential of this name cannot be used at the moment".to_owned(),
        Refused::ClientCertificate(_)
        | Refused::Upstream(ForwardError::ClientCertificateRequired | ForwardError::ClientCertificateRefused(_)) => {
            "the service behind this name wants to know who calls, and what this name shows it will not do".to_owned()
        }
        Refused::Upstream(_) => "the service behind this name did not answer as it should".to_owned(),
    };
    (status_of(refused), detail)
}

fn status_of(refused: &Refused) -> StatusCode {
    match refused.code() {
        "formula_body_too_large" | "signed_body_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        // The caller's own formula, or one of a definition.
        code if code.starts_with("formula_") && refused.turn() == Turn::Caller => StatusCode::BAD_REQUEST,
        code if code.starts_with("formula_") => StatusCode::FAILED_DEPENDENCY,
        "target_invalid" | "header_invalid" | "body_malformed" | "caller_aborted" => StatusCode::BAD_REQUEST,
        "not_permitted" | "callout_disabled" | "not_presignable" | "egress_denied" => StatusCode::FORBIDDEN,
        // RFC 4918, section 11.4: the callout depends on something that an admin or a user has to do first.
        "credential_not_configured"
        | "credential_misconfigured"
        | "needs_authentication"
        | "client_certificate_not_usable"
        | "client_certificate_expired" => StatusCode::FAILED_DEPENDENCY,
        "audit_unavailable"
        | "store_unavailable"
        | "sealed"
        | "token_endpoint_unavailable"
        | "client_certificate_key_unusable"
        | "held_bodies_full"
        | "definition_changed" => StatusCode::SERVICE_UNAVAILABLE,
        "token_refused"
        | "token_answer_malformed"
        | "upstream_unreachable"
        | "upstream_tls"
        | "upstream_protocol"
        | "client_certificate_required"
        | "client_certificate_refused" => StatusCode::BAD_GATEWAY,
        "token_endpoint_timeout" | "upstream_timeout" => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem.
pub(crate) fn problem(status: StatusCode, code: &'static str, detail: &str, next_step: &str, callout: Option<&str>) -> Problem {
    let mut body = serde_json::json!({ "status": status.as_u16(), "code": code, "detail": detail, "next": next_step });
    if let (Some(callout), Some(members)) = (callout, body.as_object_mut()) {
        members.insert("callout".to_owned(), callout.into());
    }
    let mut response = Response::new(Bytes::from(format!("{body}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(SORTIE_ERROR, HeaderValue::from_static(code));
    response
}

#[cfg(test)]
mod tests {
    use sortie_callout::Denial;

    use super::*;

    #[test]
    fn unknown_and_forbidden_names_look_the_same() {
        // AZ-02 of the attack catalogue.
        let problems = [Denial::UnknownName, Denial::NoPrincipal].map(|reason| refused(&Refused::NotPermitted { reason }, None));
        assert_eq!(problems[0].body(), problems[1].body());
        assert_eq!(problems[0].status(), problems[1].status());
    }

    #[test]
    fn an_error_reveals_no_address() {
        // LEAK-06 of the attack catalogue.
        let problem = refused(&Refused::Upstream(ForwardError::Unreachable("10.1.2.3:443 refused".to_owned())), Some("core-0-1"));
        let body = String::from_utf8_lossy(problem.body()).into_owned();
        assert!(!body.contains("10.1.2.3"), "{body}");
        assert_eq!(problem.headers()[SORTIE_ERROR], "upstream_unreachable");
    }
}
