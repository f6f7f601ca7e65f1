//! What the script says that the upstream does with one request.

use std::time::Duration;

/// One answer; made by the functions below and refined by the methods.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) kind: Kind,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    pub(super) timing: Timing,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The body with `Content-Length`.
    Whole(Vec<u8>),
    /// The piece this often, as chunks with a pause before each but the first.
    Drip { piece: Vec<u8>, times: u32, pause: Duration },
    /// Announces the body's whole length, sends this many bytes of it and closes.
    Broken { body: Vec<u8>, sent: usize },
    /// Each piece of the request's body, as it arrives, as a chunk.
    Echo,
    /// These bytes and nothing else; then closes.
    Raw(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    AfterTheBody,
    BeforeTheBody,
}

impl Reply {
    /// This status, with an empty body.
    pub fn new(status: u16) -> Self {
        Self { kind: Kind::Whole(Vec::new()), status, headers: Vec::new(), delay: Duration::ZERO, timing: Timing::AfterTheBody }
    }

    /// 200, with the request's body sent back piece by piece while it arrives.
    pub fn echo() -> Self {
        Self { kind: Kind::Echo, ..Self::new(200) }
    }

    /// Exactly these bytes, whatever they are, and then the connection closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind: Kind::Raw(bytes.into()), ..Self::new(0) }
    }

    /// Closes the connection without an answer.
    pub fn hang_up() -> Self {
        Self::raw(b"")
    }

    /// Adds a header line, as written.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body, sent at once with its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.kind = Kind::Whole(body.into());
        self
    }

    /// A chunked body: the piece, `times` times, with a pause between two.
    pub fn drip(mut self, piece: impl Into<Vec<u8>>, times: u32, pause: Duration) -> Self {
        self.kind = Kind::Drip { piece: piece.into(), times, pause };
        self
    }

    /// A body that breaks off: announced whole, closed after `sent` bytes.
    pub fn broken_body(mut self, body: impl Into<Vec<u8>>, sent: usize) -> Self {
        self.kind = Kind::Broken { body: body.into(), sent };
        self
    }

    /// Waits before the first byte of the answer.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers as soon as the header lines are there, does not read the body and closes.
    pub fn early(mut self) -> Self {
        self.timing = Timing::BeforeTheBody;
        self
    }
}
