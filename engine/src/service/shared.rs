use std::sync::Arc;

use super::events::Recent;
use crate::metrics::Metrics;
use crate::plugin::PluginConfig;

/// What all containers of a plugin have, one after the other.
#[derive(Clone)]
pub(super) struct Shared {
    /// Their last violations.
    pub(super) recent: Arc<Recent>,
    /// What they measured.
    pub(super) metrics: Arc<Metrics>,
    /// What the operator gives each of them.
    pub(super) config: PluginConfig,
}

impl Shared {
    /// Nothing was measured or violated yet.
    pub(super) fn new(config: PluginConfig) -> Self {
        Self {
            recent: Arc::default(),
            metrics: Arc::default(),
            config,
        }
    }
}
