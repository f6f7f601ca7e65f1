//! A client secret that is signed anew for each request, for servers that want a token in its place ([`sortie_model::ClientSecret::SignedToken`]).

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sortie_model::{Secret, Violation};
use zeroize::Zeroizing;

use crate::{ObtainError, World};

/// Five minutes: it is used at once, and a copy of it is soon worth nothing. Apple allows six months.
const LIFETIME: Duration = Duration::from_secs(300);

/// Makes the token. `kid` and the claims are those of Apple's "Creating a client secret"; the signature is ES256 (RFC 7518, section 3.4).
///
/// # Errors
/// The key cannot be read, or does not sign.
pub fn make(
    world: &dyn World,
    (issuer, key_id, audience): (&str, &str, &str),
    client_id: &Secret,
    private_key: &Secret,
) -> Result<Secret, ObtainError> {
    let wrong = |problem: &str| ObtainError::WrongConfiguration { field: "private_key of the provider", problem: problem.to_owned() };
    let key = read(private_key).ok_or_else(|| wrong("is no PKCS#8 key on the curve P-256"))?;
    let now = world.now().as_millis() / 1000;
    let header = json!({ "alg": "ES256", "kid": key_id, "typ": "JWT" });
    let expires_at = now.saturating_add(i64::try_from(LIFETIME.as_secs()).unwrap_or(i64::MAX));
    let claims = json!({ "iss": issuer, "iat": now, "exp": expires_at, "aud": audience, "sub": client_id.expose() });
    let mut token =
        Zeroizing::new(format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string())));
    let signature = key.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| wrong("does not sign"))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
    Ok(Secret::new(token.as_str()))
}

/// Whether a stored value can be such a key.
///
/// # Errors
/// A [`Violation`] of `private_key`; it never repeats the value.
pub fn check_key(value: &Secret) -> Result<(), Violation> {
    let message = "must be the text of a .p8 file: -----BEGIN PRIVATE KEY-----, a PKCS#8 key on the curve P-256, -----END PRIVATE KEY-----";
    read(value).map(drop).ok_or_else(|| Violation::new("private_key", "private_key_format", message))
}

/// PEM (RFC 7468, section 10), with line ends of any kind, or with spaces where an environment lost them.
fn read(value: &Secret) -> Option<EcdsaKeyPair> {
    let text = value.expose().trim();
    let body = text.strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
    use serde_json::Value;

    use super::*;
    use crate::testing::{NOW, Scripted};

    const PARTS: (&str, &str, &str) = ("TEAM123456", "KEY1234567", "https://appleid.apple.com");

    #[test]
    fn an_independent_library_reads_what_is_signed() {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        for pem in [pair.serialize_pem(), pair.serialize_pem().replace('\n', "\r\n"), pair.serialize_pem().replace('\n', " ")] {
            check_key(&Secret::new(pem.as_str())).unwrap();
            let world = Scripted::new("");
            let token = make(&world, PARTS, &Secret::new("com.example.web"), &Secret::new(pem)).unwrap();
            let mut validation = Validation::new(Algorithm::ES256);
            validation.set_audience(&["https://appleid.apple.com"]);
            validation.set_issuer(&["TEAM123456"]);
            validation.validate_exp = false;
            let read =
                jsonwebtoken::decode::<Value>(token.expose(), &DecodingKey::from_ec_der(pair.public_key_raw()), &validation).unwrap();
            assert_eq!((read.header.kid.as_deref(), &read.claims["sub"]), (Some("KEY1234567"), &"com.example.web".into()));
            let issued = NOW.as_millis() / 1000;
            assert_eq!((&read.claims["iat"], &read.claims["exp"]), (&issued.into(), &(issued + 300).into()));
        }
    }

    #[test]
    fn what_is_no_such_key_is_refused_without_being_shown() {
        let other = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        let broken = "-----BEGIN PRIVATE KEY-----\nU0VDUkVULWtleQ==\n-----END PRIVATE KEY-----";
        for bad in ["", "SECRET-key", broken, &other] {
            let violation = check_key(&Secret::new(bad)).unwrap_err();
            assert_eq!((violation.field.as_str(), violation.rule), ("private_key", "private_key_format"));
            assert!(!violation.message.contains("SECRET-") && !violation.message.contains("U0VDUkVULWtleQ"), "{violation}");
            let refused = make(&Scripted::new(""), PARTS, &Secret::new("id"), &Secret::new(bad)).unwrap_err();
            assert_eq!(refused.code(), "credential_misconfigured");
        }
    }
}
