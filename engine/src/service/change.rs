//! Another policy for a plugin that is kept: looked at, put in force, recorded.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lazaret_policy::{Change as Takes, Cut, Difference, EffectivePolicy};

use super::Service;
use super::candidate::Candidate;
use super::errors::ServiceError;
use super::events;
use super::generation::Generation;
use super::kept::{Kept, Now};
use super::shared::Shared;
use crate::host::Unenforced;
use crate::plugin::Plugin;
use crate::store::{NewRevision, RevisionOrigin, StoreError};
use crate::supervisor::{ApplyError, LaunchError, LaunchOptions};

/// How far a change may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeOptions {
    /// Start a new container where the running one cannot be held to it.
    pub restart: bool,
    /// Change nothing where the plugin would be allowed more.
    pub refuse_wider: bool,
    /// Change nothing, tell what would change.
    pub dry_run: bool,
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// A key or a permission.
    pub what: String,
    /// What held; `None` where there was nothing.
    pub before: Option<String>,
    /// What is to hold.
    pub after: Option<String>,
    /// It allows more.
    pub widens: bool,
    /// The container that runs can be held to it.
    pub live: bool,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// What is other than before, or would be.
    pub changes: Vec<Change>,
    /// What the policy grants and a floor does not give, or the plugin does not ask for.
    pub cuts: Vec<Cut>,
    /// Keys that this host does not hold, and the policy does without.
    pub unenforced: Vec<Unenforced>,
    /// Its number; `None` where nothing was changed.
    pub revision: Option<u64>,
    /// A new container runs.
    pub restarted: bool,
    /// From the request until it was in force on every layer.
    pub took: Duration,
}

impl Service {
    /// Holds a plugin to the policy in a text, or to none of it.
    ///
    /// # Errors
    /// [`ServiceError`]; the policy before holds then, or the plugin was stopped.
    pub async fn apply(
        &self,
        plugin: &str,
        name: &str,
        text: &str,
        options: ChangeOptions,
        by_uid: u32,
    ) -> Result<Changed, ServiceError> {
        let asked = Instant::now();
        let kept = self.find(plugin)?;
        let _changing = kept.changing.lock().await;
        let revision = NewRevision {
            by_uid,
            origin: RevisionOrigin::Apply,
            of: None,
            name: name.to_owned(),
            text: text.to_owned(),
            file_digest: kept.file_digest(),
        };
        self.change(kept, revision, options, asked).await
    }

    /// Goes back to a policy that held, to the one before the last where none is named. It gets a
    /// number of its own.
    ///
    /// # Errors
    /// [`ServiceError`]; the policy before holds then, or the plugin was stopped.
    pub async fn rollback(
        &self,
        plugin: &str,
        number: Option<u64>,
        options: ChangeOptions,
        by_uid: u32,
    ) -> Result<Changed, ServiceError> {
        let asked = Instant::now();
        let kept = self.find(plugin)?;
        let _changing = kept.changing.lock().await;
        let holds = kept.now().revision;
        let mut all = self.store.revisions(plugin).await?.into_iter();
        let found = all.find(|revision| match number {
            Some(number) => revision.number == number,
            None => holds.is_some_and(|holds| revision.number < holds),
        });
        let found = found.ok_or_else(|| {
            let plugin = plugin.to_owned();
            match number {
                Some(number) => ServiceError::NoSuchRevision { plugin, number },
                None => ServiceError::NothingBefore { plugin },
            }
        })?;
        let revision = NewRevision {
            by_uid,
            origin: RevisionOrigin::Rollback,
            of: Some(found.number),
            file_digest: kept.file_digest(),
            ..found.policy
        };
        self.change(kept, revision, options, asked).await
    }

