//! `lazaret policy rollback`

use clap::Args;

use super::apply::{HowArguments, ask, finish};
use crate::api::RollbackRequest;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The revision to go back to; otherwise the one before that which holds.
    revision: Option<u64>,
    #[command(flatten)]
    how: HowArguments,
}

pub(super) fn run(arguments: &RollbackArguments) -> Result<ExitCode, Failure> {
    let how = &arguments.how;
    let request = RollbackRequest {
        revision: arguments.revision,
        restart: how.restart,
        refuse_wider: how.refuse_wider,
        dry_run: how.dry_run,
    };
    let plugin = &arguments.plugin;
    let result = ask(how, async |client| client.rollback(plugin, &request).await);
    finish(how, result)
}
