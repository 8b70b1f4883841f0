//! `lazaret policy check`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::{LoadError, SecurityPolicy};
use serde::Serialize;

use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// The policy files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the problems as JSON.
    #[arg(long)]
    json: bool,
    /// Print the problems as annotations of a GitHub workflow.
    #[arg(long, conflicts_with = "json")]
    github: bool,
}

/// What was found in one file.
#[derive(Serialize)]
struct Checked {
    file: String,
    problems: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    message: String,
    /// From 1; `null` where the file cannot be read at all.
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<String>,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let checked: Vec<Checked> = arguments
        .files
        .iter()
        .map(|path| Checked {
            file: path.to_string_lossy().into_owned(),
            problems: problems(SecurityPolicy::load(path)),
        })
        .collect();
    let wrong = checked
        .iter()
        .filter(|file| !file.problems.is_empty())
        .count();
    if arguments.json {
        print_json(&checked)?;
    } else {
        let tell = if arguments.github {
            as_annotations
        } else {
            as_text
        };
        print(&checked.iter().map(tell).collect::<String>())?;
    }
    if wrong == 0 {
        return Ok(ExitCode::Success);
    }
    Err(Failure::new(
        ExitCode::Policy,
        format!("{wrong} of {} policies invalid", checked.len()),
    ))
}

fn problems(loaded: Result<SecurityPolicy, LoadError>) -> Vec<Found> {
    match loaded {
        Ok(_) => Vec::new(),
        Err(LoadError::Read(error)) => vec![Found {
            message: error.to_string(),
            line: None,
            column: None,
            hint: None,
        }],
        Err(LoadError::Problems(found)) => found
            .problems
            .into_iter()
            .map(|problem| Found {
                message: problem.message,
                line: Some(problem.line),
                column: Some(problem.column),
                hint: problem.hint,
            })
            .collect(),
    }
}

fn as_text(checked: &Checked) -> String {
    let file = escape(&checked.file);
    if checked.problems.is_empty() {
        return format!("{file}: ok\n");
    }
    let mut text = String::new();
    for problem in &checked.problems {
        match (problem.line, problem.column) {
            (Some(line), Some(column)) => text.push_str(&format!("{file}:{line}:{column}: ")),
            _ => text.push_str(&format!("{file}: ")),
        }
        text.push_str(&escape(&problem.message));
        text.push('\n');
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("  hint: {}\n", escape(hint)));
        }
    }
    text
}

/// One `::error` line for each problem, in GitHub's form of workflow commands.
fn as_annotations(checked: &Checked) -> String {
    let mut text = String::new();
    for problem in &checked.problems {
        let mut place = format!("file={}", property(&checked.file));
        if let (Some(line), Some(column)) = (problem.line, problem.column) {
            place.push_str(&format!(",line={line},col={column}"));
        }
        let mut message = problem.message.clone();
        if let Some(hint) = &problem.hint {
            message.push_str(&format!("\nhint: {hint}"));
        }
        text.push_str(&format!("::error {place}::{}\n", data(&message)));
    }
    text
}

/// The message of a workflow command: it ends at the first line end, so those are escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, where `:` and `,` mean something as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_or_message_ends_an_annotation_early() {
        let checked = Checked {
            file: "a,b:c\n::warning ::d.yaml".to_owned(),
            problems: vec![Found {
                message: "100% wrong\nline".to_owned(),
                line: Some(3),
                column: Some(7),
                hint: Some("write less".to_owned()),
            }],
        };
        assert_eq!(
            as_annotations(&checked),
            "::error file=a%2Cb%3Ac%0A%3A%3Awarning %3A%3Ad.yaml,line=3,col=7::100%25 wrong%0Aline%0Ahint: write less\n"
        );
    }
}
