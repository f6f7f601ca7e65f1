//! Temporary keys: asked for with a signed question, kept as a grant, and signed with like any others.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use sortie_model::{Secret, ServiceUrl, Timestamp};

use super::aws;
use super::said::{Confidential, presentable};
use super::sigv4::RequestSigner;
use crate::{Answer, Field, Grant, Kind, Material, Need, ObtainError, Place, Proof, ProveError, ProviderError, Secrecy};

/// Which role.
pub const ROLE_ARN: Field = Field {
    name: "role_arn",
    label: "IAM Role ARN",
    place: Place::SettingsOrPrincipal,
    secrecy: Secrecy::Public,
    need: Need::Required,
    kind: Kind::Text,
    help: "The role that requests are made as; each principal may have its own.",
};

/// For how long. Amazon's limits: 15 minutes to 12 hours, and no longer than the role allows.
pub const DURATION: Field = Field {
    name: "duration_seconds",
    label: "Duration",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Default("3600"),
    kind: Kind::Seconds { least: 900, most: 43_200 },
    help: "How long a temporary key lives; it is renewed before its end.",
};

/// One hour, as Amazon's own default.
const DEFAULT_DURATION_SECONDS: u32 = 3600;

/// The duration of these settings, in seconds.
pub fn duration_seconds(material: Material<'_>) -> u32 {
    material.number(DURATION.name).unwrap_or(DEFAULT_DURATION_SECONDS)
}

/// The role of these settings.
///
/// # Errors
/// Neither the principal nor the external credential has one.
pub fn role_arn(material: Material<'_>) -> Result<&str, ObtainError> {
    material.setting(ROLE_ARN.name).ok_or(ObtainError::NotConfigured { field: ROLE_ARN.name })
}

/// The address of a service of Amazon's in this region, or the one that is set. One that is set without a path has `path`.
///
/// # Errors
/// It is no URL.
pub fn endpoint(material: Material<'_>, field: &'static str, service: &str, region: &str, path: &str) -> Result<ServiceUrl, ObtainError> {
    // The partitions have domains of their own (AWS General Reference, "AWS service endpoints").
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let usual = format!("https://{service}.{region}.{domain}{path}");
    let parse =
        |url: &str| ServiceUrl::parse(url).map_err(|violation| ObtainError::WrongConfiguration { field, problem: violation.message });
    let url = parse(material.setting(field).unwrap_or(&usual))?;
    match url.path_and_query().strip_prefix('/') {
        Some(query) if query.is_empty() || query.starts_with('?') => parse(&format!("{}{path}{query}", url.origin())),
        _ => Ok(url),
    }
}

/// The headers that such a question has before it is signed.
///
/// # Errors
/// The address cannot stand in a header.
pub fn headers(url: &ServiceUrl, content_type: &'static str) -> Result<HeaderMap, ObtainError> {
    let host = HeaderValue::try_from(url.origin().authority()).map_err(|_| ProveError::NotAHeader)?;
    Ok(HeaderMap::from_iter([(header::HOST, host), (header::CONTENT_TYPE, HeaderValue::from_static(content_type))]))
}

/// A temporary key as it came.
pub struct Issued<'a> {
    /// The public half.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret_access_key: &'a str,
    /// What tells its session.
    pub session_token: &'a str,
    /// When it dies, as RFC 3339 writes it.
    pub expiration: &'a str,
}

impl Issued<'_> {
    /// As a grant. It lives no longer than was asked for, whatever the clocks say.
    ///
    /// # Errors
    /// Something is missing, or it is dead already (TOK-20).
    pub fn into_grant(self, asked_seconds: u32, now: Timestamp) -> Result<Grant, ObtainError> {
        let Issued { access_key_id, secret_access_key, session_token, expiration } = self;
        let parts = [("access_key_id", access_key_id), ("secret_access_key", secret_access_key), ("session_token", session_token)];
        let is_header = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !parts.iter().all(|(_, text)| is_header(text)) {
            return Err(ObtainError::Malformed { what: "a key id, a secret and a session token" });
        }
        let expiration: jiff::Timestamp = expiration.parse().map_err(|_| ObtainError::Malformed { what: "a moment of expiration" })?;
        let left = Timestamp::from_millis(expiration.as_millisecond()).since(now);
        if left.is_zero() {
            return Err(ObtainError::Malformed { what: "a key that has not expired" });
        }
        let parts = parts.into_iter().map(|(name, text)| (name.to_owned(), Secret::new(text))).collect();
        Ok(Grant { parts, lifetime: Some(left.min(Duration::from_secs(asked_seconds.into()))) })
    }
}

/// What AssumeRole takes: 2 to 64 of letters, digits and `_+=,.@-`. Whatever else is in a name becomes a hyphen.
pub fn session_name(text: &str) -> String {
    let is_taken = |letter: &char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(*letter);
    let mut name: String = text.chars().take(64).map(|letter| if is_taken(&letter) { letter } else { '-' }).collect();
    while name.len() < 2 {
        name.push('-');
    }
    name
}

/// Signs with a temporary key.
///
/// # Errors
/// There is none, or region and service are not set.
pub fn prove(material: Material<'_>) -> Result<Proof, ProveError> {
    let (id, secret) = (material.granted("access_key_id")?, material.granted("secret_access_key")?);
    let signer = RequestSigner::new(id, secret, Some(material.granted("session_token")?), aws::signing_options(material)?)?;
    Ok(Proof::Sign(Arc::new(signer)))
}

/// What a refusal of Amazon's means: its code tells whose turn it is.
pub fn refusal(answer: &Answer, code: Option<&str>, message: Option<&str>, confidential: &Confidential) -> ObtainError {
    let is_busy =
        |code: &str| code.starts_with("Throttl") || matches!(code, "ServiceUnavailable" | "InternalFailure" | "RequestLimitExceeded");
    if answer.status.is_server_error() || answer.status == http::StatusCode::TOO_MANY_REQUESTS || code.is_some_and(is_busy) {
        return ObtainError::Unavailable { status: Some(answer.status.as_u16()), retry_after: None };
    }
    let error = code.and_then(|code| presentable(code, 60, confidential));
    let error = error.unwrap_or_else(|| format!("status_{}", answer.status.as_u16()));
    ObtainError::Refused(ProviderError { error, description: message.and_then(|message| presentable(message, 200, confidential)) })
}

/// Whether a text is an Amazon resource name of this kind: `arn:partition:service:region:account:resource`.
pub fn is_arn(text: &str, service: &str, resource: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    matches!(parts.as_slice(), ["arn", partition, of, _, _, name] if !partition.is_empty() && *of == service && name.starts_with(resource) && is_plain)
}

/// The region in such a name.
pub fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}
