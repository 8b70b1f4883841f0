//! `linux.seccomp`: refusal by default, for the native table of calls alone, and calls no bundle
//! may allow (config-linux.md, seccomp(2)).

use serde_json::{Value, json};

use super::Reservation;
use super::findings::{Findings, list};
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

pub(super) fn check(seccomp: &Value, reservation: &Reservation, findings: &mut Findings) {
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
    if let Some(listener) = seccomp.get("listenerPath") {
        findings.equal(
            "linux.seccomp.listenerPath",
            listener,
            &reservation.path(LISTENER_SOCKET),
        );
    }
    for rule in list(&seccomp["syscalls"]) {
        check_rule(rule, seccomp.get("listenerPath").is_some(), findings);
    }
}

fn check_rule(rule: &Value, listens: bool, findings: &mut Findings) {
    let path = "linux.seccomp.syscalls[]";
    findings.keys(path, rule, &["names", "action", "errnoRet", "args"]);
    let action = rule["action"].as_str().unwrap_or_default();
    let known = action == ALLOW || (action == NOTIFY && listens) || REFUSALS.contains(&action);
    findings.require(known, || {
        format!("`{path}.action` is none a plugin may have")
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
    let thread = json!({ "index": 0, "op": "SCMP_CMP_EQ", "value": NEW_THREAD });
    let makes_threads_only = matches!(arguments, [only] if *only == thread);
    for name in list(&rule["names"]) {
        let name = name.as_str().unwrap_or_default();
        let never = NEVER_ALLOWED.contains(&name)
            || NEVER_ALLOWED_UNREPORTED.contains(&name)
            || (name == "clone" && !makes_threads_only);
        findings.require(!never, || format!("`linux.seccomp` allows `{name}`"));
    }
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
