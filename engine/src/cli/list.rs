//! `lazaret list`

use clap::Args;

use super::ExitCode;
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::print::{print, print_json};
use crate::api::{PluginReport, PluginState};
use crate::event::escape;

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    control: SocketArguments,
    /// Print the plugins as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let asked = arguments.control.ask(async |client| client.list().await);
    let plugins = match or_json(arguments.json, asked)? {
        Ok(plugins) => plugins,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        print_json(&plugins)?;
    } else {
        print(&as_text(&plugins))?;
    }
    Ok(ExitCode::Success)
}

fn as_text(plugins: &[PluginReport]) -> String {
    let width = plugins.iter().map(|plugin| plugin.plugin.chars().count());
    let width = width.max().unwrap_or(0).max("PLUGIN".len());
    let mut text = format!(
        "{:width$}  {:11}  {:>8}  {:>8}  {:>9}  {:>8}  WHY\n",
        "PLUGIN", "STATE", "PID", "REVISION", "MEMORY", "CALLS"
    );
    for plugin in plugins {
        let state = match plugin.state {
            PluginState::Running => "running",
            PluginState::Stopped => "stopped",
            PluginState::Ended => "ended",
            PluginState::Quarantined => "quarantined",
        };
        let revision = plugin
            .revision
            .map_or("-".to_owned(), |number| number.to_string());
        let memory = plugin.memory_bytes.map_or("-".to_owned(), |bytes| {
            format!("{:.1}MiB", bytes as f64 / f64::from(1 << 20))
        });
        let why = plugin.reason.as_deref().unwrap_or_default();
        let line = format!(
            "{:width$}  {state:11}  {:>8}  {revision:>8}  {memory:>9}  {:>8}  {}",
            plugin.plugin,
            plugin.pid,
            plugin.calls,
            escape(why)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
