//! `lazaret policy schema`

use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::print;

/// Prints the JSON Schema of policy files.
pub(super) fn run() -> Result<ExitCode, Failure> {
    print(&lazaret_policy::schema_text())?;
    Ok(ExitCode::Success)
}
