//! Errors on their way to the operator.

use std::error::Error;
use std::io::Write;

use super::ExitCode;
use crate::api::{Kind, Told, chain, of_launch};
use crate::bundle::{BundleError, WriteError};
use crate::compile::CompileError;
use crate::event::escape;
use crate::host::InstallationError;
use crate::plugin::{LocateError, ReadError};
use crate::store::StoreError;
use crate::supervisor::{EngineError, LaunchError};

/// How long a message may take to be read.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// What went wrong, and the exit status for it.
#[derive(Clone, Debug)]
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
        Self::new(code, chain(error))
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

impl From<Told> for Failure {
    fn from((kind, text): Told) -> Self {
        Self::new(kind.into(), text)
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self::of(Kind::from(&error).into(), &error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::of(ExitCode::Output, &error)
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        Self::of(Kind::from(&error).into(), &error)
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        of_launch(&error).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(Kind::from(&error).into(), &error)
    }
}
