//! Which policy holds for a plugin, and `lazaret policy …`.

mod apply;
mod check;
mod diff;
mod effective;
mod fmt;
mod learn;
mod plan;
mod revisions;
mod rollback;
mod schema;
mod score;
mod why;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lazaret_policy::{
    Cut, CutBy, EffectivePolicy, EngineChoice, LoadError, SecurityLevel, SecurityPolicy,
};

use super::ExitCode;
use super::failure::Failure;
use crate::event::escape;
use crate::host::{CgroupVersion, FLOOR, Unenforced};
use crate::plugin::Plugin;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check policy files: every problem with its place and what to write instead.
    Check(check::CheckArguments),
    /// Write policy files as the language has them written: keys in order, one spelling, every comment kept.
    Fmt(fmt::FmtArguments),
    /// Show what holds for a plugin: each key, its value, where it comes from and what holds it here.
    Effective(effective::EffectiveArguments),
    /// Tell whether a plugin may do one thing, by which line, and what would stop it.
    Why(why::WhyArguments),
    /// Show what changes from one policy file to another, and what of it allows more.
    Diff(diff::DiffArguments),
    /// Show what would change for a plugin under another policy file, and what each change takes.
    Plan(plan::PlanArguments),
    /// Tell how much a plugin's policy exposes, from 0 to 10, and by what.
    Score(score::ScoreArguments),
    /// Hold a plugin of a `lazaret serve` to another policy, while it runs.
    Apply(apply::ApplyArguments),
    /// Go back to a policy that held for a plugin of a `lazaret serve`.
    Rollback(rollback::RollbackArguments),
    /// List the policies that held for a plugin of a `lazaret serve`, or print one.
    Revisions(revisions::RevisionsArguments),
    /// Make a plugin's calls in a container that counts what it does, and write the least policy under which they pass.
    Learn(learn::LearnArguments),
    /// Print the JSON Schema of policy files, for editors.
    Schema,
}

pub(super) fn run(command: &PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Check(arguments) => check::run(arguments),
        PolicyCommand::Fmt(arguments) => fmt::run(arguments),
        PolicyCommand::Effective(arguments) => effective::run(arguments),
        PolicyCommand::Why(arguments) => why::run(arguments),
        PolicyCommand::Diff(arguments) => diff::run(arguments),
        PolicyCommand::Plan(arguments) => plan::run(arguments),
        PolicyCommand::Score(arguments) => score::run(arguments),
        PolicyCommand::Apply(arguments) => apply::run(arguments),
        PolicyCommand::Rollback(arguments) => rollback::run(arguments),
        PolicyCommand::Revisions(arguments) => revisions::run(arguments),
        PolicyCommand::Learn(arguments) => learn::run(arguments),
        PolicyCommand::Schema => schema::run(),
    }
}

/// Which policy is to hold for a plugin.
#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    /// Its policy; otherwise the `policy.yaml` in its directory, otherwise level `standard` with nothing granted.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A policy that no plugin's goes beyond. `/etc/lazaret/floor.yaml` holds as well, where it is there.
    #[arg(long, value_name = "FILE")]
    floor: Option<PathBuf>,
    /// The JavaScript engine, over the policy's: quickjs, v8 or auto.
    #[arg(long, value_parser = parse_engine)]
    engine: Option<EngineChoice>,
}

/// The policy that holds for a plugin.
pub(super) struct Chosen {
    pub(super) policy: EffectivePolicy,
    /// What it asked for and the floors do not give, or the plugin does not ask for.
    pub(super) cuts: Vec<Cut>,
}

impl Chosen {
    /// Tells on standard error what the floors cut. A plugin that asks for less is nothing to warn of.
    pub(super) fn warn(&self) {
        for cut in self.cuts.iter().filter(|cut| cut.layer == CutBy::Floor) {
            // Nobody is left to tell where standard error is closed.
            drop(writeln!(
                std::io::stderr(),
                "warning: {}",
                escape(&cut.to_string())
            ));
        }
    }
}

