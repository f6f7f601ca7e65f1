//! What keys are called, what kinds there are, and what each kind can sign with.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Violation;

/// One day; lifetimes are counted in days.
const DAY: Duration = Duration::from_secs(86_400);

/// What kind of key pair it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of 2,048 bits. The default, as in Salesforce.
    Rsa2048,
    /// RSA with a modulus of 3,072 bits.
    Rsa3072,
    /// RSA with a modulus of 4,096 bits.
    Rsa4096,
    /// The elliptic curve P-256 of NIST. Salesforce has none; signing takes a fiftieth of the time of RSA.
    P256,
    /// The Edwards curve of RFC 8032. Salesforce has none.
    Ed25519,
}

impl KeyAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::Ed25519];

    /// As stored, and as written on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa_2048",
            Self::Rsa3072 => "rsa_3072",
            Self::Rsa4096 => "rsa_4096",
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Reads what [`KeyAlgorithm::as_str`] writes.
    ///
    /// # Errors
    /// A [`Violation`] of `key_algorithm`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let unknown = || Violation::new("key_algorithm", "key_algorithm_unknown", "must be rsa_2048, rsa_3072, rsa_4096, p256 or ed25519");
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(unknown)
    }

    /// How long a self-signed certificate of such a key lives unless its maker says otherwise: as in Salesforce one year, and two for RSA with 4,096 bits.
    pub const fn default_lifetime(self) -> Duration {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::P256 | Self::Ed25519 => DAY.saturating_mul(365),
            Self::Rsa4096 => DAY.saturating_mul(730),
        }
    }

    /// What such a key can sign with, the usual one first.
    pub const fn signing_algorithms(self) -> &'static [SigningAlgorithm] {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => {
                &[SigningAlgorithm::Rs256, SigningAlgorithm::Rs384, SigningAlgorithm::Rs512, SigningAlgorithm::Ps256]
            }
            Self::P256 => &[SigningAlgorithm::Es256],
            Self::Ed25519 => &[SigningAlgorithm::EdDsa],
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How a text is signed, by the names of RFC 7518, section 3.1, and RFC 8037, section 3.1. There is no `none` and no shared key among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// EdDSA with Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// Every way.
    pub const ALL: [Self; 6] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Es256, Self::EdDsa];

    /// As in the header `alg` of a JWT.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads what [`SigningAlgorithm::as_str`] writes, exactly.
    ///
    /// # Errors
    /// A [`Violation`] of `signing_algorithm`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let unknown =
            || Violation::new("signing_algorithm", "signing_algorithm_unknown", "must be RS256, RS384, RS512, PS256, ES256 or EdDSA");
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(unknown)
    }

    /// Whether a key of this kind can sign so.
    pub fn fits(self, key: KeyAlgorithm) -> bool {
        key.signing_algorithms().contains(&self)
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What tells one key from another in a JWT and in a JWK Set: the `kid` of RFC 7515, section 4.1.4. Unlike a name it is compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyIdentifier(Box<str>);

impl KeyIdentifier {
    /// 128: longer than a fingerprint in hexadecimal, and short enough for every table it is pasted into.
    const MAX_LENGTH: usize = 128;

    /// Reads 1 to 128 visible ASCII characters but `"` and `\`, so that it reads the same in JSON, in a URL's query and in a shell.
    ///
    /// # Errors
    /// A [`Violation`] of `kid`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.is_empty() {
            return Err(Violation::required("kid"));
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if text.len() > Self::MAX_LENGTH || !text.bytes().all(is_plain) {
            return Err(Violation::new("kid", "kid_format", "must be 1 to 128 visible ASCII characters other than \" and \\"));
        }
        Ok(Self(text.into()))
    }

    /// The default one of a version: the certificate's name for the first, then `Name-2`, `Name-3`. No name holds a hyphen, so no two certificates meet here.
    pub fn of_version(name: &crate::ApiName, number: u32) -> Self {
        Self(if number == 1 { name.as_str().into() } else { format!("{name}-{number}").into() })
    }

    /// The one of the version after this one, of the same making: `mine` and `mine-2` become `mine-3`, cut where it would be too long.
    #[must_use]
    pub fn after(&self, number: u32, next: u32) -> Self {
        let base = self.0.strip_suffix(&format!("-{number}")).filter(|base| !base.is_empty()).unwrap_or(&self.0);
        let end = format!("-{next}");
        // It is ASCII.
        Self(format!("{}{end}", &base[..base.len().min(Self::MAX_LENGTH - end.len())]).into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for KeyIdentifier {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::parse(&text)
    }
}

impl From<KeyIdentifier> for String {
    fn from(identifier: KeyIdentifier) -> Self {
        identifier.0.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_called_after_the_one_before() {
        for (kid, number, next, expected) in [
            ("Signer", 1, 2, "Signer-2"),
            ("Signer-2", 2, 3, "Signer-3"),
            ("mine", 1, 2, "mine-2"),
            ("2026-1", 2, 3, "2026-1-3"),
            ("-4", 4, 5, "-4-5"),
        ] {
            assert_eq!(KeyIdentifier::parse(kid).unwrap().after(number, next).as_str(), expected, "{kid}");
        }
        assert_eq!(KeyIdentifier::parse(&"k".repeat(128)).unwrap().after(1, 10).as_str().len(), 128);
    }

    #[test]
    fn every_algorithm_is_read_as_it_is_written() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(KeyAlgorithm::parse(algorithm.as_str()), Ok(algorithm));
        }
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(SigningAlgorithm::parse(algorithm.as_str()), Ok(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
    }

    #[test]
    fn neither_none_nor_a_shared_key_is_an_algorithm() {
        for text in ["none", "None", "HS256", "rs256", "RS1", "ES384", ""] {
            assert_eq!(SigningAlgorithm::parse(text).unwrap_err().rule, "signing_algorithm_unknown", "{text}");
        }
    }

    #[test]
    fn every_way_of_signing_fits_one_family_of_keys() {
        for algorithm in SigningAlgorithm::ALL {
            let fitting: Vec<_> = KeyAlgorithm::ALL.into_iter().filter(|key| algorithm.fits(*key)).map(KeyAlgorithm::as_str).collect();
            let expected: &[&str] = match algorithm {
                SigningAlgorithm::Es256 => &["p256"],
                SigningAlgorithm::EdDsa => &["ed25519"],
                _ => &["rsa_2048", "rsa_3072", "rsa_4096"],
            };
            assert_eq!(fitting, expected, "{algorithm}");
        }
    }

    #[test]
    fn lifetimes_are_those_of_salesforce() {
        let days = |algorithm: KeyAlgorithm| algorithm.default_lifetime().as_secs() / 86_400;
        assert_eq!([KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa3072, KeyAlgorithm::Rsa4096].map(days), [365, 365, 730]);
    }

    #[test]
    fn key_identifiers_are_compared_exactly_and_bounded() {
        assert_ne!(KeyIdentifier::parse("Signer").unwrap(), KeyIdentifier::parse("signer").unwrap());
        for text in ["a b", "a\"b", "a\\b", "ü", "a\n", &"x".repeat(129)] {
            assert_eq!(KeyIdentifier::parse(text).unwrap_err().rule, "kid_format", "{text}");
        }
        assert_eq!(KeyIdentifier::parse("").unwrap_err().rule, "required");
    }

    #[test]
    fn versions_are_told_apart_by_default() {
        let name = crate::ApiName::parse("Signer").unwrap();
        let identifiers: Vec<_> = [1, 2, 10].map(|number| KeyIdentifier::of_version(&name, number).to_string()).into();
        assert_eq!(identifiers, ["Signer", "Signer-2", "Signer-10"]);
    }
}
