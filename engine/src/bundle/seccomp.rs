//! The first filter: in force from before the shim's program starts (linux.seccomp, config-linux.md).
//!
//! Refusal is the default. What a runtime needs is allowed, and the groups the policy leaves; what
//! only an attack asks for goes to the engine by user notification (seccomp_unotify(2)), which
//! refuses it and knows its name. In a container that learns the groups' calls go to the engine as
//! well, which counts them and lets them go on.
//! The shim puts a second, tighter filter on top before it reads plugin code.

mod asked;
mod core;
mod groups;

use std::path::Path;

use self::core::{FILES, MEMORY, PROCESS, WAITING};
pub(crate) use asked::{Asked, Lets, asked};
pub(crate) use groups::{Group, held, optional};

use lazaret_protocol::REPORTED_SYSTEM_CALLS;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompBuilder, LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

pub(super) const EPERM: u32 = libc::EPERM as u32;
pub(super) const ENOSYS: u32 = libc::ENOSYS as u32;

/// Wants for the profile of one container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile<'a> {
    /// Where the listener goes; without it nobody listens and reported calls are only refused.
    pub(super) listener: Option<&'a Path>,
    /// The runtime compiles to machine code.
    pub(super) executable_memory: bool,
    /// There is a socket to the egress broker.
    pub(super) egress: bool,
    /// The optional calls that are left.
    pub(super) groups: &'a [&'static Group],
    /// Their calls are reported, to be counted and let go on; where nobody listens they are
    /// allowed.
    pub(super) observe: bool,
}

/// `linux.seccomp`.
pub(super) fn seccomp(profile: Profile<'_>) -> Result<LinuxSeccomp, OciSpecError> {
    let report = if profile.listener.is_some() {
        LinuxSeccompAction::ScmpActNotify
    } else {
        LinuxSeccompAction::ScmpActErrno
    };
    let needed = [FILES, WAITING, MEMORY, PROCESS].concat();
    let optional: Vec<&str> = (profile.groups.iter())
        .flat_map(|group| group.calls)
        .copied()
        .collect();
    let observed = profile.observe && profile.listener.is_some() && !optional.is_empty();
    let allowed = match observed {
        true => needed,
        false => [needed, optional.clone()].concat(),
    };
    let reported: Vec<&str> = (REPORTED_SYSTEM_CALLS.iter())
        .filter(|call| !profile.egress || !EGRESS.contains(call))
        .copied()
        .collect();
    let mut rules = vec![
        plain(&allowed, LinuxSeccompAction::ScmpActAllow)?,
        plain(&reported, report)?,
        // glibc falls back to clone(2), whose flags a filter can see.
        rule(
            &["clone3"],
            LinuxSeccompAction::ScmpActErrno,
            Some(ENOSYS),
            &[],
        )?,
        rule(
            &["clone"],
            LinuxSeccompAction::ScmpActAllow,
            None,
            &[compare(0, LinuxSeccompOperator::ScmpCmpEq, NEW_THREAD)?],
        )?,
        rule(
            &["clone"],
            report,
            errno(report),
            &[compare(0, LinuxSeccompOperator::ScmpCmpNe, NEW_THREAD)?],
        )?,
        // A pair of connected sockets reaches nobody; tokio wakes itself through one.
        rule(
            &["socketpair"],
            LinuxSeccompAction::ScmpActAllow,
            None,
            &[compare(0, LinuxSeccompOperator::ScmpCmpEq, AF_UNIX)?],
        )?,
    ];
    if profile.egress {
        rules.extend(egress(report)?);
    }
    if observed {
        rules.push(plain(&optional, LinuxSeccompAction::ScmpActNotify)?);
    }
    if profile.executable_memory {
        rules.push(rule(MAPPINGS, LinuxSeccompAction::ScmpActAllow, None, &[])?);
    } else {
        for protection in WITHOUT_EXECUTION {
            let exactly = compare(2, LinuxSeccompOperator::ScmpCmpEq, protection)?;
            rules.push(rule(
                MAPPINGS,
                LinuxSeccompAction::ScmpActAllow,
                None,
                &[exactly],
            )?);
        }
    }
    let builder = LinuxSeccompBuilder::default()
        .default_action(LinuxSeccompAction::ScmpActErrno)
        .default_errno_ret(EPERM)
        // Calls of every other table, 32-bit and x32, end the process.
        .architectures(vec![architecture()])
        .syscalls(rules);
    match profile.listener {
        Some(path) => builder.listener_path(path),
        None => builder,
    }
    .build()
}

