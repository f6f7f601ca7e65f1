//! The caller's body on its way to the upstream.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sortie_callout::{HoldFault, Replay, Room};
use sortie_protocol::shared::sigv4::{BodyFault, Recoder};

use crate::line::{Line, Party};
use crate::progress::{Memory, Progress, SentBytes};

/// A body to send: none, a caller's stream, or bytes at hand. Trailers of a caller are dropped: a header that arrives behind the
/// body would get past the rules for headers.
#[derive(Default)]
pub struct RequestBody {
    source: Source,
    progress: Option<Rc<Progress>>,
    line: Option<Rc<Line>>,
    /// Set where formulas are not allowed: whether the last byte that went out was `{`.
    last_was_brace: Option<bool>,
    /// Set where pieces are rewritten before they go out, until the last one has.
    recoder: Option<Box<Recoder>>,
}

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Caller(Incoming),
    Bytes(Bytes),
}

/// Why a body cannot be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The caller's connection broke, or what came was not HTTP.
    #[error("the caller's body ended early")]
    CallerAborted,
    /// `{!` came, where formulas are not allowed.
    #[error("the body holds a formula, which is not sent as text")]
    FormulaWithheld,
    /// It is not what its headers say.
    #[error("{0}")]
    Malformed(BodyFault),
}

impl RequestBody {
    /// No body.
    pub const fn empty() -> Self {
        Self { source: Source::Empty, progress: None, line: None, last_was_brace: None, recoder: None }
    }

    /// The sender's bytes go on as they come in.
    pub fn incoming(body: Incoming) -> Self {
        if body.is_end_stream() { Self::empty() } else { Self::from_source(Source::Caller(body)) }
    }

    fn from_source(source: Source) -> Self {
        Self { source, progress: Some(Rc::default()), line: None, last_was_brace: None, recoder: None }
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
            progress.complete();
        }
        if let Some(line) = self.line.take() {
            line.body_is_sent();
        }
    }

    fn passed(&self, piece: &Bytes) {
        if let Some(progress) = &self.progress {
            progress.passed(piece);
        }
        if let Some(line) = &self.line {
            line.wait_for(Party::Upstream);
            line.touch();
        }
    }

    /// Whether `{!` is in this piece, or ends in it.
    fn holds_formula(&mut self, piece: &Bytes) -> bool {
        let Some(last_was_brace) = &mut self.last_was_brace else { return false };
        let is_found = (*last_was_brace && piece.first() == Some(&b'!')) || memchr::memmem::find(piece, b"{!").is_some();
        *last_was_brace = piece.last().map_or(*last_was_brace, |last| *last == b'{');
        is_found
    }

    fn withheld(&mut self) -> RequestError {
        self.source = Source::Empty;
        if let Some(progress) = &self.progress {
            progress.withhold();
        }
        RequestError::FormulaWithheld
    }

    fn malformed(&mut self, fault: BodyFault) -> RequestError {
        (self.source, self.recoder) = (Source::Empty, None);
        if let Some(progress) = &self.progress {
            progress.malform(fault);
        }
        RequestError::Malformed(fault)
    }

    fn aborted(&mut self) -> RequestError {
        self.source = Source::Empty;
        if let Some(progress) = &self.progress {
            progress.abort();
        }
        RequestError::CallerAborted
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::from_source(Source::Bytes(bytes)) }
    }
}

impl Replay for RequestBody {
    type Memory = Memory;

    fn is_empty(&self) -> bool {
        self.is_end_stream()
    }

