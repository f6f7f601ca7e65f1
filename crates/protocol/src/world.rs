//! All that a protocol sees of the world. Time, chance, network and keys are handed in, so that a test can freeze or script them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use sortie_model::{SecretBytes, ServiceUrl, Timestamp};

use crate::{Signer, SignerError};

/// A boxed future, for the few places off the data plane where a trait object answers later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time, chance, network and private keys, as a protocol sees them.
pub trait World: Send + Sync {
    /// What time it is. Never goes backwards within one process.
    fn now(&self) -> Timestamp;

    /// Asks a service one question. No redirect is followed, nothing is sent twice, and the whole exchange has a deadline.
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>>;

    /// 16 bytes that nobody can guess and that never come twice.
    fn nonce(&self) -> [u8; 16];

    /// The private key of a certificate, by the certificate's name.
    fn signer<'a>(&'a self, certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>>;
}

/// A question to a token endpoint or the like. What it shows of itself is not secret: a query may be, where a service takes tokens there.
#[derive(Clone)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Whom.
    pub url: ServiceUrl,
    /// Headers; secret ones are marked as sensitive.
    pub headers: HeaderMap,
    /// The body, which often holds a secret.
    pub body: SecretBytes,
}

impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.to_string();
        let place = url.split('?').next().unwrap_or_default();
        formatter
            .debug_struct("Ask")
            .field("method", &self.method)
            .field("url", &place)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// What the service said. The body holds tokens, so it is not printed.
#[derive(Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most 1 MiB, not decompressed.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The egress policy forbids the address.
    #[error("the egress policy does not allow this address")]
    Denied,
    /// Nothing was sent: no address, no connection, no trust in its certificate.
    #[error("no connection: {reason}")]
    NotSent {
        /// Why, in words for an admin.
        reason: String,
    },
    /// Something was sent and no complete answer came before the deadline.
    #[error("no answer before the deadline")]
    NoAnswer,
    /// The answer is larger than 1 MiB.
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
}
