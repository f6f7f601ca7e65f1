//! The token endpoint: one question, one answer (RFC 6749, sections 5.1 and 5.2), read leniently and judged clearly.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use sortie_model::{Secret, SecretBytes, ServiceUrl};

use super::form::Form;
use super::said::{Confidential, presentable};
use crate::{Answer, Ask, Grant, ObtainError, ProviderError, World};

/// 16 KiB: larger than any token in use, and small enough for a header line.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// 64 KiB: tokens of 16 KiB each, and room around them.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// How much is shown of an answer that is no OAuth error.
const SHOWN_CHARACTERS: usize = 300;

/// One hour: the longest that a provider may send us away with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// What a token endpoint gives.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token and its scope, with its lifetime.
    pub grant: Grant,
    /// What the next one is asked for with (RFC 6749, section 6).
    pub refresh_token: Option<Secret>,
    /// Who the user is, signed (OpenID Connect Core 1.0, section 2).
    pub id_token: Option<Secret>,
}

/// Posts a form and reads the access token in the answer. `confidential` are the values that must not be shown even if the provider echoes them.
///
/// # Errors
/// All of [`ObtainError`], by what the endpoint did.
pub async fn request(
    world: &dyn World,
    url: ServiceUrl,
    headers: HeaderMap,
    form: Form,
    confidential: &[&Secret],
) -> Result<Grant, ObtainError> {
    // A client that is its own user has no use for a refresh token (RFC 6749, section 4.4.3).
    request_all(world, url, headers, form, confidential).await.map(|tokens| tokens.grant)
}

/// The same with all tokens in the answer.
///
/// # Errors
/// All of [`ObtainError`], by what the endpoint did.
pub async fn request_all(
    world: &dyn World,
    url: ServiceUrl,
    mut headers: HeaderMap,
    form: Form,
    confidential: &[&Secret],
) -> Result<Tokens, ObtainError> {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let confidential = Confidential::new(confidential, &headers);
    let answer = world.ask(Ask { method: Method::POST, url, headers, body: form.into_body() }).await?;
    read(&answer, &confidential)
}

/// Asks for JSON with JSON, of a service that answers as a token endpoint does: with what was asked for, or with `error`.
///
/// # Errors
/// All of [`ObtainError`], by what the service did.
pub(super) async fn ask_json(
    world: &dyn World,
    url: ServiceUrl,
    mut headers: HeaderMap,
    body: SecretBytes,
    confidential: &[&Secret],
) -> Result<Value, ObtainError> {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let confidential = Confidential::new(confidential, &headers);
    let answer = world.ask(Ask { method: Method::POST, url, headers, body }).await?;
    if answer.body.len() > MAX_JSON_BYTES {
        return Err(ObtainError::Malformed { what: "an answer of at most 64 KiB" });
    }
    judge(&answer, &confidential)
}

fn read(answer: &Answer, confidential: &Confidential) -> Result<Tokens, ObtainError> {
    tokens(&judge(answer, confidential)?)
}

/// The tokens of a good answer.
///
/// # Errors
/// [`ObtainError::Malformed`].
pub(super) fn tokens(body: &Value) -> Result<Tokens, ObtainError> {
    Ok(Tokens { grant: read_token(body)?, refresh_token: read_other(body, "refresh_token")?, id_token: read_other(body, "id_token")? })
}

/// The body of a good answer.
fn judge(answer: &Answer, confidential: &Confidential) -> Result<Value, ObtainError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    // A 200 with `error` is an error too: some providers answer so (TOK-05).
    if let Some(error) = body.get("error").and_then(Value::as_str) {
        return Err(refusal(answer, error, body.get("error_description").and_then(Value::as_str), confidential));
    }
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => Ok(body),
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => Err(unavailable(answer)),
        // Redirects are never followed: the client secret would go elsewhere (RDR-08).
        status if status.is_redirection() => Err(ObtainError::WrongConfiguration {
            field: "token_endpoint",
            problem: format!("answers with a redirect (status {}), which is not followed", status.as_u16()),
        }),
        // Bad clients get 400, 401 or 403 in many shapes, also without a body.
        status => Err(ObtainError::Refused(ProviderError {
            error: format!("status_{}", status.as_u16()),
            description: beginning(&answer.body, confidential),
        })),
    }
}

fn refusal(answer: &Answer, error: &str, description: Option<&str>, confidential: &Confidential) -> ObtainError {
    let description = description.and_then(|text| presentable(text, 200, confidential));
    match error {
        // RFC 6749, section 5.2: the grant or refresh token is invalid, expired or revoked.
        "invalid_grant" => ObtainError::InvalidGrant(ProviderError { error: error.to_owned(), description }),
        "temporarily_unavailable" | "server_error" | "slow_down" => unavailable(answer),
        _ if answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error() => unavailable(answer),
        _ => ObtainError::Refused(ProviderError {
            error: presentable(error, 60, confidential).unwrap_or_else(|| "an unprintable error".to_owned()),
            description,
        }),
    }
}

