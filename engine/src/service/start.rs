//! Plugins taken in, each under the policy that is to hold for it.
//!
//! The policy applied last goes on to hold over a restart of the engine, unless the plugin's
//! policy file was changed since: then the file holds, and is a revision of its own. Whether it
//! was changed is told by its content, never by a clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_policy::{Cut, SecurityPolicy};

use super::Service;
use super::candidate::Candidate;
use super::change::unix_ms;
use super::errors::ServiceError;
use super::kept::{Kept, Now};
use super::shared::Shared;
use crate::host::Unenforced;
use crate::plugin::{Plugin, PluginConfig};
use crate::store::{NewRevision, RevisionOrigin, text_digest};

/// A plugin to be kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The plugin.
    pub plugin: Plugin,
    /// Its policy file, where it has one.
    pub policy: Option<PathBuf>,
    /// What the operator gives it.
    pub config: PluginConfig,
}

impl Entry {
    /// What the plugin is started from.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = self.plugin.own_files();
        files.extend(self.policy.clone());
        files.extend(self.config.file().map(Path::to_owned));
        files
    }
}

/// A plugin that is kept now.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its name.
    pub plugin: String,
    /// The revision that holds.
    pub revision: Option<u64>,
    /// How that policy came to hold; `None` for level `standard` with nothing over it.
    pub origin: Option<RevisionOrigin>,
    /// The file was changed since the revision of this number, which held before.
    pub file_changed_since: Option<u64>,
    /// What the policy grants and a floor does not give, or the plugin does not ask for.
    pub cuts: Vec<Cut>,
    /// Keys that this host does not hold, and the policy does without.
    pub unenforced: Vec<Unenforced>,
}

impl Service {
    /// Starts a plugin and keeps it.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing of it is left then.
    pub async fn keep(&mut self, entry: Entry) -> Result<Started, ServiceError> {
        self.expect([&entry]);
        let Entry {
            plugin,
            policy,
            config,
        } = entry;
        let name = plugin.name().to_owned();
        if self.kept.contains_key(&name) {
            return Err(ServiceError::Twice(name));
        }
        let unreadable = |source| ServiceError::File {
            plugin: name.clone(),
            source,
        };
        let file = match policy {
            None => None,
            Some(path) => {
                // What is recorded is what was judged, whoever writes the file meanwhile.
                let (policy, text) = SecurityPolicy::load_with_text(&path).map_err(unreadable)?;
                Some((path, policy, text))
            }
        };
        let digest = file.as_ref().map(|(_, _, text)| text_digest(text));
        let last = self.store.last_revision(&name).await?;
        let unchanged = last
            .as_ref()
            .filter(|last| last.policy.file_digest == digest);
        let applied = unchanged.filter(|last| last.policy.origin != RevisionOrigin::File);

        let floor = self.floor.as_deref();
        let candidate = match applied {
            Some(last) => Candidate::parse(&plugin, &last.policy.name, &last.policy.text, floor)?,
            // Read from the file, with those it extends as they are now.
            None => {
                let policy = file.as_ref().map(|(_, policy, _)| policy);
                Candidate::within(&plugin, policy, floor)?
            }
        };
        let Candidate { policy, cuts } = candidate;
        let unenforced = self.engine.unenforced(&policy);
        let shared = Shared::new(config);
        let generation = self.launch(&plugin, &shared, policy.clone()).await?;

        let mut origin = applied.map(|last| last.policy.origin);
        let mut revision = unchanged.map(|last| last.number);
        if let Some((path, _, text)) = &file
            && applied.is_none()
        {
            origin = Some(RevisionOrigin::File);
            if unchanged.is_none() {
                let policy = NewRevision {
                    by_uid: rustix::process::geteuid().as_raw(),
                    origin: RevisionOrigin::File,
                    of: None,
                    name: path.to_string_lossy().into_owned(),
                    text: text.clone(),
                    file_digest: digest.clone(),
                };
                match self.store.add_revision(&name, unix_ms(), policy).await {
                    Ok(added) => revision = Some(added.number),
                    Err(error) => {
                        generation.stop().await;
                        return Err(error.into());
                    }
                }
            }
        }
        let file_changed_since = match unchanged {
            Some(_) => None,
            None => last.map(|last| last.number),
        };
        let now = Now {
            generation,
            policy,
            revision,
        };
        let file = file
            .zip(digest)
            .map(|((path, _, _), digest)| (path, digest));
        let kept = Kept::new(plugin, file, shared, now);
        self.kept.insert(name.clone(), Arc::new(kept));
        Ok(Started {
            plugin: name,
            revision,
            origin,
            file_changed_since,
            cuts,
            unenforced,
        })
    }
}
