//! `linux.seccomp`: refusal by default, for the native table of calls alone, and calls no bundle
//! may allow (config-linux.md, seccomp(2)).

use serde_json::{Value, json};

use super::findings::{Findings, list};
use super::{Kind, Reservation, program};
use crate::LISTENER_SOCKET;

/// System calls no bundle may allow: with one of them a plugin could leave its container, look
/// into others, start programs or reach parts of the kernel no plugin has a use for. The profile
/// may refuse them in any way it likes. A list of the launcher's own, so that a mistake in what the
/// engine writes down is not the launcher's as well.
pub const NEVER_ALLOWED: &[&str] = &[
    "acct",
    "add_key",
    "bind",
    "bpf",
    "chroot",
    "connect",
    "delete_module",
    "execveat",
    "fanotify_init",
    "finit_module",
    "fork",
    "fsconfig",
    "fsetxattr",
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
    "listen",
    "lookup_dcookie",
    "memfd_create",
    "memfd_secret",
    "mknod",
    "mknodat",
    "modify_ldt",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "reboot",
    "request_key",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setuid",
    "socket",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "vfork",
    "vhangup",
    "vmsplice",
];

/// As above; nobody has a use for a report of them. `clone3` keeps its flags in memory, where no
/// filter sees them.
const NEVER_ALLOWED_UNREPORTED: &[&str] = &["clone3", "umount"];

/// The system calls a bundle may allow, with whatever arguments: those a runtime needs and those a
/// policy may leave. What is in neither list is unknown, and refused as well.
pub const MAY_BE_ALLOWED: &[&str] = &[
    "accept",
    "accept4",
    "access",
    "alarm",
    "arch_prctl",
    "brk",
    "capget",
    "capset",
    "chdir",
    "chmod",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "execve",
    "exit",
    "exit_group",
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
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getcwd",
    "getdents",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getitimer",
    "getpeername",
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
    "getsockname",
    "getsockopt",
    "gettid",
    "gettimeofday",
    "getuid",
    "inotify_add_watch",
    "inotify_init1",
    "inotify_rm_watch",
    "ioctl",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "lseek",
    "lstat",
    "madvise",
    "membarrier",
    "mincore",
    "mkdir",
    "mkdirat",
    "mlock",
    "mlock2",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munlock",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pause",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "preadv",
    "preadv2",
    "prlimit64",
    "pselect6",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "rename",
    "renameat",
    "renameat2",
    "restart_syscall",
    "rmdir",
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
    "select",
    "sendfile",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "set_robust_list",
    "set_tid_address",
    "setitimer",
    "setsockopt",
    "shutdown",
    "sigaltstack",
    "splice",
    "stat",
    "statfs",
    "statx",
    "sysinfo",
    "tgkill",
    "time",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "times",
    "tkill",
    "truncate",
    "umask",
    "uname",
    "unlink",
    "unlinkat",
    "utimensat",
    "wait4",
    "waitid",
    "write",
    "writev",
];

/// The flags glibc makes a thread with, and no others (pthread_create(3), clone(2)): VM, FS,
/// FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID.
const NEW_THREAD: u32 = 0x0000_0100
    | 0x0000_0200
    | 0x0000_0400
    | 0x0000_0800
    | 0x0001_0000
    | 0x0004_0000
    | 0x0008_0000
    | 0x0010_0000
    | 0x0020_0000;

/// Sockets of this family that come in pairs reach nobody (socketpair(2)).
const AF_UNIX: u32 = 1;

/// `SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK`.
const EGRESS_SOCKET_TYPE: u32 = 0x1 | 0x0008_0000 | 0x0000_0800;

const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "SCMP_ARCH_AARCH64"
} else {
    "SCMP_ARCH_X86_64"
};

const ALLOW: &str = "SCMP_ACT_ALLOW";
const NOTIFY: &str = "SCMP_ACT_NOTIFY";

/// Actions that do not let the call through.
const REFUSALS: [&str; 3] = [
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
];

/// Comparisons runtimes agree on; libcontainer reads mask and value of `SCMP_CMP_MASKED_EQ` the
/// other way round than runc does.
const COMPARISONS: [&str; 2] = ["SCMP_CMP_EQ", "SCMP_CMP_NE"];

