use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};

use crate::layout::LEAVES;
use crate::origin::Setting;
use crate::problem::{Invalid, choice, nearest, quoted};
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
    /// Another key or a whole section by its path, as `network.limits`.
    Path(&'static str),
}

/// Every path but those of limits and of what says what the document is.
static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut paths: Vec<String> = Vec::new();
    let mut add = |path: &str| {
        let path = path.to_owned();
        if !paths.contains(&path) {
            paths.push(path);
        }
    };
    let others = ["apiVersion", "kind", "level", "extends", "requirements"];
    for leaf in LEAVES.iter().filter(|leaf| !others.contains(&leaf.path)) {
        for (dot, _) in leaf.path.match_indices('.') {
            add(&leaf.path[..dot]);
        }
        if !leaf.path.starts_with("resources.") {
            add(leaf.path);
        }
    }
    paths
});

impl RequirementKey {
    const LANDLOCK: &'static str = "landlock";

    /// Every key there may be.
    pub(crate) fn every() -> impl Iterator<Item = Self> {
        let paths = PATHS.iter().map(|path| Self::Path(path));
        let limits = ResourceKey::ALL.into_iter().map(Self::Resource);
        std::iter::once(Self::Landlock).chain(limits).chain(paths)
    }

    /// The section it lies in.
    fn section(self) -> Option<Self> {
        let path = match self {
            Self::Landlock => return None,
            Self::Resource(key) => {
                let position = ResourceKey::ALL.iter().position(|one| *one == key)?;
                ResourceKey::PATHS[position]
            }
            Self::Path(path) => path,
        };
        let (section, _) = path.rsplit_once('.')?;
        PATHS
            .iter()
            .find(|path| *path == section)
            .map(|path| Self::Path(path))
    }
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
        // A limit may be written with its section or without.
        if let Ok(key) = text.strip_prefix("resources.").unwrap_or(text).parse() {
            return Ok(Self::Resource(key));
        }
        if let Some(path) = PATHS.iter().find(|path| *path == text) {
            return Ok(Self::Path(path));
        }
        let known: Vec<String> = Self::every().map(|key| key.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = match nearest(text, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the path of a key or section, such as `memory.high` or `network.limits`"
                .to_owned(),
        };
        let message = format!("{} is no key of a policy, nor `landlock`", quoted(text));
        Err(Invalid::new(message).hint(hint))
    }
}

impl fmt::Display for RequirementKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Landlock => out.pad(Self::LANDLOCK),
            Self::Resource(key) => key.fmt(out),
            Self::Path(path) => out.pad(path),
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

    /// What a policy says about a key, else about the section it lies in, and where.
    #[must_use]
    pub fn stated(&self, key: impl Into<RequirementKey>) -> Option<&Setting<Requirement>> {
        let mut keys = std::iter::successors(Some(key.into()), |key| key.section());
        keys.find_map(|key| self.0.get(&key))
    }

    /// What a policy says about this very key, and where.
    pub(crate) fn named(&self, key: RequirementKey) -> Option<&Setting<Requirement>> {
        self.0.get(&key)
    }

    /// The keys a policy names: `landlock`, limits in the order of [`ResourceKey::ALL`], then others.
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
