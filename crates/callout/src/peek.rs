//! An answer's body, of which the beginning may have been read ahead.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// A body that comes out whole, whatever of it was looked at before.
pub struct Peeked<B: Body> {
    body: B,
    /// Boxed: few answers are looked into, and the others need not carry it.
    ahead: Option<Box<Ahead<B::Error>>>,
}

/// What was read and is not handed on yet.
struct Ahead<E> {
    bytes: BytesMut,
    /// How reading ended, if it broke off: it does so again behind the bytes.
    broken: Option<E>,
}

impl<B: Body<Data = Bytes> + Unpin> Peeked<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body, ahead: None }
    }

    /// The body itself, for what is known of it beside its bytes.
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// All of the body, if it ends within `limit` bytes. Whatever was read comes out again in its place, also if this is given up halfway.
    pub(crate) async fn peek(&mut self, limit: usize) -> Option<Bytes> {
        let ahead = self.ahead.get_or_insert_with(|| Box::new(Ahead { bytes: BytesMut::new(), broken: None }));
        if ahead.broken.is_some() {
            return None;
        }
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await;
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => ahead.bytes.extend_from_slice(&piece),
                // Trailers end the body.
                None | Some(Ok(Err(_))) => return Some(ahead.bytes.clone().freeze()),
                Some(Err(error)) => {
                    ahead.broken = Some(error);
                    return None;
                }
            }
            if ahead.bytes.len() > limit {
                return None;
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Peeked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let Some(ahead) = &mut this.ahead else { return Pin::new(&mut this.body).poll_frame(context) };
        if !ahead.bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(ahead.bytes.split().freeze()))));
        }
        match ahead.broken.take() {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => {
                this.ahead = None;
                Pin::new(&mut this.body).poll_frame(context)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_handed_on = self.ahead.as_ref().is_none_or(|ahead| ahead.bytes.is_empty() && ahead.broken.is_none());
        is_handed_on && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        if let Some(ahead) = &self.ahead {
            let kept = ahead.bytes.len() as u64;
            // The upper bound first: the lower one may never be above it.
            if let Some(upper) = hint.upper() {
                hint.set_upper(upper + kept);
            }
            hint.set_lower(hint.lower() + kept);
        }
        hint
    }
}
