//! One core's way to the upstreams: take a kept connection or open one, send, and wait for the head of the answer.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use sortie_callout::{ClientIdentity, Forward, ForwardError, Named};
use sortie_model::{Endpoint, NamedCredentialId, Timeouts};
use tokio::time::MissedTickBehavior;

use crate::answer_body::{Afterwards, AnswerBody};
use crate::channels::Presenter;
use crate::connect::Connector;
use crate::head::{check_answer, frame_request, framing};
use crate::line::{Clock, Driving, Line, Lines, Party, TICK};
use crate::pool::{Lease, Pool, PoolLimits};
use crate::progress::SentBytes;
use crate::request_body::RequestBody;
use crate::stream::Stream;

/// 128 KiB: the most that one connection reads ahead, and so the longest head of an answer; and about the most of a request that waits to be written.
const BUFFER_BYTES: usize = 128 * 1024;

/// The upstreams as one core reaches them: its own connections, no lock, nothing shared but the [`Connector`].
///
/// It must be used within a `LocalRuntime` or `LocalSet` of tokio: each connection has a task on the same core.
pub struct Upstream {
    core: Rc<Core>,
}

/// What the bodies of running exchanges share with their [`Upstream`].
pub(crate) struct Core {
    connector: Arc<Connector>,
    pub(crate) pool: Pool,
    clock: Rc<Clock>,
    lines: Lines,
    is_watched: Cell<bool>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Connections are kept for each name apart.
    pub name: NamedCredentialId,
    /// Scheme, host and port.
    pub endpoint: &'a Endpoint,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// What is presented where the connection is made. Connections are kept for each identity apart, too.
    pub identity: Option<&'a Arc<ClientIdentity>>,
}

impl<'a> Destination<'a> {
    fn presenter(&self) -> Option<Presenter<'a>> {
        self.identity.map(|identity| Presenter { name: self.name, identity })
    }
}

impl Upstream {
    /// Begins without a connection.
    pub fn new(connector: Arc<Connector>, limits: PoolLimits) -> Self {
        let (pool, clock) = (Pool::new(limits), Rc::new(Clock::start()));
        Self { core: Rc::new(Core { connector, pool, clock, lines: Lines::default(), is_watched: Cell::new(false) }) }
    }

    /// Sends a request, whose URI is a path and query and whose `Host` is set, and waits for the head of the answer.
    ///
    /// A request is sent a second time only if nothing of it was written the first time, because a kept connection turned out to
    /// be closed.
    ///
    /// # Errors
    /// A [`ForwardError`].
    pub async fn send(&self, to: Destination<'_>, mut request: Request<RequestBody>) -> Result<Response<AnswerBody>, ForwardError> {
        let afterwards = frame_request(&mut request);
        let sent = request.body().sent();
        while let Some(mut lease) = self.core.pool.take(&to) {
            match attempt(&mut lease, to.timeouts, request).await.map_err(Failed::from) {
                Ok(answer) => return self.accept(answer, lease, afterwards),
                Err(Failed::Unsent(unsent)) => request = *unsent,
                Err(Failed::Broken(reason)) => return Err(blame(&lease, &sent, reason)),
            }
        }
        // Boxed, so that what every request carries around does not grow by what a new connection needs.
        let mut lease = Box::pin(self.core.open(to)).await?;
        match attempt(&mut lease, to.timeouts, request).await.map_err(Failed::from) {
            Ok(answer) => self.accept(answer, lease, afterwards),
            Err(Failed::Unsent(_)) => {
                let closed = || ForwardError::Unreachable("the connection closed at once".to_owned());
                Err(lease.line.objection().map_or_else(closed, ForwardError::from))
            }
            Err(Failed::Broken(reason)) => Err(blame(&lease, &sent, reason)),
        }
    }

    fn accept(&self, mut answer: Response<Incoming>, lease: Lease, afterwards: Afterwards) -> Result<Response<AnswerBody>, ForwardError> {
        lease.line.head_has_come();
        let after_answer = check_answer(&answer)?;
        let afterwards = if after_answer == Afterwards::Close { after_answer } else { afterwards };
        let framing = framing(&answer);
        if answer.status() == StatusCode::NO_CONTENT {
            // RFC 9110, section 8.6: a 204 has no Content-Length.
            answer.headers_mut().remove(CONTENT_LENGTH);
        }
        *answer.version_mut() = Version::HTTP_11;
        // Among them is the handle that would turn the connection into a tunnel.
        answer.extensions_mut().clear();
        Ok(answer.map(|incoming| AnswerBody::new(incoming, lease, Rc::clone(&self.core), framing, afterwards)))
    }
}

