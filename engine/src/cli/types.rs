//! `lazaret types`

use std::path::PathBuf;

use clap::Args;

use super::ExitCode;
use super::failure::Failure;
use super::policy::PolicyArguments;
use super::print::print;
use crate::plugin::Plugin;
use crate::project::declarations;

#[derive(Debug, Args)]
pub(super) struct TypesArguments {
    /// The plugin: a module, or a directory with one.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
}

pub(super) fn run(arguments: &TypesArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    chosen.warn();
    print(&declarations(plugin.manifest(), &chosen.policy))?;
    Ok(ExitCode::Success)
}
