use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::origin::Setting;
use crate::problem::{Invalid, choice, name_hint, quoted};
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

/// What a host may be unable to hold, written as in `requirements`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKey {
    /// `landlock`: files are out of reach even where a mount or a filter fails.
    Landlock,
    /// A limit, as `memory.high`.
    Resource(ResourceKey),
}

impl RequirementKey {
    const LANDLOCK: &'static str = "landlock";
}

impl From<ResourceKey> for RequirementKey {
    fn from(key: ResourceKey) -> Self {
        Self::Resource(key)
    }
}

impl FromStr for RequirementKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == Self::LANDLOCK {
            return Ok(Self::Landlock);
        }
        text.parse().map(Self::Resource).map_err(|_| {
            let paths = ResourceKey::ALL.map(|key| key.to_string());
            let known: Vec<&str> = std::iter::once(Self::LANDLOCK)
                .chain(paths.iter().map(String::as_str))
                .collect();
            let message = format!("{} is no key of `resources`, nor `landlock`", quoted(text));
            Invalid::new(message).hint(name_hint(text, &known))
        })
    }
}

impl fmt::Display for RequirementKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Landlock => out.pad(Self::LANDLOCK),
            Self::Resource(key) => key.fmt(out),
        }
    }
}

impl Serialize for RequirementKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The section `requirements`: only what a policy says; every other key is required.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Requirements(BTreeMap<RequirementKey, Setting<Requirement>>);

impl Requirements {
    /// What holds for a key.
    #[must_use]
    pub fn of(&self, key: impl Into<RequirementKey>) -> Requirement {
        self.stated(key)
            .map(|setting| setting.value)
            .unwrap_or_default()
    }

    /// What a policy says about a key, and where.
    #[must_use]
    pub fn stated(&self, key: impl Into<RequirementKey>) -> Option<&Setting<Requirement>> {
        self.0.get(&key.into())
    }

    /// The keys a policy names: `landlock`, then limits in the order of [`ResourceKey::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (RequirementKey, &Setting<Requirement>)> {
        self.0.iter().map(|(key, setting)| (*key, setting))
    }

    pub(crate) fn set(&mut self, key: RequirementKey, setting: Setting<Requirement>) {
        self.0.insert(key, setting);
    }

    pub(crate) fn get_mut(&mut self, key: RequirementKey) -> Option<&mut Setting<Requirement>> {
        self.0.get_mut(&key)
    }

    pub(crate) fn override_by(&mut self, other: &Self) {
        self.0.extend(other.0.clone());
    }
}
