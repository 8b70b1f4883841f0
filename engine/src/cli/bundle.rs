//! `lazaret bundle`

use std::path::PathBuf;

use clap::Args;
use lazaret_launcher_wire::ContainerId;

use super::ExitCode;
use super::calling::arguments_json;
use super::failure::Failure;
use super::given;
use super::policy::{PolicyArguments, warn_unenforced};
use crate::bundle::{self, BundleRequest, StandaloneCall};
use crate::compile;
use crate::host::{self, CgroupVersion, Installation, Landlock};
use crate::plugin::Plugin;
use crate::supervisor::{Engine, LaunchError, allows_executable_memory};

/// The first host id of a bundle that another runtime starts: outside of the blocks the launcher
/// gives out, so that the two never meet.
const FIRST_HOST_ID: u32 = 0x1fff_0000;

#[derive(Debug, Args)]
pub(super) struct BundleArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    /// The directory to write; it must not exist yet.
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// What the plugin finds in `lazaret.config`: a file with a map in YAML or JSON.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The exported function the container calls when it is started; without it the plugin is only loaded.
    #[arg(long, value_name = "FUNCTION")]
    call: Option<String>,
    /// What to call it with, as JSON.
    #[arg(long, value_name = "JSON", requires = "call", default_value = "[]")]
    args: String,
}

pub(super) fn run(arguments: &BundleArguments) -> Result<ExitCode, Failure> {
    let call_arguments = arguments_json(Some(&arguments.args))?;
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    chosen.warn();
    let policy = chosen.policy;
    let installation = Installation::find()?;
    let engine = installation.choose(policy.engine().value)?;
    let directory = std::path::absolute(&arguments.output)
        .map_err(|error| Failure::of(ExitCode::Output, &error))?;
    let id: ContainerId = format!("lazaret-bundle-{}", std::process::id())
        .parse()
        .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    // For a container on this host: on one without cgroups, or with another Landlock, it does not start.
    let cgroup = CgroupVersion::detect().unwrap_or(CgroupVersion::V2);
    let landlock = Landlock::detect();
    let unenforced = host::unenforced(&policy, cgroup, &landlock);
    if let Some(key) = unenforced.iter().find(|key| !key.best_effort) {
        return Err(LaunchError::Unenforceable(key.clone()).into());
    }
    warn_unenforced(&unenforced);
    let config = given::config(arguments.config.as_deref())?;
    let environment = crate::acts::environment(&policy, |name| std::env::var_os(name))
        .map_err(LaunchError::from)?;
    let built = bundle::build(&BundleRequest {
        policy: &policy,
        plugin: plugin.name(),
        entry: plugin.entry(),
        id: &id,
        directory: directory.clone(),
        first_host_id: FIRST_HOST_ID,
        cgroup,
        landlock: landlock.abi,
        listener: false,
        learns: false,
        executable_memory: allows_executable_memory(engine, &policy),
        environment: &environment,
        config: &config,
        standalone_call: arguments.call.as_ref().map(|function| StandaloneCall {
            function: function.clone(),
            arguments: call_arguments.clone(),
        }),
    })?;
    let rootfs = installation.rootfs(engine).join(lazaret_rootfs::TREE);
    let mut files = plugin.read(policy.runtime())?;
    if compile::is_needed(&files) {
        let compiling = Engine::start(installation)?;
        files = super::runtime()?.block_on(compiling.files(&plugin, &policy))?;
    }
    bundle::write(&built, &rootfs, &files, &directory)?;
    Ok(ExitCode::Success)
}
