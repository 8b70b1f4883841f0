//! The files a plugin may read: below `/plugin`, below `/tmp`, and what its policy grants.
//!
//! A path is put in normal form as text, looked up in this list, and opened beneath the directory
//! it was found under (`RESOLVE_BENEATH`, openat2(2)), so that no link leads out.

mod entries;
mod names;
mod part;
mod snapshot;
mod walk;

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use lazaret_protocol::{FileLimits, ShimSettings};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

pub use entries::{Entry, EntryKind, Metadata};
pub use part::OpenFile;
pub use snapshot::{Change, Snapshot};
pub use walk::{Step, Visited, Walk};

/// Where the plugin's code is, as the plugin sees it.
pub const PLUGIN: &str = "/plugin";

/// Where the plugin's own memory file system is.
const TEMPORARY: &str = "/tmp";

/// How often a path is looked up again while somebody renames what it leads by.
const MOST_TRIES: u32 = 128;

/// The longest path that is looked at, in bytes (`PATH_MAX`).
const MAX_PATH_BYTES: usize = 4096;

/// One readable part of the file system.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its path as the plugin names it, in normal form.
    pub seen: String,
    /// Its path in this process's mount namespace.
    pub real: PathBuf,
    /// It is a directory, readable with all below it.
    pub directory: bool,
    /// The policy grants it: it is neither the plugin's own code nor its own memory, which may
    /// have the same names.
    pub granted: bool,
}

/// All readable parts.
#[derive(Clone, Debug)]
pub struct Places {
    places: Vec<Place>,
    limits: FileLimits,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No place holds it.
    #[error("`{permission}` is not granted")]
    Denied {
        /// What would have to be granted, as `file:read:/etc/shadow`.
        permission: String,
    },
    /// The path holds a NUL byte or is too long.
    #[error("no usable path")]
    Path,
    /// There is no such file.
    #[error("no such file: `{path}`")]
    NotFound {
        /// The path in normal form.
        path: String,
    },
    /// Something in a place that hides names is reached through a link.
    #[error("`{path}` leads through a symbolic link, and names are hidden there")]
    Link {
        /// The path in normal form.
        path: String,
    },
    /// It is a file and no directory.
    #[error("no directory: `{path}`")]
    NotADirectory {
        /// The path in normal form.
        path: String,
    },
    /// The directory holds more than is listed at once.
    #[error("directory `{path}` holds more than `{limit}` names")]
    TooMany {
        /// The path in normal form.
        path: String,
        /// The most that are listed.
        limit: usize,
    },
    /// More is asked for than is done at once.
    #[error("more than {limit} {what}: `{path}`")]
    TooMuch {
        /// The path in normal form.
        path: String,
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: u64,
    },
    /// It is a directory, a device, a pipe or a socket.
    #[error("no regular file: `{path}`")]
    NotRegular {
        /// The path in normal form.
        path: String,
    },
    /// It is larger than may be read at once.
    #[error("file `{path}` is larger than `{limit}` bytes")]
    TooLarge {
        /// The path in normal form.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Opening or reading failed.
    #[error("failed to read `{path}`: {source}")]
    System {
        /// The path in normal form.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
}

impl Places {
    /// The places of a plugin in its container.
    #[must_use]
    pub fn of(settings: &ShimSettings) -> Self {
        let fixed = [PLUGIN, TEMPORARY].map(|path| Place {
            seen: path.to_owned(),
            real: path.into(),
            directory: true,
            granted: false,
        });
        let granted = settings.files.iter().map(|grant| Place {
            seen: normal_form(&grant.path),
            real: PathBuf::from(&grant.mounted_at),
            directory: grant.directory,
            granted: true,
        });
        Self {
            places: fixed.into_iter().chain(granted).collect(),
            limits: settings.file_limits.clone(),
        }
    }

    /// Exactly these places.
    #[must_use]
    pub fn new(places: Vec<Place>, limits: FileLimits) -> Self {
        Self { places, limits }
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: FileLimits) {
        self.limits = limits;
    }

    /// The most bytes the plugin may read at once.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.limits.read_bytes
    }

    /// The permission by which `path` may be read; `None` where it may not, or is the plugin's own.
    #[must_use]
    pub fn granted(&self, path: &str) -> Option<String> {
        let (place, _, path) = self.find(path).ok()?;
        place.granted.then(|| format!("file:read:{path}"))
    }

    /// The permission that reading `path` lacks, or `None` if it is granted.
    ///
    /// # Errors
    ///
    /// [`ReadError::Path`] if no permission could ever name it.
    pub fn lacks(&self, path: &str) -> Result<Option<String>, ReadError> {
        match self.find(path) {
            Ok(_) => Ok(None),
            Err(ReadError::Denied { permission }) => Ok(Some(permission)),
            Err(other) => Err(other),
        }
    }

    /// The path in normal form, for whoever else is to look at it.
    ///
    /// # Errors
    ///
    /// [`ReadError::Path`].
    pub fn name(&self, path: &str) -> Result<String, ReadError> {
        if path.len() > MAX_PATH_BYTES || path.contains('\0') {
            return Err(ReadError::Path);
        }
        Ok(normal_form(path))
    }

    /// Reads a whole regular file of at most `limit` bytes. A path that is not absolute starts
    /// at the plugin's directory.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (descriptor, path) = self.open(path, READING)?;
        let failed = |source| ReadError::of(&path, source);
        let stat = fstat(&descriptor).map_err(|errno| failed(errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::NotRegular { path });
        }
        let mut bytes = Vec::new();
        std::fs::File::from(descriptor)
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(ReadError::TooLarge { path, limit });
        }
        Ok(bytes)
    }

    /// The innermost place that holds `path`, the rest of the path below it, and its normal form.
    fn find(&self, path: &str) -> Result<(&Place, String, String), ReadError> {
        let path = self.name(path)?;
        self.places
            .iter()
            .filter_map(|place| Some((place, place.rest_of(&path)?)))
            .max_by_key(|(place, _)| place.seen.len())
            .map(|(place, below)| (place, below, path.clone()))
            .ok_or_else(|| ReadError::Denied {
                permission: format!("file:read:{path}"),
            })
    }

    /// Whether a name in a directory, granted or the plugin's own, does not exist for the plugin.
    fn hides(&self, granted: bool, name: &str) -> bool {
        granted && names::is_ignored(name, &self.limits.ignore)
    }

    /// Whether a path leads by a name that does not exist for the plugin.
    fn is_hidden(&self, path: &str) -> bool {
        self.find(path).is_ok_and(|(place, below, _)| {
            place.granted && names::any_ignored(&below, &self.limits.ignore)
        })
    }

    /// Opens what `path` names, and gives its normal form.
    fn open(&self, path: &str, flags: OFlags) -> Result<(OwnedFd, String), ReadError> {
        let (place, below, path) = self.find(path)?;
        let hides = place.granted && !self.limits.ignore.is_empty();
        if self.is_hidden(&path) {
            return Err(ReadError::NotFound { path });
        }
        // A link by another name leads to what is hidden.
        let links = if hides {
            ResolveFlags::NO_SYMLINKS
        } else {
            ResolveFlags::empty()
        };
        match open_at(place, &below, flags, links) {
            Ok(descriptor) => Ok((descriptor, path)),
            Err(Errno::LOOP) if hides => Err(ReadError::Link { path }),
            Err(errno) => Err(ReadError::of(&path, errno.into())),
        }
    }
}

