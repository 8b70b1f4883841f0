//! Acts that were refused.

use std::fmt;

use serde::Serialize;

/// One refused act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Violation {
    /// An op was asked for what no permission grants. The shim's word.
    Permission {
        /// As `file:read:/etc/shadow`.
        permission: String,
    },
    /// A system call outside the filter. The kernel's word.
    Syscall(SyscallViolation),
}

/// A system call that was asked for and refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyscallViolation {
    /// Its name, or its number where the name is not known.
    pub name: String,
    /// The thread that asked, as the host numbers it.
    pub pid: u32,
    /// Its six arguments as plain numbers; what they point to is not read.
    pub arguments: [u64; 6],
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission { permission } => write!(formatter, "`{permission}` denied"),
            Self::Syscall(call) => write!(formatter, "system call `{}` refused", call.name),
        }
    }
}
