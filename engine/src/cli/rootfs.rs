//! `lazaret rootfs`

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lazaret_policy::EngineChoice;
use lazaret_rootfs::{Contents, Digest};

use super::ExitCode;
use super::failure::Failure;
use super::policy;
use crate::host::{Installation, ShimEngine};

#[derive(Debug, Subcommand)]
pub(super) enum RootfsCommand {
    /// Build the root file system from a static shim; prints its digest.
    Build(BuildArguments),
    /// Compare a root file system with its manifest, byte for byte; prints its digest.
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    /// Whose shim goes into it: quickjs or v8.
    #[arg(long, value_parser = policy::parse_engine, default_value = "quickjs")]
    engine: EngineChoice,
    /// The shim; otherwise the installed one of the engine.
    #[arg(long, value_name = "FILE")]
    shim: Option<PathBuf>,
    /// Where it goes; otherwise where `lazaret run` finds it.
    #[arg(short, long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// Whose root file system: quickjs or v8.
    #[arg(long, value_parser = policy::parse_engine, default_value = "quickjs")]
    engine: EngineChoice,
    /// Another directory than the installed one.
    directory: Option<PathBuf>,
}

pub(super) fn run(command: &RootfsCommand) -> Result<ExitCode, Failure> {
    let digest = match command {
        RootfsCommand::Build(arguments) => build(arguments),
        RootfsCommand::Verify(arguments) => verify(arguments),
    }?;
    writeln!(std::io::stdout(), "{digest}").map_err(|error| {
        Failure::new(
            ExitCode::Output,
            format!("failed to write to standard output: {error}"),
        )
    })?;
    Ok(ExitCode::Success)
}

fn build(arguments: &BuildArguments) -> Result<Digest, Failure> {
    let engine = engine(arguments.engine)?;
    let (shim, output) = match (&arguments.shim, &arguments.output) {
        (Some(shim), Some(output)) => (shim.clone(), output.clone()),
        (shim, output) => {
            let installation = Installation::find()?;
            (
                shim.clone().unwrap_or_else(|| installation.shim(engine)),
                output
                    .clone()
                    .unwrap_or_else(|| installation.rootfs(engine)),
            )
        }
    };
    if arguments.output.is_none()
        && let Some(parent) = output.parent()
    {
        fs_err::create_dir_all(parent).map_err(|error| Failure::of(ExitCode::Output, &error))?;
    }
    let contents = Contents::new(&shim).map_err(|error| Failure::of(ExitCode::Rootfs, &error))?;
    lazaret_rootfs::build(&contents, &output).map_err(|error| Failure::of(ExitCode::Output, &error))
}

fn verify(arguments: &VerifyArguments) -> Result<Digest, Failure> {
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => Installation::find()?.rootfs(engine(arguments.engine)?),
    };
    lazaret_rootfs::verify(&directory).map_err(|error| Failure::of(ExitCode::Rootfs, &error))
}

fn engine(choice: EngineChoice) -> Result<ShimEngine, Failure> {
    match choice {
        EngineChoice::QuickJs => Ok(ShimEngine::QuickJs),
        EngineChoice::V8 => Ok(ShimEngine::V8),
        EngineChoice::Auto => Err(Failure::new(
            ExitCode::Usage,
            "`--engine auto` names no root file system\n  hint: say `quickjs` or `v8`",
        )),
    }
}
