//! Plugins run through the library, as an embedding program would.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use lazaret::event::EndReason;
use lazaret::metrics::{Metrics, MetricsReport};
use lazaret::plugin::Plugin;
use lazaret::supervisor::{
    Applied, ApplyError, CallFailure, Ended, Engine, Items, LaunchError, LaunchOptions,
    PluginEvent, Running,
};
use lazaret_protocol::{CallError, Payload, PluginError};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::parts::Parts;
use crate::setup::{Runs, Setup, probe_rootfs, write_files};

/// An engine with a launcher of its own.
pub struct Host {
    engine: Engine,
    rootfs: OnceCell<tempfile::TempDir>,
    parts: Parts,
    /// What plugins keep.
    _state: tempfile::TempDir,
}

/// A plugin that is ready for calls.
pub struct Session {
    running: Running,
    metrics: Arc<Metrics>,
    events: Arc<Mutex<Vec<PluginEvent>>>,
    limit_events: Arc<Mutex<Vec<PluginEvent>>>,
    _unread: Option<mpsc::Receiver<PluginEvent>>,
    _files: tempfile::TempDir,
}

impl Host {
    pub(crate) fn start(parts: &Parts) -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        Ok(Self {
            engine: Engine::start(parts.installation.clone())?
                .with_state(&state.path().join("state")),
            _state: state,
            rootfs: OnceCell::new(),
            parts: parts.clone(),
        })
    }

    /// Lets a quarantined plugin start again.
    pub fn release(&self, plugin: &str) -> bool {
        self.engine.release(plugin)
    }

    /// Launches a plugin that is to get ready.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn launch(&self, setup: &Setup) -> anyhow::Result<Session> {
        self.try_launch(setup)
            .await?
            .with_context(|| format!("failed to launch `{}`", setup.name))
    }

    /// Launches a plugin that is to end before it is ready, and tells why it did.
    ///
    /// # Errors
    /// Where it gets ready, or fails in another way.
    pub async fn launch_to_end(&self, setup: &Setup) -> anyhow::Result<Ended> {
        match self.try_launch(setup).await? {
            Err(LaunchError::Ended { ended, .. }) => Ok(*ended),
            Err(error) => Err(error.into()),
            Ok(_) => bail!("`{}` got ready", setup.name),
        }
    }

    /// Launches a plugin.
    ///
    /// # Errors
    /// The outer one: the case's own files. The inner one: the library's.
    pub async fn try_launch(&self, setup: &Setup) -> anyhow::Result<Result<Session, LaunchError>> {
        let files = tempfile::tempdir()?;
        let directory = files.path().join(&setup.name);
        let contents = setup.files.iter();
        let contents = contents.map(|(path, content)| (path.as_str(), content.as_slice()));
        write_files(&directory, contents)?;
        let plugin = Plugin::locate(&directory)?;
        let (sender, mut receiver) = mpsc::channel(if setup.unheard { 1 } else { 1024 });
        let events = Arc::new(Mutex::new(Vec::new()));
        let limit_events = Arc::new(Mutex::new(Vec::new()));
        let mut unread = None;
        if setup.unheard {
            unread = Some(receiver);
        } else {
            let collected = Arc::clone(&events);
            let limits = Arc::clone(&limit_events);
            tokio::spawn(async move {
                while let Some(event) = receiver.recv().await {
                    match &event {
                        PluginEvent::Violation { violation, .. }
                            if violation.act.is_limit_event() =>
                        {
                            lock(&limits).push(event);
                        }
                        _ => lock(&collected).push(event),
                    }
                }
            });
        }
        let (engine, rootfs) = match setup.runs {
            Runs::Shim(js) => (Some(js.choice()), None),
            Runs::Probe => (None, Some(self.probe_rootfs()?)),
        };
        let metrics = Arc::new(Metrics::default());
        let options = LaunchOptions {
            events: Some(sender),
            engine,
            learn: setup.learn.clone(),
            metrics: Some(Arc::clone(&metrics)),
            rootfs: setup.rootfs.clone().or(rootfs),
            ..LaunchOptions::default()
        };
        let launched = self
            .engine
            .launch(&plugin, setup.effective_policy()?, options);
        Ok(launched.await.map(|running| Session {
            running,
            metrics,
            events,
            limit_events,
            _unread: unread,
            _files: files,
        }))
    }

    /// Built when it is first asked for.
    fn probe_rootfs(&self) -> anyhow::Result<std::path::PathBuf> {
        if self.rootfs.get().is_none() {
            let directory = tempfile::tempdir()?;
            probe_rootfs(&self.parts, &directory.path().join("rootfs")).with_context(|| {
                format!("failed to put `{}` in place", self.parts.probe().display())
            })?;
            // Nobody else sets it: there is one thread here.
            drop(self.rootfs.set(directory));
        }
        let directory = self.rootfs.get().context("set just now")?;
        Ok(directory.path().join("rootfs").join(lazaret_rootfs::TREE))
    }
}

impl Session {
    /// Process id on the host.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// What it measured so far.
    pub fn metrics(&self) -> MetricsReport {
        self.metrics.report()
    }

    /// Names of the exported functions.
    pub fn functions(&self) -> &[String] {
        self.running.functions()
    }

