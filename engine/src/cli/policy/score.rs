//! `lazaret policy score`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::PolicyArguments;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;
use crate::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct ScoreArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Fail, with the status of a wrong policy, above this score.
    #[arg(long, value_name = "SCORE", value_parser = parse_score)]
    most: Option<u32>,
    /// Print score and parts as JSON.
    #[arg(long)]
    json: bool,
}

/// `3` or `2.5`, in tenths.
fn parse_score(text: &str) -> Result<u32, String> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let one_digit = tenth.len() == 1;
    let digits = |part: &str| part.parse::<u32>().ok().filter(|number| *number <= 10);
    match (digits(whole), digits(tenth)) {
        (Some(whole), Some(tenth)) if one_digit && whole * 10 + tenth <= 100 => {
            Ok(whole * 10 + tenth)
        }
        _ => Err("write a score from 0 to 10, such as `2.5`".to_owned()),
    }
}

#[derive(Serialize)]
struct Report {
    plugin: String,
    /// From `0.0` to `10.0`.
    score: String,
    parts: Vec<ReportPart>,
}

#[derive(Serialize)]
struct ReportPart {
    score: String,
    what: String,
    why: &'static str,
}

fn shown(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

pub(super) fn run(arguments: &ScoreArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let score = arguments.policy.of(&plugin)?.policy.score();
    let parts = score.parts.into_iter().map(|part| ReportPart {
        score: shown(part.tenths),
        what: part.what,
        why: part.why,
    });
    let report = Report {
        plugin: plugin.name().to_owned(),
        score: shown(score.tenths),
        parts: parts.collect(),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        let mut text = String::new();
        for part in &report.parts {
            text.push_str(&format!(
                "{:>4}  {}: {}\n",
                part.score,
                escape(&part.what),
                part.why
            ));
        }
        text.push_str(&format!(
            "{:>4}  of 10: exposure of `{}`\n",
            report.score,
            escape(&report.plugin)
        ));
        print(&text)?;
    }
    match arguments.most {
        Some(most) if score.tenths > most => Err(Failure::new(
            ExitCode::Policy,
            format!(
                "the policy of `{}` exposes {}, above the {} allowed\n  hint: take away what it does not need, the first lines weigh most",
                report.plugin,
                report.score,
                shown(most)
            ),
        )),
        _ => Ok(ExitCode::Success),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_score;

    #[test]
    fn scores_have_one_digit_behind_the_point() {
        assert_eq!(parse_score("2.5"), Ok(25));
        assert_eq!(parse_score("10"), Ok(100));
        for wrong in ["", "10.1", "11", "-1", "2.55", "2.", ".5", "a", "1.10"] {
            assert!(parse_score(wrong).is_err(), "{wrong}");
        }
    }
}
