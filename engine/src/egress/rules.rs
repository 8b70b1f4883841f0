//! What one plugin may reach, as the broker holds it.

use lazaret_policy::{Host, Port, Protocol};

use super::class::Classes;

/// Everything the broker is to hold a plugin to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whom it may reach.
    pub endpoints: Vec<Endpoint>,
    /// What it may reach besides, to be told.
    pub observed: Vec<Observed>,
    /// How much of it.
    pub limits: Limits,
}

/// One way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whom.
    pub host: Pattern,
    /// On which port.
    pub port: Port,
    /// Speaking what.
    pub protocol: Protocol,
    /// Methods of plain HTTP; `None` for all.
    pub methods: Option<Vec<String>>,
    /// Paths of plain HTTP; `None` for all.
    pub paths: Option<Vec<PathPattern>>,
    /// Kinds of addresses the name may lead to.
    pub classes: Classes,
}

/// A way out that no grant covers and that is let through all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Whom.
    pub host: Pattern,
    /// On which port.
    pub port: Port,
    /// How it is told.
    pub how: Observing,
}

/// How what is let through is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observing {
    /// As a violation that was let through.
    Audit,
    /// By its count alone.
    Learn,
}

/// Names of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This one.
    Exact(Host),
    /// Every name below this one, and not itself.
    Below(Host),
    /// This one and every name below it.
    AtOrBelow(Host),
}

/// Paths of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// This one.
    Exact(String),
    /// Every one that starts so.
    Prefix(String),
}

/// How much a plugin may do on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Default for Limits {
    /// What a policy has that says nothing.
    fn default() -> Self {
        Self {
            connections: 64,
            connects: 100,
            sent: 64 << 20,
            received: 256 << 20,
            bandwidth: 16 << 20,
        }
    }
}

impl Pattern {
    /// Whether the name is one of these.
    #[must_use]
    pub fn matches(&self, name: &Host) -> bool {
        let below = |suffix: &Host| {
            let head = name.as_str().strip_suffix(suffix.as_str());
            head.is_some_and(|head| head.len() > 1 && head.ends_with('.'))
        };
        match self {
            Self::Exact(host) => host == name,
            Self::Below(suffix) => below(suffix),
            Self::AtOrBelow(suffix) => suffix == name || below(suffix),
        }
    }
}

impl PathPattern {
    /// Whether the path is one of these.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            Self::Prefix(prefix) => path.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_whole_labels_below_it_and_the_name_itself_only_where_that_is_written() {
        let host = |name: &str| name.parse::<Host>().unwrap();
        let apex = || host("example.com");
        for (name, exact, below, both) in [
            ("example.com", true, false, true),
            ("a.example.com", false, true, true),
            ("a.b.example.com", false, true, true),
            ("notexample.com", false, false, false),
            ("example.com.evil.org", false, false, false),
            ("com", false, false, false),
            ("a.example.co", false, false, false),
        ] {
            let name = host(name);
            assert_eq!(Pattern::Exact(apex()).matches(&name), exact, "{name}");
            assert_eq!(Pattern::Below(apex()).matches(&name), below, "{name}");
            assert_eq!(Pattern::AtOrBelow(apex()).matches(&name), both, "{name}");
        }
    }
}
