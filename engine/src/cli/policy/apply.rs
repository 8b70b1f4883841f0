//! `lazaret policy apply`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::SecurityPolicy;

use super::read;
use crate::api::{ChangeLine, ChangeReport, ChangeRequest, ClientError};
use crate::cli::ExitCode;
use crate::cli::control::{SocketArguments, or_json};
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The policy that is to hold for it from now on.
    file: PathBuf,
    #[command(flatten)]
    how: HowArguments,
}

/// How far a change may go, and who is asked.
#[derive(Debug, Args)]
pub(super) struct HowArguments {
    /// Start a new container where the running one cannot be held to the policy. Calls under way
    /// are finished by the old one.
    #[arg(long)]
    pub(super) restart: bool,
    /// Change nothing where the plugin would be allowed more.
    #[arg(long)]
    pub(super) refuse_wider: bool,
    /// Change nothing, tell what would change and whether that needs a new container.
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) control: SocketArguments,
    /// Print the changes, the new revision and the time it took as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &ApplyArguments) -> Result<ExitCode, Failure> {
    let how = &arguments.how;
    finish(how, apply(arguments))
}

fn apply(arguments: &ApplyArguments) -> Result<ChangeReport, Failure> {
    let how = &arguments.how;
    let file = &arguments.file;
    // All that is wrong with it is told here, before anybody is asked.
    read(file)?;
    let text = fs_err::read_to_string(file);
    let text = text.map_err(|error| Failure::of(ExitCode::Policy, &error))?;
    let name = file.to_string_lossy().into_owned();
    if SecurityPolicy::parse(&name, &text).is_err() {
        let text = format!(
            "`{name}` extends another file, and only one text can be applied\n  hint: write what it extends into it, or start `lazaret serve` with it"
        );
        return Err(Failure::new(ExitCode::Policy, text));
    }
    let request = ChangeRequest {
        name,
        text,
        restart: how.restart,
        refuse_wider: how.refuse_wider,
        dry_run: how.dry_run,
    };
    let plugin = &arguments.plugin;
    ask(how, async |client| client.apply(plugin, &request).await)
}

/// Asks for a change; where it is refused for what it would change, that is in the message.
pub(super) fn ask(
    how: &HowArguments,
    question: impl AsyncFnOnce(&crate::api::Client) -> Result<ChangeReport, ClientError>,
) -> Result<ChangeReport, Failure> {
    how.control.ask(async |client| {
        question(client).await.map_err(|error| match error {
            ClientError::Refused(mut refusal) if !refusal.changes.is_empty() => {
                let (message, hint) = match refusal.message.find("\n  hint: ") {
                    Some(at) => refusal.message.split_at(at),
                    None => (refusal.message.as_str(), ""),
                };
                let lines: String = refusal
                    .changes
                    .iter()
                    .map(|line| format!("\n  {}", as_line(line)))
                    .collect();
                refusal.message = format!("{message}{lines}{hint}");
                ClientError::Refused(refusal)
            }
            other => other,
        })
    })
}

/// Prints what came of a change.
pub(super) fn finish(
    how: &HowArguments,
    result: Result<ChangeReport, Failure>,
) -> Result<ExitCode, Failure> {
    let report = match or_json(how.json, result)? {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if how.json {
        print_json(&report)?;
    } else {
        print(&as_text(&report))?;
    }
    Ok(ExitCode::Success)
}

fn as_text(report: &ChangeReport) -> String {
    let mut text = String::new();
    for line in &report.changes {
        text.push_str(&as_line(line));
        text.push('\n');
    }
    for cut in &report.cuts {
        text.push_str(&format!("floor: {}\n", escape(cut)));
    }
    for cut in &report.unasked {
        text.push_str(&format!("request: {}\n", escape(cut)));
    }
    for key in &report.unenforced {
        text.push_str(&format!("unenforced: {}\n", escape(key)));
    }
    let plugin = &report.plugin;
    let live = report.changes.iter().all(|line| line.live);
    let end = match report.revision {
        None if report.changes.is_empty() => format!("{plugin}: nothing would change\n"),
        None if live => format!("{plugin}: nothing was changed; all of it can be applied live\n"),
        None => format!("{plugin}: nothing was changed; applying it needs `--restart`\n"),
        Some(number) => {
            let how = if report.restarted {
                "in a new container"
            } else {
                "live"
            };
            format!(
                "{plugin}: revision {number} holds, {how}, in force after {:.1} ms\n",
                report.in_force_ms
            )
        }
    };
    text + &end
}

fn as_line(line: &ChangeLine) -> String {
    let word = if line.widens { "wider" } else { "other" };
    let value = |value: &Option<String>| match value {
        Some(value) => escape(value),
        None => "nothing".to_owned(),
    };
    let restart = if line.live {
        ""
    } else {
        " (needs a new container)"
    };
    format!(
        "{word}: {}: {} -> {}{restart}",
        escape(&line.what),
        value(&line.before),
        value(&line.after)
    )
}
