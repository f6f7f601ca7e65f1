//! The signing key: derived from the secret for one day, region and service, and kept for that day.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_lc_rs::hmac;
use sortie_model::Secret;
use zeroize::Zeroizing;

use super::{Hex, Moment};

/// Where a signature is valid: one region of one service, on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningScope<'a> {
    /// Such as `eu-central-1`.
    pub region: &'a str,
    /// Such as `execute-api`.
    pub service: &'a str,
}

impl SigningScope<'_> {
    /// `20261122/eu-central-1/s3/aws4_request`.
    pub fn write(&self, moment: &Moment, text: &mut String) {
        for part in [moment.day(), "/", self.region, "/", self.service, "/aws4_request"] {
            text.push_str(part);
        }
    }
}

/// A key that signs for one scope on one day.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// *IAM*, "Calculate the signature": four keyed hashes, each the key of the next.
    pub fn derive(secret: &Secret, day: &str, scope: &SigningScope<'_>) -> Self {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let first = Zeroizing::new(format!("AWS4{}", secret.expose()));
        let mut current = key(first.as_bytes());
        for part in [day, scope.region, scope.service, "aws4_request"] {
            current = key(hmac::sign(&current, part.as_bytes()).as_ref());
        }
        Self(current)
    }

    /// The signature of a string to sign.
    pub fn sign(&self, string_to_sign: impl AsRef<[u8]>) -> Hex {
        Hex::of(hmac::sign(&self.0, string_to_sign.as_ref()).as_ref().try_into().expect("HMAC-SHA256 has 32 bytes"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(***)")
    }
}

/// The key of one secret and scope, derived once a day.
#[derive(Default)]
pub struct KeyCache(ArcSwapOption<Derived>);

struct Derived {
    day: [u8; 8],
    key: Arc<SigningKey>,
}

impl KeyCache {
    /// The key of this day. Secret and scope must always be the same for one cache.
    pub fn key(&self, moment: &Moment, derive: impl FnOnce() -> SigningKey) -> Arc<SigningKey> {
        let day = moment.day().as_bytes();
        if let Some(derived) = self.0.load().as_ref().filter(|derived| derived.day == day) {
            return Arc::clone(&derived.key);
        }
        let key = Arc::new(derive());
        let day = day.try_into().expect("a day has eight digits");
        self.0.store(Some(Arc::new(Derived { day, key: Arc::clone(&key) })));
        key
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use sortie_model::Timestamp;

    use super::*;

    const SCOPE: SigningScope<'_> = SigningScope { region: "us-east-1", service: "iam" };

    #[test]
    fn the_key_is_derived_as_amazon_does() {
        // The example of the AWS General Reference, "Examples of how to derive a signing key": secret, day, region and service, and the key in hexadecimal.
        // The key itself cannot be read back, so it is compared by what it signs.
        let key = SigningKey::derive(&Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "20150830", &SCOPE);
        let expected = [
            0xc4, 0xaf, 0xb1, 0xcc, 0x57, 0x71, 0xd8, 0x71, 0x76, 0x3a, 0x39, 0x3e, 0x44, 0xb7, 0x03, 0x57, 0x1b, 0x55, 0xcc, 0x28, 0x42,
            0x4d, 0x1a, 0x5e, 0x86, 0xda, 0x6e, 0xd3, 0xc1, 0x54, 0xa4, 0xb9,
        ];
        let expected = SigningKey(hmac::Key::new(hmac::HMAC_SHA256, &expected));
        assert_eq!(key.sign("x"), expected.sign("x"));
    }

    #[test]
    fn a_key_is_derived_once_a_day() {
        let (cache, derivations) = (KeyCache::default(), Cell::new(0));
        let key = |millis| {
            let moment = Moment::of(Timestamp::from_millis(millis));
            let derive = || {
                derivations.set(derivations.get() + 1);
                SigningKey::derive(&Secret::new("SECRET-s"), moment.day(), &SCOPE)
            };
            cache.key(&moment, derive).sign("x")
        };
        let (day, evening, next) = (key(0), key(86_399_999), key(86_400_000));
        assert_eq!((day, derivations.get()), (evening, 2));
        assert_ne!(day, next);
    }

    #[test]
    fn a_key_does_not_print() {
        let key = SigningKey::derive(&Secret::new("SECRET-s"), "20150830", &SCOPE);
        assert_eq!(format!("{key:?}"), "SigningKey(***)");
    }
}
