//! What waits for the JavaScript thread.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use lazaret_protocol::{CallId, LiveLimits, Payload};

use crate::runtime::CallEnd;

/// One thing to do.
#[derive(Debug)]
pub enum Work {
    /// A call to start.
    Call {
        /// Names the call.
        id: CallId,
        /// The export to call.
        function: String,
        /// What to call it with.
        arguments: Payload,
        /// What a stream may cost at first; without it none is taken.
        window: Option<u64>,
    },
    /// A call was answered without its result: forget it.
    Ended(CallId, CallEnd),
    /// More may be sent of a call's stream, so many bytes.
    Credit(CallId, u64),
    /// Other limits for what the plugin says.
    Limits(LiveLimits),
}

/// Work in the order in which the engine asked for it. Both threads add; the JavaScript thread
/// takes, and is woken only if it [rests](Self::rest).
#[derive(Debug, Default)]
pub struct Backlog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    work: VecDeque<Work>,
    resting: Option<Waker>,
    closed: bool,
}

impl Backlog {
    /// Adds to the end.
    pub fn push(&self, work: Work) {
        let mut state = self.lock();
        state.work.push_back(work);
        Self::wake(state);
    }

    /// Nothing more is to be done, not even what waits.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        Self::wake(state);
    }

    /// Takes from the front.
    pub fn pop(&self) -> Option<Work> {
        self.lock().work.pop_front()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().work.is_empty()
    }

    /// Nothing more is to be done.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The JavaScript thread is awake and will look here before it rests.
    pub fn resume(&self) {
        self.lock().resting = None;
    }

    /// True if the JavaScript thread may rest: there is nothing to do, and whatever comes wakes it.
    #[must_use]
    pub fn rest(&self, context: &Context) -> bool {
        let mut state = self.lock();
        let idle = state.work.is_empty() && !state.closed;
        state.resting = idle.then(|| context.waker().clone());
        idle
    }

    fn wake(mut state: MutexGuard<'_, State>) {
        let resting = state.resting.take();
        drop(state);
        if let Some(waker) = resting {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn ended(id: u64) -> Work {
        Work::Ended(CallId(id), CallEnd::Limit)
    }

    #[test]
    fn only_a_thread_that_rests_is_woken() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let context = Context::from_waker(&waker);
        let woken = || count.0.load(Ordering::SeqCst);
        let backlog = Backlog::default();
        backlog.push(ended(1));
        assert!(!backlog.rest(&context), "there is work");
        assert!(matches!(
            backlog.pop(),
            Some(Work::Ended(CallId(1), CallEnd::Limit))
        ));
        assert!(backlog.rest(&context));
        assert_eq!(woken(), 0);
        backlog.push(ended(2));
        backlog.push(ended(3));
        assert_eq!(woken(), 1);
        while backlog.pop().is_some() {}
        assert!(backlog.rest(&context));
        backlog.resume();
        backlog.push(ended(4));
        assert_eq!(woken(), 1);
    }

    #[test]
    fn the_end_wakes_and_lets_nobody_rest() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let context = Context::from_waker(&waker);
        let backlog = Backlog::default();
        assert!(backlog.rest(&context));
        backlog.close();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(backlog.is_closed() && !backlog.rest(&context));
    }
}
