//! `lazaret plugin …`: what plugins say of themselves.

mod check;

use clap::Subcommand;

use super::ExitCode;
use super::failure::Failure;
use super::print::print;

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Check plugins: what each `plugin.yaml` says, its schemas, its examples, its entry module.
    Check(check::CheckArguments),
    /// Print the JSON Schema of `plugin.yaml`, for editors.
    Schema,
}

pub(super) fn run(command: &PluginCommand) -> Result<ExitCode, Failure> {
    match command {
        PluginCommand::Check(arguments) => check::run(arguments),
        PluginCommand::Schema => {
            print(&lazaret_policy::manifest_schema_text())?;
            Ok(ExitCode::Success)
        }
    }
}
