//! `lazaret plugin check`

use std::path::{Path, PathBuf};

use clap::Args;
use lazaret_policy::PluginManifest;

use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::problems::{Checked, Found, ProblemArguments};
use crate::plugin::{LocateError, Plugin};
use crate::schema::{Contract, SchemaError};

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// The plugins: directories with a `plugin.yaml`.
    #[arg(required = true)]
    plugins: Vec<PathBuf>,
    #[command(flatten)]
    problems: ProblemArguments,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let one = |directory: &PathBuf| {
        let file = directory.join("plugin.yaml");
        Checked {
            problems: problems(directory, &file),
            file: file.to_string_lossy().into_owned(),
        }
    };
    let checked: Vec<Checked> = arguments.plugins.iter().map(one).collect();
    arguments
        .problems
        .tell(&checked, ExitCode::Plugin, "plugins")
}

fn problems(directory: &Path, file: &Path) -> Vec<Found> {
    let manifest = match PluginManifest::load(file) {
        Ok(manifest) => manifest,
        Err(error) => return Found::all(error),
    };
    let mut found = Vec::new();
    match Contract::compile(&manifest) {
        Ok(Some(contract)) => found.extend(examples(&manifest, &contract)),
        Ok(None) => {}
        Err(error) => found.push(of_schema(error)),
    }
    if let Err(error) = Contract::compile_config(&manifest) {
        found.push(of_schema(error));
    }
    match Plugin::locate(directory) {
        Ok(_) => {}
        Err(LocateError::NoEntry { entry, .. }) => {
            let hint = "`entry` names the module that the plugin begins with";
            found.push(Found::whole(
                format!("there is no entry module `{entry}`"),
                Some(hint),
            ));
        }
        Err(error) => {
            let failure = Failure::from(error);
            found.push(Found::whole(failure.text, None));
        }
    }
    found
}

/// Examples that its own schemas refuse.
fn examples(manifest: &PluginManifest, contract: &Contract) -> Vec<Found> {
    let mut found = Vec::new();
    for function in manifest.functions().unwrap_or_default() {
        for (example, number) in function.examples().iter().zip(1..) {
            let (given, result) = (example.parameters.as_ref(), example.result.as_ref());
            let Err(unfit) = contract.example(function.name(), given, result) else {
                continue;
            };
            let misfits: Vec<String> = unfit.0.iter().map(ToString::to_string).collect();
            let name = function.name();
            found.push(Found {
                message: format!(
                    "`functions.{name}.examples`: example {number} does not fit: {}",
                    misfits.join("; ")
                ),
                line: Some(example.place.0),
                column: Some(example.place.1),
                hint: Some("correct the example or the schema".to_owned()),
            });
        }
    }
    found
}

fn of_schema(error: SchemaError) -> Found {
    Found {
        message: format!("`{}`: {}", error.path, error.message),
        line: Some(error.line),
        column: Some(error.column),
        hint: Some(error.hint),
    }
}
