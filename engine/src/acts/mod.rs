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
mod programs;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use lazaret_policy::{EffectivePolicy, GrantPath, Mode, Permission, Program, Write};
use lazaret_protocol::{Act, ActError, ActResult, AskId, CallId, Failure, MAX_ACT_BYTES};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use decide::{Decided, decide};
pub use environment::{EnvironmentError, environment};
pub use files::PlaceError;
use files::{Place, Rules};
pub(crate) use queue::{Ask, Queue};

use crate::programs::Programs;

/// The most acts on files that all plugins have under way: each holds a thread.
const MAX_FILE_ACTS: usize = 16;

static FILE_ACTS: Semaphore = Semaphore::const_new(MAX_FILE_ACTS);

/// How long an act on files may still take when the plugin is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of an act.
pub(crate) type Outcome = Result<ActResult, ActError>;

/// The acts of one plugin.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(crate) queue: Queue,
    held: Arc<Held>,
    programs: Arc<Programs>,
    running: JoinSet<Outcome>,
    handles: Vec<(AskId, AbortHandle)>,
}

/// What of a policy acts are held to.
#[derive(Debug)]
struct Held {
    places: Vec<Arc<Place>>,
    rules: Rules,
    programs: Vec<Program>,
}

impl Held {
    /// What the policy says of the program of this name.
    fn program(&self, name: &str) -> Option<&Program> {
        let named = |program: &&Program| crate::programs::name(program) == name;
        self.programs.iter().find(named)
    }
}

/// What [`Acts::set`] puts in force.
#[derive(Debug)]
pub(crate) struct Prepared {
    held: Held,
    sizes: Vec<u64>,
}

impl Acts {
    /// Opens what the policy lets a plugin write. `programs` are those it runs.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub(crate) fn open(policy: &EffectivePolicy, programs: Programs) -> Result<Self, PlaceError> {
        Ok(Self {
            queue: Queue::default(),
            held: Arc::new(prepare(policy, &[])?.held),
            programs: Arc::new(programs),
            running: JoinSet::new(),
            handles: Vec::new(),
        })
    }

    /// Opens what another policy lets the plugin write, for [`Self::set`].
    ///
    /// # Errors
    /// [`PlaceError`]; nothing has changed then.
    pub(crate) fn prepare(&self, policy: &EffectivePolicy) -> Result<Prepared, PlaceError> {
        prepare(policy, &self.held.places)
    }

    /// Puts another policy in force from the next act on. What was written below a path before
    /// counts on.
    pub(crate) fn set(&mut self, prepared: Prepared) {
        for (place, size) in prepared.held.places.iter().zip(prepared.sizes) {
            place.set_size(size);
        }
        self.held = Arc::new(prepared.held);
    }

    /// Starts an act that the policy lets be done.
    pub(crate) fn start(&mut self, ask: Ask) {
        let Ask { id, act } = ask;
        let held = Arc::clone(&self.held);
        let act = match act {
            Act::Run {
                program,
                arguments,
                input,
            } => {
                let programs = Arc::clone(&self.programs);
                let handle = self.running.spawn(async move {
                    let program = held.program(&program);
                    programs::run(&programs, program, arguments, input).await
                });
                self.handles.push((id, handle));
                return;
            }
            act => act,
        };
        let handle = self.running.spawn(async move {
            let turn = FILE_ACTS.acquire().await;
            let done = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                files::perform(&act, &held.places, &held.rules)
            });
            done.await.unwrap_or_else(|_panic| Err(broken()))
        });
        self.handles.push((id, handle));
    }

    /// Waits for the next act that is over; for ever where none is under way. Safe to be dropped
    /// while it waits.
    pub(crate) async fn over(&mut self) -> (AskId, Outcome) {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (task, outcome) = match ended {
                Ok((task, outcome)) => (task, outcome),
                Err(error) if error.is_cancelled() => (error.id(), Err(given_up())),
                Err(error) => (error.id(), Err(broken())),
            };
            let ended = |(_, handle): &(AskId, AbortHandle)| handle.id() == task;
            if let Some(place) = self.handles.iter().position(ended) {
                let (id, _) = self.handles.swap_remove(place);
                self.queue.over(id);
                return (id, outcome);
            }
        }
    }

    /// Gives up what was asked for a call that is over. Those never begun, which are to be
    /// answered with [`given_up`]. What is done to a file is done to its end; a program is not.
    pub(crate) fn give_up(&mut self, call: CallId) -> Vec<AskId> {
        let asks = self.queue.give_up(call);
        for (id, handle) in &self.handles {
            if asks.programs.contains(id) {
                handle.abort();
            }
        }
        asks.waiting
    }

    /// Waits for what is done to files still, and gives up all else. False where something would
    /// not end.
    pub(crate) async fn close(mut self) -> bool {
        for id in self.queue.programs() {
            if let Some((_, handle)) = self.handles.iter().find(|(other, _)| *other == id) {
                handle.abort();
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

/// Opens the places of a policy, but for those that are open.
fn prepare(policy: &EffectivePolicy, open: &[Arc<Place>]) -> Result<Prepared, PlaceError> {
    let mut places: Vec<Arc<Place>> = Vec::new();
    let mut sizes: Vec<u64> = Vec::new();
    for (path, size) in writable(policy) {
        let same = |place: &&Arc<Place>| *place.path() == path;
        // Named twice: all of it may be written.
        if let Some(at) = places.iter().position(|place| same(&place)) {
            sizes[at] = sizes[at].max(size);
            continue;
        }
        places.push(match open.iter().find(same) {
            Some(place) => Arc::clone(place),
            None => Arc::new(Place::open(&path, size)?),
        });
        sizes.push(size);
    }
    let limits = policy.filesystem().limits;
    let rules = Rules {
        ignore: limits.ignore.value.iter().cloned().collect(),
        write_bytes: limits.write.value.bytes(),
    };
    let held = Held {
        places,
        rules,
        programs: policy.exec().programs.to_vec(),
    };
    Ok(Prepared { held, sizes })
}

/// The paths that a policy lets be written, be it to be observed, with the most bytes.
fn writable(policy: &EffectivePolicy) -> impl Iterator<Item = (GrantPath, u64)> {
    let granted =
        (policy.writable().into_iter()).map(|write| (write.granted.permission, write.size.bytes()));
    let observes = policy.filesystem().mode.value != Mode::Enforce;
    let observed = policy.observe().iter().filter(move |_| observes);
    let usual = Write::USUAL_SIZE.bytes();
    let observed = observed.map(move |granted| (granted.permission.clone(), usual));
    granted
        .chain(observed)
        .filter_map(|(permission, size)| match permission {
            Permission::FileWrite(path) => Some((path, size)),
            _ => None,
        })
}

/// The most bytes one act may bring along the channel.
pub(crate) fn largest(policy: &EffectivePolicy) -> u64 {
    let write = match writable(policy).next() {
        Some(_) => policy.filesystem().limits.write.value.bytes(),
        None => 0,
    };
    let inputs = policy.exec().programs.iter();
    let input = inputs.map(|program| program.limits.input.bytes()).max();
    write.max(input.unwrap_or(0)).min(MAX_ACT_BYTES as u64)
}

/// The answer to an ask whose call is over.
pub(crate) fn given_up() -> ActError {
    failed(Failure::Interrupted, "the call it was asked for is over")
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
