//! Questions to token endpoints and the like: one request, one new connection, one deadline for all of it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use sortie_model::{SecretBytes, Timestamp};
use sortie_protocol::{Answer, Ask, AskError, Pending, Signer, SignerError, World};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::clock::ForwardClock;
use crate::connect::{ConnectError, Connector};

/// 1 MiB, as [`AskError::TooLarge`] says: a token endpoint's answer is a few kilobytes.
const LARGEST_ANSWER_BYTES: usize = 1 << 20;

/// The world as protocols see it: the system's clock, and questions through the same egress policy and trust as callouts. Private keys are not its to keep:
/// whoever has them puts a world with keys around this one.
///
/// Each question gets a connection of its own: they are rare, and a kept connection could fail in ways that cannot be told from
/// "the provider got it".
pub struct OutboundWorld {
    connector: Arc<Connector>,
    clock: ForwardClock,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    connect: Duration,
    total: Duration,
}

/// 20 s for all of it, of which 5 s for the connection. Must stay below the duration of a renewal's lease in `callout`.
const LIMITS: Limits = Limits { connect: Duration::from_secs(5), total: Duration::from_secs(20) };

impl OutboundWorld {
    /// The real world.
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, clock: ForwardClock::start(), limits: LIMITS }
    }

    async fn exchange(&self, ask: Ask) -> Result<Answer, AskError> {
        let deadline = Instant::now() + self.limits.total;
        let stream = self.connector.connect(ask.url.origin(), None, self.limits.connect.min(self.limits.total)).await.map_err(not_sent)?;
        // A process that was stopped meanwhile finds the connection there although its time is over. Whoever asked may have been succeeded: nothing is sent any more.
        if Instant::now() >= deadline {
            return Err(AskError::NotSent { reason: "the time was over before the connection was there".to_owned() });
        }
        let request = request(ask)?;
        let (sender, connection) = http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(|_| closed_at_once())?;
        let mut exchange = pin!(timeout_at(deadline, converse(sender, request)));
        let mut connection = pin!(connection);
        // The connection is driven here rather than by a task, so that whoever drops the question closes it.
        tokio::select! {
            biased;
            answer = &mut exchange => answer.unwrap_or(Err(AskError::NoAnswer)),
            _ = &mut connection => exchange.await.unwrap_or(Err(AskError::NoAnswer)),
        }
    }
}

impl World for OutboundWorld {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        Box::pin(self.exchange(ask))
    }

    fn nonce(&self) -> [u8; 16] {
        // 122 of the 128 bits are random (RFC 9562, section 5.4), from the operating system.
        Uuid::new_v4().into_bytes()
    }

    fn signer<'a>(&'a self, _certificate: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
}

fn not_sent(error: ConnectError) -> AskError {
    match error {
        ConnectError::Denied(_) => AskError::Denied,
        ConnectError::Unreachable(reason) | ConnectError::Tls(reason) => AskError::NotSent { reason: reason.to_owned() },
        ConnectError::ClientCertificate(_) | ConnectError::TooSlow => AskError::NotSent { reason: error.to_string() },
    }
}

fn closed_at_once() -> AskError {
    AskError::NotSent { reason: "the connection closed at once".to_owned() }
}

/// A body that is wiped when hyper lets go of it.
struct Wiped(SecretBytes);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

fn request(ask: Ask) -> Result<Request<Full<Bytes>>, AskError> {
    let Ask { method, url, mut headers, body } = ask;
    let no_request = || AskError::NotSent { reason: "the address cannot stand in a request".to_owned() };
    let host = HeaderValue::try_from(url.origin().authority()).map_err(|_| no_request())?;
    // The answer is read as it comes: without Accept-Encoding no server compresses it.
    for name in [ACCEPT_ENCODING, TRANSFER_ENCODING, CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static("sortie"));
    if body.expose().is_empty() && method != Method::GET {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut request = Request::new(Full::new(Bytes::from_owner(Wiped(body))));
    *request.method_mut() = method;
    *request.uri_mut() = url.path_and_query().parse().map_err(|_| no_request())?;
    *request.headers_mut() = headers;
    *request.version_mut() = Version::HTTP_11;
    Ok(request)
}

async fn converse(mut sender: SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, AskError> {
    let answer = sender.try_send_request(request).await.map_err(|error| match error.message() {
        Some(_) => closed_at_once(),
        None => AskError::NoAnswer,
    })?;
    if answer.status().is_informational() || is_framed_twice(&answer) {
        return Err(AskError::NoAnswer);
    }
    let (head, body) = answer.into_parts();
    let body = read(body).await?;
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// RFC 9112, section 6.3, rule 3: such an answer may be an attempt to smuggle another one past us.
fn is_framed_twice(answer: &Response<Incoming>) -> bool {
    answer.headers().contains_key(TRANSFER_ENCODING) && answer.headers().contains_key(CONTENT_LENGTH)
}

async fn read(mut body: Incoming) -> Result<Bytes, AskError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| AskError::NoAnswer)?.into_data() else { continue };
        if read.len() + piece.len() > LARGEST_ANSWER_BYTES {
            return Err(AskError::TooLarge);
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.freeze())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod tests;
