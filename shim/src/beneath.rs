//! The files a plugin may read: below `/plugin`, below `/tmp`, and what its policy grants.
//!
//! A path is put in normal form as text, looked up in this list, and opened beneath the directory
//! it was found under (`RESOLVE_BENEATH`, openat2(2)), so that no link leads out.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use lazaret_protocol::ShimSettings;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

/// Where the plugin's code is, as the plugin sees it.
pub const PLUGIN: &str = "/plugin";

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
}

/// All readable parts.
#[derive(Clone, Debug)]
pub struct Places(Vec<Place>);

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
        let fixed = [PLUGIN, "/tmp"].map(|path| Place {
            seen: path.to_owned(),
            real: path.into(),
            directory: true,
        });
        let granted = settings.files.iter().map(|grant| Place {
            seen: normal_form(&grant.path),
            real: PathBuf::from(&grant.mounted_at),
            directory: grant.directory,
        });
        Self(fixed.into_iter().chain(granted).collect())
    }

    /// Exactly these places.
    #[must_use]
    pub fn new(places: Vec<Place>) -> Self {
        Self(places)
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

    /// Reads a whole regular file of at most `limit` bytes. A path that is not absolute starts
    /// at the plugin's directory.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (place, below, path) = self.find(path)?;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => ReadError::NotFound { path: path.clone() },
            _ => ReadError::System {
                path: path.clone(),
                source,
            },
        };
        let descriptor = open_at(place, &below).map_err(|errno| failed(errno.into()))?;
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
        if path.len() > MAX_PATH_BYTES || path.contains('\0') {
            return Err(ReadError::Path);
        }
        let path = normal_form(path);
        self.0
            .iter()
            .filter_map(|place| Some((place, place.rest_of(&path)?)))
            .max_by_key(|(place, _)| place.seen.len())
            .map(|(place, below)| (place, below, path.clone()))
            .ok_or_else(|| ReadError::Denied {
                permission: format!("file:read:{path}"),
            })
    }
}

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

fn open_at(place: &Place, below: &str) -> rustix::io::Result<OwnedFd> {
    // Not blocking: the open of a pipe must return so that it can be refused.
    let reading = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let links = ResolveFlags::NO_MAGICLINKS;
    if !place.directory {
        return openat2(
            CWD,
            &place.real,
            reading,
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
    openat2(
        root,
        below,
        reading,
        Mode::empty(),
        links | ResolveFlags::BENEATH,
    )
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
mod tests {
    use super::*;

    fn places(directory: &Path) -> Places {
        let place = |seen: &str, real: &str, directory_: bool| Place {
            seen: seen.to_owned(),
            real: directory.join(real),
            directory: directory_,
        };
        Places::new(vec![
            place("/plugin", "plugin", true),
            place("/srv/data", "granted", true),
            place("/etc/motd", "motd", false),
        ])
    }

    fn host() -> tempfile::TempDir {
        let host = tempfile::tempdir().expect("directory");
        for directory in ["plugin/lib", "granted"] {
            fs_err::create_dir_all(host.path().join(directory)).expect("directory");
        }
        for (file, text) in [
            ("plugin/main.js", "code"),
            ("granted/a.txt", "granted"),
            ("motd", "hello"),
            ("secret", "secret"),
        ] {
            fs_err::write(host.path().join(file), text).expect("file");
        }
        host
    }

    fn read(path: &str) -> Result<Vec<u8>, String> {
        let host = host();
        places(host.path())
            .read(path, 16)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_of_the_plugin_and_granted_ones_are_read() {
        assert_eq!(read("/plugin/main.js").as_deref(), Ok(&b"code"[..]));
        assert_eq!(read("lib/../main.js").as_deref(), Ok(&b"code"[..]));
        assert_eq!(read("/srv/data/a.txt").as_deref(), Ok(&b"granted"[..]));
        assert_eq!(read("/etc/motd").as_deref(), Ok(&b"hello"[..]));
    }

    #[test]
    fn anything_else_names_the_missing_permission() {
        for (path, permission) in [
            ("/etc/shadow", "file:read:/etc/shadow"),
            ("../etc/shadow", "file:read:/etc/shadow"),
            ("/plugin/../etc//shadow/", "file:read:/etc/shadow"),
            ("/srv/database", "file:read:/srv/database"),
            ("/etc/motd/x", "file:read:/etc/motd/x"),
            ("/", "file:read:/"),
        ] {
            assert_eq!(
                read(path),
                Err(format!("`{permission}` is not granted")),
                "{path}"
            );
        }
    }

    #[test]
    fn a_link_that_leads_out_is_not_followed() {
        let host = host();
        for (name, target) in [("up", "../secret"), ("absolute", "/etc/passwd")] {
            std::os::unix::fs::symlink(target, host.path().join("plugin").join(name))
                .expect("link");
            let error = places(host.path()).read(name, 16).expect_err("refused");
            assert!(matches!(error, ReadError::System { .. }), "{error}");
        }
    }

    #[test]
    fn directories_pipes_and_missing_files_are_told_apart() {
        assert_eq!(
            read("/plugin/lib"),
            Err("no regular file: `/plugin/lib`".to_owned())
        );
        assert_eq!(
            read("/plugin"),
            Err("no regular file: `/plugin`".to_owned())
        );
        assert_eq!(
            read("/plugin/no"),
            Err("no such file: `/plugin/no`".to_owned())
        );
        let host = host();
        rustix::fs::mknodat(
            CWD,
            host.path().join("plugin/pipe"),
            FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .expect("pipe");
        let error = places(host.path()).read("pipe", 16).expect_err("refused");
        assert!(matches!(error, ReadError::NotRegular { .. }));
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let host = host();
        fs_err::write(host.path().join("plugin/big"), [0; 17]).expect("file");
        let error = places(host.path()).read("big", 16).expect_err("refused");
        assert!(matches!(error, ReadError::TooLarge { limit: 16, .. }));
    }

    #[test]
    fn a_path_with_a_nul_byte_is_no_path() {
        assert_eq!(read("/plugin/a\0b"), Err("no usable path".to_owned()));
    }
}
