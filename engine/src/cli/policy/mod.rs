//! Which policy holds for a plugin, and `lazaret policy …`.

mod check;
mod diff;
mod effective;
mod why;

use std::path::Path;

use clap::Subcommand;
use lazaret_policy::{EffectivePolicy, EngineChoice, LoadError, SecurityLevel, SecurityPolicy};

use super::ExitCode;
use super::failure::Failure;
use crate::plugin::Plugin;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check policy files: every problem with its place and what to write instead.
    Check(check::CheckArguments),
    /// Show what holds for a plugin: each key, its value, where it comes from and what holds it here.
    Effective(effective::EffectiveArguments),
    /// Tell whether a plugin may do one thing, by which line, and what would stop it.
    Why(why::WhyArguments),
    /// Show what changes from one policy file to another, and what of it allows more.
    Diff(diff::DiffArguments),
}

pub(super) fn run(command: &PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Check(arguments) => check::run(arguments),
        PolicyCommand::Effective(arguments) => effective::run(arguments),
        PolicyCommand::Why(arguments) => why::run(arguments),
        PolicyCommand::Diff(arguments) => diff::run(arguments),
    }
}

/// The file named, else the one beside the plugin, else level `standard` with nothing granted.
/// A file that cannot be read or is wrong stops the command.
pub(super) fn of_plugin(plugin: &Plugin, named: Option<&Path>) -> Result<EffectivePolicy, Failure> {
    match named.map(Path::to_owned).or_else(|| plugin.policy_file()) {
        Some(path) => load(&path),
        None => Ok(EffectivePolicy::of(SecurityLevel::Standard)),
    }
}

/// What one file makes of the level it stands on.
fn load(path: &Path) -> Result<EffectivePolicy, Failure> {
    // Named as the operator would name it from here.
    let shown = std::env::current_dir()
        .ok()
        .and_then(|directory| path.strip_prefix(directory).map(Path::to_owned).ok())
        .unwrap_or_else(|| path.to_owned());
    match SecurityPolicy::load(&shown) {
        Ok(policy) => Ok(EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)),
        Err(error @ LoadError::Problems(_)) => {
            let text = error.to_string();
            Err(Failure::new(
                ExitCode::Policy,
                format!("the policy is invalid\n{}", text.trim_end()),
            ))
        }
        Err(error) => Err(Failure::of(ExitCode::Policy, &error)),
    }
}

/// The engine the command line asks for, over the policy's.
pub(super) fn parse_engine(text: &str) -> Result<EngineChoice, String> {
    text.parse().map_err(|invalid: lazaret_policy::Invalid| {
        let known = EngineChoice::ALL.map(|engine| format!("`{}`", engine.as_str()));
        format!("{invalid}; there are {}", known.join(", "))
    })
}
