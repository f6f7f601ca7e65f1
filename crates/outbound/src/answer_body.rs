//! The upstream's body on its way to the caller.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sortie_callout::Ending;

use crate::forward::Core;
use crate::head::Framing;
use crate::line::Party;
use crate::pool::Lease;

/// The upstream's answer, piece by piece. When it has come to its clean end, its connection goes back into the pool; an answer
/// that breaks off, or that nobody reads to its end, closes its connection. Trailers are dropped.
pub struct AnswerBody {
    incoming: Incoming,
    /// Until the end.
    using: Option<(Lease, Rc<Core>)>,
    afterwards: Afterwards,
    framing: Framing,
    received: u64,
}

/// What becomes of the connection after a clean end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Reuse,
    Close,
}

/// Why an answer is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The upstream broke off, or what came is not HTTP.
    #[error("the upstream's answer ended early")]
    Truncated,
    /// The upstream sent nothing for too long.
    #[error("the upstream was silent for too long")]
    Silent,
    /// The caller took nothing for too long.
    #[error("the caller took nothing for too long")]
    CallerStalled,
}

impl AnswerError {
    /// What the audit says of it.
    pub const fn ending(self) -> Ending {
        match self {
            Self::Truncated | Self::Silent => Ending::UpstreamTruncated,
            Self::CallerStalled => Ending::CallerAborted,
        }
    }
}

impl AnswerBody {
    pub(crate) fn new(incoming: Incoming, lease: Lease, core: Rc<Core>, framing: Framing, afterwards: Afterwards) -> Self {
        let mut body = Self { incoming, using: Some((lease, core)), afterwards, framing, received: 0 };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    /// Bytes handed on so far.
    pub const fn received_bytes(&self) -> u64 {
        self.received
    }

    /// Whether the end of the answer is only marked by the connection's end, so that nobody can tell whether it is complete. Whoever
    /// hands it on must close too.
    pub fn is_close_delimited(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    fn finish(&mut self) {
        if let Some((lease, core)) = self.using.take()
            && self.afterwards == Afterwards::Reuse
        {
            core.pool.give_back(lease);
        }
    }

    fn broken(&mut self) -> AnswerError {
        match self.using.take().and_then(|(lease, _)| lease.line.cut_for()) {
            Some(Party::Upstream) => AnswerError::Silent,
            Some(Party::Caller) => AnswerError::CallerStalled,
            None => AnswerError::Truncated,
        }
    }

    fn poll_incoming(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let incoming = Pin::new(&mut self.incoming);
        let Some((lease, _)) = &self.using else { return incoming.poll_frame(context) };
        let polled = lease.line.bell().muted(|| incoming.poll_frame(context));
        // Behind the last piece the connection has nothing to do: it came to its rest before it handed the piece out.
        if !self.incoming.is_end_stream() {
            lease.line.bell().pass_on();
        }
        polled
    }

    fn wait_for(&self, party: Party) {
        if let Some((lease, _)) = &self.using {
            lease.line.wait_for(party);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = self.get_mut();
        let Poll::Ready(piece) = this.poll_incoming(context) else {
            this.wait_for(Party::Upstream);
            return Poll::Pending;
        };
        match piece.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(piece))) => {
                this.received += piece.len() as u64;
                if let Some((lease, _)) = &this.using {
                    lease.line.wait_for(Party::Caller);
                    lease.line.touch();
                }
                if this.incoming.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            // RSP-09: trailers end the answer and are dropped.
            None | Some(Ok(Err(_))) => {
                this.finish();
                Poll::Ready(None)
            }
            Some(Err(_)) => Poll::Ready(Some(Err(this.broken()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
