//! What a program that a policy names may be started as: a second kind of bundle, with a root file
//! system of the operator's, and nothing of a plugin in it.
//!
//! Its filter has no choices: it allows [`SYSTEM_CALLS`], and new processes and threads by the
//! flags in [`CLONE_FLAGS`]. Nobody listens to it: what it refuses is an error for the program.

use serde_json::{Value, json};

use super::findings::{Findings, list};

/// The most arguments beside the program's own path.
pub const MAX_ARGUMENTS: usize = 256;

/// The most bytes of all arguments together; written as JSON twice, they still fit a packet.
pub const MAX_ARGUMENT_BYTES: usize = 16 * 1024;

/// The environment of every program.
pub const ENVIRONMENT: [&str; 3] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/tmp",
    "LANG=C.UTF-8",
];

/// Where every program starts: the only place it can write to.
pub const DIRECTORY: &str = "/tmp";

/// The flags new processes and threads are made with, compared whole: a flag more could be a new
/// namespace (clone(2)).
pub const CLONE_FLAGS: [u64; 6] = [
    // A thread: glibc, musl (with a flag that means nothing any more), Go.
    0x003d_0f00,
    0x007d_0f00,
    0x0005_0f00,
    // A process by fork(3) of glibc and of musl.
    0x0120_0011,
    0x0000_0011,
    // A process that borrows its parent's memory until it runs a program: posix_spawn(3), vfork(2).
    0x0000_4111,
];

/// The address family of pairs of connected sockets: AF_UNIX.
pub const PAIR_FAMILY: u64 = 1;

/// The system calls ordinary programs make, besides new processes and threads and pairs of sockets.
pub const SYSTEM_CALLS: &[&str] = &[
    // Files and descriptors: what can be reached through them is the mounts' matter.
    "access",
    "chdir",
    "chmod",
    "chown",
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
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "inotify_add_watch",
    "inotify_init1",
    "inotify_rm_watch",
    "ioctl",
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
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
    "readahead",
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
    "symlink",
    "symlinkat",
    "sync_file_range",
    "tee",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "write",
    "writev",
    // Waiting for descriptors, and sockets that are connected already.
    "accept",
    "accept4",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
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
    "signalfd",
    "signalfd4",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // Its own memory, machine code among it: programs are that.
    "brk",
    "madvise",
    "membarrier",
    "mincore",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munmap",
    // Itself and its children: programs, signals, identity, clocks, limits.
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
    "fork",
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
    "setpgid",
    "setpriority",
    "setrlimit",
    "setsid",
    "sigaltstack",
    "sysinfo",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "times",
    "tkill",
    "uname",
    "vfork",
    "wait4",
    "waitid",
];

/// `process.args`: a program by its absolute path, and arguments as a list.
pub(super) fn check_arguments(arguments: &Value, findings: &mut Findings) {
    let texts: Option<Vec<&str>> = list(arguments).iter().map(Value::as_str).collect();
    let texts = texts.unwrap_or_default();
    let bytes: usize = texts.iter().skip(1).map(|text| text.len()).sum();
    let good = texts
        .first()
        .is_some_and(|program| program.starts_with('/'))
        && texts.len() <= MAX_ARGUMENTS + 1
        && bytes <= MAX_ARGUMENT_BYTES
        && texts.iter().all(|text| !text.contains('\0'));
    findings.require(good, || {
        "`process.args` are not an absolute path and a list of arguments within their bounds"
            .to_owned()
    });
}

/// What a rule of the filter that allows its calls may allow.
pub(super) fn allows(name: &str, arguments: &[Value]) -> bool {
    let first_is = |value: u64| {
        let only = json!({ "index": 0, "op": "SCMP_CMP_EQ", "value": value });
        matches!(arguments, [argument] if *argument == only)
    };
    match name {
        "clone" => CLONE_FLAGS.into_iter().any(first_is),
        "socketpair" => first_is(PAIR_FAMILY),
        _ => SYSTEM_CALLS.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::NEVER_ALLOWED;
    use super::*;

    /// Flags of clone(2) that make namespaces: CGROUP, NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID,
    /// NEWNET; and NEWTIME, which takes a bit of the exit signal.
    const NAMESPACES: u64 = 0x7e02_0080;

    #[test]
    fn programs_may_what_no_plugin_may_only_to_make_processes() {
        let both: Vec<_> = SYSTEM_CALLS
            .iter()
            .filter(|name| NEVER_ALLOWED.contains(name))
            .collect();
        assert_eq!(both, [&"fork", &"vfork"]);
    }

    #[test]
    fn no_flags_of_a_new_process_make_a_namespace() {
        assert!(CLONE_FLAGS.iter().all(|flags| flags & NAMESPACES == 0));
    }

    #[test]
    fn every_call_is_there_once() {
        let unique: std::collections::BTreeSet<_> = SYSTEM_CALLS.iter().collect();
        assert_eq!(unique.len(), SYSTEM_CALLS.len());
    }
}
