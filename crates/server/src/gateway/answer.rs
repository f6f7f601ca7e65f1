//! The answer on its way to the caller. It carries the open audit record, and closes it however the answer ends.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sortie_callout::{AuditLog as _, Ending, Opened, Outcome, Peeked};
use sortie_outbound::{AnswerBody, SentBytes};

use super::pulse::Pulse;
use crate::audit::Lane;

/// A body from the gateway, which tells the connection's time limits how far it is.
pub(super) struct GatewayBody {
    content: Content,
    pulse: Rc<Pulse>,
}

/// What a body holds.
pub(super) enum Content {
    /// One of our own, in one piece.
    Whole(Option<Bytes>),
    /// An upstream's.
    Answer(Box<Audited>),
}

/// An upstream's body with the record that it closes.
pub(super) struct Audited {
    body: Peeked<AnswerBody>,
    record: Record,
    is_closed: bool,
}

/// An open audit record.
pub(super) struct Record {
    pub(super) audit: Lane,
    pub(super) intent: Opened,
    pub(super) status: u16,
    pub(super) renewed: bool,
    pub(super) sent_bytes: SentBytes,
    pub(super) received_bytes: u64,
}

impl Audited {
    pub(super) fn new(body: Peeked<AnswerBody>, record: Record) -> Self {
        Self { body, record, is_closed: false }
    }

    /// How it ended if it ended well.
    fn end(&self) -> Ending {
        if self.body.get_ref().is_close_delimited() { Ending::CloseDelimited } else { Ending::Complete }
    }

    fn close(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        let Record { audit, intent, status, renewed, sent_bytes, received_bytes } = &self.record;
        let outcome = Outcome {
            status: Some(*status),
            code: None,
            sent_bytes: sent_bytes.count(),
            received_bytes: *received_bytes,
            duration: audit.now().since(intent.at),
            completeness: ending,
            renewed: *renewed,
        };
        audit.close(*intent, outcome);
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        // The server does not ask for a frame behind the last one whose length it knows.
        let ending = if self.body.is_end_stream() { self.end() } else { Ending::CallerAborted };
        self.close(ending);
    }
}

impl GatewayBody {
    pub(super) fn new(content: Content, pulse: Rc<Pulse>) -> Self {
        Self { content, pulse }
    }
}

impl Drop for GatewayBody {
    fn drop(&mut self) {
        self.pulse.idle();
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = sortie_outbound::AnswerError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Answer(audited) => {
                let polled = Pin::new(&mut audited.body).poll_frame(context);
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => audited.record.received_bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                    Poll::Ready(Some(Err(error))) => audited.close(error.ending()),
                    Poll::Ready(None) => audited.close(audited.end()),
                    Poll::Pending => {}
                }
                polled
            }
        };
        // A silent upstream has limits of its own, which the named credential sets, and which may be longer than what a caller may take.
        if polled.is_pending() {
            this.pulse.busy()
        } else {
            this.pulse.answering()
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Answer(audited) => audited.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Answer(audited) => audited.body.size_hint(),
        }
    }
}
