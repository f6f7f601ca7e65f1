//! What the protocols for Amazon's services share: region, service, and how requests are signed.

use sortie_model::{Secret, Settings, Violation, Violations};

use super::sigv4::{Encoding, Normalisation, PathRule, PayloadRule, SigningOptions, TokenPlace, is_access_key_id, is_s3};
use crate::{Field, Kind, Material, Need, Place, ProveError, Secrecy};

/// Which region's.
pub const REGION: Field = Field::setting(
    "region",
    "Region",
    Need::Required,
    Kind::Text,
    "The region that requests are signed for, such as `eu-central-1`; it is never guessed from the URL.",
);

/// Which service.
pub const SERVICE: Field = Field::setting(
    "service",
    "Service",
    Need::Required,
    Kind::Text,
    "The service's name in signatures, such as `s3`, `dynamodb`, `execute-api`; it is never guessed from the URL.",
);

/// Whose.
pub const ACCOUNT_ID: Field = Field::setting(
    "account_id",
    "AWS Account ID",
    Need::Optional,
    Kind::Text,
    "The account's twelve digits, for people to read; no request holds them.",
);

/// How bodies are signed.
pub const PAYLOAD: Field = Field::setting(
    "payload",
    "Payload",
    Need::Optional,
    Kind::Choice(&["hashed", "streamed", "unsigned"]),
    "How bodies are signed: `hashed` holds each for its hash, `streamed` signs a large `PUT` piece by piece, `unsigned` leaves bodies out where TLS protects them; left out, `streamed` for S3 and `hashed` for all others.",
);

/// The longest body that is held.
pub const MAX_HASHED_BYTES: Field = Field::setting(
    "max_hashed_bytes",
    "Largest Hashed Body",
    Need::Default("1048576"),
    Kind::Bytes { least: 1024, most: 64 * 1024 * 1024 },
    "The largest body that is held for its hash; a larger one is refused, or streamed.",
);

/// How paths are signed.
pub const PATHS: Field = Field::setting(
    "paths",
    "Paths",
    Need::Optional,
    Kind::Choice(&["encoded_once", "encoded_twice"]),
    "How paths are written in the signature; left out, `encoded_once` and never shortened for S3, `encoded_twice` for all others.",
);

/// Where a session token stands.
pub const SESSION_TOKEN_PLACE: Field = Field::setting(
    "session_token_place",
    "Session Token",
    Need::Default("signed"),
    Kind::Choice(&["signed", "appended"]),
    "Whether the session token is part of what is signed, as nearly every service wants it, or appended behind the signature.",
);

/// The public half of a key.
pub const ACCESS_KEY_ID: Field = Field {
    name: "access_key_id",
    label: "Access Key",
    place: Place::Values,
    secrecy: Secrecy::Public,
    need: Need::Required,
    kind: Kind::Text,
    help: "The access key's id.",
};

/// The secret half.
pub const SECRET_ACCESS_KEY: Field = Field {
    name: "secret_access_key",
    label: "Access Secret",
    place: Place::Values,
    secrecy: Secrecy::Secret,
    need: Need::Required,
    kind: Kind::Text,
    help: "The secret that belongs to the access key.",
};

/// What a signature places.
pub const HEADER_NAMES: &[&str] = &["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// The language of Amazon's services.
pub const FORWARDED_PREFIXES: &[&str] = &["x-amz-", "x-amzn-"];

/// How requests are signed under these settings.
///
/// # Errors
/// Region or service are not set.
pub fn signing_options(material: Material<'_>) -> Result<SigningOptions, ProveError> {
    let text = |field: &Field| material.setting(field.name);
    let region = text(&REGION).ok_or(ProveError::Missing { field: REGION.name })?;
    let service = text(&SERVICE).ok_or(ProveError::Missing { field: SERVICE.name })?;
    let stores_objects = is_s3(service);
    let paths = match text(&PATHS) {
        Some("encoded_once") => PathRule { encoding: Encoding::Once, normalisation: Normalisation::Kept },
        Some(_) => PathRule::OTHERS,
        None if stores_objects => PathRule::S3,
        None => PathRule::OTHERS,
    };
    let payload = match text(&PAYLOAD) {
        Some("unsigned") => PayloadRule::Unsigned,
        Some("streamed") => PayloadRule::Streamed,
        Some(_) => PayloadRule::Hashed,
        None if stores_objects => PayloadRule::Streamed,
        None => PayloadRule::Hashed,
    };
    let token = if text(&SESSION_TOKEN_PLACE) == Some("appended") { TokenPlace::Appended } else { TokenPlace::Signed };
    let max_hashed_bytes = material.number(MAX_HASHED_BYTES.name).map_or(1 << 20, |bytes| bytes as usize);
    Ok(SigningOptions { region: region.into(), service: service.into(), paths, token, payload, max_hashed_bytes })
}

/// Rules of the settings that each are right by their kind.
///
/// # Errors
/// Region or service cannot stand in a scope.
pub fn check_scope(settings: &Settings) -> Result<(), Violations> {
    let text = |name: &str| settings.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    let mut violations = Violations::default();
    for field in [&REGION, &SERVICE] {
        // The scope is a path of these, in a header and in a query.
        if text(field.name).is_some_and(|text| !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'))
        {
            let message = "must hold only lower-case letters, digits and hyphens, as AWS writes it in signatures";
            violations.0.push(Violation::new(field.name, "scope_format", message));
        }
    }
    violations.or(())
}

/// Rules of a key's values.
///
/// # Errors
/// The id holds a separator; id, secret or token hold white space, which was copied along by mistake.
pub fn check_key_value(name: &str, value: &Secret) -> Result<(), Violation> {
    if name == ACCESS_KEY_ID.name && !is_access_key_id(value.expose()) {
        return Err(Violation::new(name, "access_key_id_format", "must be visible ASCII without `/` and `,`"));
    }
    if value.expose().bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(Violation::new(name, "key_format", "must not hold white space or other than visible ASCII"));
    }
    Ok(())
}