const AF_UNIX: u64 = libc::AF_UNIX as u64;

/// Calls that only a plugin with egress may make.
const EGRESS: [&str; 2] = ["connect", "socket"];

/// The one kind of socket a plugin may make: tokio's, to a name in the file system.
const EGRESS_SOCKET: [u64; 3] = [
    AF_UNIX,
    (libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64,
    0,
];

/// Allows that socket and connecting it, and reports every other one. What it reaches is what has
/// a name in the container and what others in its network namespace listen at: the broker.
fn egress(report: LinuxSeccompAction) -> Result<Vec<LinuxSyscall>, OciSpecError> {
    let equal = (0..)
        .zip(EGRESS_SOCKET)
        .map(|(index, value)| compare(index, LinuxSeccompOperator::ScmpCmpEq, value))
        .collect::<Result<Vec<_>, _>>()?;
    let allow = LinuxSeccompAction::ScmpActAllow;
    let mut rules = vec![
        plain(&["connect"], allow)?,
        rule(&["socket"], allow, None, &equal)?,
    ];
    // One rule for each argument that may be another: no two hold at once.
    for (index, value) in EGRESS_SOCKET.into_iter().enumerate() {
        let other = compare(index, LinuxSeccompOperator::ScmpCmpNe, value)?;
        let arguments = [&equal[..index], &[other]].concat();
        rules.push(rule(&["socket"], report, errno(report), &arguments)?);
    }
    Ok(rules)
}

/// The flags glibc makes a thread with, and no others (pthread_create(3), clone(2)).
const NEW_THREAD: u64 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID) as u64;

/// Calls that give memory its protection, in their third argument.
const MAPPINGS: &[&str] = &["mmap", "mprotect"];

/// Every protection a runtime without machine code of its own asks for. Compared whole: see
/// `docs/decisions/002-no-masked-comparisons.md` for why not by a mask.
const WITHOUT_EXECUTION: [u64; 4] = [
    libc::PROT_NONE as u64,
    libc::PROT_READ as u64,
    libc::PROT_WRITE as u64,
    (libc::PROT_READ | libc::PROT_WRITE) as u64,
];

pub(super) fn architecture() -> Arch {
    if cfg!(target_arch = "aarch64") {
        Arch::ScmpArchAarch64
    } else {
        Arch::ScmpArchX86_64
    }
}

fn errno(action: LinuxSeccompAction) -> Option<u32> {
    (action == LinuxSeccompAction::ScmpActErrno).then_some(EPERM)
}

pub(super) fn plain(
    names: &[&str],
    action: LinuxSeccompAction,
) -> Result<LinuxSyscall, OciSpecError> {
    rule(names, action, errno(action), &[])
}

pub(super) fn rule(
    names: &[&str],
    action: LinuxSeccompAction,
    errno: Option<u32>,
    arguments: &[LinuxSeccompArg],
) -> Result<LinuxSyscall, OciSpecError> {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    let mut builder = LinuxSyscallBuilder::default().names(names).action(action);
    if let Some(errno) = errno {
        builder = builder.errno_ret(errno);
    }
    if !arguments.is_empty() {
        builder = builder.args(arguments.to_vec());
    }
    builder.build()
}

