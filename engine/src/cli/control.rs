//! What the commands that ask a running `lazaret serve` have in common.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::ExitCode;
use super::failure::Failure;
use super::print::print_json;
use crate::api::{Client, ClientError, DEFAULT_SOCKET, Kind, Refusal};

/// Which engine is asked.
#[derive(Debug, Args)]
pub(super) struct SocketArguments {
    /// The control socket of `lazaret serve`.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub(super) socket: PathBuf,
}

impl SocketArguments {
    /// Asks, and waits for the answer.
    pub(super) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let client = Client::new(&self.socket);
        let runtime = super::runtime()?;
        Ok(runtime.block_on(question(&client))?)
    }
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    error: &'a str,
    exit_code: u8,
}

/// Who asks for JSON gets JSON, whatever went wrong.
pub(super) fn or_json<T>(
    json: bool,
    result: Result<T, Failure>,
) -> Result<Result<T, ExitCode>, Failure> {
    match result {
        Err(failure) if json => {
            print_json(&ErrorReport {
                error: &failure.text,
                exit_code: failure.code as u8,
            })?;
            Ok(Err(failure.code))
        }
        Err(failure) => Err(failure),
        Ok(done) => Ok(Ok(done)),
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(refusal) => Self::new(exit_code(refusal), &refusal.message),
            _ => Self::of(ExitCode::Server, &error),
        }
    }
}

fn exit_code(refusal: &Refusal) -> ExitCode {
    match refusal.kind {
        Kind::Request => ExitCode::Server,
        Kind::NoSuchPlugin => ExitCode::Plugin,
        Kind::NotRunning => ExitCode::NotRunning,
        Kind::Quarantined | Kind::Violation => ExitCode::Violation,
        Kind::NoSuchFunction => ExitCode::NoSuchFunction,
        Kind::Arguments => ExitCode::Arguments,
        Kind::Exception => ExitCode::Exception,
        Kind::Denied => ExitCode::Denied,
        Kind::OutOfMemory => ExitCode::OutOfMemory,
        Kind::ForbiddenSyscall => ExitCode::ForbiddenSyscall,
        Kind::CpuTime => ExitCode::CpuTime,
        Kind::WallTime | Kind::Deadline => ExitCode::WallTime,
        Kind::Result => ExitCode::Result,
        Kind::Ended => ExitCode::Exited,
        Kind::Policy | Kind::Wider | Kind::NoSuchRevision => ExitCode::Policy,
        Kind::NeedsRestart => ExitCode::NeedsRestart,
        Kind::Host => ExitCode::Host,
        Kind::Busy | Kind::Internal => ExitCode::Internal,
    }
}
