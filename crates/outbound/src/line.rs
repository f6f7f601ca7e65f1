//! One connection to an upstream, as those see it who share it: the task that drives it, the two bodies, and the watch that
//! cuts it when it has been silent for too long.
//!
//! A request sets no timer. It only writes its deadline into its line; the watch, one task a core, compares all deadlines with a
//! coarse clock, ten times a second, and cuts a line by aborting its task, which fails whatever waits for it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sortie_model::Timeouts;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::bell::Bell;
use crate::client_auth::{Listening, Objection};

/// 100 ms: how coarse the clock is. A time limit is kept to within two ticks, and is never cut short.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// One connection.
pub(crate) struct Line {
    clock: Rc<Clock>,
    /// In milliseconds of the clock.
    deadline: Cell<u64>,
    phase: Cell<Phase>,
    awaited: Cell<Party>,
    end: Cell<Option<End>>,
    timeouts: Cell<Timeouts>,
    task: OnceCell<AbortHandle>,
    bell: Arc<Bell>,
    /// Over TLS: what the upstream may say of the client certificate.
    listening: Option<Listening>,
}

/// What the line is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request's body is on its way and the answer has not begun.
    Sending,
    /// The request is sent whole and the answer has not begun.
    Waiting,
    /// The answer's head is there.
    Streaming,
    /// Nothing: the line is in the pool.
    Idle,
}

/// On whom the exchange waits at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Caller,
    Upstream,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By itself.
    Closed,
    /// By the watch, while waiting for this one.
    Cut(Party),
}

impl Line {
    pub(crate) fn new(clock: &Rc<Clock>, listening: Option<Listening>) -> Self {
        Self {
            clock: Rc::clone(clock),
            deadline: Cell::new(u64::MAX),
            phase: Cell::new(Phase::Idle),
            awaited: Cell::new(Party::Upstream),
            end: Cell::new(None),
            timeouts: Cell::new(Timeouts::default()),
            task: OnceCell::new(),
            bell: Arc::default(),
            listening,
        }
    }

    /// What wakes the line's task.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Tells the line which task to abort when it is cut.
    pub(crate) fn driven_by(&self, task: AbortHandle) {
        // Fails only if called twice, and a line has one task.
        let _ = self.task.set(task);
    }

    /// An exchange begins whose request has a body.
    pub(crate) fn begin_with_body(&self, timeouts: Timeouts) {
        self.begin(timeouts, Phase::Sending, timeouts.idle_ms);
    }

    /// An exchange begins whose request ends with its head.
    pub(crate) fn begin_without_body(&self, timeouts: Timeouts) {
        self.begin(timeouts, Phase::Waiting, timeouts.answer_ms);
    }

    fn begin(&self, timeouts: Timeouts, phase: Phase, limit_ms: u32) {
        self.timeouts.set(timeouts);
        self.phase.set(phase);
        self.awaited.set(Party::Upstream);
        self.expect_within(limit_ms);
    }

    /// A piece of a body has moved, in either direction.
    pub(crate) fn touch(&self) {
        self.expect_within(self.timeouts.get().idle_ms);
    }

    /// Nothing moves until this one does something.
    pub(crate) fn wait_for(&self, party: Party) {
        self.awaited.set(party);
    }

    /// The request's body is sent whole: from here on the upstream has its time to answer.
    pub(crate) fn body_is_sent(&self) {
        self.awaited.set(Party::Upstream);
        if self.phase.get() == Phase::Sending {
            self.phase.set(Phase::Waiting);
            self.expect_within(self.timeouts.get().answer_ms);
        } else {
            self.touch();
        }
    }

    /// The answer's head is there, and the rest comes as the caller takes it.
    pub(crate) fn head_has_come(&self) {
        self.phase.set(Phase::Streaming);
        self.awaited.set(Party::Caller);
        self.touch();
    }

    /// The exchange is over and the line goes into the pool for at most this long.
    pub(crate) fn rest(&self, idle_age: Duration) {
        self.phase.set(Phase::Idle);
        self.deadline.set(self.clock.now().saturating_add(u64::try_from(idle_age.as_millis()).unwrap_or(u64::MAX)));
    }

    /// Whether it has rested so long that the upstream may be about to close it.
    pub(crate) fn is_stale(&self) -> bool {
        self.deadline.get() <= self.clock.now()
    }

    /// Whether the connection is closed, or will be as soon as its task has its turn.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.get().is_some()
    }

    /// Whom the watch has cut the line for, if it has.
    pub(crate) fn cut_for(&self) -> Option<Party> {
        match self.end.get() {
            Some(End::Cut(party)) => Some(party),
            Some(End::Closed) | None => None,
        }
    }

    /// Why the upstream does not want to go on, if it has to do with the client certificate.
    pub(crate) fn objection(&self) -> Option<Objection> {
        self.listening.as_ref().and_then(Listening::heard)
    }

    fn expect_within(&self, limit_ms: u32) {
        // The clock may be one tick behind.
        self.deadline.set(self.clock.now() + u64::from(limit_ms) + TICK.as_millis() as u64);
    }

    fn cut(&self) {
        self.end.set(Some(End::Cut(self.awaited.get())));
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Held by the task of a line; when the task ends in whatever way, the line has.
pub(crate) struct Driving(pub(crate) Rc<Line>);

impl Drop for Driving {
    fn drop(&mut self) {
        if !self.0.has_ended() {
            self.0.end.set(Some(End::Closed));
        }
    }
}

/// Milliseconds since a core began, as of the last tick: reading it costs nothing.
pub(crate) struct Clock {
    origin: Instant,
    now: Cell<u64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now(), now: Cell::new(0) }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(crate) fn tick(&self) {
        self.now.set(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX));
    }
}

/// All lines of a core that are open.
#[derive(Default)]
pub(crate) struct Lines(RefCell<Vec<Rc<Line>>>);

impl Lines {
    pub(crate) fn add(&self, line: &Rc<Line>) {
        self.0.borrow_mut().push(Rc::clone(line));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Cuts the lines whose time is up and forgets those that have ended. Tells how many were forgotten.
    pub(crate) fn sweep(&self, now: u64) -> usize {
        let mut lines = self.0.borrow_mut();
        let before = lines.len();
        lines.retain(|line| {
            if !line.has_ended() && line.deadline.get() < now {
                line.cut();
            }
            !line.has_ended()
        });
        before - lines.len()
    }
}
