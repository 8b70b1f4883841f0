//! `lazaret new`

use std::path::PathBuf;

use clap::Args;

use super::ExitCode;
use super::failure::Failure;
use super::print::print;
use crate::event::escape;
use crate::project::{Language, NewError, create};

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// Where to; the plugin gets the directory's name.
    directory: PathBuf,
    /// In TypeScript.
    #[arg(long)]
    typescript: bool,
    /// In JavaScript, with types in comments; so it is unless said otherwise.
    #[arg(long, conflicts_with = "typescript")]
    javascript: bool,
}

pub(super) fn run(arguments: &NewArguments) -> Result<ExitCode, Failure> {
    let language = match arguments.typescript {
        true => Language::TypeScript,
        false => Language::JavaScript,
    };
    let written = create(&arguments.directory, language)?;
    let lines = written
        .iter()
        .map(|path| format!("{}\n", escape(&path.to_string_lossy())));
    print(&lines.collect::<String>())?;
    Ok(ExitCode::Success)
}

impl From<NewError> for Failure {
    fn from(error: NewError) -> Self {
        let code = match &error {
            NewError::Name { .. } => ExitCode::Plugin,
            NewError::There { .. } | NewError::Write(_) => ExitCode::Output,
            NewError::Starter(_) => ExitCode::Internal,
        };
        Self::of(code, &error)
    }
}
