//! JWK Sets of others (RFC 7517, section 5): the public keys by which we check what they sign.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use sortie_model::{SecretBytes, ServiceUrl, SigningAlgorithm};

use crate::{Ask, AskError, World};

/// 100: more keys than any provider publishes, and few enough to look through.
const MAX_KEYS: usize = 100;

/// The keys of a set that we can use. What we do not understand is left out (RFC 7517, section 5: "SHOULD ignore").
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

/// A public key of someone else.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    kid: Option<String>,
    /// What its owner says it is for, if it does.
    algorithm: Option<SigningAlgorithm>,
    numbers: Numbers,
}

#[derive(Clone, Debug)]
enum Numbers {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// SEC 1, section 2.3.3: 04, x, y.
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

/// Why there is no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Nobody answers. Whose turn: the operator's, or the provider's.
    #[error("the keys at {url} cannot be had: {source}")]
    Unreachable {
        /// Where they should be.
        url: ServiceUrl,
        /// What happened.
        source: AskError,
    },
    /// It answers something else. Whose turn: the provider's.
    #[error("the keys at {url} cannot be had: it answers with status {}", status.as_u16())]
    Refused {
        /// Where they should be.
        url: ServiceUrl,
        /// What it answers.
        status: StatusCode,
    },
    /// It is no JWK Set. Whose turn: the provider's.
    #[error("what is at {url} is no JWK Set")]
    NoKeySet {
        /// Where it should be.
        url: ServiceUrl,
    },
}

impl KeySetError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "key_set_unreachable",
            Self::Refused { .. } => "key_set_refused",
            Self::NoKeySet { .. } => "key_set_unusable",
        }
    }
}

/// Asks for the set at `url`. How often is the caller's decision.
///
/// # Errors
/// A [`KeySetError`].
pub async fn fetch(world: &dyn World, url: &ServiceUrl) -> Result<KeySet, KeySetError> {
    let mut headers = HeaderMap::new();
    // RFC 7517, section 8.5.2. Most answer with plain `application/json`.
    headers.insert(ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    let ask = Ask { method: Method::GET, url: url.clone(), headers, body: SecretBytes::new(Vec::new()) };
    let answer = world.ask(ask).await.map_err(|source| KeySetError::Unreachable { url: url.clone(), source })?;
    if answer.status != StatusCode::OK {
        return Err(KeySetError::Refused { url: url.clone(), status: answer.status });
    }
    KeySet::parse(&answer.body).ok_or_else(|| KeySetError::NoKeySet { url: url.clone() })
}

// === impl KeySet ===

impl KeySet {
    /// Reads a set; `None` if it is none.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(json).ok()?;
        let keys = set.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(VerifyingKey::read).collect()))
    }

    /// The key that a header names. A header without `kid` will do where only one key fits: with several, "a kid value MUST be provided" (OpenID Connect
    /// Core, section 10.1).
    pub fn find(&self, kid: Option<&str>, algorithm: SigningAlgorithm) -> Option<&VerifyingKey> {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm) && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)));
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then_some(first)
    }
}

// === impl VerifyingKey ===

impl VerifyingKey {
    /// Reads one key; `None` if it is not meant for signatures, or of a kind that we do not know.
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // RFC 7517, section 4.2 and 4.3.
        let is_for_signatures = text("use").is_none_or(|purpose| purpose == "sig")
            && jwk.get("key_ops").is_none_or(|list| list.as_array().is_some_and(|list| list.iter().any(|one| one == "verify")));
        if !is_for_signatures {
            return None;
        }
        let number = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let numbers = match (text("kty")?, text("crv")) {
            ("RSA", _) => Numbers::Rsa { modulus: without_zeros(number("n")?), exponent: without_zeros(number("e")?) },
            // RFC 7518, section 6.2.1.2: "The length of this octet string MUST be the full size of a coordinate".
            ("EC", Some("P-256")) => {
                let (x, y) = (<[u8; 32]>::try_from(number("x")?).ok()?, <[u8; 32]>::try_from(number("y")?).ok()?);
                Numbers::P256([&[4][..], &x, &y].concat().try_into().ok()?)
            }
            // RFC 8037, section 2.
            ("OKP", Some("Ed25519")) => Numbers::Ed25519(number("x")?.try_into().ok()?),
            _ => return None,
        };
        // A key for an algorithm that we do not know verifies nothing here (RFC 8725, section 3.1: one key, one algorithm).
        let algorithm = text("alg").map(SigningAlgorithm::parse).transpose().ok()?;
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, numbers })
    }

    fn fits(&self, algorithm: SigningAlgorithm) -> bool {
        use SigningAlgorithm::{EdDsa, Es256, Ps256, Rs256, Rs384, Rs512};
        let family = match (&self.numbers, algorithm) {
            (Numbers::Rsa { .. }, Rs256 | Rs384 | Rs512 | Ps256) | (Numbers::P256(_), Es256) | (Numbers::Ed25519(_), EdDsa) => true,
            (Numbers::Rsa { .. } | Numbers::P256(_) | Numbers::Ed25519(_), _) => false,
        };
        family && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether this key made `signature` over `input`. RSA keys of less than 2,048 bits make nothing that counts (RFC 7518, section 3.3).
    pub fn verifies(&self, algorithm: SigningAlgorithm, input: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.numbers {
            Numbers::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                rsa_parameters(algorithm).is_some_and(|parameters| key.verify(parameters, input, signature).is_ok())
            }
            Numbers::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input, signature).is_ok(),
            Numbers::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(input, signature).is_ok(),
        }
    }
}

const fn rsa_parameters(algorithm: SigningAlgorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        SigningAlgorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        SigningAlgorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        SigningAlgorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        SigningAlgorithm::Es256 | SigningAlgorithm::EdDsa => None,
    }
}

fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
