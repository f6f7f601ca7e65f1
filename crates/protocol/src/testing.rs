//! A world by script, and keys made for one test.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RsaKeyPair,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::DecodingKey;
use sortie_model::{Secret, Settings, Timestamp};

use crate::{Answer, Ask, AskError, Grant, ObtainError, Pending, Protocol, Signer, SignerError, SigningAlgorithm, Values, World};

/// 2026-11-22T06:24:36.789Z: what every scripted world shows.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_328_676_789);

/// A key pair, ready to sign.
pub(crate) enum TestKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// The public key as an independent library reads it.
    pub(crate) fn verifier(&self) -> DecodingKey {
        match self {
            Self::Rsa(key) => DecodingKey::from_rsa_der(key.public_key().as_ref()),
            Self::P256(key) => DecodingKey::from_ec_der(key.public_key().as_ref()),
            Self::Ed25519(key) => DecodingKey::from_ed_der(key.public_key().as_ref()),
        }
    }
}

impl Signer for TestKey {
    fn key_id(&self) -> &str {
        "test-key"
    }

    fn chain(&self) -> &[Vec<u8>] {
        &[]
    }

    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        use SigningAlgorithm::{EdDsa, Es256, Ps256, Rs256, Rs384, Rs512};
        let random = SystemRandom::new();
        match (self, algorithm) {
            (Self::Rsa(key), Rs256 | Rs384 | Rs512 | Ps256) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    Rs256 => &RSA_PKCS1_SHA256,
                    Rs384 => &RSA_PKCS1_SHA384,
                    Rs512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PSS_SHA256,
                };
                key.sign(padding, &random, input, &mut signature).unwrap();
                Ok(signature)
            }
            (Self::P256(key), Es256) => Ok(key.sign(&random, input).unwrap().as_ref().to_vec()),
            (Self::Ed25519(key), EdDsa) => Ok(key.sign(input).as_ref().to_vec()),
            _ => Err(SignerError::WrongKey),
        }
    }
}

/// A world in which time stands still, one answer is given to every question, and a few certificates are known.
pub(crate) struct Scripted {
    pub(crate) answer: &'static str,
    pub(crate) asked: Mutex<Option<Ask>>,
    pub(crate) certificates: BTreeMap<&'static str, Result<Arc<TestKey>, SignerError>>,
    nonces: AtomicU8,
}

impl Scripted {
    pub(crate) fn new(answer: &'static str) -> Self {
        Self { answer, asked: Mutex::default(), certificates: BTreeMap::new(), nonces: AtomicU8::new(0) }
    }

    /// The same world with this key behind the certificate `Key`.
    pub(crate) fn with(mut self, key: TestKey) -> Self {
        self.certificates.insert("Key", Ok(Arc::new(key)));
        self
    }

    pub(crate) fn verifier(&self) -> DecodingKey {
        self.certificates["Key"].as_ref().unwrap().verifier()
    }

    pub(crate) fn asked(&self) -> Option<Ask> {
        self.asked.lock().unwrap().clone()
    }

    /// Obtains a grant. Nothing ever waits in this world.
    pub(crate) fn obtain(&self, protocol: &dyn Protocol, settings: &Settings, values: &[(&str, &str)]) -> Result<Grant, ObtainError> {
        let values: Values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        now(protocol.obtain(self, crate::Material { settings, values: &values, grant: None, provider: None }))
    }
}

impl World for Scripted {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        *self.asked.lock().unwrap() = Some(ask);
        Box::pin(async {
            Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from_static(self.answer.as_bytes()) })
        })
    }

    fn nonce(&self) -> [u8; 16] {
        [self.nonces.fetch_add(1, Ordering::Relaxed); 16]
    }

    fn signer<'a>(&'a self, certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        let found = self.certificates.get(certificate).cloned().unwrap_or(Err(SignerError::NoCertificate));
        Box::pin(async { found.map(|key| key as Arc<dyn Signer>) })
    }
}

/// Runs a future that never waits: the scripted world answers at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("the scripted world answers at once"),
    }
}

/// Settings from JSON.
pub(crate) fn settings(value: serde_json::Value) -> Settings {
    value.as_object().unwrap().clone()
}
