//! What the commands that ask a running `lazaret serve` have in common.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::ExitCode;
use super::failure::Failure;
use super::print::print_json;
use crate::api::{Client, ClientError, DEFAULT_SOCKET};

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
            ClientError::Refused(refusal) => Self::new(refusal.kind.into(), &refusal.message),
            _ => Self::of(ExitCode::Server, &error),
        }
    }
}