fn unavailable(answer: &Answer) -> ObtainError {
    // RFC 9110, section 10.2.3; the date form is rare at token endpoints and counts as absent.
    let retry_after = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    ObtainError::Unavailable {
        status: Some(answer.status.as_u16()),
        retry_after: retry_after.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER)),
    }
}

/// The beginning of what a provider says that does not speak OAuth, on one line and without tags. Nothing that could be a token is in it: what looks like
/// one becomes `***`.
fn beginning(body: &[u8], confidential: &Confidential) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if confidential.is_in(&text) {
        return None;
    }
    let mut is_tag = false;
    let plain = text.chars().map(|character| {
        let is_end = is_tag && character == '>';
        is_tag = character == '<' || (is_tag && !is_end);
        if is_tag || is_end || !(character.is_ascii_graphic()) { ' ' } else { character }
    });
    let plain: String = plain.collect();
    let words = plain.split_whitespace().map(|word| if looks_like_a_token(word) { "***" } else { word });
    let shown: String = words.collect::<Vec<_>>().join(" ").chars().take(SHOWN_CHARACTERS).collect();
    Some(shown).filter(|shown| !shown.is_empty())
}

/// Twenty letters and digits without a pause: no word of any language, and shorter than any token that is worth its name.
fn looks_like_a_token(word: &str) -> bool {
    word.split(|character: char| !(character.is_ascii_alphanumeric() || "-_+/=~%".contains(character))).any(|run| run.len() >= 20)
}

fn read_token(body: &Value) -> Result<Grant, ObtainError> {
    let token =
        body.get("access_token").and_then(Value::as_str).ok_or(ObtainError::Malformed { what: "a JSON object with `access_token`" })?;
    // A token goes into a header: RFC 6750, section 2.1 allows visible ASCII only (TOK-15).
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| (0x21..=0x7E).contains(&byte)) {
        return Err(ObtainError::Malformed { what: "an `access_token` of 1 to 16,384 visible ASCII characters" });
    }
    // Section 5.1 requires token_type, and compares it without regard to case; some servers leave it out.
    if body.get("token_type").is_some_and(|kind| !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))) {
        return Err(ObtainError::Malformed { what: "a `token_type` of `Bearer`" });
    }
    let mut parts = crate::Values::from([("access_token".to_owned(), Secret::new(token))]);
    if let Some(scope) = body.get("scope").and_then(Value::as_str) {
        parts.insert("scope".to_owned(), Secret::new(scope));
    }
    Ok(Grant { parts, lifetime: lifetime(body)? })
}

/// A token that goes nowhere but back to the provider, or is only read.
fn read_other(body: &Value, name: &str) -> Result<Option<Secret>, ObtainError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        // RFC 6749, appendix A.17: 1*VSCHAR, which is visible ASCII and the space.
        Some(Value::String(text)) if text.len() <= MAX_TOKEN_BYTES && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte)) => {
            Ok(Some(Secret::new(text.as_str())))
        }
        Some(_) => Err(ObtainError::Malformed { what: "tokens of 1 to 16,384 visible ASCII characters" }),
    }
}

