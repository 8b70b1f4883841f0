//! One container of a plugin that is kept, from its start to its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lazaret_policy::EffectivePolicy;
use lazaret_protocol::Payload;
use tokio::sync::{RwLock, watch};

use crate::container::Usage;
use crate::supervisor::{Applied, ApplyError, CallFailure, Ended, Items, Keep, Running, Stopper};

/// A container that runs, or has ended. Whoever calls it holds it for reading; who ends it once
/// nobody does takes it out.
pub(super) struct Generation {
    running: Arc<RwLock<Option<Running>>>,
    /// Calls may hold the other end for long.
    stopper: Stopper,
    ended: watch::Sender<Option<Ended>>,
    pub(super) pid: u32,
    pub(super) functions: Vec<String>,
    pub(super) since: SystemTime,
}

/// What came of a call.
pub(super) enum Called<T> {
    /// It was made.
    Made(T),
    /// It was not: another container has taken this one's place, or it has ended. The arguments.
    Gone(Payload),
}

impl Generation {
    /// Takes a plugin over that just got ready, and waits for its end.
    pub(super) fn start(running: Running) -> Arc<Self> {
        let end = running.until_ended();
        let generation = Arc::new(Self {
            stopper: running.stopper(),
            pid: running.pid(),
            functions: running.functions().to_vec(),
            since: SystemTime::now(),
            running: Arc::new(RwLock::new(Some(running))),
            ended: watch::channel(None).0,
        });
        let watched = Arc::clone(&generation);
        tokio::spawn(async move {
            end.await;
            // Calls under way are told of the end and let go of it.
            if let Some(running) = watched.take().await {
                watched.ended.send_replace(Some(running.ended().await));
            }
        });
        generation
    }

    /// Calls a function.
    pub(super) async fn call(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Called<Result<Payload, CallFailure>> {
        // Where somebody waits to take it out, calls go elsewhere from now on.
        let running = self.running.try_read();
        match running.as_ref().map(|running| running.as_ref()) {
            Ok(Some(running)) => {
                Called::Made(running.call_within(function, arguments, timeout).await)
            }
            Ok(None) | Err(_) => Called::Gone(arguments),
        }
    }

    /// Calls a function whose result comes in items. It is not taken out before the call is over;
    /// `keep` is held as long.
    pub(super) async fn call_stream(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
        keep: impl Send + Sync + 'static,
    ) -> Called<Result<Items, CallFailure>> {
        let running = self.running.try_read();
        let held = Arc::clone(&self.running).try_read_owned();
        match (running.as_ref().map(|running| running.as_ref()), held) {
            (Ok(Some(running)), Ok(held)) => {
                let keep: Keep = Box::new((held, keep));
                let items = running.call_stream_with(function, arguments, timeout, Some(keep));
                Called::Made(items.await)
            }
            _ => Called::Gone(arguments),
        }
    }

    /// Holds it to another policy; `None` where it has ended.
    pub(super) async fn apply(
        &self,
        policy: EffectivePolicy,
    ) -> Option<Result<Applied, ApplyError>> {
        match self.running.read().await.as_ref() {
            Some(running) => Some(running.apply(policy).await),
            None => None,
        }
    }

    /// Stops it once the last call is answered.
    pub(super) async fn drain(&self) {
        match self.take().await {
            Some(running) => {
                self.ended.send_replace(Some(running.stop().await));
            }
            None => drop(self.until_ended().await),
        }
    }

    /// Stops it at once: calls under way are told of the end. Waits for it.
    pub(super) async fn stop(&self) -> Ended {
        self.stopper.stop().await;
        self.until_ended().await
    }

    /// How it ended, once it has.
    pub(super) async fn until_ended(&self) -> Ended {
        let mut ended = self.ended.subscribe();
        loop {
            if let Some(ended) = ended.borrow_and_update().clone() {
                return ended;
            }
            // The sender is in `self`: it is there as long as this waits.
            ended.changed().await.ok();
        }
    }

    /// How it ended, where it has.
    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        let running = self.running.try_read().ok()?;
        running.as_ref()?.usage().ok()
    }

    async fn take(&self) -> Option<Running> {
        self.running.write().await.take()
    }
}
