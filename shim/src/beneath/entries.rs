//! Names in a directory, and what is known of a file without reading it.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, OFlags, RawDir, Stat, fstat, statat};
use rustix::io::Errno;

use super::{Places, ReadError};

/// The most names listed at once.
const MAX_NAMES: usize = 64 * 1024;

/// Room for the names the kernel tells at once, in bytes.
const BUFFER_BYTES: usize = 32 * 1024;

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; what is no UTF-8 in it is replaced.
    pub name: String,
    /// What has it.
    pub kind: EntryKind,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: EntryKind,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its permission bits.
    pub mode: u32,
}

impl Places {
    /// The names in a directory, sorted.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, ReadError> {
        let granted = self.find(path)?.0.granted;
        let (directory, path) = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        names_in(&directory, &path, |name| self.hides(granted, name))
    }

    /// What is known of a file; of a symbolic link itself unless it is to be followed.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn metadata(&self, path: &str, follow: bool) -> Result<Metadata, ReadError> {
        let mut flags = OFlags::PATH;
        flags.set(OFlags::NOFOLLOW, !follow);
        let (descriptor, path) = self.open(path, flags)?;
        let stat = fstat(&descriptor).map_err(|errno| ReadError::of(&path, errno.into()))?;
        Ok(Metadata::from(&stat))
    }
}

/// The names in a directory that is open, sorted, without those that are hidden.
pub(super) fn names_in(
    directory: &OwnedFd,
    path: &str,
    hidden: impl Fn(&str) -> bool,
) -> Result<Vec<Entry>, ReadError> {
    let failed = |errno: Errno| ReadError::of(path, errno.into());
    let mut space = Vec::with_capacity(BUFFER_BYTES);
    let mut listing = RawDir::new(directory, space.spare_capacity_mut());
    let mut entries = Vec::new();
    let mut names = 0;
    while let Some(entry) = listing.next() {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy();
        if matches!(&*name, "." | "..") {
            continue;
        }
        // Looking at those that are hidden takes time as well.
        if names == MAX_NAMES {
            let (path, limit) = (path.to_owned(), MAX_NAMES);
            return Err(ReadError::TooMany { path, limit });
        }
        names += 1;
        if hidden(&name) {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not tell.
            FileType::Unknown => {
                match statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                }
            }
            kind => kind,
        };
        entries.push(Entry {
            name: name.into_owned(),
            kind: kind.into(),
        });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

impl From<&Stat> for Metadata {
    fn from(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ms: stat
                .st_mtime
                .saturating_mul(1000)
                .saturating_add(i64::try_from(stat.st_mtime_nsec / 1_000_000).unwrap_or(0)),
            mode: stat.st_mode & 0o7777,
        }
    }
}

impl From<FileType> for EntryKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}