    /// Holds the plugin to the policy of another setup.
    ///
    /// # Errors
    /// The outer one: a policy of these tests is wrong. The inner one: the library's.
    pub async fn apply(&self, setup: &Setup) -> anyhow::Result<Result<Applied, ApplyError>> {
        Ok(self.running.apply(setup.effective_policy()?).await)
    }

    /// What the kernel told so far of the plugin's limits: apart from the rest, as a busy machine
    /// throttles the most harmless plugin.
    pub fn limit_events(&self) -> Arc<Mutex<Vec<PluginEvent>>> {
        Arc::clone(&self.limit_events)
    }

    /// What the plugin logged and was refused so far.
    pub fn events(&self) -> Vec<PluginEvent> {
        lock(&self.events).clone()
    }

    /// The events, to be looked at once the plugin has ended.
    pub fn later_events(&self) -> Arc<Mutex<Vec<PluginEvent>>> {
        Arc::clone(&self.events)
    }

    /// Calls a function with any payload.
    ///
    /// # Errors
    /// The library's.
    pub async fn try_call(
        &self,
        function: &str,
        arguments: Payload,
    ) -> Result<Payload, CallFailure> {
        self.running.call(function, arguments).await
    }

    /// Calls a function that is given so long at most.
    ///
    /// # Errors
    /// The library's.
    pub async fn call_within(
        &self,
        function: &str,
        arguments: Value,
        timeout: Duration,
    ) -> Result<Payload, CallFailure> {
        let arguments = Payload::Json(arguments.to_string());
        let call = self.running.call_within(function, arguments, Some(timeout));
        call.await
    }

    /// Calls a function whose result comes in items.
    ///
    /// # Errors
    /// Where the plugin is not asked.
    pub async fn stream(&self, function: &str, arguments: Value) -> anyhow::Result<Items> {
        self.stream_within(function, arguments, None).await
    }

    /// The same with a function that is given so long at most.
    ///
    /// # Errors
    /// Where the plugin is not asked.
    pub async fn stream_within(
        &self,
        function: &str,
        arguments: Value,
        timeout: Option<Duration>,
    ) -> anyhow::Result<Items> {
        let arguments = Payload::Json(arguments.to_string());
        let items = self.running.call_stream(function, arguments, timeout);
        let items = items.await;
        items.map_err(|failure| anyhow!("`{function}` was not asked: {failure:?}"))
    }

    /// Calls a function that is to answer with JSON.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn call(&self, function: &str, arguments: Value) -> anyhow::Result<Value> {
        let payload = Payload::Json(arguments.to_string());
        match self.try_call(function, payload).await {
            Ok(Payload::Json(text)) => serde_json::from_str(&text)
                .with_context(|| format!("`{function}` answered with no JSON: {text}")),
            other => Err(anyhow!("`{function}` did not answer with JSON: {other:?}")),
        }
    }

    /// Calls a function that is to fail; the plugin goes on.
    ///
    /// # Errors
    /// Where it does not fail, or the plugin ends.
    pub async fn call_error(&self, function: &str, arguments: Value) -> anyhow::Result<CallError> {
        let payload = Payload::Json(arguments.to_string());
        match self.try_call(function, payload).await {
            Err(CallFailure::Call(error)) => Ok(error),
            other => Err(anyhow!("`{function}` did not fail: {other:?}")),
        }
    }

    /// Calls a function that is to throw.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn thrown(&self, function: &str, arguments: Value) -> anyhow::Result<PluginError> {
        match self.call_error(function, arguments).await? {
            CallError::Exception(error) => Ok(error),
            other => Err(anyhow!("`{function}` did not throw: {other:?}")),
        }
    }

    /// Calls a function that is to be the plugin's end, and tells why it ended.
    ///
    /// # Errors
    /// Where it answers, or the call and the plugin name two reasons.
    pub async fn call_to_end(self, function: &str, arguments: Value) -> anyhow::Result<Ended> {
        let payload = Payload::Json(arguments.to_string());
        let reason = match self.try_call(function, payload).await {
            Err(CallFailure::Ended(reason)) => reason,
            other => bail!("`{function}` did not end the plugin: {other:?}"),
        };
        let ended = self.running.ended().await;
        if ended.reason != reason {
            bail!(
                "the call was told {reason:?}, the end is {:?}",
                ended.reason
            );
        }
        Ok(ended)
    }

    /// Asks the plugin to stop, which it is to do.
    ///
    /// # Errors
    /// Where it ends for another reason.
    pub async fn stop(self) -> anyhow::Result<Ended> {
        let ended = self.running.stop().await;
        match &ended.reason {
            EndReason::Stopped => Ok(ended),
            other => Err(anyhow!("it did not stop but: {other}")),
        }
    }

    /// Stops the plugin unless it has ended; either way, tells how.
    pub async fn ended_or_stopped(self) -> Ended {
        self.running.stop().await
    }

    /// Waits for the end.
    pub async fn ended(self) -> Ended {
        self.running.ended().await
    }
}

/// Holds events for as long as they are looked at.
pub fn lock<T>(events: &Mutex<T>) -> MutexGuard<'_, T> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}
