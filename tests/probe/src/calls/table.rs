//! The system calls that can be asked for: those of the protocol's list, some that are refused
//! without a report, and one of each optional group.

use libc::c_long;

const ROOT: &std::ffi::CStr = c"/";
const TMP: &std::ffi::CStr = c"/tmp";
const TMPFS: &std::ffi::CStr = c"tmpfs";
const SHIM: &std::ffi::CStr = c"/lazaret/shim";
const NEW: &std::ffi::CStr = c"/tmp/new";
const EMPTY: &std::ffi::CStr = c"";
const NAME: &std::ffi::CStr = c"user.x";
const KEYRING: &std::ffi::CStr = c"keyring";

/// One argument, as it is written in the table.
#[derive(Clone, Copy)]
pub(super) enum Argument {
    Number(c_long),
    Text(&'static std::ffi::CStr),
    /// A zeroed buffer the kernel may read and write.
    Buffer,
}
use Argument::{Buffer, Number, Text};

/// Zero, and what is left out.
const N: Argument = Number(0);
/// The working directory in place of a descriptor.
const HERE: Argument = Number(libc::AT_FDCWD as c_long);
/// This process, the first one of its namespace.
const SELF: Argument = Number(1);
const PAGE: Argument = Number(4096);
const ONE: Argument = Number(1);
/// No descriptor; of children any.
const NOTHING: Argument = Number(-1);

pub(super) type Call = (&'static str, c_long, [Argument; 6]);

/// Name, number, arguments.
pub(super) const CALLS: &[Call] = &[
    ("acct", libc::SYS_acct, [Text(NEW), N, N, N, N, N]),
    (
        "add_key",
        libc::SYS_add_key,
        [Text(KEYRING), Text(NAME), N, N, Number(-1), N],
    ),
    (
        "bind",
        libc::SYS_bind,
        [Number(3), Buffer, Number(16), N, N, N],
    ),
    ("bpf", libc::SYS_bpf, [N, Buffer, Number(48), N, N, N]),
    ("chroot", libc::SYS_chroot, [Text(TMP), N, N, N, N, N]),
    (
        "connect",
        libc::SYS_connect,
        [Number(3), Buffer, Number(16), N, N, N],
    ),
    (
        "delete_module",
        libc::SYS_delete_module,
        [Text(NAME), N, N, N, N, N],
    ),
    (
        "execveat",
        libc::SYS_execveat,
        [HERE, Text(SHIM), N, N, N, N],
    ),
    ("fanotify_init", libc::SYS_fanotify_init, [N, N, N, N, N, N]),
    (
        "finit_module",
        libc::SYS_finit_module,
        [N, Text(EMPTY), N, N, N, N],
    ),
    ("fork", libc::SYS_fork, [N, N, N, N, N, N]),
    ("fsconfig", libc::SYS_fsconfig, [N, N, N, N, N, N]),
    (
        "fsetxattr",
        libc::SYS_fsetxattr,
        [N, Text(NAME), Text(NAME), ONE, N, N],
    ),
    ("fsmount", libc::SYS_fsmount, [N, N, N, N, N, N]),
    ("fsopen", libc::SYS_fsopen, [Text(TMPFS), N, N, N, N, N]),
    ("fspick", libc::SYS_fspick, [HERE, Text(ROOT), N, N, N, N]),
    (
        "init_module",
        libc::SYS_init_module,
        [Buffer, PAGE, Text(EMPTY), N, N, N],
    ),
    (
        "io_uring_enter",
        libc::SYS_io_uring_enter,
        [N, ONE, N, N, N, N],
    ),
    (
        "io_uring_register",
        libc::SYS_io_uring_register,
        [N, N, N, N, N, N],
    ),
    (
        "io_uring_setup",
        libc::SYS_io_uring_setup,
        [ONE, Buffer, N, N, N, N],
    ),
    ("ioperm", libc::SYS_ioperm, [N, ONE, ONE, N, N, N]),
    ("iopl", libc::SYS_iopl, [Number(3), N, N, N, N, N]),
    (
        "kexec_file_load",
        libc::SYS_kexec_file_load,
        [N, N, N, Text(EMPTY), N, N],
    ),
    ("kexec_load", libc::SYS_kexec_load, [N, N, Buffer, N, N, N]),
    ("keyctl", libc::SYS_keyctl, [N, Number(-3), ONE, N, N, N]),
    ("listen", libc::SYS_listen, [Number(3), ONE, N, N, N, N]),
    (
        "lookup_dcookie",
        libc::SYS_lookup_dcookie,
        [N, Buffer, PAGE, N, N, N],
    ),
    (
        "memfd_create",
        libc::SYS_memfd_create,
        [Text(NAME), N, N, N, N, N],
    ),
    ("memfd_secret", libc::SYS_memfd_secret, [N, N, N, N, N, N]),
    (
        "mknod",
        libc::SYS_mknod,
        [Text(NEW), Number(0o020_666), Number(0x103), N, N, N],
    ),
    (
        "mknodat",
        libc::SYS_mknodat,
        [HERE, Text(NEW), Number(0o020_666), Number(0x103), N, N],
    ),
    (
        "modify_ldt",
        libc::SYS_modify_ldt,
        [N, Buffer, PAGE, N, N, N],
    ),
    (
        "mount",
        libc::SYS_mount,
        [Text(TMPFS), Text(TMP), Text(TMPFS), N, N, N],
    ),
    (
        "mount_setattr",
        libc::SYS_mount_setattr,
        [HERE, Text(ROOT), N, Buffer, Number(32), N],
    ),
    (
        "move_mount",
        libc::SYS_move_mount,
        [HERE, Text(TMP), HERE, Text(ROOT), N, N],
    ),
    (
        "name_to_handle_at",
        libc::SYS_name_to_handle_at,
        [HERE, Text(ROOT), Buffer, Buffer, N, N],
    ),
    (
        "open_by_handle_at",
        libc::SYS_open_by_handle_at,
        [HERE, Buffer, N, N, N, N],
    ),
    (
        "open_tree",
        libc::SYS_open_tree,
        [HERE, Text(ROOT), ONE, N, N, N],
    ),
    (
        "perf_event_open",
        libc::SYS_perf_event_open,
        [Buffer, N, Number(-1), Number(-1), N, N],
    ),
    (
        "personality",
        libc::SYS_personality,
        [Number(0x004_0000), N, N, N, N, N],
    ),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, [N, N, N, N, N, N]),
    ("pidfd_open", libc::SYS_pidfd_open, [SELF, N, N, N, N, N]),
    (
        "pidfd_send_signal",
        libc::SYS_pidfd_send_signal,
        [N, N, N, N, N, N],
    ),
    (
        "pivot_root",
        libc::SYS_pivot_root,
        [Text(TMP), Text(TMP), N, N, N, N],
    ),
    (
        "process_madvise",
        libc::SYS_process_madvise,
        [N, N, N, N, N, N],
    ),
    (
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        [SELF, Buffer, ONE, Buffer, ONE, N],
    ),
    (
        "process_vm_writev",
        libc::SYS_process_vm_writev,
        [SELF, Buffer, ONE, Buffer, ONE, N],
    ),
    ("ptrace", libc::SYS_ptrace, [N, N, N, N, N, N]),
    (
        "quotactl",
        libc::SYS_quotactl,
        [N, Text(TMP), N, Buffer, N, N],
    ),
    ("reboot", libc::SYS_reboot, [N, N, N, N, N, N]),
    (
        "request_key",
        libc::SYS_request_key,
        [Text(KEYRING), Text(NAME), N, N, N, N],
    ),
    ("setfsgid", libc::SYS_setfsgid, [N, N, N, N, N, N]),
    ("setfsuid", libc::SYS_setfsuid, [N, N, N, N, N, N]),
    ("setgid", libc::SYS_setgid, [N, N, N, N, N, N]),
    ("setgroups", libc::SYS_setgroups, [ONE, Buffer, N, N, N, N]),
    (
        "sethostname",
        libc::SYS_sethostname,
        [Text(NAME), ONE, N, N, N, N],
    ),
    ("setns", libc::SYS_setns, [N, N, N, N, N, N]),
    ("setregid", libc::SYS_setregid, [N, N, N, N, N, N]),
    ("setresgid", libc::SYS_setresgid, [N, N, N, N, N, N]),
    ("setresuid", libc::SYS_setresuid, [N, N, N, N, N, N]),
    ("setreuid", libc::SYS_setreuid, [N, N, N, N, N, N]),
    ("setuid", libc::SYS_setuid, [N, N, N, N, N, N]),
    ("socket", libc::SYS_socket, [Number(2), ONE, N, N, N, N]),
    ("swapoff", libc::SYS_swapoff, [Text(NEW), N, N, N, N, N]),
    ("swapon", libc::SYS_swapon, [Text(NEW), N, N, N, N, N]),
    (
        "syslog",
        libc::SYS_syslog,
        [Number(3), Buffer, PAGE, N, N, N],
    ),
    (
        "umount2",
        libc::SYS_umount2,
        [Text(TMP), Number(2), N, N, N, N],
    ),
    (
        "unshare",
        libc::SYS_unshare,
        [Number(libc::CLONE_NEWUSER as c_long), N, N, N, N, N],
    ),
    ("uselib", libc::SYS_uselib, [Text(SHIM), N, N, N, N, N]),
    ("userfaultfd", libc::SYS_userfaultfd, [ONE, N, N, N, N, N]),
    ("vfork", libc::SYS_vfork, [N, N, N, N, N, N]),
    ("vhangup", libc::SYS_vhangup, [N, N, N, N, N, N]),
    ("vmsplice", libc::SYS_vmsplice, [ONE, Buffer, ONE, N, N, N]),
    // Not reported: refused by what is left out of the filter, or by the kernel itself.
    ("capset", libc::SYS_capset, [Buffer, Buffer, N, N, N, N]),
    ("chown", libc::SYS_chown, [Text(TMP), N, N, N, N, N]),
    (
        "clock_settime",
        libc::SYS_clock_settime,
        [N, Buffer, N, N, N, N],
    ),
    ("link", libc::SYS_link, [Text(SHIM), Text(NEW), N, N, N, N]),
    (
        "msgget",
        libc::SYS_msgget,
        [ONE, Number(0o1_666), N, N, N, N],
    ),
    ("pkey_alloc", libc::SYS_pkey_alloc, [N, N, N, N, N, N]),
    (
        "prctl",
        libc::SYS_prctl,
        [Number(libc::PR_GET_NO_NEW_PRIVS as c_long), N, N, N, N, N],
    ),
    (
        "setdomainname",
        libc::SYS_setdomainname,
        [Text(NAME), ONE, N, N, N, N],
    ),
    ("setpgid", libc::SYS_setpgid, [N, N, N, N, N, N]),
    (
        "setrlimit",
        libc::SYS_setrlimit,
        [Number(7), Buffer, N, N, N, N],
    ),
    ("setsid", libc::SYS_setsid, [N, N, N, N, N, N]),
    (
        "settimeofday",
        libc::SYS_settimeofday,
        [Buffer, N, N, N, N, N],
    ),
    (
        "shmget",
        libc::SYS_shmget,
        [ONE, PAGE, Number(0o1_666), N, N, N],
    ),
    ("sync", libc::SYS_sync, [N, N, N, N, N, N]),
    (
        "symlink",
        libc::SYS_symlink,
        [Text(ROOT), Text(NEW), N, N, N, N],
    ),
    (
        "landlock_create_ruleset",
        libc::SYS_landlock_create_ruleset,
        [N, N, ONE, N, N, N],
    ),
    (
        "remap_file_pages",
        libc::SYS_remap_file_pages,
        [N, N, N, N, N, N],
    ),
    // Optional calls, one of each group: what the kernel answers by itself is never `EPERM`.
    ("dup", libc::SYS_dup, [NOTHING, N, N, N, N, N]),
    ("fadvise64", libc::SYS_fadvise64, [NOTHING, N, N, N, N, N]),
    ("fchmod", libc::SYS_fchmod, [NOTHING, N, N, N, N, N]),
    ("flock", libc::SYS_flock, [NOTHING, ONE, N, N, N, N]),
    ("fsync", libc::SYS_fsync, [NOTHING, N, N, N, N, N]),
    ("ftruncate", libc::SYS_ftruncate, [NOTHING, N, N, N, N, N]),
    ("getitimer", libc::SYS_getitimer, [N, Buffer, N, N, N, N]),
    ("getpriority", libc::SYS_getpriority, [N, N, N, N, N, N]),
    (
        "getsockname",
        libc::SYS_getsockname,
        [NOTHING, Buffer, Buffer, N, N, N],
    ),
    (
        "inotify_rm_watch",
        libc::SYS_inotify_rm_watch,
        [NOTHING, N, N, N, N, N],
    ),
    ("munlock", libc::SYS_munlock, [N, N, N, N, N, N]),
    ("pipe2", libc::SYS_pipe2, [Buffer, N, N, N, N, N]),
    (
        "pwrite64",
        libc::SYS_pwrite64,
        [NOTHING, Buffer, ONE, N, N, N],
    ),
    ("rmdir", libc::SYS_rmdir, [Text(NEW), N, N, N, N, N]),
    (
        "rt_sigpending",
        libc::SYS_rt_sigpending,
        [Buffer, Number(8), N, N, N, N],
    ),
    ("select", libc::SYS_select, [N, N, N, N, Buffer, N]),
    (
        "sendfile",
        libc::SYS_sendfile,
        [NOTHING, NOTHING, N, N, N, N],
    ),
    ("sysinfo", libc::SYS_sysinfo, [Buffer, N, N, N, N, N]),
    ("wait4", libc::SYS_wait4, [NOTHING, N, ONE, N, N, N]),
];
