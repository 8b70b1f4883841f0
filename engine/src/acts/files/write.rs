//! Writing files.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};

use lazaret_protocol::{ActError, Presence, TEMPORARY_NAME, WriteMode};
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, fstat, ftruncate, open, openat,
    renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::below::{Found, Spot, check_plain};
use super::{Place, Target};

/// The mode every file gets: its owner writes it, everybody reads it.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// Writes all of `content` to a file.
///
/// A file whose content is replaced is another file from then on, and whoever reads it sees the old
/// content or the new, never a part. But a file that is granted by itself stays the same one, since
/// it may be mounted somewhere by itself.
pub(super) fn write(
    target: &Target<'_>,
    mode: WriteMode,
    presence: Presence,
    content: &[u8],
) -> Result<(), ActError> {
    let spot = Spot::of(target)?;
    let found = spot.look()?;
    match (&found, presence) {
        (None, Presence::Old) => return Err(spot.failed(Errno::NOENT)),
        (Some(_), Presence::New) => return Err(spot.failed(Errno::EXIST)),
        _ => {}
    }
    if let Some(found) = &found {
        check_plain(&found.stat, &spot)?;
    }
    let names = u64::from(found.is_none());
    let granted = spot.place.path().as_str();
    (spot.place.quota).take(granted, content.len() as u64, names)?;
    match found {
        Some(found) if mode == WriteMode::Append || spot.place.file.is_some() => {
            in_place(&spot, &found, mode, content)
        }
        found => replace(&spot, found.is_none(), content),
    }
}

/// Writes to the file that was found, whatever has its name by now.
fn in_place(
    spot: &Spot<'_>,
    found: &Found,
    mode: WriteMode,
    content: &[u8],
) -> Result<(), ActError> {
    let failed = |errno| spot.failed(errno);
    let mut flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::APPEND, mode == WriteMode::Append);
    // The only way from a descriptor that names a file to one that writes it (proc_pid_fd(5)).
    let path = format!("/proc/self/fd/{}", found.descriptor.as_raw_fd());
    let file = File::from(open(path, flags, Mode::empty()).map_err(failed)?);
    // It may have got a second name in the meantime.
    check_plain(&fstat(&file).map_err(failed)?, spot)?;
    if mode == WriteMode::Replace {
        ftruncate(&file, 0).map_err(failed)?;
    }
    write_all(spot, &file, content)
}

/// Writes a new file and gives it the name at once.
fn replace(spot: &Spot<'_>, new: bool, content: &[u8]) -> Result<(), ActError> {
    let temporary = Temporary::make(spot)?;
    write_all(spot, &temporary.file, content)?;
    own(spot.place, &temporary.file, FILE_MODE).map_err(|errno| spot.failed(errno))?;
    temporary.rename(new)
}

fn write_all(spot: &Spot<'_>, mut file: &File, content: &[u8]) -> Result<(), ActError> {
    file.write_all(content)
        .map_err(|error| spot.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))
}

/// Gives what was just made to whom the granted directory belongs.
pub(super) fn own(place: &Place, made: impl AsFd, mode: Mode) -> Result<(), Errno> {
    let (uid, gid) = place.owner;
    fchown(&made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    fchmod(&made, mode)
}

/// A file that is removed unless it gets its name.
struct Temporary<'a> {
    spot: &'a Spot<'a>,
    name: String,
    file: File,
    renamed: bool,
}

impl<'a> Temporary<'a> {
    fn make(spot: &'a Spot<'a>) -> Result<Self, ActError> {
        // A name nobody expects: one that is taken would be an error.
        let name = format!(
            "{TEMPORARY_NAME}{:016x}",
            RandomState::new().build_hasher().finish()
        );
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&spot.directory, &name, flags, Mode::RUSR | Mode::WUSR);
        Ok(Self {
            spot,
            name,
            file: File::from(file.map_err(|errno| spot.failed(errno))?),
            renamed: false,
        })
    }

    /// A `new` name must still be free.
    fn rename(mut self, new: bool) -> Result<(), ActError> {
        let Spot {
            directory, name, ..
        } = self.spot;
        let renamed = if new {
            renameat_with(
                directory,
                &self.name,
                directory,
                *name,
                RenameFlags::NOREPLACE,
            )
        } else {
            renameat(directory, &self.name, directory, *name)
        };
        renamed.map_err(|errno| self.spot.failed(errno))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            unlinkat(&self.spot.directory, &self.name, AtFlags::empty()).ok();
        }
    }
}
