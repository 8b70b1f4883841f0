//! `lazaret stop`

use clap::Args;

use super::ExitCode;
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::print::{print, print_json};

#[derive(Debug, Args)]
pub(super) struct StopArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    #[command(flatten)]
    control: SocketArguments,
    /// Print the plugin's last figures as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &StopArguments) -> Result<ExitCode, Failure> {
    let plugin = &arguments.plugin;
    let asked = arguments
        .control
        .ask(async |client| client.stop(plugin).await);
    let report = match or_json(arguments.json, asked)? {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&format!("{plugin}: stopped\n"))?;
    }
    Ok(ExitCode::Success)
}
