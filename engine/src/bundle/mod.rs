//! From an effective policy to an OCI bundle. The only place of the engine that names oci-spec.
//!
//! `build` is pure: the same request gives the same bytes. `write` puts a
//! bundle into a directory for another runtime to start; for our own the launcher makes the
//! directory.

mod config;
mod limits;
mod mounts;
mod program;
mod seccomp;
mod settings;
mod write;

use std::path::PathBuf;

use lazaret_launcher_wire::{ContainerId, FileMount};
use lazaret_policy::EffectivePolicy;
use lazaret_protocol::Environment;

pub use program::{ProgramBundle, ProgramRequest, build_program};
pub(crate) use seccomp::{Asked, Group, Lets, asked, held, optional};
pub(crate) use settings::refused_grant;
pub use settings::{UnheldGrant, unheld_reason};
pub(crate) use settings::{file_limits, https, log_level, state_limits};
pub use write::{WriteError, write};

use crate::egress::Rules;
use crate::host::CgroupVersion;
use crate::plugin::PluginConfig;

/// User and group of the plugin inside its container.
pub const PLUGIN_ID: u32 = 1000;

/// Host name inside every container: the host's own is nobody's business.
const HOSTNAME: &str = "plugin";

/// The most host paths one policy may grant: each is a mount.
pub const MAX_GRANTS: usize = 64;

/// What a bundle is made from.
#[derive(Clone, Debug)]
pub struct BundleRequest<'a> {
    /// What holds for the plugin.
    pub policy: &'a EffectivePolicy,
    /// The plugin's name, for messages.
    pub plugin: &'a str,
    /// Its entry module, relative to the plugin.
    pub entry: &'a str,
    /// Names the container and its cgroup.
    pub id: &'a ContainerId,
    /// The bundle's directory, absolute.
    pub directory: PathBuf,
    /// The first host id of the container's block.
    pub first_host_id: u32,
    /// Which files a cgroup has on the host.
    pub cgroup: CgroupVersion,
    /// The ABI of the host's Landlock, 0 where it has none.
    pub landlock: u32,
    /// Somebody listens for reported system calls.
    pub listener: bool,
    /// Optional system calls are reported to whoever listens, to be counted.
    pub learns: bool,
    /// The JavaScript engine compiles to machine code.
    pub executable_memory: bool,
    /// What the plugin sees of an environment.
    pub environment: &'a Environment,
    /// What the operator gives the plugin.
    pub config: &'a PluginConfig,
    /// For a bundle that another runtime starts: what the shim is to call.
    pub standalone_call: Option<StandaloneCall>,
}

/// One call, made by a shim with no engine around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandaloneCall {
    /// The exported function.
    pub function: String,
    /// JSON text.
    pub arguments: String,
}

/// A bundle, not yet written anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// `config.json`.
    pub config: String,
    /// `settings.json` for the shim.
    pub settings: String,
    /// The host paths mounted into it.
    pub grants: Vec<FileMount>,
    /// It has a socket to the egress broker.
    pub egress: bool,
}

impl BundleRequest<'_> {
    /// Whether the plugin gets a socket to the egress broker: there is one around, and anything it
    /// may reach.
    pub(crate) fn egress(&self) -> bool {
        self.listener && Rules::of(self.policy).reach_anything()
    }
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The policy grants what this version cannot hold.
    #[error("the policy grants what this version of lazaret cannot hold:{}", .0.iter().map(|grant| format!("\n  {grant}")).collect::<String>())]
    Unheld(Vec<UnheldGrant>),
    /// More granted host paths than a container has room for.
    #[error(
        "the policy grants {found} host paths, more than {limit}\n  hint: grant a directory in place of the files in it"
    )]
    TooManyGrants {
        /// How many.
        found: usize,
        /// [`MAX_GRANTS`].
        limit: usize,
    },
    /// A granted path cannot be looked at.
    #[error("granted path `{path}` cannot be used")]
    Grant {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of `config.json` is incomplete: a mistake of ours.
    #[error("failed to put `config.json` together")]
    Specification(#[from] oci_spec::OciSpecError),
    /// A part cannot be written as JSON: a mistake of ours.
    #[error("failed to write the bundle as JSON")]
    Json(#[from] serde_json::Error),
}

/// Derives the bundle.
///
/// # Errors
/// [`BundleError`]: a grant that cannot be held is refused, never left out.
pub fn build(request: &BundleRequest<'_>) -> Result<Bundle, BundleError> {
    let grants = settings::file_grants(request)?;
    let tmp_bytes = request.policy.resources().tmp.size.value.bytes();
    let planned = mounts::plan(&request.directory, tmp_bytes, grants.len());
    let mounts = planned
        .iter()
        .map(mounts::Planned::mount)
        .collect::<Result<Vec<_>, _>>()?;
    let spec = config::spec(request, mounts)?;
    let expected = planned.iter().map(mounts::Planned::expected).collect();
    let settings = settings::settings(request, &grants, expected);
    // The specification's maps come in any order; the same bundle must have the same bytes.
    let mut config = serde_json::to_value(&spec)?;
    config.sort_all_objects();
    Ok(Bundle {
        config: serde_json::to_string_pretty(&config)?,
        settings: serde_json::to_string_pretty(&settings)?,
        grants: (0_u32..)
            .zip(&grants)
            .map(|(name, grant)| FileMount {
                host: PathBuf::from(&grant.path),
                name,
            })
            .collect(),
        egress: request.egress(),
    })
}

#[cfg(test)]
mod tests;
