//! What goes to standard output.

use std::io::Write;

use serde::Serialize;

use super::ExitCode;
use super::failure::Failure;

/// Writes text as it is.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| {
            Failure::new(
                ExitCode::Output,
                format!("failed to write to standard output: {error}"),
            )
        })
}

/// Writes a value as JSON for people, with a line end.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    print(&format!("{text}\n"))
}
