//! `lazaret check`

use std::io::Write;

use clap::Args;

use super::ExitCode;
use super::failure::Failure;
use crate::host::{Installation, State, survey};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let findings = survey(&Installation::find());
    let missing = findings
        .iter()
        .filter(|finding| finding.state == State::Missing)
        .count();
    let mut text = String::new();
    if arguments.json {
        text = serde_json::to_string_pretty(&findings)
            .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
        text.push('\n');
    } else {
        for finding in &findings {
            let word = match finding.state {
                State::Present => "ok",
                State::Missing => "missing",
                State::Absent => "absent",
            };
            text.push_str(&format!(
                "{word:8}{:17}{}\n",
                finding.feature.name, finding.detail
            ));
            if finding.state != State::Present {
                text.push_str(&format!("        for: {}\n", finding.feature.purpose));
                text.push_str(&format!("        do:  {}\n", finding.feature.remedy));
            }
        }
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| {
            Failure::new(
                ExitCode::Output,
                format!("failed to write to standard output: {error}"),
            )
        })?;
    if missing == 0 {
        return Ok(ExitCode::Success);
    }
    Err(Failure::new(
        ExitCode::Host,
        format!("this host cannot run plugins: {missing} of what they need is missing"),
    ))
}
