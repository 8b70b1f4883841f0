use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::origin::Setting;
use crate::problem::{Invalid, choice};
use crate::resource_key::ResourceKey;

/// What happens on a host that cannot hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// The plugin does not start. Holds for every key a policy says nothing about.
    #[default]
    Required,
    /// The plugin starts, and the key is shown as not enforced.
    BestEffort,
}

impl Requirement {
    const WORDS: [(&'static str, Self); 2] = [
        ("required", Self::Required),
        ("best_effort", Self::BestEffort),
    ];
}

impl FromStr for Requirement {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choice(text, "requirement", &Self::WORDS)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Required => "required",
            Self::BestEffort => "best_effort",
        })
    }
}

/// The section `requirements`: only what a policy says; every other key is required.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Requirements(BTreeMap<ResourceKey, Setting<Requirement>>);

impl Requirements {
    /// What holds for a key.
    #[must_use]
    pub fn of(&self, key: ResourceKey) -> Requirement {
        self.0
            .get(&key)
            .map(|setting| setting.value)
            .unwrap_or_default()
    }

    /// The keys a policy names, in the order of [`ResourceKey::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (ResourceKey, &Setting<Requirement>)> {
        self.0.iter().map(|(key, setting)| (*key, setting))
    }

    pub(crate) fn set(&mut self, key: ResourceKey, setting: Setting<Requirement>) {
        self.0.insert(key, setting);
    }

    pub(crate) fn override_by(&mut self, other: &Self) {
        self.0.extend(other.0.clone());
    }
}