#[cfg(test)]
impl Upstream {
    /// Names with connections, connections, and whether they are watched.
    pub(crate) fn held(&self) -> (usize, usize, bool) {
        (self.core.pool.names(), self.core.lines.count(), self.core.is_watched.get())
    }
}

impl Forward for Upstream {
    type RequestBody = RequestBody;
    type AnswerBody = AnswerBody;

    // Not an `async fn`: it would move the request twice more.
    fn forward<'a>(
        &'a self,
        named: &'a Named,
        identity: Option<&'a Arc<ClientIdentity>>,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<AnswerBody>, ForwardError>> {
        let to = Destination { name: named.id, endpoint: &named.endpoint, timeouts: named.timeouts, identity };
        self.send(to, request)
    }
}

impl Core {
    /// A new connection, with its task.
    async fn open(self: &Rc<Self>, to: Destination<'_>) -> Result<Lease, ForwardError> {
        let limit = Duration::from_millis(u64::from(to.timeouts.connect_ms));
        let stream = self.connector.connect(to.endpoint, to.presenter(), limit).await?;
        let listening = stream.listening();
        let (sender, connection) = handshake(stream).await?;
        self.watch();
        let line = Rc::new(Line::new(&self.clock, listening));
        let task = tokio::task::spawn_local(drive(connection, Driving(Rc::clone(&line))));
        line.driven_by(task.abort_handle());
        self.lines.add(&line);
        Ok(Lease::new(sender, line, self.pool.place(&to)))
    }

    /// Starts the watch, unless it is on. It ends with the last connection, so that an idle core sleeps.
    fn watch(self: &Rc<Self>) {
        self.clock.tick();
        if !self.is_watched.replace(true) {
            tokio::task::spawn_local(watch(Rc::downgrade(self)));
        }
    }
}

async fn watch(core: Weak<Core>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(core) = core.upgrade() else { return };
        core.clock.tick();
        if core.lines.sweep(core.clock.now()) > 0 {
            core.pool.sweep();
        }
        if core.lines.count() == 0 {
            core.is_watched.set(false);
            return;
        }
    }
}

/// The task of a connection.
async fn drive(connection: Connection, driving: Driving) {
    let mut connection = pin!(connection);
    let bell = driving.0.bell();
    let ringer = bell.ringer();
    let ended = poll_fn(|context| {
        bell.listen(context);
        connection.as_mut().poll(&mut Context::from_waker(&ringer))
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection to an upstream broke");
    }
}

type Connection = http1::Connection<TokioIo<Stream>, RequestBody>;

async fn handshake(stream: Stream) -> Result<(SendRequest<RequestBody>, Connection), ForwardError> {
    let mut builder = http1::Builder::new();
    // Most requests are a head and little more: a copy into one buffer costs less than to list the pieces.
    builder.max_buf_size(BUFFER_BYTES).writev(false);
    // This handshake sends nothing: HTTP/1 has none.
    let made = builder.handshake(TokioIo::new(stream)).await;
    made.map_err(|_| ForwardError::Unreachable("the connection closed at once".to_owned()))
}

/// Why an attempt brought no answer.
enum Failed {
    /// Nothing was written: here is the request back.
    Unsent(Box<Request<RequestBody>>),
    /// Something may have been written.
    Broken(&'static str),
}

type Attempted = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// Hands a request to a connection; the answer is still to come. Not an `async fn`: it would move the request twice more.
fn attempt(lease: &mut Lease, timeouts: Timeouts, mut request: Request<RequestBody>) -> impl Future<Output = Attempted> + use<> {
    if request.body().is_end_stream() {
        lease.line.begin_without_body(timeouts);
    } else {
        lease.line.begin_with_body(timeouts);
        request.body_mut().carried_by(&lease.line);
    }
    lease.sender.try_send_request(request)
}

impl From<TrySendError<Request<RequestBody>>> for Failed {
    fn from(mut error: TrySendError<Request<RequestBody>>) -> Self {
        match error.take_message() {
            Some(unsent) => Self::Unsent(Box::new(unsent)),
            None => Self::Broken(broken(&error.into_error())),
        }
    }
}

fn broken(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "the head of the answer is too large"
    } else if error.is_parse() {
        "what came is not HTTP/1.1"
    } else if error.is_incomplete_message() {
        "the connection closed before the answer began"
    } else {
        "the connection broke before the answer began"
    }
}

fn blame(lease: &Lease, sent: &SentBytes, reason: &'static str) -> ForwardError {
    match lease.line.cut_for() {
        Some(Party::Caller) => ForwardError::CallerAborted,
        Some(Party::Upstream) => ForwardError::Timeout,
        None => {
            let said = || lease.line.objection().map(ForwardError::from);
            sent.fault().or_else(said).unwrap_or_else(|| ForwardError::Protocol(reason.to_owned()))
        }
    }
}
