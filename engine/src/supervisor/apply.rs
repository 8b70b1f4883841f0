//! Another policy for a plugin that runs: on every layer, or on none.
//!
//! The kernel's limits come first, since they are what can be refused; what follows cannot fail.
//! Nothing else is done for the plugin meanwhile: what it says and what is asked of it waits in
//! its queue and is taken under the one policy or the other, never under half of one.
//!
//! Calls under way keep the times they began with. Log lines, results, acts and connections are
//! held to the new policy at once; a result may still be as large as when its call began. Programs
//! that it does not let run on the same terms are killed, and acts that were not begun are decided
//! again.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use lazaret_policy::{Change, Difference, EffectivePolicy, MisplacedSecret};
use lazaret_protocol::{EngineMessage, LiveLimits};
use serde::Serialize;
use tokio::sync::oneshot;

use super::outbox::Backlog;
use super::pace::Pace;
use super::state::State;
use super::task::Task;
use crate::acts::{self, PlaceError};
use crate::bundle::{self, UnheldGrant, unheld_reason};
use crate::container::{CgroupDifference, LauncherError, reactor};
use crate::egress::Rules;
use crate::event::EndReason;
use crate::host::{self, Unenforced};
use crate::plugin::ReachesOwn;

/// A process leaves its cgroup before it has ended; so long is waited for its end.
const LEAVING: Duration = Duration::from_millis(500);

/// What changed, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// What is other than before.
    pub changes: Vec<Difference>,
    /// From the request until it was in force on every layer.
    #[serde(skip)]
    pub took: Duration,
}

