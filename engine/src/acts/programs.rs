//! Running a program for a plugin, and what the plugin is told of it.

use lazaret_launcher_wire::ExitStatus;
use lazaret_policy::{ByteSize, Program};
use lazaret_protocol::{ActError, ActResult, Failure, MAX_ACT_BYTES, ProgramStatus};

use super::{Outcome, failed};
use crate::programs::{ProgramError, Programs};

/// The longest message of a failure in bytes: what the launcher says may be long.
const MAX_MESSAGE_BYTES: usize = 4096;

/// Runs it to its end; given up when it is dropped. `program` is what the policy says of it.
pub(super) async fn run(
    programs: &Programs,
    program: Option<&Program>,
    arguments: Vec<String>,
    input: Vec<u8>,
) -> Outcome {
    let Some(program) = program else {
        let message = "the policy grants this program and does not say what it is";
        return Err(failed(Failure::NotFound, message));
    };
    let mut program = program.clone();
    // Output and error are to fit a message.
    let most = ByteSize::from_bytes(MAX_ACT_BYTES as u64 / 2);
    program.limits.output = program.limits.output.min(most);
    match programs.run(&program, arguments, input).await {
        Ok(ran) => Ok(ActResult::Ran {
            status: match ran.end {
                ExitStatus::Code(code) => ProgramStatus::Code(code),
                ExitStatus::Signal(signal) => ProgramStatus::Signal(signal),
            },
            stdout: ran.stdout,
            stderr: ran.stderr,
        }),
        Err(error) => Err(told(&error)),
    }
}

fn told(error: &ProgramError) -> ActError {
    let failure = match error {
        ProgramError::TooMuchInput {
            program,
            bytes,
            limit,
        } => {
            return ActError::Limit {
                what: format!("input of program `{program}` in bytes"),
                asked: *bytes,
                limit: *limit,
            };
        }
        ProgramError::TooLong { .. } => Failure::TimedOut,
        ProgramError::GivenUp => Failure::Interrupted,
        _ => Failure::Other,
    };
    let mut message = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
    failed(failure, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_told_which_limit_was_met_and_why_it_failed() {
        let error = told(&ProgramError::TooMuchInput {
            program: "jq".to_owned(),
            bytes: 11,
            limit: 10,
        });
        assert!(matches!(
            error,
            ActError::Limit {
                asked: 11,
                limit: 10,
                ..
            }
        ));
        let error = told(&ProgramError::Io {
            what: "make pipes",
            source: std::io::Error::other("x".repeat(10_000)),
        });
        let ActError::Failed { failure, message } = error else {
            panic!("{error:?}");
        };
        assert_eq!(failure, Failure::Other);
        assert!(
            message.starts_with("failed to make pipes: xxx"),
            "{message}"
        );
        assert_eq!(message.len(), MAX_MESSAGE_BYTES);
    }
}