/// Tells on standard error which keys are not held here, although the policy does without them.
pub(super) fn warn_unenforced(keys: &[Unenforced]) {
    for key in keys.iter().filter(|key| key.best_effort) {
        // Nobody is left to tell where standard error is closed.
        drop(writeln!(
            std::io::stderr(),
            "warning: {}",
            escape(&key.to_string())
        ));
    }
}

impl PolicyArguments {
    /// The files that are named.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.policy
            .as_deref()
            .into_iter()
            .chain(self.floor.as_deref())
    }

    /// The file named, else the one beside the plugin, else level `standard` with nothing granted;
    /// within the floors and what the plugin asks for. A file that cannot be read or is wrong stops the command.
    pub(super) fn of(&self, plugin: &Plugin) -> Result<Chosen, Failure> {
        self.with_more(plugin, None)
    }

    /// The same with another policy laid over it, which the floors hold as well.
    fn with_more(&self, plugin: &Plugin, more: Option<&SecurityPolicy>) -> Result<Chosen, Failure> {
        let policy = match self.policy.clone().or_else(|| plugin.policy_file()) {
            Some(path) => load(&path)?,
            None => EffectivePolicy::of(SecurityLevel::Standard),
        };
        let policy = match more {
            Some(more) => policy.layer(more),
            None => policy,
        };
        self.narrowed(plugin, policy)
    }

    /// What a policy file makes, whichever else is named, within the floors and what the plugin asks for.
    fn with_file(&self, plugin: &Plugin, path: &Path) -> Result<Chosen, Failure> {
        self.narrowed(plugin, load(path)?)
    }

    fn narrowed(&self, plugin: &Plugin, mut policy: EffectivePolicy) -> Result<Chosen, Failure> {
        if let Some(engine) = self.engine {
            policy = policy.with_engine(engine, "--engine");
        }
        let mut cuts = Vec::new();
        for floor in self.floors()? {
            let (within, cut) = policy.within(&floor);
            policy = within;
            cuts.extend(cut);
        }
        let (policy, cut) = plugin.narrowed(policy);
        cuts.extend(cut);
        Ok(Chosen { policy, cuts })
    }

    fn floors(&self) -> Result<Vec<SecurityPolicy>, Failure> {
        let mut floors = Vec::new();
        match fs_err::symlink_metadata(FLOOR) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            // One that may be there and cannot be read is no reason to go without.
            Ok(_) | Err(_) => floors.push(read(Path::new(FLOOR))?),
        }
        if let Some(path) = &self.floor {
            floors.push(read(path)?);
        }
        Ok(floors)
    }
}

fn cgroup_version() -> Result<CgroupVersion, Failure> {
    CgroupVersion::detect().ok_or_else(|| {
        let text = "no cgroup hierarchy at `/sys/fs/cgroup`\n  hint: `lazaret check` tells what this host lacks";
        Failure::new(ExitCode::Host, text)
    })
}

/// What one file makes of the level it stands on.
fn load(path: &Path) -> Result<EffectivePolicy, Failure> {
    Ok(EffectivePolicy::of(SecurityLevel::Standard).layer(&read(path)?))
}

/// A policy file, and those it extends.
fn read(path: &Path) -> Result<SecurityPolicy, Failure> {
    // Named as the operator would name it from here.
    let shown = std::env::current_dir()
        .ok()
        .and_then(|directory| path.strip_prefix(directory).map(Path::to_owned).ok())
        .unwrap_or_else(|| path.to_owned());
    SecurityPolicy::load(&shown).map_err(refusal)
}

/// Why a policy is not taken.
fn refusal(error: LoadError) -> Failure {
    match error {
        LoadError::Problems(_) => {
            let text = error.to_string();
            Failure::new(
                ExitCode::Policy,
                format!("the policy is invalid\n{}", text.trim_end()),
            )
        }
        LoadError::Read(_) => Failure::of(ExitCode::Policy, &error),
    }
}

/// The engine the command line asks for, over the policy's.
pub(super) fn parse_engine(text: &str) -> Result<EngineChoice, String> {
    text.parse().map_err(|invalid: lazaret_policy::Invalid| {
        let known = EngineChoice::ALL.map(|engine| format!("`{}`", engine.as_str()));
        format!("{invalid}; there are {}", known.join(", "))
    })
}
