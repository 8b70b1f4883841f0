//! Locks on single bytes of a file (fcntl(2)), which the kernel gives back however their holder
//! ends.

use std::os::fd::AsRawFd;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

/// Who holds a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    /// The open file description and so every process that inherited it. Two descriptions exclude
    /// each other.
    Description,
    /// This process alone, until it ends or closes any descriptor of the file.
    Process,
}

/// Opens the file, and makes it where it is missing.
pub(crate) fn open(path: &Path) -> std::io::Result<fs_err::File> {
    fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Locks a byte; false where another holder has it.
pub(crate) fn try_lock(file: &fs_err::File, byte: u32, holder: Holder) -> Result<bool, Errno> {
    match set(file, byte, holder, F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a byte back.
pub(crate) fn unlock(file: &fs_err::File, byte: u32, holder: Holder) -> Result<(), Errno> {
    set(file, byte, holder, F_UNLCK)
}

fn set(file: &fs_err::File, byte: u32, holder: Holder, kind: i32) -> Result<(), Errno> {
    let range = flock {
        l_type: kind as i16,
        l_whence: SEEK_SET as i16,
        l_start: i64::from(byte),
        l_len: 1,
        l_pid: 0,
    };
    let argument = match holder {
        Holder::Description => FcntlArg::F_OFD_SETLK(&range),
        Holder::Process => FcntlArg::F_SETLK(&range),
    };
    fcntl(file.as_raw_fd(), argument).map(drop)
}
