//! What every bundle must hold, whatever the engine says: checked by the launcher before it acts.
//!
//! The engine derives bundles from policies; a mistake there, or an engine that is no longer its
//! own master, must not become root. So the launcher reads the `config.json` again and refuses
//! anything that would leave a container less shut off than every Lazaret container is. Rules of
//! the OCI runtime specification (config.md, config-linux.md) are cited by their key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{
    Linux, LinuxIdMapping, LinuxNamespaceType, LinuxSeccompAction, LinuxSeccompOperator, Mount, Process, Spec,
};

use crate::{
    ContainerId, GRANTS_DIRECTORY, ID_BLOCK_SIZE, LISTENER_SOCKET, PLUGIN_DIRECTORY,
    ROOTFS_DIRECTORY, SETTINGS_DIRECTORY,
};

/// System calls no bundle may allow: with one of them a plugin could leave its container or look
/// into others. The profile may refuse them in any way it likes.
pub const NEVER_ALLOWED: &[&str] = &[
    "acct",
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "execveat",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "reboot",
    "request_key",
    "setns",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "userfaultfd",
];

/// What the launcher set aside for the container.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Its id.
    pub id: ContainerId,
    /// Its directory.
    pub directory: PathBuf,
    /// The first host id of its block.
    pub first_host_id: u32,
    /// How many granted host paths it has.
    pub grants: usize,
}

/// A bundle below the floor: every rule it breaks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle breaks the launcher's floor: {}", .0.join("; "))]
pub struct BelowFloor(pub Vec<String>);

/// Checks a bundle.
///
/// # Errors
/// [`BelowFloor`] with every rule broken.
pub fn check(spec: &Spec, reservation: &Reservation) -> Result<(), BelowFloor> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            broken.push(text.to_owned());
        }
    };
    let directory = &reservation.directory;
    let root = spec.root().as_ref();
    rule(
        root.is_some_and(|root| root.readonly() == Some(true)),
        "`root.readonly` is not true",
    );
    rule(
        root.is_some_and(|root| *root.path() == directory.join(ROOTFS_DIRECTORY)),
        "`root.path` is not the container's root file system",
    );
    rule(spec.hooks().is_none(), "`hooks` are present");
    match spec.process().as_ref() {
        Some(process) => check_process(process, &mut rule),
        None => rule(false, "`process` is missing"),
    }
    match spec.linux().as_ref() {
        Some(linux) => check_linux(linux, reservation, &mut rule),
        None => rule(false, "`linux` is missing"),
    }
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    let targets: BTreeSet<_> = mounts.iter().map(Mount::destination).collect();
    rule(targets.len() == mounts.len(), "two mounts have one target");
    for mount in mounts {
        rule(
            mount_is_known(mount, directory, reservation.grants),
            &format!(
                "mount `{}` is none a plugin may have",
                mount.destination().display()
            ),
        );
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(BelowFloor(broken))
    }
}

fn check_process(process: &Process, rule: &mut impl FnMut(bool, &str)) {
    let user = process.user();
    rule(user.uid() != 0 && user.gid() != 0, "`process.user` is root");
    rule(
        user.additional_gids().as_ref().is_none_or(Vec::is_empty),
        "`process.user.additionalGids` is not empty",
    );
    rule(
        process.no_new_privileges() == Some(true),
        "`process.noNewPrivileges` is not true",
    );
    let empty = process.capabilities().as_ref().is_some_and(|sets| {
        [
            sets.bounding(),
            sets.effective(),
            sets.inheritable(),
            sets.permitted(),
            sets.ambient(),
        ]
        .into_iter()
        .all(|set| set.as_ref().is_some_and(|set| set.is_empty()))
    });
    rule(empty, "`process.capabilities` are not five empty sets");
    rule(
        process.terminal() != Some(true),
        "`process.terminal` is true",
    );
    rule(
        process
            .args()
            .as_ref()
            .is_some_and(|args| args.first().is_some_and(|a| a == "/lazaret/shim")),
        "`process.args` does not start the shim",
    );
    rule(process.cwd() == Path::new("/"), "`process.cwd` is not `/`");
    rule(
        process.apparmor_profile().is_none() && process.selinux_label().is_none(),
        "`process` names a security label",
    );
}

fn check_linux(linux: &Linux, reservation: &Reservation, rule: &mut impl FnMut(bool, &str)) {
    let namespaces = linux.namespaces().as_deref().unwrap_or_default();
    for kind in [
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Network,
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
        LinuxNamespaceType::User,
        LinuxNamespaceType::Cgroup,
    ] {
        let own = namespaces
            .iter()
            .filter(|namespace| namespace.typ() == kind)
            .count()
            == 1;
        rule(own, &format!("no `{kind}` namespace of its own"));
    }
    rule(
        namespaces
            .iter()
            .all(|namespace| namespace.path().is_none()),
        "`linux.namespaces` joins an existing namespace",
    );
    let mapped = |mappings: &Option<Vec<LinuxIdMapping>>| {
        mappings.as_deref().is_some_and(|mappings| {
            matches!(mappings, [only] if only.container_id() == 0
                && only.host_id() == reservation.first_host_id
                && only.size() == ID_BLOCK_SIZE)
        })
    };
    rule(
        mapped(linux.uid_mappings()),
        "`linux.uidMappings` is not the reserved block",
    );
    rule(
        mapped(linux.gid_mappings()),
        "`linux.gidMappings` is not the reserved block",
    );
    let cgroup = PathBuf::from(format!("/{}", reservation.id));
    rule(
        linux.cgroups_path().as_ref() == Some(&cgroup),
        "`linux.cgroupsPath` is not its own",
    );
    check_resources(linux, rule);
    check_seccomp(linux, &reservation.directory, rule);
    rule(
        linux.devices().as_ref().is_none_or(Vec::is_empty),
        "`linux.devices` is not empty",
    );
    rule(
        linux.sysctl().as_ref().is_none_or(|map| map.is_empty()),
        "`linux.sysctl` is not empty",
    );
    rule(
        linux
            .masked_paths()
            .as_ref()
            .is_some_and(|paths| paths.iter().any(|p| p == "/proc/kcore")),
        "`linux.maskedPaths` does not cover /proc/kcore",
    );
    rule(
        linux
            .readonly_paths()
            .as_ref()
            .is_some_and(|paths| paths.iter().any(|p| p == "/proc/sys")),
        "`linux.readonlyPaths` does not cover /proc/sys",
    );
    rule(
        linux.rootfs_propagation().as_deref() == Some("private"),
        "`linux.rootfsPropagation` is not `private`",
    );
    rule(
        linux.net_devices().is_none(),
        "`linux.netDevices` is present",
    );
}

