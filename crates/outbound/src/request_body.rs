//! The caller's body on its way to the upstream.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sortie_callout::Replay;

use crate::line::{Line, Party};

/// 64 KiB: a longer body is not remembered, so that a request with one is never sent twice and memory stays bounded.
const REMEMBERED_BYTES: usize = 64 * 1024;

/// A body to send: none, a caller's stream, or bytes at hand. Trailers of a caller are dropped: a header that arrives behind the
/// body would get past the rules for headers.
#[derive(Default)]
pub struct RequestBody {
    source: Source,
    progress: Option<Rc<Progress>>,
    line: Option<Rc<Line>>,
}

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Caller(Incoming),
    Bytes(Bytes),
}

/// What happened to a body so far, for those who do not hold it.
#[derive(Default)]
struct Progress {
    sent: Cell<u64>,
    state: Cell<State>,
    remembered: RefCell<Remembered>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Underway,
    Complete,
    /// The caller broke off.
    Aborted,
}

/// What was kept of the body to send it again.
#[derive(Default)]
enum Remembered {
    #[default]
    Nothing,
    /// The usual body is one piece: keeping it copies nothing.
    One(Bytes),
    /// Pieces are copied together: many small ones would each hold on to a read buffer.
    Joined(BytesMut),
    TooMuch,
}

/// What remembers a body while it is sent.
pub struct Memory(Option<Rc<Progress>>);

/// Counts how much of a body was sent. A body that is sent a second time is counted from zero again.
#[derive(Clone)]
pub struct SentBytes(Option<Rc<Progress>>);

/// Why a body cannot be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The caller's connection broke, or what came was not HTTP.
    #[error("the caller's body ended early")]
    CallerAborted,
}

impl RequestBody {
    /// No body.
    pub const fn empty() -> Self {
        Self { source: Source::Empty, progress: None, line: None }
    }

    /// The sender's bytes go on as they come in.
    pub fn incoming(body: Incoming) -> Self {
        if body.is_end_stream() { Self::empty() } else { Self::from_source(Source::Caller(body)) }
    }

    fn from_source(source: Source) -> Self {
        Self { source, progress: Some(Rc::default()), line: None }
    }

    /// A counter that stays readable when the body is gone.
    pub fn sent(&self) -> SentBytes {
        SentBytes(self.progress.clone())
    }

    /// Tells which connection carries the body, so that progress on one is progress on the other.
    pub(crate) fn carried_by(&mut self, line: &Rc<Line>) {
        if self.progress.is_some() {
            self.line = Some(Rc::clone(line));
        }
    }

    fn completed(&mut self) {
        self.source = Source::Empty;
        if let Some(progress) = &self.progress {
            progress.state.set(State::Complete);
        }
        if let Some(line) = self.line.take() {
            line.body_is_sent();
        }
    }

    fn passed(&self, piece: &Bytes) {
        if let Some(progress) = &self.progress {
            progress.sent.set(progress.sent.get() + piece.len() as u64);
            progress.remembered.borrow_mut().add(piece);
        }
        if let Some(line) = &self.line {
            line.wait_for(Party::Upstream);
            line.touch();
        }
    }

    fn aborted(&mut self) -> RequestError {
        self.source = Source::Empty;
        if let Some(progress) = &self.progress {
            progress.state.set(State::Aborted);
        }
        RequestError::CallerAborted
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::from_source(Source::Bytes(bytes)) }
    }
}

impl SentBytes {
    /// Bytes handed to the upstream's connection so far.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |progress| progress.sent.get())
    }

    /// Whether the caller broke off before the end.
    pub(crate) fn is_aborted(&self) -> bool {
        self.0.as_ref().is_some_and(|progress| progress.state.get() == State::Aborted)
    }
}

impl Remembered {
    fn add(&mut self, piece: &Bytes) {
        let kept = match self {
            Self::Nothing => return,
            Self::TooMuch => return,
            Self::One(first) => first.len(),
            Self::Joined(joined) => joined.len(),
        };
        if kept + piece.len() > REMEMBERED_BYTES {
            *self = Self::TooMuch;
            return;
        }
        match self {
            Self::One(first) if first.is_empty() => *first = piece.clone(),
            Self::One(first) => {
                let mut joined = BytesMut::with_capacity(kept + piece.len());
                joined.extend_from_slice(first);
                joined.extend_from_slice(piece);
                *self = Self::Joined(joined);
            }
            Self::Joined(joined) => joined.extend_from_slice(piece),
            Self::Nothing | Self::TooMuch => {}
        }
    }
}

impl Replay for RequestBody {
    type Memory = Memory;

    fn remember(&mut self) -> Memory {
        if let Some(progress) = &self.progress {
            progress.remembered.replace(Remembered::One(Bytes::new()));
        }
        Memory(self.progress.clone())
    }

    fn again(memory: Memory) -> Option<Self> {
        let Some(progress) = memory.0 else { return Some(Self::empty()) };
        if progress.state.get() != State::Complete {
            return None;
        }
        let bytes = match progress.remembered.take() {
            Remembered::One(bytes) => bytes,
            Remembered::Joined(joined) => joined.freeze(),
            Remembered::Nothing | Remembered::TooMuch => return None,
        };
        // The counter handed out before goes on, from zero.
        progress.sent.set(0);
        progress.state.set(State::Underway);
        Some(Self { source: Source::Bytes(bytes), progress: Some(progress), line: None })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let this = self.get_mut();
        let piece = match &mut this.source {
            Source::Empty => return Poll::Ready(None),
            Source::Bytes(bytes) => {
                let piece = std::mem::take(bytes);
                this.passed(&piece);
                this.completed();
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Source::Caller(body) => match Pin::new(body).poll_frame(context) {
                Poll::Pending => {
                    if let Some(line) = &this.line {
                        line.wait_for(Party::Caller);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(piece) => piece,
            },
        };
        match piece.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(piece))) => {
                this.passed(&piece);
                if matches!(&this.source, Source::Caller(body) if body.is_end_stream()) {
                    this.completed();
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            // UPG-13: trailers end the body and are dropped.
            None | Some(Ok(Err(_))) => {
                this.completed();
                Poll::Ready(None)
            }
            Some(Err(_)) => Poll::Ready(Some(Err(this.aborted()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Caller(body) => body.is_end_stream(),
            Source::Bytes(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Caller(body) => body.size_hint(),
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
