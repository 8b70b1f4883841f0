//! `lazaret policy diff`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::Difference;
use serde::Serialize;

use super::load;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// The policy file that holds.
    before: PathBuf,
    /// The policy file that is to hold.
    after: PathBuf,
    /// Fail, with the status of a wrong policy, if the second file allows anything that the first does not.
    #[arg(long)]
    refuse_wider: bool,
    /// Print the differences as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// How many differences let the plugin do more.
    wider: usize,
    differences: Vec<Difference>,
}

pub(super) fn run(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let differences = load(&arguments.before)?.differences(&load(&arguments.after)?);
    let report = Report {
        wider: differences.iter().filter(|one| one.widens).count(),
        differences,
    };
    if arguments.json {
        print_json(&report)?;
    } else if report.differences.is_empty() {
        print("no difference\n")?;
    } else {
        let lines = report.differences.iter();
        print(
            &lines
                .map(|one| format!("{}\n", escape(&one.to_string())))
                .collect::<String>(),
        )?;
    }
    if arguments.refuse_wider && report.wider > 0 {
        return Err(Failure::new(
            ExitCode::Policy,
            format!(
                "`{}` allows more than `{}`: {} of its differences widen\n  hint: have them reviewed, or take them out",
                arguments.after.display(),
                arguments.before.display(),
                report.wider
            ),
        ));
    }
    Ok(ExitCode::Success)
}
