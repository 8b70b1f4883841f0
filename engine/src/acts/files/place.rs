//! A granted part of the host's file system, held open.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use lazaret_policy::GrantPath;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

use super::quota::Quota;

/// File systems that show the kernel and not files: switches, devices, other processes.
const KERNEL_FILE_SYSTEMS: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "resctrl",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// Why a granted path cannot be held open.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It cannot be opened, nor the directory it is to be made in.
    #[error("failed to open `{path}`, which the policy lets the plugin write")]
    Open {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of it is a symbolic link.
    #[error(
        "`{path}`, which the policy lets the plugin write, leads through a symbolic link\n  hint: name the real path, as `realpath` prints it"
    )]
    Link {
        /// The path.
        path: String,
    },
    /// It is something that is never written for a plugin.
    #[error("`{path}`, which the policy lets the plugin write, is {what}")]
    Unfit {
        /// The path.
        path: String,
        /// What it is.
        what: String,
    },
}

/// One granted path.
#[derive(Debug)]
pub(crate) struct Place {
    path: GrantPath,
    /// The directory, or that of the file.
    pub(super) directory: OwnedFd,
    /// The file, where one file is granted and no directory.
    pub(super) file: Option<String>,
    /// Owner and group of what is made here: those of the directory.
    pub(super) owner: (u32, u32),
    pub(super) quota: Arc<Quota>,
}

impl Place {
    /// Opens a directory with all below it, or a plain file that need not be there yet. No more than
    /// `quota` has left is written there.
    pub(crate) fn open(path: &GrantPath, quota: Arc<Quota>) -> Result<Self, PlaceError> {
        let text = path.as_str();
        let (descriptor, file) = match open(text) {
            Ok(descriptor) if is_directory(text, &descriptor)? => (descriptor, None),
            Ok(_) | Err(Errno::NOENT) => {
                // No permission names `/`, so there is a directory above.
                let (above, name) = text.rsplit_once('/').unwrap_or(("", text));
                let above = if above.is_empty() { "/" } else { above };
                let descriptor = open(above).map_err(|errno| failed(text, errno))?;
                if !is_directory(text, &descriptor)? {
                    return Err(failed(text, Errno::NOTDIR));
                }
                (descriptor, Some(name.to_owned()))
            }
            Err(errno) => return Err(failed(text, errno)),
        };
        let kind = file_system(&descriptor).map_err(|source| PlaceError::Open {
            path: text.to_owned(),
            source,
        })?;
        if KERNEL_FILE_SYSTEMS.contains(&kind.as_str()) {
            return Err(PlaceError::Unfit {
                path: text.to_owned(),
                what: format!("on `{kind}`, which shows the kernel and holds no files"),
            });
        }
        let stat = fstat(&descriptor).map_err(|errno| failed(text, errno))?;
        Ok(Self {
            path: path.clone(),
            directory: descriptor,
            file,
            owner: (stat.st_uid, stat.st_gid),
            quota,
        })
    }

    /// What is left to be written.
    pub(crate) fn quota(&self) -> &Arc<Quota> {
        &self.quota
    }

    /// As the policy names it.
    pub(crate) fn path(&self) -> &GrantPath {
        &self.path
    }
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), resolve)
}

fn is_directory(path: &str, descriptor: &OwnedFd) -> Result<bool, PlaceError> {
    let stat = fstat(descriptor).map_err(|errno| failed(path, errno))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(true),
        FileType::RegularFile => Ok(false),
        _ => Err(PlaceError::Unfit {
            path: path.to_owned(),
            what: "neither a plain file nor a directory".to_owned(),
        }),
    }
}

fn failed(path: &str, errno: Errno) -> PlaceError {
    let path = path.to_owned();
    match errno {
        Errno::LOOP => PlaceError::Link { path },
        errno => PlaceError::Open {
            path,
            source: errno.into(),
        },
    }
}

/// The type of the file system a descriptor is on, by its mount (proc_pid_fdinfo(5),
/// proc_pid_mountinfo(5)). statfs(2) tells devtmpfs as tmpfs.
fn file_system(descriptor: &OwnedFd) -> std::io::Result<String> {
    let lost = || std::io::Error::other("its mount is not in this namespace");
    let number = descriptor.as_raw_fd();
    let information = fs_err::read_to_string(format!("/proc/thread-self/fdinfo/{number}"))?;
    let mut lines = information.lines();
    let mount = lines.find_map(|line| line.strip_prefix("mnt_id:"));
    let mount = mount.ok_or_else(lost)?.trim();
    fs_err::read_to_string("/proc/thread-self/mountinfo")?
        .lines()
        .filter(|line| line.split(' ').next() == Some(mount))
        .find_map(|line| line.split_once(" - ")?.1.split(' ').next())
        .map(str::to_owned)
        .ok_or_else(lost)
}
