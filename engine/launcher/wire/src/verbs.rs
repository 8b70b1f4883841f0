//! The verbs of the launcher and what it answers.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many host ids one container's user namespace maps: ids 0 to 65535 inside become
/// `base` to `base + 65535` outside.
pub const ID_BLOCK_SIZE: u32 = 65_536;

/// Names a container, its cgroup and its directory: `lazaret-` and then letters, digits and
/// dashes, 64 bytes at most, so that it is safe as a file name everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// The text is no container id.
#[derive(Debug, thiserror::Error)]
#[error("invalid container id: `{0}`")]
pub struct InvalidContainerId(String);

impl ContainerId {
    /// The `sequence`th container of the launcher with process id `launcher`.
    pub fn new(launcher: u32, sequence: u64) -> Self {
        Self(format!("lazaret-{launcher}-{sequence}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The process id of the launcher that made it, where the id has the form of [`Self::new`].
    pub fn launcher(&self) -> Option<u32> {
        let (launcher, sequence) = self.0.strip_prefix("lazaret-")?.split_once('-')?;
        sequence.parse::<u64>().ok()?;
        launcher.parse().ok()
    }
}

impl FromStr for ContainerId {
    type Err = InvalidContainerId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tail = text.strip_prefix("lazaret-").unwrap_or_default();
        let valid = !tail.is_empty()
            && text.len() <= 64
            && tail
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidContainerId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidContainerId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A host path that the bundle mounts from the container's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMount {
    /// The path on the host, of a plain file or a directory; no part of it is a symbolic link.
    pub host: PathBuf,
    /// Its name below [`crate::GRANTS_DIRECTORY`], a plain number.
    pub name: u32,
}

/// The limits of a container that can be changed while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupLimits {
    /// `memory.max` in bytes. There is never swap beside it.
    pub memory: u64,
    /// `memory.high` in bytes; `None` for no such limit. Cgroup version 2 only.
    pub memory_high: Option<u64>,
    /// CPU time in microseconds for each [`CPU_PERIOD_US`].
    pub cpu_quota: u64,
    /// `cpu.weight`; on version 1 the shares that mean the same.
    pub cpu_weight: u64,
    /// `pids.max`. The first process' own limit (`RLIMIT_NPROC`) is raised above it where it is not.
    pub pids: u64,
}

/// The kernel's default period of CPU time in microseconds, which every container has.
pub const CPU_PERIOD_US: u64 = 100_000;

/// What a CPU weight is on version 1. The defaults mean the same: weight 100, 1024 shares.
pub fn cpu_shares(weight: u64) -> u64 {
    (weight * 1024 / 100).max(2)
}

/// What the engine asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Request {
    /// Set aside a container id and a block of host ids for it. Answered with
    /// [`Response::Reserved`].
    Reserve {
        /// The block to try first: its number modulo the number of blocks.
        preferred_block: u32,
    },
    /// Make the container's directory and create the container in it, up to but not including
    /// the start of its process. Descriptors: the shim's end of the channel, the write end for
    /// its standard output and error, a memory file with the plugin's snapshot, and, where the
    /// plugin has egress, a unix stream socket with no name, which is bound to
    /// [`crate::EGRESS_SOCKET`] and listens. Answered with
    /// [`Response::Created`]. Where it fails, the reservation is given back too.
    Create {
        /// A reserved id.
        id: ContainerId,
        /// `config.json` of the bundle.
        config: String,
        /// `settings.json` for the shim.
        settings: String,
        /// The root file system's tree on the host; no part of the path is a symbolic link.
        rootfs: PathBuf,
        /// The host paths it may use.
        grants: Vec<FileMount>,
    },
    /// Make the container of a program that a policy names, up to but not including the start of
    /// the program. Descriptors: its standard input, output and error. Answered with
    /// [`Response::Created`]. Where it fails, the reservation is given back too.
    CreateProgram {
        /// A reserved id.
        id: ContainerId,
        /// `config.json` of the bundle, as [`crate::floor::check_program`] takes it.
        config: String,
        /// The root file system on the host, a directory with `proc`, `dev` and `tmp` in it; no
        /// part of the path is a symbolic link.
        rootfs: PathBuf,
    },
    /// Let the created process run. Answered with [`Response::Done`].
    Start {
        /// A created container.
        id: ContainerId,
    },
    /// Hold a created or running container to other limits, all of them or, where one cannot be
    /// set, to those it had. Answered with [`Response::Done`].
    Update {
        /// A created or running container.
        id: ContainerId,
        /// What it is to be held to.
        limits: CgroupLimits,
    },
    /// Send `SIGKILL` to the container's first process, and so to all. Answered with
    /// [`Response::Done`], also where it has ended already.
    Kill {
        /// A created or running container.
        id: ContainerId,
    },
    /// Remove an ended container, its cgroup, its directory, and give back its ids. A container
    /// that has not ended is killed first. Answered with [`Response::Done`].
    Delete {
        /// Any reserved id.
        id: ContainerId,
    },
}

/// What the launcher answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Response {
    /// To [`Request::Reserve`].
    Reserved {
        /// The id of the container to be.
        id: ContainerId,
        /// Its directory, which does not exist yet.
        directory: PathBuf,
        /// The first host id of its block.
        first_host_id: u32,
    },
    /// To [`Request::Create`]. Descriptors: a pidfd of the container's first process, then the
    /// seccomp listener where the bundle asks for one.
    Created {
        /// The process id on the host.
        pid: u32,
    },
    /// The verb was carried out.
    Done,
    /// The verb was not carried out; nothing of it is left.
    Failed {
        /// The cause; a hint may follow on a line of its own.
        message: String,
    },
}

/// How the first process of a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It exited with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// What the launcher tells unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The first process of a container ended. Its cgroup is still there, to be read, until
    /// [`Request::Delete`].
    Exited {
        /// The container.
        id: ContainerId,
        /// How it ended.
        status: ExitStatus,
    },
}

/// A packet from the launcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromLauncher {
    /// The answer to the oldest request not yet answered.
    Response(Response),
    /// Something that happened.
    Event(Event),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids_are_safe_as_file_names() {
        for bad in [
            "",
            "lazaret-",
            "x",
            "lazaret-a/b",
            "lazaret-..",
            "../lazaret-1",
            "lazaret-1\n",
        ] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad:?}");
        }
        assert!(
            format!("lazaret-{}", "a".repeat(57))
                .parse::<ContainerId>()
                .is_err()
        );
        assert_eq!(
            "lazaret-12-3".parse::<ContainerId>().unwrap(),
            ContainerId::new(12, 3)
        );
    }

    #[test]
    fn a_container_id_names_its_launcher() {
        assert_eq!(ContainerId::new(812, 4).launcher(), Some(812));
        assert_eq!(
            "lazaret-x-4".parse::<ContainerId>().unwrap().launcher(),
            None
        );
    }
}
