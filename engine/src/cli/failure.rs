//! Errors on their way to the operator.

use std::error::Error;
use std::io::Write;

use super::ExitCode;
use crate::bundle::{BundleError, WriteError};
use crate::compile::CompileError;
use crate::event::escape;
use crate::host::InstallationError;
use crate::plugin::{LocateError, ReadError};
use crate::supervisor::{EngineError, LaunchError};

/// How long a message may take to be read.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// What went wrong, and the exit status for it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: ExitCode,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(code: ExitCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// An error with its chain of causes; advice (`hint:` lines) comes last.
    pub(super) fn of(code: ExitCode, error: &dyn Error) -> Self {
        let mut messages = Vec::new();
        let mut hints = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            let (message, hint) = text.split_once("\n  hint: ").unwrap_or((&text, ""));
            if messages.last().is_none_or(|last: &String| last != message) {
                messages.push(message.to_owned());
            }
            if !hint.is_empty() {
                hints.push(format!("\n  hint: {hint}"));
            }
            next = error.source();
        }
        Self {
            code,
            text: format!("{}{}", messages.join(": "), hints.concat()),
        }
    }

    /// Writes it to standard error. Where nobody reads that, the command ends all the same.
    pub(super) fn report(self) -> ExitCode {
        let Self { code, text } = self;
        // What a plugin, a policy or a file's name brought along must not act on the terminal.
        let text = text.lines().map(escape).collect::<Vec<_>>().join("\n");
        let (written, all_written) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // Nobody is left to tell where standard error is closed.
            drop(writeln!(std::io::stderr(), "error: {text}"));
            written.send(()).ok();
        });
        all_written.recv_timeout(PATIENCE).ok();
        code
    }
}

impl From<LocateError> for Failure {
    fn from(error: LocateError) -> Self {
        Self::of(ExitCode::Plugin, &error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::of(ExitCode::Plugin, &error)
    }
}

impl From<InstallationError> for Failure {
    fn from(error: InstallationError) -> Self {
        Self::of(ExitCode::Host, &error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::of(ExitCode::Host, &error)
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        let code = match &error {
            BundleError::Unheld(_)
            | BundleError::Grant { .. }
            | BundleError::TooManyGrants { .. } => ExitCode::Policy,
            BundleError::Specification(_) | BundleError::Json(_) => ExitCode::Internal,
        };
        Self::of(code, &error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::of(ExitCode::Output, &error)
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        let code = match error {
            CompileError::Missing { .. } | CompileError::Path(_) => ExitCode::Rootfs,
            _ => ExitCode::Plugin,
        };
        Self::of(code, &error)
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            error @ LaunchError::Quarantined { .. } => Self::of(ExitCode::Violation, &error),
            LaunchError::Read(error) => error.into(),
            LaunchError::Compile(error) => error.into(),
            LaunchError::Snapshot(error) => Self::of(ExitCode::Plugin, &error),
            LaunchError::Installation(error) => error.into(),
            LaunchError::Bundle(error) => error.into(),
            LaunchError::Launcher(error) => {
                let mut failure = Self::of(ExitCode::Host, &error);
                failure
                    .text
                    .push_str("\n  hint: `lazaret check` tells what this host lacks");
                failure
            }
            error @ LaunchError::CgroupDiffers(_) => Self::of(ExitCode::ReadBack, &error),
            error @ (LaunchError::Schema(_)
            | LaunchError::Config { .. }
            | LaunchError::NotExported { .. }) => Self::of(ExitCode::Plugin, &error),
            // As a path that may be read and is not there.
            error @ (LaunchError::Place(_)
            | LaunchError::Environment(_)
            | LaunchError::Secrets(_)
            | LaunchError::ReachesOwn(_)) => Self::of(ExitCode::Policy, &error),
            error @ (LaunchError::Unenforceable(_)
            | LaunchError::Egress(_)
            | LaunchError::Ending(_)) => Self::of(ExitCode::Host, &error),
            error @ (LaunchError::Io { .. } | LaunchError::Ended(_)) => {
                Self::of(ExitCode::Internal, &error)
            }
        }
    }
}
