//! Signed assertions: the settings that the protocols with a signed token share, and the token made of them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sortie_model::{Secret, Settings, Violation, Violations};

use super::jwt::Jwt;
use crate::{Claims, Evaluated, Field, Kind, Material, Need, ObtainError, Part, Place, Secrecy, SigningAlgorithm, World};

/// Which key signs.
pub const SIGNING_CERTIFICATE: Field = Field {
    name: "signing_certificate",
    label: "Signing Certificate",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Required,
    kind: Kind::Certificate,
    help: "The certificate whose private key signs the token.",
};

/// How it signs.
pub const SIGNING_ALGORITHM: Field = Field {
    name: "signing_algorithm",
    label: "Signing Algorithm",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Default(DEFAULT_ALGORITHM.as_str()),
    kind: Kind::Choice(ALGORITHMS),
    help: "RS256 is understood everywhere; the key of the certificate must fit.",
};

/// How long the token lives.
pub const EXPIRATION_SECONDS: Field = Field {
    name: "expiration_seconds",
    label: "JWT Expiration (Seconds)",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Default("120"),
    kind: Kind::Seconds { least: 60, most: MAX_LIFETIME_SECONDS },
    help: "How long the signed token lives.",
};

/// What it says.
pub const CLAIMS: Field = Field {
    name: "claims",
    label: "JWT Claims",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Optional,
    kind: Kind::Claims,
    help: "Claims of the token's header and body. Values keep their type; texts may hold formulas over the user who calls, or over the clock.",
};

/// Whom it is for, where there is a server that it is sent to.
pub const AUDIENCE: Field = Field {
    name: "audience",
    label: "Audience",
    place: Place::Settings,
    secrecy: Secrecy::Public,
    need: Need::Optional,
    kind: Kind::Text,
    help: "The `aud` of the assertion; left out, it is the token endpoint. Some servers want their issuer.",
};

/// `token_id`: whether each token has a `jti` of its own. The first word is the default of the bearer token, the other one of assertions.
pub const fn token_id(default: &'static str) -> Field {
    Field {
        name: "token_id",
        label: "JWT ID",
        place: Place::Settings,
        secrecy: Secrecy::Public,
        need: Need::Default(default),
        kind: Kind::Choice(&["none", "random"]),
        help: "Whether each token has a random `jti`, by which a server recognizes one that it has seen.",
    }
}

const ALGORITHMS: &[&str] = &["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA"];

const DEFAULT_ALGORITHM: SigningAlgorithm = SigningAlgorithm::Rs256;

/// Two minutes, what Salesforce takes if nothing is said.
const DEFAULT_LIFETIME_SECONDS: u32 = 120;

/// One hour: the longest that real definitions ask for; whoever steals a token can use it for that long.
const MAX_LIFETIME_SECONDS: u32 = 3600;

/// What a protocol puts into a token unless the claims say otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'a> {
    /// `iss` and `sub`.
    pub identity: Option<&'a str>,
    /// `aud`.
    pub audience: Option<&'a str>,
    /// Whether there is a `jti`, if `token_id` is not set.
    pub has_token_id: bool,
}

/// A signed token.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// In compact form.
    pub token: Secret,
    /// From now until its `exp`.
    pub lifetime: Duration,
}

/// The claims of these settings.
///
/// # Errors
/// They cannot be read, although they are checked when they are saved.
pub fn claims(settings: &Settings) -> Result<Claims, ObtainError> {
    let wrong = |violations: Violations| wrong_claims(&violations.to_string());
    settings.get(CLAIMS.name).map_or_else(|| Ok(Claims::default()), |claims| Claims::parse(claims).map_err(wrong))
}

/// Makes and signs a token.
///
/// # Errors
/// A setting is missing or wrong, or there is no such key.
pub async fn sign(world: &dyn World, material: Material<'_>, defaults: Defaults<'_>) -> Result<Assertion, ObtainError> {
    let certificate = material.setting(SIGNING_CERTIFICATE.name).ok_or(ObtainError::NotConfigured { field: SIGNING_CERTIFICATE.name })?;
    let algorithm = match material.setting(SIGNING_ALGORITHM.name) {
        None => DEFAULT_ALGORITHM,
        Some(word) => SigningAlgorithm::parse(word)
            .map_err(|violation| ObtainError::WrongConfiguration { field: SIGNING_ALGORITHM.name, problem: violation.message })?,
    };
    let claims = claims(material.settings)?;
    // The key first: waiting for it must not make the token older.
    let signer = world.signer(certificate).await?;
    let now = world.now();
    let evaluated = claims.evaluate(now.as_millis()).map_err(|fault| wrong_claims(&fault.to_string()))?;
    let jwt = assemble(evaluated, now.as_seconds(), signer.key_id(), world, material, defaults)?;
    let expires_at = jwt.body.get("exp").and_then(Value::as_i64).unwrap_or_default();
    let lifetime = Duration::from_millis(u64::try_from(expires_at.saturating_mul(1000).saturating_sub(now.as_millis())).unwrap_or(0));
    Ok(Assertion { token: jwt.sign(&*signer, algorithm)?, lifetime })
}

