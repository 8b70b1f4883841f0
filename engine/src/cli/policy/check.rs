//! `lazaret policy check`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::SecurityPolicy;

use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::problems::{Checked, Found, ProblemArguments};

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// The policy files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    problems: ProblemArguments,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let checked: Vec<Checked> = arguments
        .files
        .iter()
        .map(|path| Checked {
            file: path.to_string_lossy().into_owned(),
            problems: match SecurityPolicy::load(path) {
                Ok(_) => Vec::new(),
                Err(error) => Found::all(error),
            },
        })
        .collect();
    arguments
        .problems
        .tell(&checked, ExitCode::Policy, "policies")
}