pub(super) fn check(
    kind: Kind,
    seccomp: &Value,
    reservation: &Reservation,
    findings: &mut Findings,
) {
    findings.keys(
        "linux.seccomp",
        seccomp,
        &[
            "architectures",
            "defaultAction",
            "defaultErrnoRet",
            "listenerPath",
            "syscalls",
        ],
    );
    // Calls of every other table, 32-bit and x32, end the process.
    findings.equal(
        "linux.seccomp.architectures",
        &seccomp["architectures"],
        &json!([ARCHITECTURE]),
    );
    let default = seccomp["defaultAction"].as_str().unwrap_or_default();
    findings.require(REFUSALS.contains(&default), || {
        "`linux.seccomp.defaultAction` is not a refusal".to_owned()
    });
    findings.require(is_errno(seccomp.get("defaultErrnoRet")), || {
        "`linux.seccomp.defaultErrnoRet` is no error".to_owned()
    });
    let listener = seccomp.get("listenerPath");
    if kind == Kind::Program {
        // Nobody would answer a program's calls.
        findings.require(listener.is_none(), || {
            "`linux.seccomp.listenerPath` is present".to_owned()
        });
    } else if let Some(listener) = listener {
        findings.equal(
            "linux.seccomp.listenerPath",
            listener,
            &reservation.path(LISTENER_SOCKET),
        );
    }
    for rule in list(&seccomp["syscalls"]) {
        check_rule(kind, rule, listener.is_some(), reservation.egress, findings);
    }
}

fn check_rule(kind: Kind, rule: &Value, listens: bool, egress: bool, findings: &mut Findings) {
    let path = "linux.seccomp.syscalls[]";
    findings.keys(path, rule, &["names", "action", "errnoRet", "args"]);
    let action = rule["action"].as_str().unwrap_or_default();
    let known = action == ALLOW || (action == NOTIFY && listens) || REFUSALS.contains(&action);
    findings.require(known, || {
        format!("`{path}.action` is none a container may have")
    });
    findings.require(is_errno(rule.get("errnoRet")), || {
        format!("`{path}.errnoRet` is no error")
    });
    let arguments = list(&rule["args"]);
    for argument in arguments {
        findings.keys(
            &format!("{path}.args[]"),
            argument,
            &["index", "op", "value"],
        );
        let operator = argument["op"].as_str().unwrap_or_default();
        findings.require(COMPARISONS.contains(&operator), || {
            format!("`{path}.args[].op` is none of {}", COMPARISONS.join(", "))
        });
    }
    if REFUSALS.contains(&action) || action == NOTIFY {
        return;
    }
    let only = |value: u32| {
        let first = json!({ "index": 0, "op": "SCMP_CMP_EQ", "value": value });
        matches!(arguments, [argument] if *argument == first)
    };
    for name in list(&rule["names"]) {
        let name = name.as_str().unwrap_or_default();
        let known = match (kind, name) {
            (Kind::Program, name) => program::allows(name, arguments),
            (Kind::Plugin, "clone") => only(NEW_THREAD),
            (Kind::Plugin, "socketpair") => only(AF_UNIX),
            // In a network namespace with nobody else in it, it reaches what is mounted there.
            (Kind::Plugin, "connect") if egress => true,
            (Kind::Plugin, "socket") if egress => is_egress_socket(arguments),
            (Kind::Plugin, name) => {
                MAY_BE_ALLOWED.contains(&name)
                    && !NEVER_ALLOWED.contains(&name)
                    && !NEVER_ALLOWED_UNREPORTED.contains(&name)
            }
        };
        findings.require(known, || format!("`linux.seccomp` allows `{name}`"));
    }
}

/// A socket that reaches the engine's egress broker, and nothing else that could be made with
/// these arguments (socket(2)).
fn is_egress_socket(arguments: &[Value]) -> bool {
    let wanted = [AF_UNIX, EGRESS_SOCKET_TYPE, 0];
    let wanted = (0_u32..)
        .zip(wanted)
        .map(|(index, value)| json!({ "index": index, "op": "SCMP_CMP_EQ", "value": value }));
    arguments.iter().cloned().eq(wanted)
}

/// An error number, or none at all. Zero would tell the caller that its call was carried out.
fn is_errno(value: Option<&Value>) -> bool {
    value.is_none_or(|value| {
        value
            .as_u64()
            .is_some_and(|number| (1..4096).contains(&number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_new_thread_are_what_the_c_library_passes() {
        assert_eq!(NEW_THREAD, 0x003d_0f00);
    }
}
