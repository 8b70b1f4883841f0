//! One plugin that is kept: its policy, its container, what it did.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lazaret_policy::EffectivePolicy;
use lazaret_protocol::Payload;

use super::errors::ServiceError;
use super::generation::{Called, Generation};
use super::shared::Shared;
use crate::container::Usage;
use crate::plugin::Plugin;
use crate::supervisor::{Ended, Items};

/// One plugin.
pub(super) struct Kept {
    pub(super) plugin: Plugin,
    /// Its policy file as the engine was started with, and its digest.
    pub(super) file: Option<(PathBuf, String)>,
    /// Held while something of the plugin is changed.
    pub(super) changing: tokio::sync::Mutex<()>,
    now: Mutex<Now>,
    /// Containers whose place was taken and that finish their calls.
    draining: Mutex<Vec<Arc<Generation>>>,
    pub(super) shared: Shared,
    calls: AtomicU64,
    under_way: Arc<AtomicU64>,
}

/// What holds now.
#[derive(Clone)]
pub(super) struct Now {
    pub(super) generation: Arc<Generation>,
    pub(super) policy: EffectivePolicy,
    pub(super) revision: Option<u64>,
}

/// Whether a plugin takes calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It does.
    Running,
    /// It ended, by itself or because it was stopped.
    Ended(Box<Ended>),
}

/// What there is to say of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its name.
    pub plugin: String,
    /// Whether it takes calls.
    pub phase: Phase,
    /// Its first process on the host.
    pub pid: u32,
    /// Its functions; its own word.
    pub functions: Vec<String>,
    /// When its container got ready.
    pub since: SystemTime,
    /// The policy that holds: the file or text it came from, and its number.
    pub policy: Option<String>,
    /// Number of the revision that holds; `None` for level `standard` with nothing over it.
    pub revision: Option<u64>,
    /// Calls so far.
    pub calls: u64,
    /// Calls under way.
    pub under_way: u64,
    /// Containers whose place was taken and that finish their calls.
    pub draining: usize,
    /// What the container has used, where that can be read.
    pub usage: Option<Usage>,
    /// Violations kept.
    pub violations: usize,
}

impl Kept {
    pub(super) fn new(
        plugin: Plugin,
        file: Option<(PathBuf, String)>,
        shared: Shared,
        now: Now,
    ) -> Self {
        Self {
            plugin,
            file,
            changing: tokio::sync::Mutex::new(()),
            now: Mutex::new(now),
            draining: Mutex::default(),
            shared,
            calls: AtomicU64::new(0),
            under_way: Arc::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.plugin.name()
    }

    pub(super) fn file_digest(&self) -> Option<String> {
        self.file.as_ref().map(|(_, digest)| digest.clone())
    }

    pub(super) fn now(&self) -> Now {
        lock(&self.now).clone()
    }

    /// The policy changed and the container did not.
    pub(super) fn hold(&self, policy: EffectivePolicy, revision: u64) {
        let mut now = lock(&self.now);
        now.policy = policy;
        now.revision = Some(revision);
    }

    /// Calls go to another container from here on; the one before ends after its last call.
    pub(super) fn replace(self: &Arc<Self>, now: Now) {
        let before = std::mem::replace(&mut *lock(&self.now), now).generation;
        lock(&self.draining).push(Arc::clone(&before));
        let kept = Arc::clone(self);
        tokio::spawn(async move {
            before.drain().await;
            lock(&kept.draining).retain(|other| !Arc::ptr_eq(other, &before));
        });
    }

    pub(super) async fn call(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Payload, ServiceError> {
        let _under_way = self.begin();
        let mut arguments = arguments;
        loop {
            let generation = self.now().generation;
            arguments = match generation.call(function, arguments, timeout).await {
                Called::Made(result) => return result.map_err(ServiceError::Call),
                Called::Gone(arguments) => arguments,
            };
            self.goes_on(&generation).await?;
        }
    }

    pub(super) async fn call_stream(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Stream, ServiceError> {
        let under_way = Arc::new(self.begin());
        let mut arguments = arguments;
        loop {
            let generation = self.now().generation;
            let keep = Arc::clone(&under_way);
            let called = generation.call_stream(function, arguments, timeout, keep);
            arguments = match called.await {
                Called::Made(items) => return items.map(Stream).map_err(ServiceError::Call),
                Called::Gone(arguments) => arguments,
            };
            self.goes_on(&generation).await?;
        }
    }

    /// Whether another container takes calls in place of this one.
    async fn goes_on(&self, generation: &Arc<Generation>) -> Result<(), ServiceError> {
        if !Arc::ptr_eq(generation, &self.now().generation) {
            return Ok(());
        }
        // Nobody takes its place: it has ended, or is about to.
        let ended = generation.until_ended().await;
        Err(self.not_running(&ended))
    }

    fn begin(&self) -> UnderWay {
        self.calls.fetch_add(1, Ordering::Relaxed);
        UnderWay::begin(Arc::clone(&self.under_way))
    }

    pub(super) async fn stop(&self) -> Result<(), ServiceError> {
        // What runs is stopped at once, however long a change of it takes.
        let before = self.now().generation;
        let stopped = before.ended().is_none();
        if stopped {
            before.stop().await;
        }
        let _changing = self.changing.lock().await;
        // The change may have put another in its place.
        let generation = self.now().generation;
        match generation.ended() {
            Some(_) if stopped => Ok(()),
            Some(ended) => Err(self.not_running(&ended)),
            None => {
                generation.stop().await;
                Ok(())
            }
        }
    }

    /// Asks every container of it to stop; each future ends with one.
    pub(super) fn ask_to_stop(&self) -> Vec<impl Future<Output = ()> + use<>> {
        let mut all = lock(&self.draining).clone();
        all.push(self.now().generation);
        let stop = |generation: Arc<Generation>| {
            let stopping = tokio::spawn(async move { drop(generation.stop().await) });
            async move { drop(stopping.await) }
        };
        all.into_iter().map(stop).collect()
    }

    pub(super) fn not_running(&self, ended: &Ended) -> ServiceError {
        ServiceError::NotRunning {
            plugin: self.name().to_owned(),
            why: ended.reason.to_string(),
        }
    }

    pub(super) fn status(&self) -> Status {
        let Now {
            generation,
            policy,
            revision,
        } = self.now();
        let ended = generation.ended();
        Status {
            plugin: self.name().to_owned(),
            phase: ended.map_or(Phase::Running, |ended| Phase::Ended(Box::new(ended))),
            pid: generation.pid,
            functions: generation.functions.clone(),
            since: generation.since,
            policy: policy.source().map(str::to_owned),
            revision,
            calls: self.calls.load(Ordering::Relaxed),
            under_way: self.under_way.load(Ordering::Relaxed),
            draining: lock(&self.draining).len(),
            usage: generation.usage(),
            violations: self.shared.recent.all().len(),
        }
    }
}

/// The items of a call. Dropped, they give their call up.
pub struct Stream(Items);

impl Stream {
    /// The next item; `None` after the last.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing comes after it.
    pub async fn next(&mut self) -> Option<Result<Payload, ServiceError>> {
        let next = self.0.next().await;
        next.map(|item| item.map_err(ServiceError::Call))
    }
}

/// One more call, until it is dropped: also where whoever asked goes away.
struct UnderWay(Arc<AtomicU64>);

impl UnderWay {
    fn begin(count: Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one step: a panic elsewhere leaves no half of one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
