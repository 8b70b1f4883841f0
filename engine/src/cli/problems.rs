//! What is wrong with files, for people, for machines, and as annotations of a workflow.

use clap::Args;
use lazaret_policy::{LoadError, Problem};
use serde::Serialize;

use super::ExitCode;
use super::failure::Failure;
use super::print::{print, print_json};
use crate::event::escape;

/// How problems are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ProblemArguments {
    /// Print the problems as JSON.
    #[arg(long)]
    json: bool,
    /// Print the problems as annotations of a GitHub workflow.
    #[arg(long, conflicts_with = "json")]
    github: bool,
}

/// What was found in one file.
#[derive(Serialize)]
pub(super) struct Checked {
    pub(super) file: String,
    pub(super) problems: Vec<Found>,
}

/// One thing that is wrong.
#[derive(Serialize)]
pub(super) struct Found {
    pub(super) message: String,
    /// From 1; `null` where it is about no place in the file.
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    pub(super) hint: Option<String>,
}

impl From<Problem> for Found {
    fn from(problem: Problem) -> Self {
        Self {
            message: problem.message,
            line: Some(problem.line),
            column: Some(problem.column),
            hint: problem.hint,
        }
    }
}

impl Found {
    /// What is wrong with the whole file.
    pub(super) fn whole(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            message: message.into(),
            line: None,
            column: None,
            hint: hint.map(str::to_owned),
        }
    }

    /// Why a file cannot be loaded.
    pub(super) fn all(error: LoadError) -> Vec<Self> {
        match error {
            LoadError::Read(error) => vec![Self::whole(error.to_string(), None)],
            LoadError::Problems(found) => found.problems.into_iter().map(Self::from).collect(),
        }
    }
}

impl ProblemArguments {
    /// Prints what was found, and fails with the code if anything was; `what` names the files.
    pub(super) fn tell(
        self,
        checked: &[Checked],
        code: ExitCode,
        what: &str,
    ) -> Result<ExitCode, Failure> {
        let wrong = checked.iter().filter(|file| !file.problems.is_empty());
        let wrong = wrong.count();
        if self.json {
            print_json(&checked)?;
        } else {
            let tell = if self.github { as_annotations } else { as_text };
            print(&checked.iter().map(tell).collect::<String>())?;
        }
        if wrong == 0 {
            return Ok(ExitCode::Success);
        }
        Err(Failure::new(
            code,
            format!("{wrong} of {} {what} invalid", checked.len()),
        ))
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
