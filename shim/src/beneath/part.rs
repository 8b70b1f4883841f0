//! Files that are read in parts, and the real names of paths.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;

use rustix::fs::{FileType, OFlags, fstat, readlink};

use super::{Metadata, Places, READING, ReadError};

/// A regular file that is held open.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    /// In normal form.
    path: String,
}

impl Places {
    /// Opens a regular file, to be read in parts.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn open_file(&self, path: &str) -> Result<OpenFile, ReadError> {
        let (descriptor, path) = self.open(path, READING)?;
        let stat = fstat(&descriptor).map_err(|errno| ReadError::of(&path, errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::NotRegular { path });
        }
        let file = descriptor.into();
        Ok(OpenFile { file, path })
    }

    /// Reads what comes next of an open file: as much as there is room for, and may be read at
    /// once. Zero at its end.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] where its name is hidden by now; [`ReadError::System`].
    pub fn read_part(&self, open: &mut OpenFile, space: &mut [u8]) -> Result<usize, ReadError> {
        let path = &open.path;
        if self.is_hidden(path) {
            return Err(ReadError::NotFound { path: path.clone() });
        }
        let most = usize::try_from(self.read_bytes()).unwrap_or(usize::MAX);
        let length = space.len().min(most);
        let read = open.file.read(&mut space[..length]);
        read.map_err(|error| ReadError::of(path, error))
    }

    /// What a path leads to, without symbolic links in it.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn real_path(&self, path: &str) -> Result<String, ReadError> {
        let (descriptor, path) = self.open(path, OFlags::PATH)?;
        let place = self.find(&path)?.0;
        let stat = fstat(&descriptor).map_err(|errno| ReadError::of(&path, errno.into()))?;
        // The kernel's name of what was removed is followed by ` (deleted)`.
        if stat.st_nlink == 0 {
            return Err(ReadError::NotFound { path });
        }
        let failed = |error| ReadError::of(&path, error);
        // Nothing is opened by it: the name is the kernel's own (proc_pid_fd(5)).
        let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        let real = readlink(&link, Vec::new()).map_err(|errno| failed(errno.into()))?;
        let real = real.to_str().ok().and_then(|real| {
            let below = real.strip_prefix(place.real.to_str()?)?;
            let within = below.is_empty() || below.starts_with('/');
            within.then(|| format!("{}{below}", place.seen.trim_end_matches('/')))
        });
        // A file that was removed or moved meanwhile has no name to be told, nor has a hidden one.
        let real = real.filter(|real| !self.is_hidden(real));
        real.ok_or(ReadError::NotFound { path })
    }
}

impl OpenFile {
    /// Goes on at another place of the file, which is given.
    ///
    /// # Errors
    ///
    /// [`ReadError::System`].
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64, ReadError> {
        let place = self.file.seek(to);
        place.map_err(|error| ReadError::of(&self.path, error))
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// [`ReadError::System`].
    pub fn metadata(&self) -> Result<Metadata, ReadError> {
        let stat = fstat(&self.file).map_err(|errno| ReadError::of(&self.path, errno.into()))?;
        Ok(Metadata::from(&stat))
    }
}
