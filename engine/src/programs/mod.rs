//! Programs that a policy names (`exec`), each run to its end in a container of its own
//! (decision 008).
//!
//! ```text
//!  asked ─▶ reserved ─▶ created ─▶ compared ─▶ started ─▶ ended ─▶ nothing left ─▶ answered
//!             │            │           │           │ over a limit, given up     ▲
//!             └────────────┴───────────┴───────────┴──────────────────────────┘
//! ```
//!
//! Nothing of the plugin is in that container, and nothing of it comes back but bytes on two pipes
//! and a status. Its limits are the program's own and count beside the plugin's.

mod container;
mod readback;
mod result;
mod streams;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazaret_launcher_wire::floor::program::{MAX_ARGUMENT_BYTES, MAX_ARGUMENTS};
use lazaret_policy::{Permission, Program};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use crate::container::Launcher;
use crate::host::CgroupVersion;
use container::Job;

pub use result::{ProgramEnd, ProgramError, ProgramOutput};

/// The most programs of one plugin at a time; those beyond wait.
pub const MAX_OF_A_PLUGIN: usize = 4;

/// The most programs of one engine at a time; those beyond wait, who came first going first.
pub const MAX_OF_AN_ENGINE: usize = 16;

/// The first block of host ids asked for: other blocks than those of plugins, as long as there are
/// some.
const FIRST_BLOCK: u32 = 0x2000;

/// What all programs of an engine share.
pub struct ProgramHost {
    launcher: Arc<Launcher>,
    cgroup: CgroupVersion,
    slots: Arc<Semaphore>,
    blocks: AtomicU32,
}

impl ProgramHost {
    /// Starts programs by this launcher.
    pub fn new(launcher: &Arc<Launcher>, cgroup: CgroupVersion) -> Arc<Self> {
        Arc::new(Self {
            launcher: Arc::clone(launcher),
            cgroup,
            slots: Arc::new(Semaphore::new(MAX_OF_AN_ENGINE)),
            blocks: AtomicU32::new(FIRST_BLOCK),
        })
    }

    /// Another block each time: what one program leaves, should it ever, is not the next one's.
    fn block(&self) -> u32 {
        FIRST_BLOCK | (self.blocks.fetch_add(1, Ordering::Relaxed) % FIRST_BLOCK)
    }
}

/// The programs of one plugin.
pub struct Programs {
    host: Arc<ProgramHost>,
    slots: Arc<Semaphore>,
    /// One of a plugin is made at a time, so that the launcher, which does one thing at a time, has
    /// one of each plugin to make at the most.
    making: Arc<tokio::sync::Mutex<()>>,
    ending: watch::Sender<bool>,
    running: Mutex<JoinSet<()>>,
}

impl Programs {
    /// Of a plugin that has none under way.
    pub fn new(host: &Arc<ProgramHost>) -> Self {
        Self {
            host: Arc::clone(host),
            slots: Arc::new(Semaphore::new(MAX_OF_A_PLUGIN)),
            making: Arc::default(),
            ending: watch::Sender::new(false),
            running: Mutex::default(),
        }
    }

    /// Runs a program to its end. Where this is given up (its future is dropped), the program is
    /// killed. The time spent waiting for others is none of its time limit.
    ///
    /// # Errors
    /// [`ProgramError`]; whatever came of it, nothing of the program is left.
    pub async fn run(
        &self,
        program: &Program,
        arguments: Vec<String>,
        input: Vec<u8>,
    ) -> Result<ProgramOutput, ProgramError> {
        check(program, &arguments, &input)?;
        let own = Arc::clone(&self.slots).acquire_owned().await;
        let own = own.map_err(|_closed| ProgramError::GivenUp)?;
        let shared = Arc::clone(&self.host.slots).acquire_owned().await;
        let shared = shared.map_err(|_closed| ProgramError::GivenUp)?;
        let (mut answer, result) = oneshot::channel();
        let mut ending = self.ending.subscribe();
        let job = Job {
            host: Arc::clone(&self.host),
            making: Arc::clone(&self.making),
            program: program.clone(),
            arguments,
            input,
        };
        {
            let mut running = self.running();
            while running.try_join_next().is_some() {}
            if *ending.borrow() {
                return Err(ProgramError::GivenUp);
            }
            running.spawn(async move {
                let given_up = async {
                    tokio::select! {
                        () = answer.closed() => {}
                        // The sender is gone: so is the plugin.
                        _ = ending.wait_for(|ending| *ending) => {}
                    }
                };
                let outcome = job.run(given_up).await;
                drop((own, shared));
                // Nobody may wait for it any more.
                drop(answer.send(outcome));
            });
        }
        result.await.unwrap_or(Err(ProgramError::GivenUp))
    }

    /// Kills those under way and waits until nothing of them is left. None is started after it.
    pub async fn end(&self) {
        self.slots.close();
        self.ending.send_replace(true);
        let mut running = std::mem::take(&mut *self.running());
        while running.join_next().await.is_some() {}
    }

    fn running(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the policy names it.
pub(crate) fn name(program: &Program) -> &str {
    match &program.granted.permission {
        Permission::ExecRun(name) => name.as_str(),
        _ => "",
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Programs").finish_non_exhaustive()
    }
}

/// What the plugin gives must be within bounds before anything is done with it.
fn check(program: &Program, arguments: &[String], input: &[u8]) -> Result<(), ProgramError> {
    let name = || name(program).to_owned();
    let bytes: usize = arguments.iter().map(String::len).sum();
    if arguments.len() > MAX_ARGUMENTS || bytes > MAX_ARGUMENT_BYTES {
        return Err(ProgramError::TooManyArguments {
            program: name(),
            count: arguments.len(),
            bytes,
        });
    }
    if arguments.iter().any(|argument| argument.contains('\0')) {
        return Err(ProgramError::NulInArgument { program: name() });
    }
    let limit = program.limits.input;
    if input.len() as u64 > limit.bytes() {
        return Err(ProgramError::TooMuchInput {
            program: name(),
            bytes: input.len() as u64,
            limit: limit.bytes(),
        });
    }
    Ok(())
}
