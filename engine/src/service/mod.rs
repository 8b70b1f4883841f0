//! Plugins that an engine keeps running, by their names: called, changed and stopped while others
//! of them go on.
//!
//! ```text
//!            launch                   end
//!  policy ───────────▶ generation ─────────▶ ended
//!    ▲                  │      ▲
//!    │ apply, live      │      │ apply, by a new container: calls under way stay with the old
//!    └──────────────────┘      │ one, which ends after the last of them; new ones go to the new
//!                              └──────────────────────────────────────────────────────────────
//! ```
//!
//! Each policy that holds is a revision in the [store](crate::store). One change at a time is made
//! to a plugin; calls go on meanwhile.

mod candidate;
mod change;
mod errors;
mod events;
mod generation;
mod kept;
mod shared;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret_protocol::Payload;
use tokio::sync::mpsc;

pub use change::{Change, ChangeOptions, Changed};
pub use errors::ServiceError;
pub use kept::{Phase, Status, Stream};
pub use start::{Entry, Started};

use crate::event::Violation;
use crate::metrics::MetricsReport;
use crate::store::{Revision, Store};
use crate::supervisor::{Engine, PluginEvent};
use kept::Kept;

/// Where log lines and violations of all plugins go, each with its plugin's name.
pub type Events = mpsc::Sender<(Arc<str>, PluginEvent)>;

/// The plugins one engine keeps.
pub struct Service {
    engine: Engine,
    store: Store,
    floor: Option<PathBuf>,
    events: Events,
    /// What all plugins are started from: none of them may write it.
    own: BTreeSet<PathBuf>,
    kept: BTreeMap<String, Arc<Kept>>,
}

impl Service {
    /// Keeps nothing yet. The floor named holds beside the operator's.
    pub fn new(engine: Engine, store: Store, floor: Option<PathBuf>, events: Events) -> Self {
        Self {
            engine,
            store,
            floor,
            events,
            own: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Says which plugins are to be kept: none may write what another is started from, be it kept before or after.
    pub fn expect<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) {
        let files = entries.into_iter().flat_map(Entry::files);
        self.own.extend(files);
    }

    /// What there is to say of each plugin, by their names.
    pub fn list(&self) -> Vec<Status> {
        self.kept.values().map(|kept| kept.status()).collect()
    }

    /// What there is to say of one plugin.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn status(&self, plugin: &str) -> Result<Status, ServiceError> {
        Ok(self.find(plugin)?.status())
    }

    /// Calls a function of a plugin, for so long at most; its policy's limit holds as well.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn call(
        &self,
        plugin: &str,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Payload, ServiceError> {
        self.find(plugin)?.call(function, arguments, timeout).await
    }

    /// Calls a function of a plugin whose result comes in items.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn call_stream(
        &self,
        plugin: &str,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Stream, ServiceError> {
        let kept = self.find(plugin)?;
        kept.call_stream(function, arguments, timeout).await
    }

    /// Stops a plugin and waits until nothing of it is left.
    ///
    /// # Errors
    /// Where there is none of that name, or it does not run.
    pub async fn stop(&self, plugin: &str) -> Result<Status, ServiceError> {
        let kept = self.find(plugin)?;
        kept.stop().await?;
        Ok(kept.status())
    }

    /// Stops every plugin.
    pub async fn stop_all(&self) {
        let ending: Vec<_> = self.kept.values().map(|kept| kept.ask_to_stop()).collect();
        for ended in ending.into_iter().flatten() {
            ended.await;
        }
    }

    /// The last violations of a plugin, the oldest first.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn violations(&self, plugin: &str) -> Result<Vec<Violation>, ServiceError> {
        Ok(self.find(plugin)?.shared.recent.all())
    }

    /// What a plugin measured.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn metrics(&self, plugin: &str) -> Result<MetricsReport, ServiceError> {
        Ok(self.find(plugin)?.shared.metrics.report())
    }

    /// What all plugins measured, by their names.
    pub fn all_metrics(&self) -> Vec<(String, MetricsReport)> {
        let kept = self.kept.iter();
        kept.map(|(name, kept)| (name.clone(), kept.shared.metrics.report()))
            .collect()
    }

    /// The policies that held for a plugin, the latest first.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn revisions(&self, plugin: &str) -> Result<Vec<Revision>, ServiceError> {
        let kept = self.find(plugin)?;
        Ok(self.store.revisions(kept.name()).await?)
    }

    fn find(&self, plugin: &str) -> Result<&Arc<Kept>, ServiceError> {
        self.kept.get(plugin).ok_or_else(|| {
            let near = self.kept.keys().cloned().collect();
            ServiceError::no_such_plugin(plugin, near)
        })
    }
}
