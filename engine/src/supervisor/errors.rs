//! Why there is no engine, and why a plugin is not running.

use lazaret_launcher_wire::SnapshotError;

use super::running::Ended;
use crate::acts::{EnvironmentError, PlaceError};
use crate::bundle::BundleError;
use crate::compile::CompileError;
use crate::container::LauncherError;
use crate::egress::{BrokerError, EndingError};
use crate::event::escape;
use crate::host::{InstallationError, Unenforced};
use crate::plugin::{ReachesOwn, ReadError};
use crate::schema::{SchemaError, Unfit, unfit_text};
use crate::secrets::SecretError;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Containers need root for now.
    #[error(
        "running a plugin needs root\n  hint: run the command with sudo; `lazaret check` tells what else is needed"
    )]
    NotRoot,
    /// The kernel's limits cannot be used.
    #[error(
        "no cgroup hierarchy is mounted at `/sys/fs/cgroup`: memory, CPU and processes cannot be limited\n  hint: see `lazaret check`"
    )]
    NoCgroups,
    /// A part is missing.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The launcher does not start.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
}

/// Why a plugin is not running.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It did what its policy has it quarantined for, and was not released since.
    #[error(
        "plugin `{plugin}` is in quarantine: {}\n  hint: find out how it came to that, then let it start again with `Engine::release`",
        escape(why)
    )]
    Quarantined {
        /// Its name.
        plugin: String,
        /// What it did; the plugin's own text may be in it.
        why: String,
    },
    /// Its files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its TypeScript cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Its files cannot be handed on.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Its engine is not installed.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The policy cannot be turned into a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its policy lets it write what it is started from, or read what the engine keeps.
    #[error(transparent)]
    ReachesOwn(#[from] ReachesOwn),
    /// This host has no means to hold a key, and the policy does not do without.
    #[error("{0}\n  hint: {remedy}, or say `requirements: {{ {key}: best_effort }}` to run without it", key = .0.key, remedy = .0.remedy)]
    Unenforceable(Unenforced),
    /// The launcher did not make the container.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// The kernel does not hold the container to its limits; it was not started.
    #[error("the kernel does not hold the container to its limits:{}", .0.iter().map(|difference| format!("\n  {difference}")).collect::<String>())]
    CgroupDiffers(Vec<crate::container::CgroupDifference>),
    /// What it may write cannot be opened.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// What it may see of the environment cannot be handed over.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Its way out cannot be served.
    #[error(transparent)]
    Egress(#[from] BrokerError),
    /// Its secrets cannot be handed out.
    #[error(transparent)]
    Secrets(#[from] SecretError),
    /// TLS cannot be ended for it, as its policy says.
    #[error(transparent)]
    Ending(#[from] EndingError),
    /// A schema of its `plugin.yaml` is none.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// What the operator gives it is not what its `plugin.yaml` says.
    #[error("{}\n  hint: give it another file with `--config`", unfit_text(&format!("plugin `{plugin}`"), "config that it is given", unfit))]
    Config {
        /// Its name.
        plugin: String,
        /// What does not fit.
        unfit: Unfit,
    },
    /// Its `plugin.yaml` lists functions that it does not export.
    #[error("plugin `{plugin}` does not export what its `plugin.yaml` lists: `{}`\n  hint: export it from the entry module, or take it out of `functions`", functions.join("`, `"))]
    NotExported {
        /// Its name.
        plugin: String,
        /// The functions.
        functions: Vec<String>,
    },
    /// A descriptor or a cgroup file.
    #[error("failed to {what}")]
    Io {
        /// The step.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended before it was ready.
    #[error("plugin `{plugin}` ended: {}", ended.reason)]
    Ended {
        /// Its name.
        plugin: String,
        /// Why, and what it left.
        ended: Box<Ended>,
    },
}