    async fn hold(mut self, limit: usize, room: &mut Room) -> Result<(Bytes, Memory), HoldFault> {
        let memory = Memory(self.progress.clone());
        let mut body = match std::mem::take(&mut self.source) {
            Source::Empty => return Ok((Bytes::new(), memory)),
            Source::Bytes(bytes) if bytes.len() > limit => return Err(HoldFault::TooLarge),
            Source::Bytes(bytes) => return Ok((bytes, memory)),
            Source::Caller(body) => body,
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(HoldFault::TooLarge);
        }
        let mut held = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(frame) = frame else {
                memory.tell(Progress::abort);
                return Err(HoldFault::CallerAborted);
            };
            let Ok(piece) = frame.into_data() else { break };
            if held.len() + piece.len() > limit {
                return Err(HoldFault::TooLarge);
            }
            if !room.grow(piece.len()) {
                return Err(HoldFault::NoRoom);
            }
            if self.holds_formula(&piece) {
                return Err(HoldFault::FormulaWithheld);
            }
            held.extend_from_slice(&piece);
        }
        // From here on the caller has nothing more to send: whoever hangs up now is noticed.
        memory.tell(Progress::complete);
        Ok((held.freeze(), memory))
    }

    fn replaced(held: &Memory, bytes: Bytes) -> Self {
        let Some(progress) = &held.0 else { return Self::from(bytes) };
        progress.restart();
        let source = if bytes.is_empty() { Source::Empty } else { Source::Bytes(bytes) };
        Self { source, progress: Some(Rc::clone(progress)), line: None, last_was_brace: None, recoder: None }
    }

    fn withhold_formulas(&mut self) {
        self.last_was_brace = Some(false);
    }

    fn recoded(mut self, recoder: Box<Recoder>) -> Self {
        self.recoder = Some(recoder);
        self
    }

    fn remember(&mut self) -> Memory {
        if let Some(progress) = &self.progress {
            progress.remember();
        }
        Memory(self.progress.clone())
    }

    fn again(memory: Memory) -> Option<Self> {
        let Some(progress) = memory.0 else { return Some(Self::empty()) };
        let bytes = progress.rewind()?;
        Some(Self { source: Source::Bytes(bytes), progress: Some(progress), line: None, last_was_brace: None, recoder: None })
    }
}

impl RequestBody {
    /// The next piece as the caller sent it.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestError>>> {
        let this = self;
        let piece = match &mut this.source {
            Source::Empty => return Poll::Ready(None),
            Source::Bytes(bytes) => {
                let piece = std::mem::take(bytes);
                this.passed(&piece);
                this.completed();
                return Poll::Ready(Some(Ok(piece)));
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
                // What is framed is looked at without its frames.
                if this.recoder.is_none() && this.holds_formula(&piece) {
                    return Poll::Ready(Some(Err(this.withheld())));
                }
                this.passed(&piece);
                if matches!(&this.source, Source::Caller(body) if body.is_end_stream()) {
                    this.completed();
                }
                Poll::Ready(Some(Ok(piece)))
            }
            // UPG-13: trailers end the body and are dropped.
            None | Some(Ok(Err(_))) => {
                this.completed();
                Poll::Ready(None)
            }
            Some(Err(_)) => Poll::Ready(Some(Err(this.aborted()))),
        }
    }

    /// The next piece as it goes out; often several of the caller's make one.
    fn poll_recoded(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestError>>> {
        loop {
            let piece = match self.poll_source(context) {
                Poll::Ready(piece) => piece.transpose(),
                Poll::Pending => return Poll::Pending,
            };
            let Some(recoder) = &mut self.recoder else { return Poll::Ready(piece.transpose()) };
            let out = match piece {
                Ok(Some(piece)) => match recoder.plain(piece) {
                    Ok(plain) if self.holds_formula(&plain) => {
                        self.recoder = None;
                        return Poll::Ready(Some(Err(self.withheld())));
                    }
                    Ok(plain) => Ok(self.recoder.as_mut().map_or(Bytes::new(), |recoder| recoder.framed(plain))),
                    Err(fault) => Err(fault),
                },
                Ok(None) => {
                    let end = recoder.finish();
                    self.recoder = None;
                    end
                }
                Err(error) => {
                    self.recoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
            };
            match out {
                Ok(out) if out.is_empty() => {}
                Ok(out) => return Poll::Ready(Some(Ok(out))),
                Err(fault) => return Poll::Ready(Some(Err(self.malformed(fault)))),
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let this = self.get_mut();
        let piece = if this.recoder.is_some() { this.poll_recoded(context) } else { this.poll_source(context) };
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            // The last chunk is still to come.
            _ if self.recoder.is_some() => false,
            Source::Empty => true,
            Source::Caller(body) => body.is_end_stream(),
            Source::Bytes(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        if let Some(recoder) = &self.recoder {
            return recoder.length().map_or_else(SizeHint::default, SizeHint::with_exact);
        }
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Caller(body) => body.size_hint(),
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
