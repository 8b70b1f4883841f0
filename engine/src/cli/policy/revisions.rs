//! `lazaret policy revisions`

use clap::Args;
use time::OffsetDateTime;

use crate::api::RevisionReport;
use crate::cli::ExitCode;
use crate::cli::control::{SocketArguments, or_json};
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;

/// How much of a digest is shown.
const SHORT_DIGEST: usize = 12;

#[derive(Debug, Args)]
pub(in crate::cli) struct RevisionsArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The revision whose text to print; otherwise all are listed, the latest first.
    revision: Option<u64>,
    #[command(flatten)]
    control: SocketArguments,
    /// Print the revisions with their texts as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &RevisionsArguments) -> Result<ExitCode, Failure> {
    let result = revisions(arguments);
    let revisions = match or_json(arguments.json, result)? {
        Ok(revisions) => revisions,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        print_json(&revisions)?;
    } else if arguments.revision.is_some() {
        let texts = revisions.iter().map(|revision| {
            let lines = revision.text.lines().map(escape);
            lines.map(|line| line + "\n").collect::<String>()
        });
        print(&texts.collect::<String>())?;
    } else {
        print(&revisions.iter().map(as_line).collect::<String>())?;
    }
    Ok(ExitCode::Success)
}

fn revisions(arguments: &RevisionsArguments) -> Result<Vec<RevisionReport>, Failure> {
    let plugin = &arguments.plugin;
    let mut all = arguments
        .control
        .ask(async |client| client.revisions(plugin).await)?;
    if let Some(number) = arguments.revision {
        all.retain(|revision| revision.number == number);
        if all.is_empty() {
            let text = format!(
                "plugin `{plugin}` has no revision {number}\n  hint: `lazaret policy revisions {plugin}` lists them"
            );
            return Err(Failure::new(ExitCode::Policy, text));
        }
    }
    Ok(all)
}

fn as_line(revision: &RevisionReport) -> String {
    let holds = if revision.holds { "*" } else { " " };
    let of = match revision.of {
        Some(number) => format!(" to {number}"),
        None => String::new(),
    };
    let digest: String = revision.digest.chars().take(SHORT_DIGEST).collect();
    format!(
        "{holds} {:>4}  {}  user {}  {digest}  {}{of}: {}\n",
        revision.number,
        utc(revision.at_unix_ms),
        revision.by_uid,
        revision.origin,
        escape(&revision.name)
    )
}

/// As `2026-11-21 20:54:00Z`.
fn utc(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(at) => format!(
            "{}-{:02}-{:02} {:02}:{:02}:{:02}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
        // Further away than any calendar goes.
        Err(_) => format!("{unix_ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(1_795_294_440_123), "2026-11-21 20:54:00Z");
        assert_eq!(utc(u64::MAX), format!("{} ms", u64::MAX));
    }
}
