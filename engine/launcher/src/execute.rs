//! The last step into a program: execve(2) of just the path the bundle names.

use std::convert::Infallible;
use std::ffi::CString;
use std::io::Write;

use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorValidationError};
use nix::unistd::execve;

/// Starts the program with the bundle's environment and nothing more: no look at `PATH`, and no shell for what is no
/// program. Why it could not be started is told on its standard error, where its own errors are.
#[derive(Clone)]
pub(crate) struct Execute;

impl Executor for Execute {
    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let process = spec.process().as_ref().ok_or(ExecutorError::InvalidArg)?;
        let list = |texts: &Option<Vec<String>>| -> Result<Vec<CString>, ExecutorError> {
            let texts = texts.iter().flatten();
            let texts = texts.map(|text| CString::new(text.as_bytes()));
            texts
                .collect::<Result<_, _>>()
                .map_err(|_| ExecutorError::InvalidArg)
        };
        let arguments = list(process.args())?;
        let environment = list(process.env())?;
        let program = arguments.first().ok_or(ExecutorError::InvalidArg)?;
        let Err(errno): Result<Infallible, _> = execve(program, &arguments, &environment);
        let message = format!("{}: {}", program.to_string_lossy(), errno.desc());
        // Nobody else is left to be told.
        drop(writeln!(
            std::io::stderr(),
            "lazaret: failed to start {message}"
        ));
        Err(ExecutorError::Other(message))
    }

    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        libcontainer::workload::default::DefaultExecutor {}.validate(spec)
    }
}
