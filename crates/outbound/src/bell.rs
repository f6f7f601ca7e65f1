//! What wakes a connection's task, and can be told that it need not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Stands between hyper's connection and the task that polls it. hyper wakes a connection for every piece of an answer that is taken, since there is room for the
/// next one then; behind the last piece there is no next one, and the task would be woken for nothing.
#[derive(Default)]
pub(crate) struct Bell {
    task: AtomicWaker,
    is_muted: AtomicBool,
    has_rung: AtomicBool,
}

impl Bell {
    /// What hyper is given to wake its connection with.
    pub(crate) fn ringer(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// The task whose context this is will hear the bell.
    pub(crate) fn listen(&self, context: &Context<'_>) {
        self.task.register(context.waker());
    }

    /// Polls hyper's other end of the connection; the bell keeps to itself that it rang.
    pub(crate) fn muted<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.has_rung.store(false, Ordering::Relaxed);
        self.is_muted.store(true, Ordering::Relaxed);
        let polled = poll();
        self.is_muted.store(false, Ordering::Relaxed);
        polled
    }

    /// If it rang while it was muted, that was not for nothing.
    pub(crate) fn pass_on(&self) {
        if self.has_rung.swap(false, Ordering::Relaxed) {
            self.task.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_muted.load(Ordering::Relaxed) {
            self.has_rung.store(true, Ordering::Relaxed);
        } else {
            self.task.wake();
        }
    }
}
