//! What is known of a body on its way out to those who do not hold it: how much was sent, whether it is whole, and the bytes again if
//! somebody asked for that.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use sortie_callout::ForwardError;
use sortie_protocol::shared::sigv4::BodyFault;

/// 64 KiB: a longer body is not remembered, so that a request with one is never sent twice and memory stays bounded.
const REMEMBERED_BYTES: usize = 64 * 1024;

/// What remembers a body while it is sent.
#[derive(Clone)]
pub struct Memory(pub(crate) Option<Rc<Progress>>);

/// Counts how much of a body was sent. A body that is sent a second time is counted from zero again.
#[derive(Clone)]
pub struct SentBytes(pub(crate) Option<Rc<Progress>>);

/// What happened to a body so far, for those who do not hold it.
#[derive(Default)]
pub(crate) struct Progress {
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
    /// `{!` came, and is not to be sent.
    Withheld,
    /// It is not what its headers say.
    Malformed(BodyFault),
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

impl Memory {
    /// Tells what remembers the body, if it is one that can be told.
    pub(crate) fn tell(&self, news: impl FnOnce(&Progress)) {
        if let Some(progress) = &self.0 {
            news(progress);
        }
    }
}

impl Progress {
    /// From here on the bytes are kept too.
    pub(crate) fn remember(&self) {
        self.remembered.replace(Remembered::One(Bytes::new()));
    }

    /// A piece goes out.
    pub(crate) fn passed(&self, piece: &Bytes) {
        self.sent.set(self.sent.get() + piece.len() as u64);
        self.remembered.borrow_mut().add(piece);
    }

    /// All of it went out.
    pub(crate) fn complete(&self) {
        self.state.set(State::Complete);
    }

    /// The caller broke off.
    pub(crate) fn abort(&self) {
        self.state.set(State::Aborted);
    }

    /// A formula came, and is not to be sent.
    pub(crate) fn withhold(&self) {
        self.state.set(State::Withheld);
    }

    /// It is not what its headers say.
    pub(crate) fn malform(&self, fault: BodyFault) {
        self.state.set(State::Malformed(fault));
    }

    /// A body at hand is sent, once more maybe; the count begins anew. Nothing of it is still to come from the caller.
    pub(crate) fn restart(&self) {
        self.sent.set(0);
    }

    /// The whole body, if all of it was sent and kept; the count begins anew.
    pub(crate) fn rewind(&self) -> Option<Bytes> {
        if self.state.get() != State::Complete {
            return None;
        }
        let bytes = match self.remembered.take() {
            Remembered::One(bytes) => bytes,
            Remembered::Joined(joined) => joined.freeze(),
            Remembered::Nothing | Remembered::TooMuch => return None,
        };
        self.restart();
        Some(bytes)
    }
}

impl SentBytes {
    /// Bytes handed to the upstream's connection so far.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |progress| progress.sent.get())
    }

    /// Whether the sender has handed over all of it: nothing of it is on its way to us any more.
    pub fn is_whole(&self) -> bool {
        self.0.as_ref().is_none_or(|progress| progress.state.get() == State::Complete)
    }

    /// Why the body ended before its end, if that was not the upstream's doing.
    pub(crate) fn fault(&self) -> Option<ForwardError> {
        match self.0.as_ref()?.state.get() {
            State::Aborted => Some(ForwardError::CallerAborted),
            State::Withheld => Some(ForwardError::FormulaWithheld),
            State::Malformed(fault) => Some(ForwardError::Body(fault)),
            State::Underway | State::Complete => None,
        }
    }
}

impl Remembered {
    fn add(&mut self, piece: &Bytes) {
        let kept = match self {
            Self::Nothing | Self::TooMuch => return,
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
