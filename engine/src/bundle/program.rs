//! The bundle of a program that a policy names: a container with nothing of the plugin in it
//! (decision 008).

use std::path::PathBuf;

use lazaret_launcher_wire::floor::program::{
    CLONE_FLAGS, DIRECTORY, ENVIRONMENT, PAIR_FAMILY, SYSTEM_CALLS,
};
use lazaret_launcher_wire::{ContainerId, ID_BLOCK_SIZE, ROOTFS_DIRECTORY};
use lazaret_policy::Resources;
use lazaret_protocol::Expected;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    LinuxBuilder, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompBuilder, LinuxSeccompOperator,
    ProcessBuilder, RootBuilder, Spec, SpecBuilder,
};

use super::mounts::{self, DEVICES, MASKED_PATHS, Planned, READ_ONLY_PATHS};
use super::seccomp::{ENOSYS, EPERM, architecture, compare, plain, rule};
use super::{BundleError, PLUGIN_ID, config, limits};
use crate::host::CgroupVersion;

/// Host name inside every program's container.
const HOSTNAME: &str = "program";

/// What a program's bundle is made from.
#[derive(Clone, Debug)]
pub struct ProgramRequest<'a> {
    /// The program's path in its root file system.
    pub path: &'a str,
    /// Its arguments, without its own name.
    pub arguments: &'a [String],
    /// What its container is held to: memory, CPU time, processes, open files, `/tmp`.
    pub resources: &'a Resources,
    /// Names the container and its cgroup.
    pub id: &'a ContainerId,
    /// The bundle's directory, absolute.
    pub directory: PathBuf,
    /// The first host id of the container's block.
    pub first_host_id: u32,
    /// Which files a cgroup has on the host.
    pub cgroup: CgroupVersion,
}

/// A program's bundle, not yet written anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramBundle {
    /// `config.json`.
    pub config: String,
    /// What the kernel must enforce before the program is started.
    pub expected: Expected,
}

/// Derives the bundle. The same request gives the same bytes.
///
/// # Errors
/// [`BundleError`]: only mistakes of ours.
pub fn build_program(request: &ProgramRequest<'_>) -> Result<ProgramBundle, BundleError> {
    let mounts = mounts::own(request.resources.tmp.size.value.bytes());
    let mut config = serde_json::to_value(specification(request, &mounts)?)?;
    config.sort_all_objects();
    Ok(ProgramBundle {
        // Not laid out: it is to fit a packet with all its arguments.
        config: config.to_string(),
        expected: expected(request, &mounts),
    })
}

fn specification(request: &ProgramRequest<'_>, mounts: &[Planned]) -> Result<Spec, OciSpecError> {
    let arguments = [request.path.to_owned()].into_iter();
    let process = ProcessBuilder::default()
        .terminal(false)
        .user(config::user()?)
        .args(
            arguments
                .chain(request.arguments.iter().cloned())
                .collect::<Vec<_>>(),
        )
        .env(ENVIRONMENT.map(str::to_owned))
        .cwd(DIRECTORY)
        .capabilities(config::no_capabilities()?)
        .rlimits(limits::told(request.resources)?)
        .no_new_privileges(true)
        .build()?;
    let linux = LinuxBuilder::default()
        .namespaces(config::namespaces()?)
        .uid_mappings(config::mappings(request.first_host_id)?)
        .gid_mappings(config::mappings(request.first_host_id)?)
        .cgroups_path(PathBuf::from(format!("/{}", request.id)))
        .resources(config::resources(request.resources, request.cgroup)?)
        .seccomp(seccomp()?)
        .masked_paths(owned(MASKED_PATHS))
        .readonly_paths(owned(READ_ONLY_PATHS))
        .rootfs_propagation("private")
        .build()?;
    let mounts = mounts.iter().map(Planned::mount);
    SpecBuilder::default()
        .version(config::OCI_VERSION)
        .root(
            RootBuilder::default()
                .path(request.directory.join(ROOTFS_DIRECTORY))
                .readonly(true)
                .build()?,
        )
        .hostname(HOSTNAME)
        .mounts(mounts.collect::<Result<Vec<_>, _>>()?)
        .process(process)
        .linux(linux)
        .build()
}

/// The filter of every program. What it refuses is an error for the program and told to nobody.
fn seccomp() -> Result<LinuxSeccomp, OciSpecError> {
    let allow = LinuxSeccompAction::ScmpActAllow;
    let first = |name: &str, value: u64| {
        let exactly = compare(0, LinuxSeccompOperator::ScmpCmpEq, value)?;
        rule(&[name], allow, None, &[exactly])
    };
    let mut rules = vec![
        plain(SYSTEM_CALLS, allow)?,
        // C libraries fall back to clone(2), whose flags a filter can see.
        rule(
            &["clone3"],
            LinuxSeccompAction::ScmpActErrno,
            Some(ENOSYS),
            &[],
        )?,
        first("socketpair", PAIR_FAMILY)?,
    ];
    for flags in CLONE_FLAGS {
        rules.push(first("clone", flags)?);
    }
    LinuxSeccompBuilder::default()
        .default_action(LinuxSeccompAction::ScmpActErrno)
        .default_errno_ret(EPERM)
        // Calls of every other table, 32-bit and x32, end the process.
        .architectures(vec![architecture()])
        .syscalls(rules)
        .build()
}

fn expected(request: &ProgramRequest<'_>, mounts: &[Planned]) -> Expected {
    let id_map = vec![(0, request.first_host_id, ID_BLOCK_SIZE)];
    Expected {
        uid: request.first_host_id + PLUGIN_ID,
        gid: request.first_host_id + PLUGIN_ID,
        uid_map: id_map.clone(),
        gid_map: id_map,
        mounts: mounts.iter().map(Planned::expected).collect(),
        masked: owned(MASKED_PATHS),
        read_only: owned(READ_ONLY_PATHS),
        devices: owned(DEVICES),
        limits: limits::expected(request.resources),
        hostname: HOSTNAME.to_owned(),
    }
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}
