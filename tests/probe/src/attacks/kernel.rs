//! Parts of the kernel that only an attack asks for. Those that are one plain call are in
//! [`crate::calls`].

use std::io;
use std::os::fd::AsRawFd;

use libc::{O_RDONLY, c_long};
use serde_json::Value;

use super::{At, Tried, c_text, open, pointer, told};
use crate::Ask;
use crate::answer::number;
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("remount_root", |_| told(remount_root())),
    ("mount_in_new_namespaces", |_| {
        told(mount_in_new_namespaces())
    }),
    ("clone_3_new_user", |_| told(clone_3_new_user())),
    ("parent_namespace", |_| told(parent_namespace())),
    ("enter", |arguments| told(enter(arguments))),
    ("read_key", |arguments| told(read_key(arguments))),
    ("make_map", |_| told(make_map())),
    ("count_events", |_| told(count_events())),
    ("handle_faults", |_| told(handle_faults())),
];

/// Makes the read-only root file system writable.
fn remount_root() -> Tried {
    let flags = (libc::MS_REMOUNT | libc::MS_BIND).cast_signed();
    let root = c"/";
    raw(libc::SYS_mount, [0, pointer(root), 0, flags, 0, 0]).at("mount")?;
    Ok(Value::Null)
}

/// Becomes root of namespaces of its own and mounts there.
fn mount_in_new_namespaces() -> Tried {
    let flags = (libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into();
    let mut unshared = raw(libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]);
    // A thread that was joined counts until the kernel has let go of it, and only a process without
    // threads may have another user namespace.
    for _ in 0..10_000 {
        if !unshared
            .as_ref()
            .is_err_and(|error| error.raw_os_error() == Some(libc::EINVAL))
        {
            break;
        }
        std::thread::yield_now();
        unshared = raw(libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]);
    }
    unshared.at("unshare")?;
    let [kind, place] = [c"tmpfs", c"/tmp"];
    let call = [pointer(kind), pointer(place), pointer(kind), 0, 0, 0];
    raw(libc::SYS_mount, call).at("mount")?;
    Ok(Value::Null)
}

/// A child that is root of a user namespace of its own, and ends at once.
fn clone_3_new_user() -> Tried {
    let mut arguments = [0_u64; 11];
    arguments[0] = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    arguments[4] = u64::from(libc::SIGCHLD.cast_unsigned());
    let size = size_of_val(&arguments) as c_long;
    let call = [pointer(&arguments), size, 0, 0, 0, 0];
    if raw(libc::SYS_clone3, call).at("clone3")? == 0 {
        // What follows is the parent's to do.
        drop(raw(libc::SYS_exit_group, [0; 6]));
    }
    Ok(Value::Null)
}

/// Has the user namespace around its own given to it (NS_GET_PARENT, ioctl_ns(2)).
fn parent_namespace() -> Tried {
    const NS_GET_PARENT: c_long = 0xb702;
    let own = open(c"/proc/self/ns/user", O_RDONLY).at("open")?;
    let call = [own.as_raw_fd().into(), NS_GET_PARENT, 0, 0, 0, 0];
    raw(libc::SYS_ioctl, call).at("ioctl")?;
    Ok(Value::Null)
}

/// Enters the network of another process.
fn enter(arguments: &Value) -> Tried {
    let path = format!("/proc/{}/ns/net", number(arguments, "process"));
    let path = c_text(&path).at("path")?;
    let namespace = open(&path, O_RDONLY).at("open")?;
    let call = [namespace.as_raw_fd().into(), 0, 0, 0, 0, 0];
    raw(libc::SYS_setns, call).at("setns")?;
    Ok(Value::Null)
}

/// Reads a key by its number (KEYCTL_READ).
fn read_key(arguments: &Value) -> Tried {
    let key = number(arguments, "key").cast_signed();
    let mut bytes = [0_u8; 8];
    let call = [11, key, bytes.as_mut_ptr() as c_long, 8, 0, 0];
    raw(libc::SYS_keyctl, call).at("keyctl")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// A key that is kept as long as this process, and that everybody of its user may read.
pub(crate) fn add_key(content: &str) -> io::Result<i64> {
    const PROCESS_KEYRING: c_long = -2;
    const SET_PERMISSIONS: c_long = 5;
    let [kind, name] = [c"user", c"lazaret-tests"];
    let length = content.len() as c_long;
    let add = [
        pointer(kind),
        pointer(name),
        pointer(content),
        length,
        PROCESS_KEYRING,
        0,
    ];
    let key = raw(libc::SYS_add_key, add)?;
    raw(
        libc::SYS_keyctl,
        [SET_PERMISSIONS, key, 0x3f3f_0000, 0, 0, 0],
    )?;
    Ok(key)
}

/// A map for programs in the kernel, of one number (BPF_MAP_CREATE of an array).
fn make_map() -> Tried {
    let attributes: [u32; 32] = std::array::from_fn(|at| match at {
        0 => 2,
        1 | 2 => 4,
        3 => 1,
        _ => 0,
    });
    let size = size_of_val(&attributes) as c_long;
    raw(libc::SYS_bpf, [0, pointer(&attributes), size, 0, 0, 0]).at("bpf")?;
    Ok(Value::Null)
}

/// Counts what all processes do on the first processor: its clock, as a software event.
fn count_events() -> Tried {
    // `struct perf_event_attr`: kind 1, as large as in its first version.
    let attributes: [u32; 16] = std::array::from_fn(|at| match at {
        0 => 1,
        1 => 64,
        _ => 0,
    });
    let call = [pointer(&attributes), -1, 0, -1, 0, 0];
    raw(libc::SYS_perf_event_open, call).at("perf_event_open")?;
    Ok(Value::Null)
}

/// Handles page faults of the kernel, which then waits inside of its own work.
fn handle_faults() -> Tried {
    raw(libc::SYS_userfaultfd, [0; 6]).at("userfaultfd")?;
    Ok(Value::Null)
}
