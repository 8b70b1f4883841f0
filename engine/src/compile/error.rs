use std::path::PathBuf;

use lazaret_rootfs::ManifestError;

use super::outcomes::AnswerError;
use crate::event::escape;
use crate::programs::{ProgramEnd, ProgramError};

/// Why the TypeScript of a plugin was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// All sources together are too large.
    #[error(
        "the TypeScript of plugin `{plugin}` has {bytes} bytes, more than the limit of {limit}\n  hint: leave out TypeScript that it does not import, or bundle it to JavaScript"
    )]
    TooLarge {
        /// The plugin.
        plugin: String,
        /// How much there is, at least.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The thread that was to do it is gone.
    #[error("failed to prepare the TypeScript of plugin `{plugin}`")]
    Thread {
        /// The plugin.
        plugin: String,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
    /// The compiler is not installed.
    #[error("the TypeScript compiler is not installed: no `{}`\n  hint: run `make build`", path.display())]
    Missing {
        /// Where its root file system would be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: ManifestError,
    },
    /// No container can be made of this path.
    #[error("the TypeScript compiler cannot be run from `{}`\n  hint: install it where the path has no unusual characters", .0.display())]
    Path(PathBuf),
    /// The compiler was not run, or was ended.
    #[error(
        "failed to compile the TypeScript of plugin `{plugin}`\n  hint: the largest of its sources is `{}`",
        escape(largest)
    )]
    Program {
        /// The plugin.
        plugin: String,
        /// Its largest source.
        largest: String,
        /// Which limit it was, or what else.
        #[source]
        source: ProgramError,
    },
    /// The compiler ended by itself, as with sources nested too deep.
    #[error(
        "failed to compile the TypeScript of plugin `{plugin}`: the compiler ended with {end:?}: {}\n  hint: a source is nested too deep, or the compiler has a mistake; the largest is `{}`",
        escape(said),
        escape(largest)
    )]
    Ended {
        /// The plugin.
        plugin: String,
        /// Its largest source.
        largest: String,
        /// How it ended.
        end: ProgramEnd,
        /// What it said, cut.
        said: String,
    },
    /// The compiler's answer is not what it was asked for.
    #[error("the compiler's answer to the TypeScript of plugin `{plugin}` is refused")]
    Answer {
        /// The plugin.
        plugin: String,
        /// What is wrong with it.
        #[source]
        source: AnswerError,
    },
}
