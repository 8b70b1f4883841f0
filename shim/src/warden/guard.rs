//! The watch as both threads use it, and the JavaScript thread's CPU clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lazaret_protocol::{CallError, CallId, CallLimits};

use super::watch::{TurnEnd, TurnKind, Verdict, Watch};
use crate::channel::Channel;

/// Interrupts JavaScript from another thread, and takes that back.
pub trait Interrupt: Send {
    /// Makes whatever JavaScript runs end as soon as it can.
    fn interrupt(&self);
    /// Lets JavaScript run again.
    fn resume(&self);
}

impl Interrupt for deno_core::v8::IsolateHandle {
    fn interrupt(&self) {
        self.terminate_execution();
    }

    fn resume(&self) {
        self.cancel_terminate_execution();
    }
}

/// The watch, shared. An interruption happens under the lock and only while a turn is under way;
/// the end of the turn takes it back under the same lock: none can hit a later turn.
pub struct Guard {
    watch: Mutex<Watch>,
    interrupt: Mutex<Option<Box<dyn Interrupt>>>,
    clock: Mutex<Option<libc::clockid_t>>,
    channel: Option<Arc<Channel>>,
}

impl Guard {
    /// A guard over `watch`. The channel is woken when the warden must look at a turn.
    #[must_use]
    pub fn new(watch: Watch, channel: Option<Arc<Channel>>) -> Self {
        Self {
            watch: Mutex::new(watch),
            interrupt: Mutex::default(),
            clock: Mutex::default(),
            channel,
        }
    }

    /// Called once on the JavaScript thread before its first turn.
    ///
    /// # Errors
    ///
    /// When the thread has no CPU clock.
    pub fn attach(&self, interrupt: Box<dyn Interrupt>) -> std::io::Result<()> {
        let mut clock = 0;
        // SAFETY: `pthread_self` names the calling thread, which is alive, and `clock` is ours.
        #[expect(unsafe_code, reason = "no safe wrapper gives the clock of a thread")]
        let status = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        if status != 0 {
            return Err(std::io::Error::from_raw_os_error(status));
        }
        *lock(&self.clock) = Some(clock);
        *lock(&self.interrupt) = Some(interrupt);
        Ok(())
    }

    /// CPU time of the JavaScript thread.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let Some(clock) = *lock(&self.clock) else {
            return Duration::ZERO;
        };
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is ours; a clock of a thread that is gone is an error, not undefined.
        #[expect(unsafe_code, reason = "safe wrappers know only fixed clocks")]
        let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
        if status != 0 {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    /// See [`Watch::begin_call`].
    pub fn begin_call(&self, id: CallId, limits: CallLimits) -> bool {
        lock(&self.watch).begin_call(id, limits, Instant::now())
    }

    /// See [`Watch::finish_call`].
    pub fn finish_call(&self, id: CallId) -> bool {
        lock(&self.watch).finish_call(id)
    }

    /// See [`Watch::in_flight`].
    #[must_use]
    pub fn in_flight(&self, id: CallId) -> bool {
        lock(&self.watch).in_flight(id)
    }

    /// Does something while the call waits for its answer: the warden does not answer it meanwhile.
    /// False where it has been answered.
    pub fn while_in_flight(&self, id: CallId, work: impl FnOnce()) -> bool {
        let watch = lock(&self.watch);
        let in_flight = watch.in_flight(id);
        if in_flight {
            work();
        }
        drop(watch);
        in_flight
    }

    /// See [`Watch::left`].
    #[must_use]
    pub fn left(&self, id: CallId) -> Option<Duration> {
        lock(&self.watch).left(id, Instant::now())
    }

    /// See [`Watch::await_reader`].
    pub fn await_reader(&self, id: CallId) {
        lock(&self.watch).await_reader(id, Instant::now());
    }

    /// See [`Watch::go_on`].
    pub fn go_on(&self, id: CallId) {
        lock(&self.watch).go_on(id, Instant::now());
    }

    /// See [`Watch::cancel_call`].
    pub fn cancel_call(&self, id: CallId) -> Option<CallError> {
        lock(&self.watch).cancel_call(id)
    }

    /// See [`Watch::set_background`].
    pub fn set_background(&self, background: Duration) {
        lock(&self.watch).set_background(background);
    }

    /// Runs JavaScript as one turn and tells how the turn ended.
    pub fn turn<T>(&self, kind: TurnKind, work: impl FnOnce() -> T) -> (T, TurnEnd) {
        let cpu = self.cpu();
        let must_look = lock(&self.watch).begin_turn(kind, cpu, Instant::now());
        if must_look && let Some(channel) = &self.channel {
            channel.wake();
        }
        let result = work();
        let cpu = self.cpu();
        let mut watch = lock(&self.watch);
        let end = watch.end_turn(cpu);
        if end != TurnEnd::Whole
            && let Some(interrupt) = lock(&self.interrupt).as_ref()
        {
            interrupt.resume();
        }
        drop(watch);
        (result, end)
    }

    /// Compares everything with its limits and interrupts if need be.
    pub fn tick(&self) -> Verdict {
        let cpu = self.cpu();
        let mut watch = lock(&self.watch);
        let verdict = watch.tick(Instant::now(), cpu);
        if verdict.interrupt
            && let Some(interrupt) = lock(&self.interrupt).as_ref()
        {
            interrupt.interrupt();
        }
        drop(watch);
        verdict
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::warden::watch::Budgets;

    #[derive(Clone, Default)]
    struct Flag(Arc<AtomicBool>);

    impl Interrupt for Flag {
        fn interrupt(&self) {
            self.0.store(true, Ordering::SeqCst);
        }

        fn resume(&self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_interruption_ends_with_the_turn_it_was_meant_for() {
        let budgets = Budgets {
            load: Duration::ZERO,
            background: Duration::ZERO,
        };
        let guard = Guard::new(Watch::new(budgets), None);
        let flag = Flag::default();
        guard.attach(Box::new(flag.clone())).expect("clock");
        let ((), end) = guard.turn(TurnKind::Load, || {
            assert!(guard.tick().interrupt);
            assert!(flag.0.load(Ordering::SeqCst));
        });
        assert_eq!(end, TurnEnd::OverBudget);
        assert!(!flag.0.load(Ordering::SeqCst));
        guard.tick();
        assert!(!flag.0.load(Ordering::SeqCst), "no turn is under way");
    }
}
