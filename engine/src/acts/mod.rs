//! What plugins ask the engine to do for them: decided by the policy in force when its turn comes,
//! then done (decision 007).
//!
//! ```text
//!  asked ──take──▶ waiting ──next, decide──▶ under way ──▶ answered
//!    │ too many        │ denied, or its call is over           ▲
//!    └─────────────────┴─────────────────────────────────────┘
//! ```

mod decide;
mod environment;
mod files;
mod held;
mod kv;
mod programs;
mod queue;
mod window;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_policy::{EffectivePolicy, Mode, Permission, Program};
use lazaret_protocol::{
    Act, ActError, ActResult, AskId, CallId, Failure, MAX_ACT_BYTES, MAX_VALUE_BYTES,
};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use decide::{Decided, KV, decide, grant_hint};
pub use environment::{EnvironmentError, environment};
pub use files::PlaceError;
use held::{Held, Prepared, Quotas, writable};
pub(crate) use queue::{Ask, Queue};
pub(crate) use window::sees as sees_windows;

use crate::programs::Programs;

/// The most acts on files, and on what plugins keep, that all plugins have under way: each holds a
/// thread.
const MAX_FILE_ACTS: usize = 16;

static FILE_ACTS: Semaphore = Semaphore::const_new(MAX_FILE_ACTS);

/// The most acts on windows that all plugins have under way: a display may be slow to answer.
const MAX_WINDOW_ACTS: usize = 4;

static WINDOW_ACTS: Semaphore = Semaphore::const_new(MAX_WINDOW_ACTS);

/// How long an act on files may still take when the plugin is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of an act.
pub(crate) type Outcome = Result<ActResult, ActError>;

/// Permissions that an act needed, each with its mode where it is only observed.
pub(crate) type Used = Vec<(Permission, Option<Mode>)>;

/// The acts of one plugin.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(crate) queue: Queue,
    held: Arc<Held>,
    programs: Arc<Programs>,
    kv: kv::Place,
    window_pace: window::Pace,
    running: JoinSet<(Outcome, Used)>,
    under_way: Vec<UnderWay>,
    /// What was written below each path, for the plugin's life: a path that is taken away and
    /// given back begins with nothing anew.
    quotas: Quotas,
}

/// An act that was started.
#[derive(Debug)]
struct UnderWay {
    id: AskId,
    handle: AbortHandle,
    what: What,
}

#[derive(Debug)]
enum What {
    /// An act on files, on what is kept or on windows; taken out by whoever does it, or by another policy before.
    Files(Arc<Mutex<Option<Act>>>),
    /// A program, as the policy had it that let it run.
    Program(Option<Program>),
    /// A program that another policy ended.
    Revoked,
}

