use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::check::{observe_problems, tls_problems};
use crate::effective::EffectivePolicy;
use crate::level::SecurityLevel;
use crate::policy::SecurityPolicy;
use crate::problem::{Invalid, Problem, quoted};

/// Most files one policy may stand on, itself counted.
pub(crate) const MOST_FILES: usize = 8;

/// What `extends` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// A built-in level, as `level` names it.
    Level(SecurityLevel),
    /// A policy file, by a path from the directory of the file that names it.
    File(PathBuf),
}

impl FromStr for Base {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains('/') || text.ends_with(".yaml") || text.ends_with(".yml") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        text.parse().map(Self::Level).map_err(|_| {
            Invalid::new(format!("{} is neither a level nor a file", quoted(text)))
                .hint("write `minimal`, `standard` or `maximum`, or a path such as `./base.yaml`")
        })
    }
}

/// The path of a base, as seen from where the file that names it was named.
pub(crate) fn beside(file: &Path, base: &Path) -> PathBuf {
    file.parent()
        .map_or_else(|| base.to_owned(), |directory| directory.join(base))
}

/// Lays a policy over the one it extends. Keys override, grants come on top.
pub(crate) fn laid_over(base: SecurityPolicy, mut policy: SecurityPolicy) -> SecurityPolicy {
    policy.level = policy.level.or(base.level);
    policy.states_grants |= base.states_grants;
    let own = std::mem::replace(&mut policy.lists, base.lists);
    policy.lists.override_by(&own);
    policy.resources = policy.resources.or(base.resources);
    policy.settings = policy.settings.or(base.settings);
    let own = std::mem::replace(&mut policy.requirements, base.requirements);
    policy.requirements.override_by(&own);
    policy.violations = policy.violations.or(base.violations);
    policy
}

/// What is wrong with a policy and all it stands on, taken together: each problem with the file it is in.
pub(crate) fn whole_problems(policy: &SecurityPolicy) -> Vec<(Option<String>, Problem)> {
    let mut problems = observe_problems(policy);
    if let (Some(problem), Some(high)) =
        (memory_high_problem(policy), &policy.resources.memory_high)
    {
        problems.push((high.origin.file().map(str::to_owned), problem));
    }
    problems.extend(first_wait_problem(policy));
    problems.extend(tls_problems(policy));
    problems
}

/// A first wait that is longer than the longest would be the only one.
fn first_wait_problem(policy: &SecurityPolicy) -> Option<(Option<String>, Problem)> {
    let restart = &policy.settings.restart;
    let (first, most) = (restart.first.as_ref(), restart.most.as_ref());
    let stated = most.or(first)?;
    // Only where one is missing: a level that is being read names both, and is not there to be asked.
    let preset;
    let (first, most) = match (first, most) {
        (Some(first), Some(most)) => (first, most),
        (first, most) => {
            preset = EffectivePolicy::of(policy.level());
            let restart = preset.restart();
            (
                first.unwrap_or(&restart.first),
                most.unwrap_or(&restart.most),
            )
        }
    };
    if first.value <= most.value {
        return None;
    }
    let message = format!(
        "`restart.first`, `{}` ({}), is above `restart.most`, `{}` ({})",
        first.value, first.origin, most.value, most.origin
    );
    let invalid = Invalid::new(message).hint("lower `restart.first` or raise `restart.most`");
    let file = stated.origin.file().map(str::to_owned);
    Some((file, invalid.at(stated.origin.place())))
}

/// `memory.high` above `memory.max` would never slow anything down, wherever the two come from.
fn memory_high_problem(policy: &SecurityPolicy) -> Option<Problem> {
    let high = policy.resources.memory_high.as_ref()?;
    let preset;
    let max = match &policy.resources.memory_max {
        Some(max) => max,
        None => {
            preset = EffectivePolicy::of(policy.level());
            &preset.resources().memory.max
        }
    };
    if high.value <= max.value {
        return None;
    }
    let message = format!(
        "`{}` is above `memory.max`, `{}` ({})",
        high.value, max.value, max.origin
    );
    let invalid = Invalid::new(message).hint("lower `memory.high` or raise `memory.max`");
    Some(invalid.of("resources.memory.high").at(high.origin.place()))
}
