//! What one plugin may reach, as the broker holds it.

use std::sync::Arc;

use lazaret_policy::{EffectivePolicy, Endpoint, HostPattern, Mode, Protocol, TlsEnd};

use super::class::{Class, Classes};
use crate::secrets::Handout;

/// Everything the broker is to hold a plugin to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whom it may reach.
    pub endpoints: Vec<Endpoint>,
    /// Whom it may reach besides, and how that is told: never in [`Mode::Enforce`].
    pub observed: Vec<(Endpoint, Mode)>,
    /// How much of it.
    pub limits: Limits,
    /// What goes into its requests in place of what it has of them.
    pub secrets: Vec<Arc<Handout>>,
}

/// How much a plugin may do on the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: u32,
    /// New connections a second.
    pub connects: u32,
    /// Bytes sent in its life.
    pub sent: u64,
    /// Bytes received in its life.
    pub received: u64,
    /// Bytes a second, in both directions together.
    pub bandwidth: u64,
}

impl Rules {
    /// What a policy says of the network.
    #[must_use]
    pub fn of(policy: &EffectivePolicy) -> Self {
        let network = policy.network();
        let granted = policy.permissions().iter();
        let granted = granted.filter_map(|granted| Endpoint::of(&granted.permission));
        let listed = policy.endpoints().iter();
        let mode = network.mode.value;
        let observed = policy.observe().iter().filter(|_| mode != Mode::Enforce);
        let limits = network.limits;
        Self {
            endpoints: granted
                .chain(listed.map(|allowed| allowed.endpoint.clone()))
                .collect(),
            observed: observed
                .filter_map(|granted| Endpoint::of(&granted.permission))
                .map(|endpoint| (endpoint, mode))
                .collect(),
            limits: Limits {
                connections: limits.connections.value,
                connects: limits.connects.value,
                sent: limits.sent.value.bytes(),
                received: limits.received.value.bytes(),
                bandwidth: limits.bandwidth.value.bytes(),
            },
            secrets: Vec::new(),
        }
    }

    /// Whether the broker ends TLS for any host.
    #[must_use]
    pub fn end_tls(&self) -> bool {
        self.ended().next().is_some()
    }

    /// The hosts for which the broker ends TLS.
    pub(super) fn ended(&self) -> impl Iterator<Item = &HostPattern> {
        let broker = |one: &&Endpoint| one.protocol == Protocol::Https && one.tls == TlsEnd::Broker;
        self.endpoints.iter().filter(broker).map(|one| &one.host)
    }

    /// Whether there is anything to reach at all.
    #[must_use]
    pub fn reach_anything(&self) -> bool {
        !self.endpoints.is_empty() || !self.observed.is_empty()
    }
}

/// The kinds of addresses an endpoint may lead to.
pub(super) fn classes(endpoint: &Endpoint) -> Classes {
    endpoint
        .addresses
        .iter()
        .copied()
        .map(Class::from)
        .collect()
}
