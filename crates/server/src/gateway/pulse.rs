//! Time limits of the callers' connections, by one tick a second for all of a core's connections together: a timer for each request would cost more than the rest of
//! the limits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sortie_outbound::SentBytes;
use tokio::task::AbortHandle;

/// 10 ticks for the first request's head (DOS-01).
const HEAD_TICKS: u32 = 10;

/// 75 ticks between two requests, as common servers have it, so that pools of common clients fit.
const IDLE_TICKS: u32 = 75;

/// 120 ticks without the caller taking anything of an answer (DOS-03). What the upstream may take has limits of its own.
const STALL_TICKS: u32 = 120;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Sending its first request.
    FirstHead,
    /// Between two requests.
    Idle,
    /// Waiting for us.
    Busy,
    /// Taking an answer.
    Answering,
}

/// The limits of one core's connections.
#[derive(Default)]
pub(super) struct Pulses {
    tick: Cell<u32>,
    all: RefCell<Vec<(Rc<Pulse>, AbortHandle)>>,
}

/// What one connection is doing, and since when.
pub(super) struct Pulse {
    core: Rc<Pulses>,
    /// The body of the request that is being answered, if it has one.
    upload: RefCell<Option<SentBytes>>,
    phase: Cell<Phase>,
    since: Cell<u32>,
}

impl Pulses {
    /// Ends connections that are over their limit, once a second, until the core ends.
    pub(super) async fn run(self: Rc<Self>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            self.tick.set(self.tick.get().wrapping_add(1));
            self.all.borrow_mut().retain(|(pulse, connection)| {
                if pulse.is_overdue() {
                    connection.abort();
                }
                !connection.is_finished()
            });
        }
    }

    /// Ends all connections, and returns when they have ended.
    pub(super) async fn end_all(&self) {
        self.all.borrow().iter().for_each(|(_, connection)| connection.abort());
        while self.all.borrow().iter().any(|(_, connection)| !connection.is_finished()) {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn pulse(self: &Rc<Self>) -> Rc<Pulse> {
        Rc::new(Pulse {
            core: Rc::clone(self),
            upload: RefCell::default(),
            phase: Cell::new(Phase::FirstHead),
            since: Cell::new(self.tick.get()),
        })
    }

    pub(super) fn watch(&self, pulse: Rc<Pulse>, connection: AbortHandle) {
        self.all.borrow_mut().push((pulse, connection));
    }
}

impl Pulse {
    /// A whole head has come.
    pub(super) fn busy(&self) {
        self.enter(Phase::Busy);
    }

    /// The request has a body.
    pub(super) fn receives(&self, upload: &SentBytes) {
        self.upload.replace(Some(upload.clone()));
    }

    /// A piece of an answer was taken.
    pub(super) fn answering(&self) {
        self.enter(Phase::Answering);
    }

    /// The answer is over.
    pub(super) fn idle(&self) {
        self.upload.take();
        self.enter(Phase::Idle);
    }

    /// Whether a request that has come whole is being answered, so that nobody reads from the caller. As long as a body is read, it is the reader who
    /// finds out that the rest does not come.
    pub(super) fn is_serving(&self) -> bool {
        matches!(self.phase.get(), Phase::Busy | Phase::Answering) && self.upload.borrow().as_ref().is_none_or(SentBytes::is_whole)
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.core.tick.get());
    }

    fn is_overdue(&self) -> bool {
        let ticks = self.core.tick.get().wrapping_sub(self.since.get());
        match self.phase.get() {
            Phase::FirstHead => ticks > HEAD_TICKS,
            Phase::Idle => ticks > IDLE_TICKS,
            Phase::Busy => false,
            Phase::Answering => ticks > STALL_TICKS,
        }
    }
}
