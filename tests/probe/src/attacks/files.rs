//! Reading, writing and naming what is not the plugin's.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, c_long};
use serde_json::Value;

use super::{At, Tried, first_bytes, open, path, pointer, told};
use crate::Ask;
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("reach", |arguments| told(reach(arguments))),
    ("reach_to_write", |arguments| {
        told(reach_to_write(arguments))
    }),
    ("reach_by_link", |arguments| told(reach_by_link(arguments))),
    ("reach_by_exchange", |arguments| {
        told(reach_by_exchange(arguments))
    }),
    ("reach_by_handle", |arguments| {
        told(reach_by_handle(arguments))
    }),
    ("hard_link", |arguments| told(hard_link(arguments))),
    ("replace", |arguments| told(replace(arguments))),
    ("device", |_| told(device())),
    ("write_code", |_| told(write_code())),
    ("reopen_code", |_| told(reopen_code())),
    ("spare_me", |_| told(spare_me())),
];

const HERE: c_long = libc::AT_FDCWD as c_long;

/// Reads the beginning of a file.
fn reach(arguments: &Value) -> Tried {
    let path = path(arguments, "path").at("path")?;
    first_bytes(open(&path, O_RDONLY).at("open")?).at("read")
}

/// Opens a file for writing, and writes nothing.
fn reach_to_write(arguments: &Value) -> Tried {
    let path = path(arguments, "path").at("path")?;
    open(&path, O_WRONLY).at("open")?;
    Ok(Value::Null)
}

/// Reads a file through a symbolic link in `/tmp`.
fn reach_by_link(arguments: &Value) -> Tried {
    let target = path(arguments, "path").at("path")?;
    let link = c"/tmp/link";
    let call = [pointer(&*target), pointer(link), 0, 0, 0, 0];
    raw(libc::SYS_symlink, call).at("symlink")?;
    first_bytes(open(link, O_RDONLY).at("open")?).at("read")
}

/// Puts a symbolic link in the place of a file that was looked at, then reads it.
fn reach_by_exchange(arguments: &Value) -> Tried {
    let target = path(arguments, "path").at("path")?;
    let [file, link] = [c"/tmp/file", c"/tmp/other"];
    open(file, O_WRONLY | O_CREAT).at("create")?;
    let call = [pointer(&*target), pointer(link), 0, 0, 0, 0];
    raw(libc::SYS_symlink, call).at("symlink")?;
    let exchange = libc::RENAME_EXCHANGE.into();
    let call = [HERE, pointer(file), HERE, pointer(link), exchange, 0];
    raw(libc::SYS_renameat2, call).at("rename")?;
    first_bytes(open(file, O_RDONLY).at("open")?).at("read")
}

/// Opens a file by its number on its file system, past all paths (open_by_handle_at(2)).
fn reach_by_handle(arguments: &Value) -> Tried {
    let path = path(arguments, "path").at("path")?;
    // `struct file_handle`: how many bytes there are, what kind they are, and they.
    let mut handle = [0_u32; 2 + 32];
    handle[0] = 128;
    let handle = handle.as_mut_ptr() as c_long;
    let mut mount = 0_i32;
    let mount = (&raw mut mount) as c_long;
    let call = [HERE, pointer(&*path), handle, mount, 0, 0];
    raw(libc::SYS_name_to_handle_at, call).at("name_to_handle_at")?;
    let near = open(c"/plugin", O_RDONLY).at("open")?;
    let call = [near.as_raw_fd().into(), handle, O_RDONLY.into(), 0, 0, 0];
    let file = raw(libc::SYS_open_by_handle_at, call).at("open_by_handle_at")?;
    let file = super::owned(file).at("open_by_handle_at")?;
    first_bytes(std::fs::File::from(file)).at("read")
}

/// Gives a file another name.
fn hard_link(arguments: &Value) -> Tried {
    let [from, to] = ["from", "to"].map(|key| path(arguments, key));
    let (from, to) = (from.at("path")?, to.at("path")?);
    raw(libc::SYS_link, [pointer(&*from), pointer(&*to), 0, 0, 0, 0]).at("link")?;
    Ok(Value::Null)
}

/// Puts a file away, so that another can be put in its place, and back again.
fn replace(arguments: &Value) -> Tried {
    let path = path(arguments, "path").at("path")?;
    let [path, away] = [pointer(&*path), pointer(c"/away")];
    raw(libc::SYS_rename, [path, away, 0, 0, 0, 0]).at("rename")?;
    raw(libc::SYS_rename, [away, path, 0, 0, 0, 0]).at("back")?;
    Ok(Value::Null)
}

/// Makes a device node and reads from it. It is that of `/dev/zero`; a disk would be no harder.
fn device() -> Tried {
    let node = c"/tmp/node";
    let mode = c_long::from(libc::S_IFCHR | 0o600);
    let zero = libc::makedev(1, 5).cast_signed();
    raw(libc::SYS_mknod, [pointer(node), mode, zero, 0, 0, 0]).at("mknod")?;
    let mut bytes = [1; 4];
    let mut file = open(node, O_RDONLY).at("open")?;
    file.read_exact(&mut bytes).at("read")?;
    Ok(bytes.to_vec().into())
}

/// Writes over memory that is read-only, as code is.
fn write_code() -> Tried {
    static CODE: [u8; 8] = *b"original";
    let mut file = open(c"/proc/self/mem", O_RDWR).at("open")?;
    let place = io::SeekFrom::Start(CODE.as_ptr() as u64);
    io::Seek::seek(&mut file, place).at("seek")?;
    file.write_all(b"modified").at("write")?;
    first_bytes(std::hint::black_box(&CODE[..])).at("read")
}

/// Makes its memory a file again, then writes over it.
fn reopen_code() -> Tried {
    let dumpable = [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0];
    raw(libc::SYS_prctl, dumpable).at("prctl")?;
    write_code()
}

/// Asks that others be ended first when memory runs out (proc_pid_oom_score_adj(5)).
fn spare_me() -> Tried {
    let mut file = open(c"/proc/self/oom_score_adj", O_WRONLY).at("open")?;
    file.write_all(b"-1000").at("write")?;
    Ok(Value::Null)
}
