//! Names below a granted directory: how they are reached, and what may stand at them.

use std::os::fd::OwnedFd;

use lazaret_policy::NamePattern;
use lazaret_protocol::{ActError, Failure, TEMPORARY_NAME};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;

use super::{Place, Target, failed};

/// Set-user-id, set-group-id.
const SET_IDS: u32 = 0o6000;

/// Whether a name does not exist for plugins.
pub(super) fn is_ignored(name: &str, ignore: &[NamePattern]) -> bool {
    name.starts_with(TEMPORARY_NAME) || ignore.iter().any(|pattern| pattern.matches(name))
}

/// The directory of a file, held open, and the file's name in it.
pub(super) struct Spot<'a> {
    pub(super) place: &'a Place,
    pub(super) directory: OwnedFd,
    pub(super) name: &'a str,
    /// The whole path, for messages.
    pub(super) path: &'a str,
}

impl<'a> Spot<'a> {
    /// Where a path leads. The granted directory itself is no spot: it stays as it is.
    pub(super) fn of(target: &'a Target<'a>) -> Result<Self, ActError> {
        let Target { place, path, below } = target;
        let here = || {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            open_below(&place.directory, ".", flags)
        };
        let (directory, name) = match (&place.file, below.split_last()) {
            (Some(name), None) => (here(), name.as_str()),
            (None, Some((name, []))) => (here(), *name),
            (None, Some((name, above))) => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                (open_below(&place.directory, &above.join("/"), flags), *name)
            }
            (Some(_), Some(_)) => (Err(Errno::NOTDIR), ""),
            (None, None) => {
                let message = format!("`{path}` is the granted directory itself");
                return Err(failed(Failure::IsADirectory, message));
            }
        };
        Ok(Self {
            place,
            directory: directory.map_err(|errno| system(path, errno))?,
            name,
            path,
        })
    }

    /// What stands there now, by a descriptor that can do nothing else; `None` for nothing.
    pub(super) fn look(&self) -> Result<Option<Found>, ActError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open_below(&self.directory, self.name, flags) {
            Ok(descriptor) => {
                let stat = fstat(&descriptor).map_err(|errno| self.failed(errno))?;
                Ok(Some(Found { descriptor, stat }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// What the kernel said, as an answer.
    pub(super) fn failed(&self, errno: Errno) -> ActError {
        system(self.path, errno)
    }
}

/// Something that has a name.
pub(super) struct Found {
    pub(super) descriptor: OwnedFd,
    pub(super) stat: Stat,
}

impl Found {
    pub(super) fn is_directory(&self) -> bool {
        FileType::from_raw_mode(self.stat.st_mode) == FileType::Directory
    }
}

/// Refuses all but a plain file of one name that gives nobody another identity.
pub(super) fn check_plain(stat: &Stat, spot: &Spot<'_>) -> Result<(), ActError> {
    let path = spot.path;
    let refused = |failure, what: &str| Err(failed(failure, format!("`{path}` {what}")));
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return refused(Failure::IsADirectory, "is a directory"),
        FileType::Symlink => return refused(Failure::Other, "is a symbolic link"),
        _ => return refused(Failure::Other, "is no plain file"),
    }
    if stat.st_nlink > 1 {
        return refused(Failure::Other, "has more than one name (hard links)");
    }
    if stat.st_mode & SET_IDS != 0 {
        return refused(Failure::Other, "runs as somebody else (set-user-id)");
    }
    Ok(())
}

/// Opens a name below a directory: no symbolic link followed, no mount point crossed, nothing
/// above reached (openat2(2)).
pub(super) fn open_below(directory: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    loop {
        match openat2(directory, name, flags, Mode::empty(), resolve) {
            // Something was renamed meanwhile.
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
}

/// What the kernel said about a path, as an answer.
pub(super) fn system(path: &str, errno: Errno) -> ActError {
    let failure = match errno {
        Errno::NOENT => Failure::NotFound,
        Errno::EXIST => Failure::AlreadyExists,
        Errno::NOTDIR => Failure::NotADirectory,
        Errno::ISDIR => Failure::IsADirectory,
        _ => Failure::Other,
    };
    let what = match errno {
        Errno::NOENT => "no such file or directory".to_owned(),
        Errno::EXIST => "there is something of this name".to_owned(),
        Errno::NOTDIR => "a part of the path is no directory".to_owned(),
        Errno::ISDIR => "it is a directory".to_owned(),
        Errno::NOTEMPTY => "the directory is not empty".to_owned(),
        Errno::LOOP => "a part of the path is a symbolic link".to_owned(),
        Errno::XDEV => "it is on another file system than the granted directory".to_owned(),
        errno => std::io::Error::from(errno).to_string(),
    };
    failed(failure, format!("{what}: `{path}`"))
}
