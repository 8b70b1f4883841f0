//! `config.json` (OCI runtime specification, config.md and config-linux.md).

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use lazaret_launcher_wire::{
    CPU_PERIOD_US, ID_BLOCK_SIZE, LISTENER_SOCKET, ROOTFS_DIRECTORY, cpu_shares,
};
use lazaret_policy::Resources;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Linux, LinuxBuilder, LinuxCapabilities, LinuxCapabilitiesBuilder, LinuxCpuBuilder,
    LinuxIdMapping, LinuxIdMappingBuilder, LinuxMemoryBuilder, LinuxNamespace,
    LinuxNamespaceBuilder, LinuxNamespaceType, LinuxPidsBuilder, LinuxResources,
    LinuxResourcesBuilder, Mount, Process, ProcessBuilder, RootBuilder, Spec, SpecBuilder, User,
    UserBuilder,
};

use super::mounts::{MASKED_PATHS, READ_ONLY_PATHS};
use super::seccomp::{Profile, held, seccomp};
use super::{BundleRequest, HOSTNAME, PLUGIN_ID, limits};
use crate::host::CgroupVersion;

/// The version of the specification whose keys are used; runc 1.1 and later know it.
pub(super) const OCI_VERSION: &str = "1.0.2";

/// The whole `config.json`.
pub(super) fn spec(request: &BundleRequest<'_>, mounts: Vec<Mount>) -> Result<Spec, OciSpecError> {
    SpecBuilder::default()
        .version(OCI_VERSION)
        .root(
            RootBuilder::default()
                .path(request.directory.join(ROOTFS_DIRECTORY))
                .readonly(true)
                .build()?,
        )
        .hostname(HOSTNAME)
        .mounts(mounts)
        .process(process(request)?)
        .linux(linux(request)?)
        .build()
}

fn process(request: &BundleRequest<'_>) -> Result<Process, OciSpecError> {
    let mut args = vec!["/lazaret/shim".to_owned()];
    if let Some(call) = &request.standalone_call {
        args.extend(["--call".to_owned(), call.function.clone()]);
        args.extend(["--args".to_owned(), call.arguments.clone()]);
    }
    ProcessBuilder::default()
        .terminal(false)
        .user(user()?)
        .args(args)
        // The runtimes ask for PATH and add HOME. QuickJS's binding would keep compiled code of
        // plugins in a cache on disk and run it unchecked the next time.
        .env(["PATH=/lazaret", "HOME=/tmp", "V82JSC_NO_BC_CACHE=1"].map(str::to_owned))
        .cwd("/")
        .capabilities(no_capabilities()?)
        .rlimits(limits::told(request.policy.resources())?)
        .no_new_privileges(true)
        .build()
}

pub(super) fn user() -> Result<User, OciSpecError> {
    UserBuilder::default()
        .uid(PLUGIN_ID)
        .gid(PLUGIN_ID)
        .umask(0o077_u32)
        .build()
}

/// An absent set means `leave as it is`: every set is there and empty.
pub(super) fn no_capabilities() -> Result<LinuxCapabilities, OciSpecError> {
    let none = HashSet::new;
    LinuxCapabilitiesBuilder::default()
        .bounding(none())
        .effective(none())
        .inheritable(none())
        .permitted(none())
        .ambient(none())
        .build()
}

fn linux(request: &BundleRequest<'_>) -> Result<Linux, OciSpecError> {
    let listener = request.directory.join(LISTENER_SOCKET);
    let groups = held(request.policy);
    let profile = Profile {
        listener: request.listener.then_some(listener.as_path()),
        executable_memory: request.executable_memory,
        egress: request.egress(),
        groups: &groups,
        observe: request.learns,
    };
    let paths = |paths: &[&str]| {
        paths
            .iter()
            .map(|&path| path.to_owned())
            .collect::<Vec<_>>()
    };
    LinuxBuilder::default()
        .namespaces(namespaces()?)
        .uid_mappings(mappings(request.first_host_id)?)
        .gid_mappings(mappings(request.first_host_id)?)
        .cgroups_path(PathBuf::from(format!("/{}", request.id)))
        .resources(resources(request.policy.resources(), request.cgroup)?)
        .seccomp(seccomp(profile)?)
        .masked_paths(paths(MASKED_PATHS))
        .readonly_paths(paths(READ_ONLY_PATHS))
        .rootfs_propagation("private")
        .build()
}

pub(super) fn namespaces() -> Result<Vec<LinuxNamespace>, OciSpecError> {
    [
        LinuxNamespaceType::User,
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Network,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
        LinuxNamespaceType::Cgroup,
    ]
    .into_iter()
    .map(|kind| LinuxNamespaceBuilder::default().typ(kind).build())
    .collect()
}

pub(super) fn mappings(first_host_id: u32) -> Result<Vec<LinuxIdMapping>, OciSpecError> {
    let mapping = LinuxIdMappingBuilder::default()
        .container_id(0_u32)
        .host_id(first_host_id)
        .size(ID_BLOCK_SIZE)
        .build()?;
    Ok(vec![mapping])
}

pub(super) fn resources(
    policy: &Resources,
    cgroup: CgroupVersion,
) -> Result<LinuxResources, OciSpecError> {
    let limit = i64::try_from(policy.memory.max.value.bytes()).unwrap_or(i64::MAX);
    // For the specification swap is memory and swap together: the same number means none.
    let memory = LinuxMemoryBuilder::default()
        .limit(limit)
        .swap(limit)
        .build()?;
    let quota = policy.cpu.max.value.quota(CPU_PERIOD_US);
    let mut cpu = LinuxCpuBuilder::default()
        .quota(i64::try_from(quota).unwrap_or(i64::MAX))
        .period(CPU_PERIOD_US);
    let weight = u64::from(policy.cpu.weight.value.get());
    let mut unified = HashMap::new();
    match cgroup {
        CgroupVersion::V1 => {
            cpu = cpu.shares(cpu_shares(weight));
        }
        CgroupVersion::V2 => {
            unified.insert("memory.oom.group".to_owned(), "1".to_owned());
            // libcontainer takes memory and swap of the same size for nothing to be written.
            unified.insert("memory.swap.max".to_owned(), "0".to_owned());
            if let Some(high) = &policy.memory.high {
                unified.insert("memory.high".to_owned(), high.value.bytes().to_string());
            }
            unified.insert("cpu.weight".to_owned(), weight.to_string());
        }
    }
    let pids = LinuxPidsBuilder::default()
        .limit(i64::from(policy.pids.max.value))
        .build()?;
    let mut builder = LinuxResourcesBuilder::default()
        .memory(memory)
        .cpu(cpu.build()?)
        .pids(pids);
    if !unified.is_empty() {
        builder = builder.unified(unified);
    }
    builder.build()
}