fn check_resources(linux: &Linux, rule: &mut impl FnMut(bool, &str)) {
    let resources = linux.resources().as_ref();
    let memory = resources.and_then(|resources| resources.memory().as_ref());
    let limit = memory.and_then(|memory| memory.limit()).unwrap_or(0);
    rule(limit > 0, "`linux.resources.memory.limit` is not set");
    rule(
        limit > 0 && memory.and_then(|memory| memory.swap()) == Some(limit),
        "`linux.resources.memory.swap` allows swap",
    );
    rule(
        memory.is_none_or(|memory| memory.disable_oom_killer() != Some(true)),
        "`linux.resources.memory.disableOOMKiller` is true",
    );
    let pids = resources.and_then(|resources| resources.pids().as_ref());
    rule(
        pids.is_some_and(|pids| pids.limit() > 0),
        "`linux.resources.pids.limit` is not set",
    );
    let cpu = resources.and_then(|resources| resources.cpu().as_ref());
    rule(
        cpu.and_then(|cpu| cpu.quota())
            .is_some_and(|quota| quota > 0),
        "`linux.resources.cpu.quota` is not set",
    );
}

fn check_seccomp(linux: &Linux, directory: &Path, rule: &mut impl FnMut(bool, &str)) {
    let Some(seccomp) = linux.seccomp().as_ref() else {
        rule(false, "`linux.seccomp` is missing");
        return;
    };
    rule(
        matches!(
            seccomp.default_action(),
            LinuxSeccompAction::ScmpActErrno
                | LinuxSeccompAction::ScmpActKillProcess
                | LinuxSeccompAction::ScmpActKillThread
        ),
        "`linux.seccomp.defaultAction` is not a refusal",
    );
    for call in seccomp.syscalls().as_deref().unwrap_or_default() {
        let refused = matches!(
            call.action(),
            LinuxSeccompAction::ScmpActErrno
                | LinuxSeccompAction::ScmpActNotify
                | LinuxSeccompAction::ScmpActKill
                | LinuxSeccompAction::ScmpActKillProcess
                | LinuxSeccompAction::ScmpActKillThread
        );
        // libcontainer reads mask and value the other way round than runc does.
        rule(
            call.args().iter().flatten().all(|argument| {
                argument.op() != LinuxSeccompOperator::ScmpCmpMaskedEq
            }),
            "`linux.seccomp` compares by a mask, which runtimes read differently",
        );
        for name in call.names() {
            rule(
                refused || !NEVER_ALLOWED.contains(&name.as_str()),
                &format!("`linux.seccomp` allows `{name}`"),
            );
        }
    }
    rule(
        seccomp
            .listener_path()
            .as_ref()
            .is_none_or(|path| *path == directory.join(LISTENER_SOCKET)),
        "`linux.seccomp.listenerPath` is not the launcher's",
    );
}

/// The mounts there are: `/proc`, `/dev`, sized tmpfs at `/tmp` and `/granted`, and binds of
/// parts of the container's own directory.
fn mount_is_known(mount: &Mount, directory: &Path, grants: usize) -> bool {
    let options = mount.options().as_deref().unwrap_or_default();
    let has = |wanted: &str| options.iter().any(|option| option == wanted);
    let guarded = has("nosuid") && has("nodev");
    let sized = options.iter().any(|option| option.starts_with("size="));
    let kind = mount.typ().as_deref().unwrap_or("none");
    let source = mount.source().as_deref();
    let bind = |name: &str| {
        has("bind") && guarded && has("ro") && source == Some(directory.join(name).as_path())
    };
    let Some(target) = mount.destination().to_str() else {
        return false;
    };
    match target {
        "/proc" => kind == "proc",
        "/dev" => kind == "tmpfs" && has("nosuid") && has("noexec") && sized,
        "/tmp" => kind == "tmpfs" && guarded && has("noexec") && sized,
        "/granted" => kind == "tmpfs" && guarded && has("noexec") && sized,
        "/plugin" => bind(PLUGIN_DIRECTORY) && has("noexec"),
        "/run/lazaret" => bind(SETTINGS_DIRECTORY) && has("noexec"),
        _ => target
            .strip_prefix("/granted/")
            .and_then(|name| name.parse::<usize>().ok())
            .is_some_and(|number| {
                number < grants
                    && has("noexec")
                    && bind(&format!("{GRANTS_DIRECTORY}/{number}"))
                    && target == format!("/granted/{number}")
            }),
    }
}
