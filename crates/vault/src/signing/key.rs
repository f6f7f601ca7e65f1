//! A key pair, parsed once.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use sortie_model::{KeyAlgorithm, SecretBytes, SigningAlgorithm};

/// A private key with its public key. It signs, and neither shows itself nor gives itself away.
pub struct SigningKey {
    kind: Kind,
    algorithm: KeyAlgorithm,
    /// SubjectPublicKeyInfo (RFC 5280, section 4.1), DER.
    public_key: Vec<u8>,
}

enum Kind {
    Rsa(Box<rsa::KeyPair>),
    /// The same key twice: aws-lc fixes the form of the signature with the key, JWTs take r and s as they are and X.509 takes them in DER.
    P256 {
        fixed: EcdsaKeyPair,
        der: EcdsaKeyPair,
    },
    Ed25519(Ed25519KeyPair),
}

/// No key pair came out. Practically: the system has no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key pair could be made")]
pub struct GenerateError;

impl GenerateError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        "key_not_generated"
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        true
    }
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Admin: the key is of another kind.
    #[error("a key of kind {key} cannot sign with {algorithm}")]
    DoesNotFit {
        /// Kind of key.
        key: KeyAlgorithm,
        /// What was asked for.
        algorithm: SigningAlgorithm,
    },
    /// The system.
    #[error("the signature could not be computed")]
    Failed,
}

impl SignError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DoesNotFit { .. } => "signing_algorithm_mismatch",
            Self::Failed => "signing_failed",
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::DoesNotFit { .. } => false,
            Self::Failed => true,
        }
    }
}

// === impl SigningKey ===

impl SigningKey {
    /// Makes a new key pair. Its chance is aws-lc's own, seeded by the operating system: the library takes no other.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, GenerateError> {
        let rsa = |size| rsa::KeyPair::generate(size).ok().and_then(Self::of_rsa);
        let made = match algorithm {
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().and_then(Self::of_p256),
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().ok().and_then(Self::of_ed25519),
        };
        made.ok_or(GenerateError)
    }

    /// `None` for a size that Sortie does not take.
    pub(super) fn of_rsa(pair: rsa::KeyPair) -> Option<Self> {
        let algorithm = match pair.public_modulus_len() {
            256 => KeyAlgorithm::Rsa2048,
            384 => KeyAlgorithm::Rsa3072,
            512 => KeyAlgorithm::Rsa4096,
            _ => return None,
        };
        let public_key = spki(pair.public_key())?;
        Some(Self { kind: Kind::Rsa(Box::new(pair)), algorithm, public_key })
    }

    pub(super) fn of_p256(fixed: EcdsaKeyPair) -> Option<Self> {
        let document = fixed.to_pkcs8v1().ok()?;
        let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).ok()?;
        let public_key = spki(fixed.public_key())?;
        Some(Self { kind: Kind::P256 { fixed, der }, algorithm: KeyAlgorithm::P256, public_key })
    }

    pub(super) fn of_ed25519(pair: Ed25519KeyPair) -> Option<Self> {
        let public_key = spki(pair.public_key())?;
        Some(Self { kind: Kind::Ed25519(pair), algorithm: KeyAlgorithm::Ed25519, public_key })
    }

    /// Kind of key.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The public key as SubjectPublicKeyInfo (RFC 5280, section 4.1) in DER.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Signs `message` as RFC 7518, section 3, and RFC 8037, section 3.1, say. An RSA signature takes a millisecond or more: keep it as long as it is good.
    pub fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let encoding: &'static dyn RsaEncoding = match (&self.kind, algorithm) {
            (Kind::Rsa(_), SigningAlgorithm::Rs256) => &RSA_PKCS1_SHA256,
            (Kind::Rsa(_), SigningAlgorithm::Rs384) => &RSA_PKCS1_SHA384,
            (Kind::Rsa(_), SigningAlgorithm::Rs512) => &RSA_PKCS1_SHA512,
            // RFC 7518, section 3.5: the salt is as long as the hash.
            (Kind::Rsa(_), SigningAlgorithm::Ps256) => &RSA_PSS_SHA256,
            // RFC 7518, section 3.4: r and s as 32 bytes each, not in DER.
            (Kind::P256 { fixed, .. }, SigningAlgorithm::Es256) => return ecdsa(fixed, message),
            (Kind::Ed25519(pair), SigningAlgorithm::EdDsa) => return eddsa(pair, message),
            (_, algorithm) => return Err(SignError::DoesNotFit { key: self.algorithm, algorithm }),
        };
        match &self.kind {
            Kind::Rsa(pair) => rsa_signature(pair, encoding, message),
            Kind::P256 { .. } | Kind::Ed25519(_) => Err(SignError::Failed),
        }
    }

    /// Signs as certificates and requests are signed: SHA-256, and ECDSA in DER.
    pub(super) fn sign_x509(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.kind {
            Kind::Rsa(pair) => rsa_signature(pair, &RSA_PKCS1_SHA256, message),
            Kind::P256 { der, .. } => ecdsa(der, message),
            Kind::Ed25519(pair) => eddsa(pair, message),
        }
    }

    /// The public key as it stands within the SubjectPublicKeyInfo.
    pub(super) fn public_key_bits(&self) -> &[u8] {
        match &self.kind {
            Kind::Rsa(pair) => pair.public_key().as_ref(),
            Kind::P256 { fixed, .. } => fixed.public_key().as_ref(),
            Kind::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// PKCS#8, to be sealed at once.
    pub(super) fn to_pkcs8(&self) -> Option<SecretBytes> {
        Some(match &self.kind {
            Kind::Rsa(pair) => {
                let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                SecretBytes::new(document.as_ref())
            }
            Kind::P256 { fixed, .. } => SecretBytes::new(fixed.to_pkcs8v1().ok()?.as_ref()),
            Kind::Ed25519(pair) => SecretBytes::new(pair.to_pkcs8v1().ok()?.as_ref()),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn spki<'a, P: aws_lc_rs::encoding::AsDer<PublicKeyX509Der<'a>>>(public_key: &P) -> Option<Vec<u8>> {
    public_key.as_der().ok().map(|der| der.as_ref().to_vec())
}

fn rsa_signature(pair: &rsa::KeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SignError::Failed)?;
    Ok(signature)
}

fn ecdsa(pair: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, SignError> {
    pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec()).map_err(|_| SignError::Failed)
}

fn eddsa(pair: &Ed25519KeyPair, message: &[u8]) -> Result<Vec<u8>, SignError> {
    pair.try_sign(message).map(|signature| signature.as_ref().to_vec()).map_err(|_| SignError::Failed)
}