/// Seconds until the token dies, counted from receipt (section 5.1). Some servers send them as text (TOK-02).
fn lifetime(body: &Value) -> Result<Option<Duration>, ObtainError> {
    let wrong = ObtainError::Malformed { what: "an `expires_in` in seconds" };
    let seconds = match body.get("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match seconds {
        // Zero and less: good for the callout at hand, and for no other.
        Some(seconds) if seconds.is_finite() => Ok(Some(Duration::from_secs_f64(seconds.clamp(0.0, 10.0 * 365.0 * 86_400.0)))),
        _ => Err(wrong),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    #[test]
    fn answers_are_read_as_group_tok_says() {
        let lifetime = |body: &str| {
            let answer = answer(200, body);
            read(&answer, &Confidential::default()).map(|tokens| tokens.grant.lifetime)
        };
        assert_eq!(lifetime(r#"{"access_token":"t"}"#), Ok(None)); // TOK-01
        assert_eq!(lifetime(r#"{"access_token":"t","expires_in":0}"#), Ok(Some(Duration::ZERO))); // TOK-02
        assert_eq!(lifetime(r#"{"access_token":"t","expires_in":-5}"#), Ok(Some(Duration::ZERO))); // TOK-02
        assert_eq!(lifetime(r#"{"access_token":"t","expires_in":"3600"}"#), Ok(Some(Duration::from_secs(3600)))); // TOK-02
        assert_eq!(lifetime(r#"{"access_token":"t","token_type":"BEARER","expires_in":3}"#), Ok(Some(Duration::from_secs(3)))); // TOK-03, TOK-06
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(100 * 1024));
        for malformed in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"access_token":5}"#,                      // TOK-04
            r#"{"access_token":"t","token_type":"mac"}"#, // TOK-06
            r#"{"access_token":"a\r\nb"}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\u0000"}"#,
            r#"{"access_token":"é"}"#,
            &long, // TOK-15
            r#"{"access_token":"t","expires_in":[1]}"#,
            r#"{"access_token":"t","expires_in":"soon"}"#,
        ] {
            assert!(matches!(read(&answer(200, malformed), &Confidential::default()), Err(ObtainError::Malformed { .. })), "{malformed}");
        }
    }

    #[test]
    fn refusals_are_sorted_by_whose_turn_it_is() {
        let code = |status, body: &str| read(&answer(status, body), &Confidential::default()).unwrap_err().code();
        assert_eq!(code(200, r#"{"error":"invalid_client"}"#), "token_refused"); // TOK-05
        assert_eq!(code(400, r#"{"error":"invalid_grant"}"#), "needs_authentication"); // TOK-13
        for error in ["invalid_client", "unauthorized_client", "invalid_scope"] {
            assert_eq!(code(401, &format!(r#"{{"error":"{error}"}}"#)), "token_refused"); // TOK-14
        }
        assert_eq!(code(403, ""), "token_refused");
        assert_eq!(code(302, ""), "credential_misconfigured"); // RDR-08
        for status in [429, 500, 503] {
            assert_eq!(code(status, "<html>"), "token_endpoint_unavailable");
        }
    }

    #[test]
    fn an_echoed_secret_is_not_shown() {
        // TOK-16 of the attack catalogue. Base64 made with coreutils: printf '%s' 'client:SECRET%2Bc' | base64
        let secret = Secret::new("SECRET+c");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Basic Y2xpZW50OlNFQ1JFVCUyQmM="))]);
        let confidential = Confidential::new(&[&secret], &headers);
        for echo in ["bad secret SECRET+c", "client_secret=SECRET%2Bc&x", "got Basic Y2xpZW50OlNFQ1JFVCUyQmM="] {
            let body = serde_json::json!({ "error": "invalid_client", "error_description": echo }).to_string();
            let error = read(&answer(401, &body), &confidential).unwrap_err();
            assert_eq!(error, ObtainError::Refused(said("invalid_client")), "{echo}");
            let body = serde_json::json!({ "error": echo }).to_string();
            let error = read(&answer(401, &body), &confidential).unwrap_err();
            assert_eq!(error, ObtainError::Refused(said("an unprintable error")), "{echo}");
            let error = read(&answer(400, &format!("<p>{echo}</p>")), &confidential).unwrap_err();
            assert_eq!(error, ObtainError::Refused(said("status_400")), "{echo}");
        }
    }

    #[test]
    fn the_beginning_of_what_is_no_oauth_error_is_shown_without_what_may_be_a_token() {
        let shown = |body: &str| match read(&answer(403, body), &Confidential::default()).unwrap_err() {
            ObtainError::Refused(ProviderError { error, description }) => {
                assert_eq!(error, "status_403");
                description
            }
            other => panic!("{other}"),
        };
        for (body, expected) in [
            ("", None),
            (" \n\t", None),
            (
                "<html><head><title>Access Denied</title></head>\n<body>Reference #18.5f</body></html>",
                Some("Access Denied Reference #18.5f"),
            ),
            (r#"{"code": 1002, "message": "no such tenant"}"#, Some(r#"{"code": 1002, "message": "no such tenant"}"#)),
            // A token under another name than ours.
            (r#"{"accessToken": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "ok": 1}"#, Some(r#"{"accessToken": *** "ok": 1}"#)),
            (r#"{"token":"0123456789abcdef0123456789abcdef"}"#, Some("***")),
            ("caf\u{e9} \u{1b}[31mred\u{0}", Some("caf [31mred")),
        ] {
            assert_eq!(shown(body).as_deref(), expected, "{body}");
        }
        assert_eq!(shown(&"no ".repeat(1000)).map(|text| text.len()), Some(300));
    }

    fn said(error: &str) -> ProviderError {
        ProviderError { error: error.to_owned(), description: None }
    }

    #[test]
    fn retry_after_is_kept_within_an_hour() {
        let mut busy = answer(429, "");
        busy.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("99999"));
        assert_eq!(
            read(&busy, &Confidential::default()).unwrap_err(),
            ObtainError::Unavailable { status: Some(429), retry_after: Some(MAX_RETRY_AFTER) }
        );
    }
}
