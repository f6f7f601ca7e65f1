//! A token server by script, and the world in which it answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use sortie_model::Timestamp;
use sortie_protocol::{Answer, Ask, AskError, Pending, Signer, SignerError, SigningAlgorithm, World};

use super::Clock;

/// How the provider answers one question.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A new token: `SECRET-token-1`, `SECRET-token-2`, …
    Token { lifetime: Option<u64> },
    /// A new token, and a refresh token of the same number that replaces the one before: `SECRET-refresh-1`, …
    Rotated { lifetime: u64 },
    /// Anything else.
    Status { status: u16, headers: HeaderMap, body: &'static str },
    /// Nothing, for a reason.
    Failure(AskError),
    /// Nothing, for ever.
    Never,
    /// A defect in the protocol.
    Panic,
    /// Another reply, later.
    After(Duration, Box<Self>),
}

impl Reply {
    pub(crate) fn token(lifetime: u64) -> Self {
        Self::Token { lifetime: Some(lifetime) }
    }

    pub(crate) fn status(status: u16, body: &'static str) -> Self {
        Self::Status { status, headers: HeaderMap::new(), body }
    }

    pub(crate) fn retry_after(status: u16, seconds: u32) -> Self {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from(seconds))]);
        Self::Status { status, headers, body: "" }
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self::After(duration, Box::new(self))
    }
}

/// One provider, asked by any number of nodes.
pub(crate) struct Provider {
    usual: Mutex<Reply>,
    next: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<(Timestamp, Ask)>>,
    issued: AtomicU64,
    pub(crate) key: Arc<Key>,
}

impl Provider {
    /// Gives tokens that live for an hour, at once.
    pub(crate) fn new() -> Self {
        let key = Key { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), signed: AtomicU64::new(0) };
        let (usual, issued) = (Mutex::new(Reply::token(3600)), AtomicU64::new(0));
        Self { usual, next: Mutex::default(), asked: Mutex::default(), issued, key: Arc::new(key) }
    }

    /// How it answers from now on.
    pub(crate) fn usually(&self, reply: Reply) {
        *self.usual.lock().unwrap() = reply;
    }

    /// How it answers next, before going back to its usual way.
    pub(crate) fn next(&self, reply: Reply) {
        self.next.lock().unwrap().push_back(reply);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// When it was asked.
    pub(crate) fn moments(&self) -> Vec<Timestamp> {
        self.asked.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// What it was asked.
    pub(crate) fn questions(&self) -> Vec<Ask> {
        self.asked.lock().unwrap().iter().map(|(_, ask)| ask.clone()).collect()
    }

    /// How many tokens it gave.
    pub(crate) fn issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }

    /// How many tokens were signed with the certificate `Key`.
    pub(crate) fn signed(&self) -> u64 {
        self.key.signed.load(Ordering::SeqCst)
    }

    async fn answer(&self, reply: Reply) -> Result<Answer, AskError> {
        let mut reply = reply;
        while let Reply::After(duration, later) = reply {
            tokio::time::sleep(duration).await;
            reply = *later;
        }
        match reply {
            Reply::Token { lifetime } => {
                let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
                let expires_in = lifetime.map(|seconds| format!(r#","expires_in":{seconds}"#)).unwrap_or_default();
                let body = format!(r#"{{"access_token":"SECRET-token-{number}","token_type":"Bearer"{expires_in}}}"#);
                Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) })
            }
            Reply::Rotated { lifetime } => {
                let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
                let body = format!(
                    r#"{{"access_token":"SECRET-token-{number}","token_type":"Bearer","expires_in":{lifetime},"refresh_token":"SECRET-refresh-{number}"}}"#
                );
                Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) })
            }
            Reply::Status { status, headers, body } => {
                Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(body.as_bytes()) })
            }
            Reply::Failure(error) => Err(error),
            Reply::Never | Reply::After(..) => std::future::pending().await,
            Reply::Panic => panic!("the test asked for a panic in the protocol"),
        }
    }
}

/// The private key of the certificate `Key`, made for one test.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    signed: AtomicU64,
}

impl Key {
    /// For those who verify.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}

impl Signer for Key {
    fn key_id(&self) -> &str {
        "Key"
    }

    fn chain(&self) -> &[Vec<u8>] {
        &[]
    }

    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        if algorithm != SigningAlgorithm::Es256 {
            return Err(SignerError::WrongKey);
        }
        self.signed.fetch_add(1, Ordering::SeqCst);
        Ok(self.pair.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec())
    }
}

/// The world as one node sees it.
pub(crate) struct ScriptedWorld {
    pub(crate) clock: Clock,
    pub(crate) provider: Arc<Provider>,
}

impl World for ScriptedWorld {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        Box::pin(async move {
            self.provider.asked.lock().unwrap().push((self.clock.now(), ask));
            let next = self.provider.next.lock().unwrap().pop_front();
            let reply = next.unwrap_or_else(|| self.provider.usual.lock().unwrap().clone());
            tokio::task::yield_now().await;
            self.provider.answer(reply).await
        })
    }

    fn nonce(&self) -> [u8; 16] {
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce).unwrap();
        nonce
    }

    fn signer<'a>(&'a self, certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        let signer = match certificate {
            "Key" => Ok(Arc::clone(&self.provider.key) as Arc<dyn Signer>),
            "Early" => Err(SignerError::NotYetUsable),
            "Late" => Err(SignerError::Expired),
            "Away" => Err(SignerError::Unavailable),
            "Sealed" => Err(SignerError::Sealed),
            _ => Err(SignerError::NoCertificate),
        };
        Box::pin(async { signer })
    }
}
