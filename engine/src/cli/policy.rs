//! Which policy holds for a plugin.

use std::path::Path;

use lazaret_policy::{EffectivePolicy, EngineChoice, LoadError, SecurityLevel, SecurityPolicy};

use super::ExitCode;
use super::failure::Failure;
use crate::plugin::Plugin;

/// The file named, else the one beside the plugin, else level `standard` with nothing granted.
/// A file that cannot be read or is wrong stops the run.
pub(super) fn effective(plugin: &Plugin, named: Option<&Path>) -> Result<EffectivePolicy, Failure> {
    let standard = EffectivePolicy::of(SecurityLevel::Standard);
    let Some(path) = named.map(Path::to_owned).or_else(|| plugin.policy_file()) else {
        return Ok(standard);
    };
    // Named as the operator would name it from here.
    let shown = std::env::current_dir()
        .ok()
        .and_then(|directory| path.strip_prefix(directory).map(Path::to_owned).ok())
        .unwrap_or(path);
    match SecurityPolicy::load(&shown) {
        Ok(policy) => Ok(standard.layer(&policy)),
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
