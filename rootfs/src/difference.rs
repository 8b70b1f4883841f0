//! How a root file system differs from its manifest.

use std::{fmt, fs::FileType, os::unix::fs::FileTypeExt};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Path below the directory, as `tree/etc/passwd`; `.` is the directory itself. Control
    /// characters are escaped.
    pub path: String,
    /// What is different.
    pub change: Change,
}

/// What is different about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there.
    Missing,
    /// It is there and should not be. What is below it is not listed.
    Extra,
    /// It is something else.
    Kind {
        /// What it should be.
        expected: Kind,
        /// What it is.
        found: Kind,
    },
    /// Its bytes are others.
    Content,
    /// Its permissions are others; set-user-id and the like included.
    Mode {
        /// What they should be.
        expected: u32,
        /// What they are.
        found: u32,
    },
    /// It belongs to somebody who could change it.
    Owner {
        /// Who owns it: user and group.
        found: (u32, u32),
    },
    /// It carries file capabilities: whoever runs it gains privileges.
    Capabilities,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A block or character device.
    Device,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            kind if kind.is_dir() => Self::Directory,
            kind if kind.is_symlink() => Self::SymbolicLink,
            kind if kind.is_fifo() => Self::Pipe,
            kind if kind.is_socket() => Self::Socket,
            kind if kind.is_file() => Self::File,
            _ => Self::Device,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::SymbolicLink => "symbolic link",
            Self::Device => "device",
            Self::Pipe => "named pipe",
            Self::Socket => "socket",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.path, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("missing"),
            Self::Extra => formatter.write_str("not in the manifest"),
            Self::Kind { expected, found } => write!(formatter, "is a {found}, not a {expected}"),
            Self::Content => formatter.write_str("content changed"),
            Self::Mode { expected, found } => {
                write!(formatter, "mode is `{found:04o}`, not `{expected:04o}`")
            }
            Self::Owner {
                found: (user, group),
            } => write!(formatter, "belongs to `{user}:{group}`"),
            Self::Capabilities => formatter.write_str("has file capabilities"),
        }
    }
}
