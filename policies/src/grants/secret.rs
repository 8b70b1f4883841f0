use std::fmt;

use serde::Serialize;

use crate::name::{EnvName, name};
use crate::network::HostPattern;
use crate::origin::Origin;
use crate::path::GrantPath;
use crate::word::Words;

name!(
    /// The name of a secret.
    SecretName, "name of a secret", 64,
    |byte| byte.is_ascii_alphanumeric(),
    |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte),
    "use letters, digits, `_`, `.` and `-`, at most 64, a letter or digit first"
);

/// Where the engine has a secret from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// A variable of the engine's own environment.
    Env(EnvName),
    /// A file on the host.
    File(GrantPath),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "env {name}"),
            Self::File(path) => write!(out, "file {path}"),
        }
    }
}

/// An entry of `secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// What the plugin knows it by.
    pub name: SecretName,
    /// The only hosts it may go to.
    pub hosts: Words<HostPattern>,
    /// Where it comes from.
    pub from: SecretSource,
    /// The plugin itself gets the value, not a placeholder.
    pub expose: bool,
    /// Why, in the words of the policy's author.
    pub reason: Option<String>,
    /// Who said so.
    pub origin: Origin,
}

impl Secret {
    /// Whether this lets everything be done that `other` does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let goes = |host: &HostPattern| self.hosts.iter().any(|mine| mine.covers(host));
        self.name == other.name
            && self.from == other.from
            && (self.expose || !other.expose)
            && other.hosts.iter().all(goes)
    }

    /// What both allow, if anything, in the words of this one.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<Self> {
        if self.name != other.name || self.from != other.from {
            return None;
        }
        let within = |inner: &Words<HostPattern>, outer: &Words<HostPattern>| {
            let held = |host: &&HostPattern| outer.iter().any(|one| one.covers(host));
            let hosts = inner.iter().filter(held).cloned();
            hosts.collect::<std::collections::BTreeSet<_>>()
        };
        let hosts = &within(&self.hosts, &other.hosts) | &within(&other.hosts, &self.hosts);
        (!hosts.is_empty()).then(|| Self {
            hosts: Words(hosts),
            expose: self.expose && other.expose,
            origin: other.origin.clone(),
            ..self.clone()
        })
    }

    /// As a policy would say it, in a line: `from env API_KEY to api.example.com`. What the secret is nobody knows here.
    #[must_use]
    pub fn value(&self) -> String {
        let exposed = if self.expose { ", exposed" } else { "" };
        format!("from {} to {}{exposed}", self.from, self.hosts)
    }
}
