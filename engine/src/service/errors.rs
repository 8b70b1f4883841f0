//! Why a service does not do what it was asked for.

use lazaret_policy::{LoadError, PolicyProblems};

use super::change::Change;
use crate::event::escape;
use crate::store::StoreError;
use crate::supervisor::{ApplyError, CallFailure, LaunchError};

/// The most names proposed.
const MAX_NAMES: usize = 10;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nothing of that name is kept.
    #[error(
        "there is no plugin `{}` here\n  hint: {}",
        escape(plugin),
        there_are(others)
    )]
    NoSuchPlugin {
        /// The name asked for.
        plugin: String,
        /// Those there are.
        others: Vec<String>,
    },
    /// It has ended or was stopped.
    #[error(
        "plugin `{plugin}` does not run: {}\n  hint: `lazaret policy apply {plugin} FILE --restart` starts it again",
        escape(why)
    )]
    NotRunning {
        /// Its name.
        plugin: String,
        /// Why.
        why: String,
    },
    /// The call has no result.
    #[error("the call failed")]
    Call(CallFailure),
    /// The text is no policy.
    #[error("the policy is invalid\n{}", .0.to_string().trim_end())]
    Policy(PolicyProblems),
    /// A floor cannot be read. Nothing goes without.
    #[error("the floor cannot be read")]
    Floor(#[source] LoadError),
    /// A policy file cannot be read.
    #[error("the policy of plugin `{plugin}` cannot be read")]
    File {
        /// The plugin's name.
        plugin: String,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// It allows more than what holds, which was not to be.
    #[error("{} of the changes allow more\n  hint: leave out `--refuse-wider` to apply it all the same", .0.iter().filter(|change| change.widens).count())]
    Wider(Vec<Change>),
    /// Some of it needs a new container, which was not asked for.
    #[error("{} of the changes need a new container\n  hint: `--restart` starts one; calls under way are finished by the old one", .0.iter().filter(|change| !change.live).count())]
    NeedsRestart(Vec<Change>),
    /// It does not hold.
    #[error(transparent)]
    Apply(ApplyError),
    /// The new container did not start; the old one goes on.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// What was applied could not be recorded, so it was taken back.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was applied could neither be recorded nor taken back.
    #[error(
        "plugin was stopped: its policy could not be recorded, and not be taken back either: {why}"
    )]
    NotTakenBack {
        /// Why it is not recorded.
        #[source]
        error: StoreError,
        /// Why it is not taken back.
        why: Box<ApplyError>,
    },
    /// There is no such revision.
    #[error(
        "plugin `{plugin}` has no revision {number}\n  hint: `lazaret policy revisions {plugin}` lists them"
    )]
    NoSuchRevision {
        /// The plugin's name.
        plugin: String,
        /// The number asked for.
        number: u64,
    },
    /// There was no policy before the one that holds.
    #[error(
        "plugin `{plugin}` has no revision before the one that holds\n  hint: `lazaret policy revisions {plugin}` lists them"
    )]
    NothingBefore {
        /// The plugin's name.
        plugin: String,
    },
    /// Two plugins have one name.
    #[error(
        "two plugins are called `{0}`\n  hint: the name is that of its directory, or of its file without the ending; rename one of them"
    )]
    Twice(String),
}

impl ServiceError {
    pub(super) fn no_such_plugin(plugin: &str, others: Vec<String>) -> Self {
        Self::NoSuchPlugin {
            plugin: plugin.to_owned(),
            others,
        }
    }
}

fn there_are(others: &[String]) -> String {
    let shown: Vec<_> = others
        .iter()
        .take(MAX_NAMES)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = others.len().saturating_sub(MAX_NAMES);
    match more {
        0 => format!("there are {}", shown.join(", ")),
        more => format!("there are {} and {more} more", shown.join(", ")),
    }
}
