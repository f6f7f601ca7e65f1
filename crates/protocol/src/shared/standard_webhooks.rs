//! Signed requests as the specification Standard Webhooks 1.0.0 has them (<https://www.standardwebhooks.com>), for which there are libraries in most languages.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use sortie_model::{Secret, SecretBytes, Timestamp, Violation};

/// Signs a body: `webhook-id`, `webhook-timestamp` in whole seconds, and `webhook-signature` over both and the body, with dots between them.
///
/// `None`: the secret is none.
pub fn sign(secret: &Secret, nonce: [u8; 16], now: Timestamp, body: &[u8]) -> Option<HeaderMap> {
    let key = read(secret)?;
    let id = format!("msg_{:032x}", u128::from_be_bytes(nonce));
    let timestamp = (now.as_millis() / 1000).to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()));
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(context.sign()));
    let mut headers = HeaderMap::new();
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}

/// Whether a stored value can be such a secret.
///
/// # Errors
/// A [`Violation`] of `plugin_secret`; it never repeats the value.
pub fn check_secret(value: &Secret) -> Result<(), Violation> {
    let message = "must be whsec_ and 24 to 64 random bytes in base64: printf 'whsec_%s' \"$(openssl rand -base64 32)\"";
    read(value).map(drop).ok_or_else(|| Violation::new("plugin_secret", "plugin_secret_format", message))
}

/// `whsec_` and base64 of 24 to 64 bytes ("Signature scheme").
fn read(secret: &Secret) -> Option<SecretBytes> {
    let bytes = SecretBytes::new(STANDARD.decode(secret.expose().strip_prefix("whsec_")?).ok()?);
    (24..=64).contains(&bytes.expose().len()).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Computed with Python's hmac and base64, over `msg_000102030405060708090a0b0c0d0e0f.1795328676.{"step":"start"}`.
    #[test]
    fn the_signature_is_that_of_another_implementation() {
        let secret = Secret::new(format!("whsec_{}", STANDARD.encode([7; 32])));
        let nonce = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let headers = sign(&secret, nonce, Timestamp::from_millis(1_795_328_676_789), br#"{"step":"start"}"#).unwrap();
        assert_eq!(headers["webhook-id"], "msg_000102030405060708090a0b0c0d0e0f");
        assert_eq!(headers["webhook-timestamp"], "1795328676");
        assert_eq!(headers["webhook-signature"], "v1,PFZbhVzEcrvyw9q8zeJYcV2XkBWryvAwvSi+Qq1wdNo=");
    }

    #[test]
    fn a_secret_has_at_least_24_bytes() {
        for bad in ["", "SECRET-x", "whsec_", "whsec_SECRET-x", &format!("whsec_{}", STANDARD.encode([7; 23])), &STANDARD.encode([7; 32])] {
            let violation = check_secret(&Secret::new(bad)).unwrap_err();
            assert_eq!(violation.rule, "plugin_secret_format");
            assert!(!violation.message.contains("SECRET-"), "{violation}");
        }
        assert!(check_secret(&Secret::new(format!("whsec_{}", STANDARD.encode([7; 24])))).is_ok());
    }
}