impl Acts {
    /// Opens what the policy lets a plugin write. `programs` are those it runs, `kv` is where what it
    /// keeps is.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub(crate) fn open(
        policy: &EffectivePolicy,
        programs: Programs,
        kv: kv::Place,
    ) -> Result<Self, PlaceError> {
        let mut quotas = Quotas::default();
        let prepared = Prepared::open(policy, &[], &quotas)?;
        Ok(Self {
            queue: Queue::default(),
            held: Arc::new(prepared.hold(&mut quotas)),
            programs: Arc::new(programs),
            kv,
            window_pace: window::Pace::new(now()),
            running: JoinSet::new(),
            under_way: Vec::new(),
            quotas,
        })
    }

    /// Opens what another policy lets the plugin write, for [`Self::set`].
    ///
    /// # Errors
    /// [`PlaceError`]; nothing has changed then.
    pub(crate) fn prepare(&self, policy: &EffectivePolicy) -> Result<Prepared, PlaceError> {
        Prepared::open(policy, &self.held.places, &self.quotas)
    }

    /// Puts another policy in force. Programs that it does not let run on the same terms are
    /// killed; acts on files that wait for a thread are to be decided again. What was written below
    /// a path before counts on.
    pub(crate) fn set(&mut self, prepared: Prepared) {
        self.held = Arc::new(prepared.hold(&mut self.quotas));
        let mut again = Vec::new();
        let held = &self.held;
        self.under_way.retain_mut(|act| match &act.what {
            What::Files(waiting) => match take(waiting) {
                Some(asked) => {
                    act.handle.abort();
                    again.push((act.id, asked));
                    false
                }
                None => true,
            },
            What::Program(terms) => {
                if !terms.as_ref().is_some_and(|terms| held.runs(terms)) {
                    act.handle.abort();
                    act.what = What::Revoked;
                }
                true
            }
            What::Revoked => true,
        });
        for (id, act) in again.into_iter().rev() {
            self.queue.again(Ask { id, act });
        }
    }

    /// Starts an act that the policy lets be done.
    pub(crate) fn start(&mut self, ask: Ask) {
        let Ask { id, act } = ask;
        let held = Arc::clone(&self.held);
        let (handle, what) = match act {
            Act::Run {
                program,
                arguments,
                input,
            } => {
                let programs = Arc::clone(&self.programs);
                let terms = held.program(&program).cloned();
                let what = What::Program(terms.clone());
                let handle = self.running.spawn(async move {
                    let run = programs::run(&programs, terms.as_ref(), arguments, input);
                    (run.await, Used::new())
                });
                (handle, what)
            }
            act => {
                let (turns, wait) = match act {
                    Act::Window(_) => (&WINDOW_ACTS, self.window_pace.wait(now())),
                    _ => (&FILE_ACTS, None),
                };
                let waiting = Arc::new(Mutex::new(Some(act)));
                let what = What::Files(Arc::clone(&waiting));
                let kv = self.kv.clone();
                let handle = self.running.spawn(async move {
                    if let Some(wait) = wait {
                        tokio::time::sleep(wait).await;
                    }
                    let turn = turns.acquire().await;
                    let done = tokio::task::spawn_blocking(move || {
                        let _turn = turn;
                        let Some(act) = take(&waiting) else {
                            return (Err(broken()), Used::new());
                        };
                        let outcome = match &act {
                            Act::Window(act) => return window::perform(act, &held.windows),
                            Act::Kv(act) => kv::perform(act, &kv, &held.kv),
                            act => files::perform(act, &held.places, &held.rules),
                        };
                        (outcome, Used::new())
                    });
                    let failed = |_panic| (Err(broken()), Used::new());
                    done.await.unwrap_or_else(failed)
                });
                (handle, what)
            }
        };
        self.under_way.push(UnderWay { id, handle, what });
    }

    /// Waits for the next act that is over; for ever where none is under way. Safe to be dropped
    /// while it waits. With the permissions that were not known before it was done.
    pub(crate) async fn over(&mut self) -> (AskId, Outcome, Used) {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (task, (outcome, used)) = match ended {
                Ok(ended) => ended,
                Err(error) if error.is_cancelled() => (error.id(), (Err(given_up()), Used::new())),
                Err(error) => (error.id(), (Err(broken()), Used::new())),
            };
            let ended = |act: &UnderWay| act.handle.id() == task;
            // One that is to be decided again is another by now.
            if let Some(place) = self.under_way.iter().position(ended) {
                let act = self.under_way.swap_remove(place);
                self.queue.over(act.id);
                let outcome = match (act.what, outcome) {
                    (What::Revoked, Err(_)) => Err(revoked()),
                    (_, outcome) => outcome,
                };
                return (act.id, outcome, used);
            }
        }
    }

    /// Gives up what was asked for a call that is over. Those never begun, which are to be
    /// answered with [`given_up`]. What is done to a file is done to its end; a program is not.
    pub(crate) fn give_up(&mut self, call: CallId) -> Vec<AskId> {
        let asks = self.queue.give_up(call);
        for act in &self.under_way {
            if asks.programs.contains(&act.id) {
                act.handle.abort();
            }
        }
        asks.waiting
    }

    /// Waits for what is done to files still, and gives up all else. False where something would
    /// not end.
    pub(crate) async fn close(mut self) -> bool {
        for id in self.queue.programs() {
            if let Some(act) = self.under_way.iter().find(|act| act.id == id) {
                act.handle.abort();
            }
        }
        let ended = async {
            // Given up or not, each is waited for until nothing of it is left.
            self.programs.end().await;
            while self.running.join_next().await.is_some() {}
        };
        tokio::time::timeout(PATIENCE, ended).await.is_ok()
    }
}

/// The most bytes one act may bring along the channel.
pub(crate) fn largest(policy: &EffectivePolicy) -> u64 {
    let write = match writable(policy).next() {
        Some(_) => policy.filesystem().limits.write.value.bytes(),
        None => 0,
    };
    let inputs = policy.exec().programs.iter();
    let input = inputs.map(|program| program.limits.input.bytes()).max();
    // One that is expected, and one to take its place.
    let values = match policy.kv().size.value.bytes() {
        0 => 0,
        _ => 2 * MAX_VALUE_BYTES as u64,
    };
    (write.max(input.unwrap_or(0)).max(values)).min(MAX_ACT_BYTES as u64)
}

/// The answer to an ask whose call is over.
pub(crate) fn given_up() -> ActError {
    failed(Failure::Interrupted, "the call it was asked for is over")
}

fn revoked() -> ActError {
    failed(
        Failure::Interrupted,
        "the policy that let it run was changed",
    )
}

fn take(waiting: &Mutex<Option<Act>>) -> Option<Act> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn broken() -> ActError {
    failed(Failure::Other, "the engine failed at it")
}

fn failed(failure: Failure, message: impl Into<String>) -> ActError {
    ActError::Failed {
        failure,
        message: message.into(),
    }
}
