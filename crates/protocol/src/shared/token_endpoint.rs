//! The token endpoint: one question, one answer (RFC 6749, sections 5.1 and 5.2), read leniently and judged clearly.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use sortie_model::{ErrorShape, Quirks, Secret, SecretBytes, ServiceUrl, TokenPlace};

use super::form::{self, Form};
use super::possession::{self, PossessionKey};
use super::said::{Confidential, presentable};
use crate::{Answer, Ask, Grant, ObtainError, ProviderError, World};

/// 16 KiB: larger than any token in use, and small enough for a header line.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// 64 KiB: tokens of 16 KiB each, and room around them.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// Microsoft's lists of scopes have several hundred characters.
const MAX_SCOPE_CHARACTERS: usize = 4096;

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

/// The `token_type` of a token that is bound to a key (RFC 9449, section 5).
const BOUND: &str = "dpop";

/// How one server departs from the standards in its answers.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    errors: ErrorShape,
    /// The member in which the tokens stand; else they stand at the top.
    member: Option<&'static str>,
    token_type: &'static str,
}

impl Dialect {
    /// RFC 6749, sections 5.1 and 5.2; RFC 6750.
    pub const STANDARD: Self = Self { errors: ErrorShape::Standard, member: None, token_type: "bearer" };

    /// In the answer to a code.
    pub const fn of_code(quirks: &Quirks) -> Self {
        match quirks.token_place {
            TokenPlace::Top => Self { errors: quirks.error_shape, ..Self::STANDARD },
            // Whatever stands at the top belongs to somebody else: the app's own token, not the user's.
            TokenPlace::AuthedUser => Self { errors: quirks.error_shape, member: Some("authed_user"), token_type: "user" },
        }
    }

    /// Where tokens are to be bound to a key.
    const fn bound(self) -> Self {
        Self { token_type: BOUND, ..self }
    }

    /// In the answer to a renewal.
    pub const fn of_renewal(quirks: &Quirks) -> Self {
        Self { member: None, ..Self::of_code(quirks) }
    }
}

/// One question to a token endpoint.
pub struct TokenRequest<'a> {
    /// The endpoint, with the query of custom parameters.
    pub url: ServiceUrl,
    /// Headers; secret ones are marked as sensitive.
    pub headers: HeaderMap,
    /// What is posted.
    pub form: Form,
    /// Values that must not be shown even if the provider echoes them.
    pub confidential: &'a [&'a Secret],
    /// How the answer is read.
    pub dialect: Dialect,
    /// What the tokens are to be bound to (RFC 9449, section 5).
    pub key: Option<&'a PossessionKey>,
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
    let request = TokenRequest { url, headers, form, confidential, dialect: Dialect::STANDARD, key: None };
    // A client that is its own user has no use for a refresh token (RFC 6749, section 4.4.3).
    request_all(world, request).await.map(|tokens| tokens.grant)
}

/// The same with all tokens in the answer.
///
/// # Errors
/// All of [`ObtainError`], by what the endpoint did.
pub async fn request_all(world: &dyn World, request: TokenRequest<'_>) -> Result<Tokens, ObtainError> {
    let dialect = request.key.map_or(request.dialect, |_| request.dialect.bound());
    let (answer, confidential) = post(world, request).await?;
    read(&answer, dialect, &confidential)
}

/// Asks an endpoint that is asked and refuses as a token endpoint does. `field` is its name in definitions.
///
/// # Errors
/// All of [`ObtainError`], by what the endpoint did.
pub async fn ask_form(world: &dyn World, request: TokenRequest<'_>, field: &'static str) -> Result<Value, ObtainError> {
    let errors = request.dialect.errors;
    let (answer, confidential) = post(world, request).await?;
    judge(&answer, (field, errors), &confidential)
}

async fn post(world: &dyn World, request: TokenRequest<'_>) -> Result<(Answer, Confidential), ObtainError> {
    let TokenRequest { url, mut headers, form, confidential, dialect: _, key } = request;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form::MEDIA_TYPE));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let confidential = Confidential::new(confidential, &headers);
    let ask = Ask { method: Method::POST, url, headers, body: form.into_body() };
    Ok((possession::ask(world, ask, key, None).await?, confidential))
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
    judge(&answer, ("token_endpoint", ErrorShape::Standard), &confidential)
}

fn read(answer: &Answer, dialect: Dialect, confidential: &Confidential) -> Result<Tokens, ObtainError> {
    let body = judge(answer, ("token_endpoint", dialect.errors), confidential)?;
    let place = match dialect.member {
        None => Some(&body),
        Some(member) => body.get(member),
    };
    tokens_of(place.ok_or(ObtainError::Malformed { what: "tokens of the user in `authed_user`" })?, dialect.token_type)
}

/// The tokens of a good answer.
///
/// # Errors
/// [`ObtainError::Malformed`].
pub(super) fn tokens(body: &Value) -> Result<Tokens, ObtainError> {
    tokens_of(body, "bearer")
}

fn tokens_of(body: &Value, kind: &'static str) -> Result<Tokens, ObtainError> {
    Ok(Tokens {
        grant: read_token(body, kind)?,
        refresh_token: read_other(body, "refresh_token")?,
        id_token: read_other(body, "id_token")?,
    })
}

