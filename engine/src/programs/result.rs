//! What comes of a program.

use std::fmt::Write;

use lazaret_launcher_wire::ExitStatus;
use lazaret_launcher_wire::floor::program::{MAX_ARGUMENT_BYTES, MAX_ARGUMENTS};
use lazaret_policy::TimeLimit;

use crate::bundle::BundleError;
use crate::container::LauncherError;

/// How a program ended that was left to itself.
pub type ProgramEnd = ExitStatus;

/// What a program left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    /// How it ended.
    pub end: ProgramEnd,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// Why a program has no output to give.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// More arguments than a bundle has room for.
    #[error(
        "program `{program}` was given {count} arguments of {bytes} bytes, more than {MAX_ARGUMENTS} or {MAX_ARGUMENT_BYTES} bytes\n  hint: give it what is long as its standard input"
    )]
    TooManyArguments {
        /// Its name in the policy.
        program: String,
        /// How many there were.
        count: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// No program can be given such an argument.
    #[error("an argument for program `{program}` has a NUL character in it")]
    NulInArgument {
        /// Its name in the policy.
        program: String,
    },
    /// More input than its limit.
    #[error("program `{program}` was given {bytes} bytes of input, with a limit of {limit}")]
    TooMuchInput {
        /// Its name in the policy.
        program: String,
        /// How many there were.
        bytes: u64,
        /// `limits.input`.
        limit: u64,
    },
    /// It wrote more than its limit, and was killed.
    #[error(
        "program `{program}` was ended: more than {limit} bytes of standard output or standard error"
    )]
    TooMuchOutput {
        /// Its name in the policy.
        program: String,
        /// `limits.output`, or the most that a plugin can be told.
        limit: u64,
    },
    /// It took longer than its limit, and was killed.
    #[error("program `{program}` was ended: not done after {limit}")]
    TooLong {
        /// Its name in the policy.
        program: String,
        /// `limits.time`.
        limit: TimeLimit,
    },
    /// The kernel killed it, or a process of it, for want of memory.
    #[error("program `{program}` was ended: out of memory ({limit} bytes)")]
    OutOfMemory {
        /// Its name in the policy.
        program: String,
        /// `limits.memory` in bytes.
        limit: u64,
    },
    /// Nobody waits for it any more, or the plugin is over.
    #[error("the program was given up")]
    GivenUp,
    /// The kernel does not hold its container to what it should; it was not started.
    #[error("the kernel does not hold program `{program}` to its limits:{}", list(.differences))]
    Differs {
        /// Its name in the policy.
        program: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// A mistake of ours.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The launcher did not make or start its container.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// A pipe or a file of the kernel.
    #[error("failed to {what}")]
    Io {
        /// The step.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn list(differences: &[String]) -> String {
    differences.iter().fold(String::new(), |mut text, line| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\n  {line}");
        text
    })
}