/// Why a plugin goes on under the policy it had.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Some of it can only be held by a new container.
    #[error("{} of the changes need a new container", .changes.len())]
    NeedsRestart {
        /// Which.
        changes: Vec<Difference>,
    },
    /// It lets the plugin write what it is started from, or read what the engine keeps.
    #[error(transparent)]
    ReachesOwn(#[from] ReachesOwn),
    /// This host has no means to hold a key, and the policy does not do without.
    #[error("{0}\n  hint: {remedy}, or say `requirements: {{ {key}: best_effort }}` to run without it", key = .0.key, remedy = .0.remedy)]
    Unenforceable(Unenforced),
    /// It grants what this version has no means to hold.
    #[error("the policy grants what cannot be held yet:{}", .0.iter().map(|grant| format!("\n  {grant}")).collect::<String>())]
    Unheld(Vec<UnheldGrant>),
    /// It does not keep a secret from the plugin, or leaves it nowhere to go.
    #[error(transparent)]
    Secret(MisplacedSecret),
    /// The launcher or the kernel refused.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// The kernel took the limits and does not hold the container to them.
    #[error("the kernel does not hold the container to its limits:{}", .0.iter().map(|difference| format!("\n  {difference}")).collect::<String>())]
    CgroupDiffers(Vec<CgroupDifference>),
    /// What it may write cannot be opened.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Its shim does not read what it is told.
    #[error("{} bytes of {} wait to be read by the plugin's shim", .0.bytes, .0.limit)]
    Unread(Backlog),
    /// A file of its cgroup cannot be read.
    #[error("failed to read the cgroup back")]
    Cgroup(#[source] std::io::Error),
    /// It has ended.
    #[error("plugin ended: {0}")]
    Ended(EndReason),
}

/// What the task is asked for.
pub(super) struct ApplyRequest {
    pub(super) policy: EffectivePolicy,
    pub(super) asked: Instant,
    pub(super) reply: oneshot::Sender<Result<Applied, ApplyError>>,
}

impl Task {
    pub(super) async fn on_apply(&mut self, state: &mut State, request: ApplyRequest) {
        let ApplyRequest {
            policy,
            asked,
            reply,
        } = request;
        if state.evidence.verdict.is_some() {
            // Whoever asked is told of the end.
            return;
        }
        let result = match self.apply(state, policy).await {
            Ok(changes) => Ok(Applied {
                changes,
                took: asked.elapsed(),
            }),
            Err(ApplyError::CgroupDiffers(_) | ApplyError::Cgroup(_))
                if has_exited(&self.pidfd).await =>
            {
                // There is nothing left to hold: whoever asked is told of the end.
                return;
            }
            Err(error) => Err(error),
        };
        // Who asked and went away has it all the same.
        reply.send(result).ok();
        self.start_acts(state).await;
    }

    async fn apply(
        &mut self,
        state: &mut State,
        policy: EffectivePolicy,
    ) -> Result<Vec<Difference>, ApplyError> {
        self.own.check(&policy)?;
        let changes = self.live_changes(&policy)?;
        let places = self.acts.prepare(&policy)?;
        let resources = policy.resources();
        let log = resources.output.log.value.bytes();
        let result = resources.output.result.value.bytes();
        let limits = EngineMessage::Limits(LiveLimits {
            log_line_bytes: resources.output.line.value.bytes(),
            log_bytes_per_second: log,
            result_bytes: result,
            background_ms: resources.time.cpu_per_call.value.millis(),
            https: bundle::https(&policy),
            connections: policy.network().limits.connections.value,
            files: bundle::file_limits(&policy),
            state: bundle::state_limits(&policy),
        });
        // Nobody else puts anything in: what has room now has it after the kernel was asked.
        self.outbox.has_room(&limits).map_err(ApplyError::Unread)?;
        self.update_cgroup(state, &policy).await?;

        let now = Instant::now();
        self.say(&limits);
        self.receiver.allow(result.max(acts::largest(&policy)));
        self.acts.set(places);
        if let Some(egress) = &self.egress {
            egress.handle().set(self.secrets.rules(&policy));
        }
        state.calls.allow_results(result);
        state.log.set(log, now);
        state.message_pace = Pace::of_messages(log, now);
        state.evidence.memory_limit = resources.memory.max.value.bytes();
        self.policy = policy;
        Ok(changes)
    }

    /// What changes, where all of it can change in this container and be held on this host.
    fn live_changes(&self, policy: &EffectivePolicy) -> Result<Vec<Difference>, ApplyError> {
        let changes = self.policy.plan(policy).differences;
        let live = |change: &Difference| change.change == Change::Live;
        let (changes, restart): (Vec<_>, Vec<_>) = changes.into_iter().partition(live);
        if !restart.is_empty() {
            return Err(ApplyError::NeedsRestart { changes: restart });
        }
        // A container that was made without a way out has no socket for one, and whom it trusts is
        // what it was told when it started.
        let rules = Rules::of(policy);
        let held = match &self.egress {
            None => !rules.reach_anything(),
            Some(egress) => egress.handle().can_end(&rules),
        };
        if !held {
            return Err(ApplyError::NeedsRestart { changes });
        }
        let unheld = policy.all_grants().filter_map(|granted| {
            Some(UnheldGrant {
                why: unheld_reason(&granted.permission)?,
                permission: granted.permission.to_string(),
                origin: granted.origin.to_string(),
            })
        });
        let unheld: Vec<_> = unheld.collect();
        if !unheld.is_empty() {
            return Err(ApplyError::Unheld(unheld));
        }
        // They stay what they are, but the ways they may take need not.
        if let Some(misplaced) = policy.misplaced_secrets().into_iter().next() {
            return Err(ApplyError::Secret(misplaced));
        }
        let unenforced = host::unenforced(policy, self.cgroup.version(), &self.landlock);
        match unenforced.into_iter().find(|key| !key.best_effort) {
            Some(key) => Err(ApplyError::Unenforceable(key)),
            None => Ok(changes),
        }
    }

    /// The kernel's limits, read back. Where they are not those of the policy, those before are
    /// put back; a container that cannot be held to either is ended.
    async fn update_cgroup(
        &mut self,
        state: &mut State,
        policy: &EffectivePolicy,
    ) -> Result<(), ApplyError> {
        let (before, wanted) = (self.policy.resources(), policy.resources());
        let (old, new) = (self.cgroup.wanted(before), self.cgroup.wanted(wanted));
        if old == new {
            return Ok(());
        }
        let updated = self.launcher.update(&self.id, new).await;
        let held = match updated {
            Ok(()) => match self.cgroup.differences(wanted, self.pid) {
                Ok(differences) if differences.is_empty() => return Ok(()),
                Ok(differences) => Err(ApplyError::CgroupDiffers(differences)),
                Err(error) => Err(ApplyError::Cgroup(error)),
            },
            // It says that nothing was changed; the kernel is asked.
            Err(error) => Err(error.into()),
        };
        let holds = |task: &Self| {
            let found = task.cgroup.differences(before, task.pid);
            found.is_ok_and(|differences| differences.is_empty())
        };
        if !holds(self) && !has_exited(&self.pidfd).await {
            // Refused or not, what counts is what the kernel says after it.
            drop(self.launcher.update(&self.id, old).await);
            if !holds(self) && !has_exited(&self.pidfd).await {
                let what = "its limits cannot be put back".to_owned();
                self.kill(state, EndReason::Engine { what }).await;
            }
        }
        held
    }
}

/// Its process has ended, or does so now, which may not have been told yet.
async fn has_exited(process: &OwnedFd) -> bool {
    let Ok(process) = process.try_clone().and_then(reactor::watch) else {
        return false;
    };
    let ended = tokio::time::timeout(LEAVING, process.readable()).await;
    ended.is_ok_and(|readable| readable.is_ok())
}