/// The body of a good answer.
fn judge(answer: &Answer, (field, shape): (&'static str, ErrorShape), confidential: &Confidential) -> Result<Value, ObtainError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    // A 200 with `error` is an error too: some providers answer so (TOK-05).
    if let Some((error, description)) = error_of(&body, shape) {
        return Err(refusal(answer, error, description, confidential));
    }
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => Ok(body),
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => Err(unavailable(answer)),
        // Redirects are never followed: the client secret would go elsewhere (RDR-08).
        status if status.is_redirection() => Err(ObtainError::WrongConfiguration {
            field,
            problem: format!("answers with a redirect (status {}), which is not followed", status.as_u16()),
        }),
        // Bad clients get 400, 401 or 403 in many shapes, also without a body.
        status => Err(ObtainError::Refused(ProviderError {
            error: format!("status_{}", status.as_u16()),
            description: beginning(&answer.body, confidential),
        })),
    }
}

/// Whether a server says in its way that it refuses. Nothing of what it says is shown but its own codes.
///
/// # Errors
/// All of [`ObtainError`], by what it says.
pub fn refusal_in(answer: &Answer, dialect: Dialect) -> Result<(), ObtainError> {
    judge(answer, ("revocation_endpoint", dialect.errors), &Confidential::default()).map(drop)
}

/// What a body says against what was asked, in the words of RFC 6749, section 5.2 where another server's mean the same.
fn error_of(body: &Value, shape: ErrorShape) -> Option<(&str, Option<&str>)> {
    let standard = body.get("error").and_then(Value::as_str).map(|error| (error, body.get("error_description").and_then(Value::as_str)));
    match shape {
        ErrorShape::Standard => standard,
        ErrorShape::OkFlag if body.get("ok") == Some(&Value::Bool(true)) => None,
        ErrorShape::OkFlag => match standard {
            // https://docs.slack.dev/reference/methods/oauth.v2.access, "Errors".
            Some(("invalid_refresh_token" | "token_expired" | "token_revoked" | "invalid_code" | "code_already_used", _)) => {
                Some(("invalid_grant", None))
            }
            Some(("ratelimited" | "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout", _)) => {
                Some(("temporarily_unavailable", None))
            }
            Some(other) => Some(other),
            None => body.is_object().then_some(("not_ok", None)),
        },
        // https://developers.facebook.com/docs/graph-api/guides/error-handling: 190 is a token that is no longer good, 2 and 4 are to be tried again. 1 is said
        // to be so too, and is what a wrong client secret gets.
        ErrorShape::Nested => standard.or_else(|| {
            let error = body.get("error").filter(|error| error.is_object())?;
            let said = error.get("message").and_then(Value::as_str);
            match error.get("code").and_then(Value::as_i64) {
                Some(190) => Some(("invalid_grant", said)),
                Some(2 | 4) => Some(("temporarily_unavailable", said)),
                _ => Some((error.get("type").and_then(Value::as_str).unwrap_or("no_type"), said)),
            }
        }),
    }
}

fn refusal(answer: &Answer, error: &str, description: Option<&str>, confidential: &Confidential) -> ObtainError {
    let description = description.and_then(|text| presentable(text, 200, confidential));
    match error {
        // RFC 6749, section 5.2: the grant or refresh token is invalid, expired or revoked.
        // GitHub has words of its own for it, "Refreshing user access tokens" and "Troubleshooting OAuth app access token request errors".
        "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => {
            ObtainError::InvalidGrant(ProviderError { error: error.to_owned(), description })
        }
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

fn read_token(body: &Value, kind: &'static str) -> Result<Grant, ObtainError> {
    let token =
        body.get("access_token").and_then(Value::as_str).ok_or(ObtainError::Malformed { what: "a JSON object with `access_token`" })?;
    // A token goes into a header: RFC 6750, section 2.1 allows visible ASCII only (TOK-15).
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| (0x21..=0x7E).contains(&byte)) {
        return Err(ObtainError::Malformed { what: "an `access_token` of 1 to 16,384 visible ASCII characters" });
    }
    // Section 5.1 requires token_type, and compares it without regard to case; some servers leave it out.
    let is_of_kind = body.get("token_type").map(|said| said.as_str().is_some_and(|said| said.eq_ignore_ascii_case(kind)));
    if kind == BOUND && is_of_kind != Some(true) {
        // RFC 9449, section 5: a client that deems the binding important "MUST discard the response in this case". Whoever writes the setting does.
        let problem = "is `dpop`, and the provider gives a token that is bound to no key".to_owned();
        return Err(ObtainError::WrongConfiguration { field: "token_binding", problem });
    }
    if is_of_kind == Some(false) {
        return Err(ObtainError::Malformed {
            what: if kind == "user" { "a `token_type` of `user`" } else { "a `token_type` of `Bearer`" },
        });
    }
    let mut parts = crate::Values::from([("access_token".to_owned(), Secret::new(token))]);
    if let Some(scope) = body.get("scope").and_then(Value::as_str) {
        // Shown to people and written to the audit: of RFC 6749, section 3.3, no scope has other characters.
        let plain: String = scope.chars().filter(|character| (' '..='~').contains(character)).take(MAX_SCOPE_CHARACTERS).collect();
        parts.insert("scope".to_owned(), Secret::new(plain));
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

/// Seconds until the token dies, counted "from the time the response was generated" (section 5.1): whoever asked counts them from before the question. Some servers
/// send them as text (TOK-02).
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
#[path = "token_endpoint_tests.rs"]
mod tests;
