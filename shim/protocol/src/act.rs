//! What a plugin asks its engine to do for it. The container itself can do none of this.

use serde::{Deserialize, Serialize};

use crate::kv::{KvAct, KvEntry};
use crate::message::Payload;
use crate::window::{Window, WindowAct};

/// The most bytes one act carries, as the content of a file or what a program is given or says
/// (8 MiB). The policy may allow less.
pub const MAX_ACT_BYTES: usize = 8 * 1024 * 1024;

/// The longest name of a program, in bytes.
pub const MAX_PROGRAM_BYTES: usize = 256;

/// The most bytes all arguments of a program have together: what execve(2) takes of one.
pub const MAX_ARGUMENT_BYTES: usize = 128 * 1024;

/// How the names of the engine's own temporary files start. For plugins they do not exist.
pub const TEMPORARY_NAME: &str = ".lazaret-";

/// Names one ask on one channel. Chosen by the shim; not used for another while it is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AskId(pub u64);

/// What is asked for. Paths are those of the host, as the policy names them: absolute, without
/// empty parts, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Write a file.
    Write {
        /// The file.
        path: String,
        /// What becomes of a file that is there.
        mode: WriteMode,
        /// What becomes of a file that is not.
        presence: Presence,
        /// The bytes.
        #[serde(with = "serde_bytes")]
        content: Vec<u8>,
    },
    /// Remove a file or an empty directory.
    Remove {
        /// Which.
        path: String,
    },
    /// Remove a file, or a directory with all below it.
    RemoveAll {
        /// Which.
        path: String,
    },
    /// Make a directory.
    MakeDirectory {
        /// Which.
        path: String,
        /// Make those above it as well; one that is there already is none the worse.
        parents: bool,
    },
    /// Give a file or directory another name below the same grant. A file of the new name is
    /// replaced.
    Rename {
        /// The name it has.
        from: String,
        /// The name it gets.
        to: String,
    },
    /// Run a program that the policy names.
    Run {
        /// Its name in the policy.
        program: String,
        /// Its arguments without its own name, 1024 at most.
        #[serde(deserialize_with = "crate::bounded::arguments")]
        arguments: Vec<String>,
        /// Its standard input.
        #[serde(with = "serde_bytes")]
        input: Vec<u8>,
    },
    /// Look at what the plugin keeps, or keep something else.
    Kv(KvAct),
    /// Look at the windows of a display, or act on one.
    Window(WindowAct),
}

impl Act {
    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Write { path, content, .. } => path.len() + content.len(),
            Self::Remove { path } | Self::RemoveAll { path } | Self::MakeDirectory { path, .. } => {
                path.len()
            }
            Self::Rename { from, to } => from.len() + to.len(),
            Self::Run {
                program,
                arguments,
                input,
            } => program.len() + input.len() + arguments.iter().map(String::len).sum::<usize>(),
            Self::Kv(act) => act.bytes(),
            Self::Window(_) => size_of::<WindowAct>(),
        }
    }
}

/// What becomes of the content a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteMode {
    /// It is replaced.
    Replace,
    /// It stays, and the new content comes behind it.
    Append,
}

/// Whether a file must be there before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// It is made where it is not.
    Any,
    /// It must be there.
    Old,
    /// It must not.
    New,
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActResult {
    /// It is done.
    Done,
    /// The program has ended.
    Ran {
        /// How.
        status: ProgramStatus,
        /// What it wrote to standard output.
        #[serde(with = "serde_bytes")]
        stdout: Vec<u8>,
        /// What it wrote to standard error.
        #[serde(with = "serde_bytes")]
        stderr: Vec<u8>,
    },
    /// The value of a key, if it has one.
    Value(Option<Payload>),
    /// Keys with their values, in the order of the keys' bytes.
    Entries {
        /// Those that come first.
        entries: Vec<KvEntry>,
        /// There are more.
        more: bool,
    },
    /// Of [`KvAct::Put`]: whether the key had a value. Of [`KvAct::Swap`]: whether it had that one.
    Found(bool),
    /// The windows that may be seen.
    Windows(Vec<Window>),
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramStatus {
    /// It exited with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Why an act was not done, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActError {
    /// No permission grants it.
    Denied {
        /// The permission that would have been needed, as `file:write:/etc/shadow`.
        permission: String,
    },
    /// It would go past a limit of the policy.
    Limit {
        /// Which, as `filesystem.write /srv/out size`.
        what: String,
        /// What it would have come to, in the limit's unit.
        asked: u64,
        /// The limit.
        limit: u64,
    },
    /// It could not be done.
    Failed {
        /// The kind of failure.
        failure: Failure,
        /// What happened, with the name of what it happened to.
        message: String,
    },
}

/// Kinds of failure that plugins tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// There is no such file, directory, program or window.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// A part of the path is no directory.
    NotADirectory,
    /// It is a directory.
    IsADirectory,
    /// Too much is asked at a time.
    Busy,
    /// It took too long.
    TimedOut,
    /// It was given up, since its call or the plugin is over.
    Interrupted,
    /// Anything else.
    Other,
}