fn assemble(
    claims: Evaluated,
    now: i64,
    key_id: &str,
    world: &dyn World,
    material: Material<'_>,
    defaults: Defaults<'_>,
) -> Result<Jwt, ObtainError> {
    // RFC 7515, section 4.1.4 and RFC 7519, section 5.1.
    let mut header = Map::from_iter([("typ".to_owned(), "JWT".into()), ("kid".to_owned(), key_id.into())]);
    let lifetime = material.number(EXPIRATION_SECONDS.name).unwrap_or(DEFAULT_LIFETIME_SECONDS);
    // RFC 7519, section 4.1.
    let mut body = Map::from_iter([
        ("iat".to_owned(), now.into()),
        ("nbf".to_owned(), now.into()),
        ("exp".to_owned(), now.saturating_add(lifetime.into()).into()),
    ]);
    for (name, value) in [("iss", defaults.identity), ("sub", defaults.identity), ("aud", defaults.audience)] {
        body.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    let has_token_id = material.setting("token_id").map_or(defaults.has_token_id, |word| word == "random");
    if has_token_id {
        body.insert("jti".to_owned(), URL_SAFE_NO_PAD.encode(world.nonce()).into());
    }
    for (part, edited) in [(&mut header, claims.header), (&mut body, claims.body)] {
        part.extend(edited);
        part.retain(|_, value| !value.is_null());
    }
    for name in ["exp", "nbf", "iat"] {
        if let Some(value) = body.get_mut(name) {
            *value = numeric_date(name, value)?.into();
        }
    }
    let expires_at = body.get("exp").and_then(Value::as_i64).unwrap_or_default();
    if expires_at <= now || expires_at > now.saturating_add(MAX_LIFETIME_SECONDS.into()) {
        return Err(wrong_claims(&format!("`body.exp` must be a moment within the next {MAX_LIFETIME_SECONDS} seconds")));
    }
    Ok(Jwt { header, body })
}

/// Seconds since 1970, as a number (RFC 7519, section 2), also where a formula gave a text. Fractions are dropped: some receivers take whole numbers only.
fn numeric_date(name: &str, value: &Value) -> Result<i64, ObtainError> {
    let text = match value {
        Value::String(text) => text.trim(),
        number => return number.as_i64().ok_or_else(|| not_a_date(name)),
    };
    let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
        let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if is_fraction { whole } else { "" }
    });
    whole.parse().map_err(|_| not_a_date(name))
}

fn not_a_date(name: &str) -> ObtainError {
    wrong_claims(&format!("`body.{name}` must give a number of seconds since 1970-01-01"))
}

fn wrong_claims(problem: &str) -> ObtainError {
    ObtainError::WrongConfiguration { field: CLAIMS.name, problem: format!("are wrong: {problem}") }
}

/// The rule of the three claims: `iss`, `sub` and `aud` may all be absent, but once anything is edited each must have a value; and none is given twice.
/// `given` are those that the protocol provides itself.
///
/// # Errors
/// All violations, by the names of the settings.
pub fn check_identity(settings: &Settings, given: &[&str]) -> Result<(), Violations> {
    let Some(Ok(claims)) = settings.get(CLAIMS.name).map(Claims::parse) else { return Ok(()) };
    let mut violations = Violations::default();
    let has = |name: &str| claims.has(Part::Body, name);
    if has("aud") && settings.get(AUDIENCE.name).is_some() {
        violations.0.push(Violation::new(AUDIENCE.name, "audience_twice", "is also given by the claim `aud`; keep one of the two"));
    }
    // The protocol's own identity is both of them or none.
    let given: &[&str] = if has("iss") || has("sub") { if given.contains(&"aud") { &["aud"] } else { &[] } } else { given };
    let missing: Vec<&str> = ["iss", "sub", "aud"].into_iter().filter(|name| !has(name) && !given.contains(name)).collect();
    if !claims.is_empty() && !missing.is_empty() {
        let message = format!("must have values for `iss`, `sub` and `aud` once any claim is edited; {} missing", list(&missing));
        violations.0.push(Violation::new(format!("{}.body", CLAIMS.name), "claims_incomplete", message));
    }
    violations.or(())
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{} {}", quoted.join(", "), if quoted.len() == 1 { "is" } else { "are" })
}
