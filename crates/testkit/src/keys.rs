//! Keys made for one test, and a world that signs with them.

#![allow(clippy::unwrap_used, reason = "a test without its key cannot go on")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::authority::Issued;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sortie_model::Timestamp;
use sortie_protocol::{Answer, Ask, AskError, Pending, Signer, SignerError, SigningAlgorithm, World};

/// A key pair that signs as a certificate's does.
pub struct TestKey {
    id: String,
    pair: Pair,
    chain: Vec<Vec<u8>>,
    signed: AtomicU64,
}

impl std::fmt::Debug for TestKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TestKey").field("id", &self.id).finish_non_exhaustive()
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    /// RSA with 2,048 bits.
    pub fn rsa(id: &str) -> Arc<Self> {
        Self::of(id, Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    /// An elliptic one on P-256.
    pub fn p256(id: &str) -> Arc<Self> {
        Self::of(id, Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    /// Ed25519.
    pub fn ed25519(id: &str) -> Arc<Self> {
        Self::of(id, Pair::Ed25519(Ed25519KeyPair::generate().unwrap()))
    }

    /// The key of a certificate, with the certificate.
    pub fn of_issued(id: &str, issued: &Issued) -> Arc<Self> {
        let pair = if let Ok(pair) = RsaKeyPair::from_pkcs8(&issued.key) {
            Pair::Rsa(pair)
        } else if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &issued.key) {
            Pair::P256(pair)
        } else {
            Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&issued.key).unwrap())
        };
        Arc::new(Self { id: id.to_owned(), pair, chain: vec![issued.certificate.clone()], signed: AtomicU64::new(0) })
    }

    fn of(id: &str, pair: Pair) -> Arc<Self> {
        Arc::new(Self { id: id.to_owned(), pair, chain: Vec::new(), signed: AtomicU64::new(0) })
    }

    /// The public key as a JSON Web Key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2).
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (modulus, exponent) = (public.modulus(), public.exponent());
                json!({ "kty": "RSA", "kid": self.id, "use": "sig", "n": text(modulus.big_endian_without_leading_zero()), "e": text(exponent.big_endian_without_leading_zero()) })
            }
            Pair::P256(pair) => {
                // SEC 1, section 2.3.3: 4, then both coordinates, 32 bytes each.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "use": "sig", "x": text(pair.public_key().as_ref()) })
            }
        }
    }

    /// How often it has signed.
    pub fn signed(&self) -> u64 {
        self.signed.load(Ordering::SeqCst)
    }
}

impl Signer for TestKey {
    fn key_id(&self) -> &str {
        &self.id
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        let random = SystemRandom::new();
        let signature = match (&self.pair, algorithm) {
            (Pair::P256(pair), SigningAlgorithm::Es256) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            (Pair::Ed25519(pair), SigningAlgorithm::EdDsa) => pair.sign(input).as_ref().to_vec(),
            (Pair::Rsa(pair), _) => {
                let padding: &dyn RsaEncoding = match algorithm {
                    SigningAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
                    SigningAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
                    SigningAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
                    SigningAlgorithm::Ps256 => &RSA_PSS_SHA256,
                    SigningAlgorithm::Es256 | SigningAlgorithm::EdDsa => return Err(SignerError::WrongKey),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, input, &mut signature).unwrap();
                signature
            }
            _ => return Err(SignerError::WrongKey),
        };
        self.signed.fetch_add(1, Ordering::SeqCst);
        Ok(signature)
    }
}

/// A world with keys around another one: its time, chance and network are the other's.
pub struct WorldWithKeys<W> {
    /// The other one.
    pub world: W,
    /// Keys by the names of their certificates.
    pub keys: BTreeMap<String, Arc<TestKey>>,
    /// By how many seconds its clock is ahead of the other's.
    pub ahead_seconds: i64,
}

impl<W: World> World for WorldWithKeys<W> {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.now().as_millis() + self.ahead_seconds * 1000)
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        self.world.ask(ask)
    }

    fn nonce(&self) -> [u8; 16] {
        self.world.nonce()
    }

    fn signer<'a>(&'a self, certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        let key = self.keys.get(certificate).cloned();
        Box::pin(async { key.map(|key| key as Arc<dyn Signer>).ok_or(SignerError::NoCertificate) })
    }
}
