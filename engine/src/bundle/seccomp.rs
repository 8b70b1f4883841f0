//! The first filter: in force from before the shim's program starts (linux.seccomp, config-linux.md).
//!
//! Refusal is the default. What a runtime needs is allowed; what only an attack asks for goes to
//! the engine by user notification (seccomp_unotify(2)), which refuses it and knows its name.
//! The shim puts a second, tighter filter on top before it reads plugin code.

use std::path::Path;

use lazaret_protocol::REPORTED_SYSTEM_CALLS;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder,
    LinuxSeccompBuilder, LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

const EPERM: u32 = libc::EPERM as u32;
const ENOSYS: u32 = libc::ENOSYS as u32;

/// Files and descriptors: what can be reached through them is the mounts' matter.
const FILES: &[&str] = &[
    "access",
    "chdir",
    "chmod",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents",
    "getdents64",
    "inotify_add_watch",
    "inotify_init1",
    "inotify_rm_watch",
    "ioctl",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "splice",
    "stat",
    "statfs",
    "statx",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
];

/// Waiting for descriptors, and the sockets the process was given.
const WAITING: &[&str] = &[
    "accept",
    "accept4",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "getpeername",
    "getsockname",
    "getsockopt",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "select",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
];

/// The process's own memory; executable mappings are dealt with apart.
const MEMORY: &[&str] = &[
    "brk",
    "madvise",
    "membarrier",
    "mincore",
    "mlock",
    "mlock2",
    "mremap",
    "msync",
    "munlock",
    "munmap",
];

/// The process itself: its threads, signals, identity, clocks, limits.
const PROCESS: &[&str] = &[
    "alarm",
    "arch_prctl",
    "capget",
    "capset",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getitimer",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "gettimeofday",
    "getuid",
    "kill",
    // The shim takes files away from itself by these; the second filter takes them away as well.
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "nanosleep",
    "pause",
    "prctl",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setaffinity",
    "sched_yield",
    "seccomp",
    "set_robust_list",
    "set_tid_address",
    "setitimer",
    "sigaltstack",
    "sysinfo",
    "tgkill",
    "time",
    "times",
    "tkill",
    "uname",
    "wait4",
    "waitid",
];

/// Wants for the profile of one container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile<'a> {
    /// Where the listener goes; without it nobody listens and reported calls are only refused.
    pub(super) listener: Option<&'a Path>,
    /// The runtime compiles to machine code.
    pub(super) executable_memory: bool,
}

/// `linux.seccomp`.
pub(super) fn seccomp(profile: Profile<'_>) -> Result<LinuxSeccomp, OciSpecError> {
    let report = if profile.listener.is_some() {
        LinuxSeccompAction::ScmpActNotify
    } else {
        LinuxSeccompAction::ScmpActErrno
    };
    let mut rules = vec![
        plain(
            &[FILES, WAITING, MEMORY, PROCESS].concat(),
            LinuxSeccompAction::ScmpActAllow,
        )?,
        plain(REPORTED_SYSTEM_CALLS, report)?,
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

fn architecture() -> Arch {
    if cfg!(target_arch = "aarch64") {
        Arch::ScmpArchAarch64
    } else {
        Arch::ScmpArchX86_64
    }
}

fn errno(action: LinuxSeccompAction) -> Option<u32> {
    (action == LinuxSeccompAction::ScmpActErrno).then_some(EPERM)
}

fn plain(names: &[&str], action: LinuxSeccompAction) -> Result<LinuxSyscall, OciSpecError> {
    rule(names, action, errno(action), &[])
}

fn rule(
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

fn compare(
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

    use super::*;

    #[test]
    fn no_call_is_in_two_lists() {
        let lists = [FILES, WAITING, MEMORY, PROCESS, REPORTED_SYSTEM_CALLS];
        let all: Vec<&str> = lists.concat();
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
    fn the_listener_decides_between_notification_and_plain_refusal() {
        let with = Profile {
            listener: Some(Path::new("/x")),
            executable_memory: false,
        };
        let without = Profile {
            listener: None,
            executable_memory: false,
        };
        let action_of = |profile, name: &str| {
            let seccomp = seccomp(profile).unwrap();
            let rules = seccomp.syscalls().clone().unwrap();
            rules
                .iter()
                .find(|rule| rule.names().iter().any(|n| n == name))
                .unwrap()
                .action()
        };
        assert_eq!(action_of(with, "mount"), LinuxSeccompAction::ScmpActNotify);
        assert_eq!(
            action_of(without, "mount"),
            LinuxSeccompAction::ScmpActErrno
        );
        assert_eq!(action_of(with, "read"), LinuxSeccompAction::ScmpActAllow);
    }
}