pub(super) fn compare(
    index: usize,
    operator: LinuxSeccompOperator,
    value: u64,
) -> Result<LinuxSeccompArg, OciSpecError> {
    LinuxSeccompArgBuilder::default()
        .index(index)
        .op(operator)
        .value(value)
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::groups::GROUPS;
    use super::*;

    #[test]
    fn no_call_is_in_two_lists() {
        let mut all = [FILES, WAITING, MEMORY, PROCESS, REPORTED_SYSTEM_CALLS].concat();
        all.extend(GROUPS.iter().flat_map(|group| group.calls));
        let unique: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), unique.len());
    }

    #[test]
    fn what_the_launcher_never_allows_is_reported() {
        for name in lazaret_launcher_wire::floor::NEVER_ALLOWED {
            assert!(REPORTED_SYSTEM_CALLS.contains(name), "{name}");
        }
    }

    #[test]
    fn the_launcher_knows_exactly_what_may_be_allowed() {
        let mut all = [FILES, WAITING, MEMORY, PROCESS].concat();
        all.extend(GROUPS.iter().flat_map(|group| group.calls));
        all.extend(MAPPINGS);
        all.sort_unstable();
        assert_eq!(all, lazaret_launcher_wire::floor::MAY_BE_ALLOWED);
    }

    const PLAIN: Profile<'_> = Profile {
        listener: None,
        executable_memory: false,
        egress: false,
        groups: &[],
        observe: false,
    };

    fn listening<'a>(groups: &'a [&'static Group], observe: bool) -> Profile<'a> {
        Profile {
            listener: Some(Path::new("/x")),
            groups,
            observe,
            ..PLAIN
        }
    }

    /// Of the one rule that names the call; the default is a refusal.
    fn action_of(profile: Profile<'_>, name: &str) -> LinuxSeccompAction {
        let seccomp = seccomp(profile).unwrap();
        let rules = seccomp.syscalls().clone().unwrap();
        let mut naming = (rules.iter()).filter(|rule| rule.names().iter().any(|n| n == name));
        let action = naming
            .next()
            .map_or(seccomp.default_action(), LinuxSyscall::action);
        assert!(naming.next().is_none(), "{name} has two rules");
        action
    }

    #[test]
    fn the_listener_decides_between_notification_and_plain_refusal() {
        let with = listening(&[], false);
        assert_eq!(action_of(with, "mount"), LinuxSeccompAction::ScmpActNotify);
        assert_eq!(action_of(PLAIN, "mount"), LinuxSeccompAction::ScmpActErrno);
        assert_eq!(action_of(with, "read"), LinuxSeccompAction::ScmpActAllow);
    }

    #[test]
    fn a_group_is_allowed_where_it_is_left_and_refused_where_it_is_not() {
        for group in GROUPS {
            let left = [group];
            for call in group.calls {
                let left = listening(&left, false);
                assert_eq!(action_of(left, call), LinuxSeccompAction::ScmpActAllow);
                let taken = listening(&[], false);
                assert_eq!(action_of(taken, call), LinuxSeccompAction::ScmpActErrno);
            }
        }
    }

    #[test]
    fn learning_reports_what_is_left_and_nothing_that_is_not() {
        let groups: Vec<&Group> = GROUPS
            .iter()
            .filter(|group| group.name != "timers")
            .collect();
        let learning = listening(&groups, true);
        for (call, action) in [
            ("flock", LinuxSeccompAction::ScmpActNotify),
            ("setitimer", LinuxSeccompAction::ScmpActErrno),
            ("read", LinuxSeccompAction::ScmpActAllow),
            ("mount", LinuxSeccompAction::ScmpActNotify),
        ] {
            assert_eq!(action_of(learning, call), action, "{call}");
        }
        let alone = Profile {
            listener: None,
            ..learning
        };
        assert_eq!(action_of(alone, "flock"), LinuxSeccompAction::ScmpActAllow);
    }
}
