//! Files and directories with fixed metadata, whatever the umask, the clock and the builder are.

use std::{
    fs::{FileTimes, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
    time::UNIX_EPOCH,
};

use fs_err::{File, OpenOptions, os::unix::fs::OpenOptionsExt};
use rustix::{
    fs::OFlags,
    process::{getegid, geteuid},
};

use crate::manifest::Mode;

/// Who owns what this process builds: the user and group it acts as.
pub(crate) fn owner() -> (u32, u32) {
    if geteuid().is_root() {
        return (0, 0);
    }
    (geteuid().as_raw(), getegid().as_raw())
}

/// Writes a new file and makes sure it has reached the disk.
pub(crate) fn file(path: &Path, mode: Mode, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    seal(&file, mode.bits())
}

/// A new file that only this process may use until it is sealed.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Fixes a directory's metadata, after everything is in it.
pub(crate) fn seal_directory(path: &Path, mode: u32) -> io::Result<()> {
    seal(&File::open(path)?, mode)
}

/// Fixes owner, mode and times, in this order: a change of owner may take bits off the mode.
pub(crate) fn seal(file: &File, mode: u32) -> io::Result<()> {
    let (user, group) = owner();
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!(
                "failed to set the metadata of `{}`: {error}",
                file.path().display()
            ),
        )
    };
    fchown(file.file(), Some(user), Some(group)).map_err(named)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    let times = FileTimes::new()
        .set_accessed(UNIX_EPOCH)
        .set_modified(UNIX_EPOCH);
    file.file().set_times(times).map_err(named)?;
    file.sync_all()
}

/// Opens a regular file and nothing else: follows no link and waits for no pipe.
pub(crate) fn open_regular(path: &Path) -> io::Result<impl Read + use<>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        let message = format!("not a regular file: `{}`", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// Lets a sealed tree be removed: a directory without write permission keeps what is in it.
pub(crate) fn unseal(directory: &Path) -> io::Result<()> {
    if fs_err::symlink_metadata(directory)?.mode() & 0o700 != 0o700 {
        fs_err::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unseal(&entry.path())?;
        }
    }
    Ok(())
}
