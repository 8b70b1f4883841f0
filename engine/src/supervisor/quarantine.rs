//! Plugins that are not started again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The names of an engine's quarantined plugins, each with what it did. In memory: it ends with
/// the engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Quarantine(Arc<Mutex<BTreeMap<String, String>>>);

impl Quarantine {
    /// Puts a plugin in; the first reason stays.
    pub(super) fn put(&self, plugin: &str, why: String) {
        self.names().entry(plugin.to_owned()).or_insert(why);
    }

    /// Why a plugin is in it.
    pub(super) fn why(&self, plugin: &str) -> Option<String> {
        self.names().get(plugin).cloned()
    }

    /// Lets a plugin out; false where it was not in.
    pub(super) fn release(&self, plugin: &str) -> bool {
        self.names().remove(plugin).is_some()
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Every change is one call: a panic elsewhere leaves no half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_until_the_plugin_is_released() {
        let quarantine = Quarantine::default();
        quarantine.put("a", "mount".to_owned());
        quarantine.clone().put("a", "ptrace".to_owned());
        assert_eq!(quarantine.why("a").as_deref(), Some("mount"));
        assert_eq!(quarantine.why("b"), None);
        assert!(quarantine.release("a"));
        assert!(!quarantine.release("a"));
        assert_eq!(quarantine.why("a"), None);
    }
}