    async fn change(
        &self,
        kept: &Arc<Kept>,
        revision: NewRevision,
        options: ChangeOptions,
        asked: Instant,
    ) -> Result<Changed, ServiceError> {
        let floor = self.floor.as_deref();
        let candidate = Candidate::parse(&kept.plugin, &revision.name, &revision.text, floor)?;
        let Candidate { policy, cuts } = candidate;
        let now = kept.now();
        let changes = changes(&now.policy, &policy);
        if options.refuse_wider && changes.iter().any(|change| change.widens) {
            return Err(ServiceError::Wider(changes));
        }
        let mut changed = Changed {
            unenforced: self.engine.unenforced(&policy),
            changes,
            cuts,
            revision: None,
            restarted: false,
            took: Duration::ZERO,
        };
        if options.dry_run {
            return Ok(changed);
        }
        let applied = match now.generation.apply(policy.clone()).await {
            Some(Ok(_)) => Ok(()),
            // A new container may be held to what this one cannot be, or has ended before.
            Some(Err(
                ApplyError::NeedsRestart { .. }
                | ApplyError::Launcher(_)
                | ApplyError::Unread(_)
                | ApplyError::Ended(_),
            ))
            | None
                if options.restart =>
            {
                Err(())
            }
            Some(Err(ApplyError::NeedsRestart { .. })) => {
                return Err(ServiceError::NeedsRestart(changed.changes));
            }
            Some(Err(error)) => return Err(ServiceError::Apply(error)),
            None => {
                let ended = now.generation.until_ended().await;
                return Err(kept.not_running(&ended));
            }
        };
        changed.restarted = applied.is_err();
        changed.took = asked.elapsed();
        let number = if changed.restarted {
            let generation = self
                .launch(&kept.plugin, &kept.shared, policy.clone())
                .await?;
            let recorded = self.record(kept, revision).await;
            let number = match recorded {
                Ok(number) => number,
                Err(error) => {
                    generation.stop().await;
                    return Err(error.into());
                }
            };
            kept.replace(Now {
                generation,
                policy,
                revision: Some(number),
            });
            changed.took = asked.elapsed();
            number
        } else {
            let recorded = self.record(kept, revision).await;
            let number = match recorded {
                Ok(number) => number,
                Err(error) => {
                    let back = now.generation.apply(now.policy).await;
                    let why = match back {
                        Some(Ok(_)) => return Err(error.into()),
                        Some(Err(why)) => why,
                        None => {
                            let ended = now.generation.until_ended().await;
                            ApplyError::Ended(ended.reason)
                        }
                    };
                    // Nobody could tell what it is held to.
                    now.generation.stop().await;
                    return Err(ServiceError::NotTakenBack {
                        error,
                        why: Box::new(why),
                    });
                }
            };
            kept.hold(policy, number);
            number
        };
        changed.revision = Some(number);
        Ok(changed)
    }

    async fn record(&self, kept: &Kept, policy: NewRevision) -> Result<u64, StoreError> {
        let recorded = self.store.add_revision(kept.name(), unix_ms(), policy);
        Ok(recorded.await?.number)
    }

    /// Starts a container for a plugin.
    pub(super) async fn launch(
        &self,
        plugin: &Plugin,
        shared: &Shared,
        policy: EffectivePolicy,
    ) -> Result<Arc<Generation>, LaunchError> {
        let options = LaunchOptions {
            events: Some(events::queue(plugin.name(), &shared.recent, &self.events)),
            config: shared.config.clone(),
            own: self.own.iter().cloned().collect(),
            metrics: Some(Arc::clone(&shared.metrics)),
            ..LaunchOptions::default()
        };
        let running = self.engine.launch(plugin, policy, options).await?;
        Ok(Generation::start(running))
    }
}

fn changes(before: &EffectivePolicy, after: &EffectivePolicy) -> Vec<Change> {
    let change = |difference: Difference| Change {
        live: difference.change == Takes::Live,
        what: difference.what,
        before: difference.before.map(|side| side.value),
        after: difference.after.map(|side| side.value),
        widens: difference.widens,
    };
    let plan = before.plan(after);
    plan.differences.into_iter().map(change).collect()
}

pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