impl ReadError {
    fn of(path: &str, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound { path },
            std::io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::System { path, source },
        }
    }
}

/// Not blocking: the open of a pipe must return so that it can be refused.
const READING: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Place {
    fn rest_of(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.seen.trim_end_matches('/'))?;
        match rest.strip_prefix('/') {
            Some(below) if self.directory => Some(below.to_owned()),
            None if rest.is_empty() => Some(String::new()),
            _ => None,
        }
    }
}

fn open_at(
    place: &Place,
    below: &str,
    flags: OFlags,
    links: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    let links = links | ResolveFlags::NO_MAGICLINKS;
    if !place.directory {
        return openat2(
            CWD,
            &place.real,
            flags,
            Mode::empty(),
            links | ResolveFlags::NO_SYMLINKS,
        );
    }
    let root = openat(
        CWD,
        &place.real,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let below = if below.is_empty() {
        Path::new(".")
    } else {
        Path::new(below)
    };
    let resolve = links | ResolveFlags::BENEATH;
    let mut tries = 0;
    loop {
        match openat2(&root, below, flags, Mode::empty(), resolve) {
            // Something was renamed meanwhile, and a link of the path leads up.
            Err(Errno::AGAIN) if tries < MOST_TRIES => tries += 1,
            opened => return opened,
        }
    }
}

/// Absolute, without `.`, `..`, empty parts or a slash at the end; from `/plugin` if relative.
fn normal_form(path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { PLUGIN };
    let mut parts = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests;
