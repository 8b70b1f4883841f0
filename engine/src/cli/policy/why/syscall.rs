//! Whether a system call of the plugin's process goes through: what the two filters say, from their own tables.

use lazaret_guard::filter::{self, Needs};
use lazaret_policy::EffectivePolicy;
use syscalls::Sysno;

use super::{Answer, Verdict};
use crate::bundle::{Asked, Lets, asked};
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::host::ShimEngine;
use crate::supervisor::allows_executable_memory;

/// What is to be said of a system call once the plugin's code is read.
pub(super) fn answer(policy: &EffectivePolicy, call: Sysno) -> Result<Answer, Failure> {
    // Both engines have the same filters but for machine code, which only V8 makes.
    let engine = match policy.engine().value {
        lazaret_policy::EngineChoice::QuickJs => ShimEngine::QuickJs,
        lazaret_policy::EngineChoice::V8 | lazaret_policy::EngineChoice::Auto => ShimEngine::V8,
    };
    let executable_memory = allows_executable_memory(engine, policy);
    let first = asked(policy, executable_memory, call.name())
        .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    let needs = Needs {
        executable_memory,
        egress: policy.has_network(),
    };
    let second = filter::verdict(i64::from(call.id()), needs);
    Ok(told(policy, call, first, second))
}

fn told(policy: &EffectivePolicy, call: Sysno, first: Asked, second: filter::Verdict) -> Answer {
    use filter::Verdict as Second;
    let passes = match (first.lets, second) {
        (Lets::None, _) | (_, Second::Ends | Second::Refused) => None,
        (Lets::All, Second::Allowed | Second::Left) => Some("whatever its arguments"),
        _ => Some("with certain arguments, else it fails"),
    };
    let reaction = &policy.violations().syscall.reaction;
    let reported = passes.is_none() && first.reported && second == Second::Left;
    let (by, origin) = match (&first.group, reported) {
        (Some((group, left)), _) => {
            let syscalls = policy.syscalls();
            let named = |words: &lazaret_policy::Words<lazaret_policy::SyscallGroup>| {
                words.iter().any(|word| word.as_str() == group.name)
            };
            let (key, origin) = if named(&syscalls.deny.value) {
                ("syscalls.deny", &syscalls.deny.origin)
            } else if *left && named(&syscalls.allow.value) {
                ("syscalls.allow", &syscalls.allow.origin)
            } else {
                ("syscalls.level", &syscalls.level.origin)
            };
            (Some(key.to_owned()), Some(origin.to_string()))
        }
        (None, true) => {
            let key = format!("violations.syscall.reaction: {}", reaction.value);
            (Some(key), Some(reaction.origin.to_string()))
        }
        (None, false) => (None, None),
    };
    Answer {
        act: format!("syscall:{}", call.name()),
        verdict: match passes {
            Some(_) => Verdict::Allowed,
            None => Verdict::Denied,
        },
        allowed: passes.is_some(),
        mode: None,
        by,
        origin,
        reason: None,
        because: Some(match (passes, reported) {
            (Some(how), _) => format!("a plugin's process may make it {how}"),
            (None, true) => {
                "no policy allows it; it is reported, and recorded as a violation".to_owned()
            }
            (None, false) => "no plugin's process needs it once its code is read".to_owned(),
        }),
        cut: None,
        refused: None,
        layers: vec![first_filter(&first), second_filter(second)],
        takes: None,
    }
}

fn first_filter(first: &Asked) -> String {
    let lets = match (first.lets, first.reported) {
        (Lets::All, _) => "lets it through",
        (Lets::Some, true) => "lets it through with certain arguments, else reports and refuses it",
        (Lets::Some, false) => "lets it through with certain arguments, else refuses it",
        (Lets::None, true) => "reports it to the engine and refuses it",
        (Lets::None, false) => "refuses it",
    };
    let group = match &first.group {
        Some((group, true)) => format!(", of group `{}`", group.name),
        Some((group, false)) => format!(
            ", of group `{}`, which the policy does not leave",
            group.name
        ),
        None => String::new(),
    };
    format!("the first filter, from before the shim starts, {lets}{group}")
}

fn second_filter(second: filter::Verdict) -> String {
    use filter::Verdict as Second;
    let does = match second {
        Second::Allowed => "lets it through",
        Second::SomeArguments => "lets it through with certain arguments, else refuses it",
        Second::Left => "leaves it to the first",
        Second::Ends => "ends the process",
        Second::Refused => "refuses it",
    };
    format!("the second filter, from before the plugin's code is read, {does}")
}

#[cfg(test)]
mod tests {
    use lazaret_policy::SecurityLevel;

    use super::*;

    fn of(level: SecurityLevel, call: Sysno) -> Answer {
        answer(&EffectivePolicy::of(level), call).unwrap()
    }

    #[test]
    fn the_two_filters_together_decide() {
        let standard = SecurityLevel::Standard;
        for (call, verdict) in [
            (Sysno::read, Verdict::Allowed),
            (Sysno::openat, Verdict::Allowed),
            (Sysno::mmap, Verdict::Allowed),
            (Sysno::ptrace, Verdict::Denied),
            (Sysno::execve, Verdict::Denied),
            (Sysno::clone, Verdict::Denied),
            (Sysno::socket, Verdict::Denied),
            (Sysno::flock, Verdict::Denied),
            (Sysno::swapon, Verdict::Denied),
        ] {
            assert_eq!(of(standard, call).verdict, verdict, "{call}");
        }
    }

    #[test]
    fn what_is_reported_names_the_reaction_and_its_line() {
        let answer = of(SecurityLevel::Standard, Sysno::ptrace);
        assert_eq!(
            answer.by.as_deref(),
            Some("violations.syscall.reaction: kill")
        );
        assert_eq!(answer.origin.as_deref(), Some("`standard` level"));
        assert!(answer.layers[0].contains("reports it"), "{answer:?}");
    }

    #[test]
    fn an_optional_call_names_its_group_and_who_leaves_it() {
        let answer = of(SecurityLevel::Maximum, Sysno::flock);
        assert_eq!(answer.by.as_deref(), Some("syscalls.level"));
        assert!(answer.layers[0].contains("group `file-locks`, which the policy does not leave"));
    }

    /// No call is said to be allowed that a filter refuses. Not all calls: each takes the making of a whole filter.
    #[test]
    fn nothing_is_allowed_that_either_filter_refuses() {
        for call in Sysno::iter().step_by(7) {
            let answer = of(SecurityLevel::Minimal, call);
            let refuses = |layer: &String| {
                let lets = layer.contains("lets it through") || layer.contains("leaves it");
                !lets
            };
            let refused = answer.layers.iter().any(refuses);
            assert!(!refused || answer.verdict == Verdict::Denied, "{answer:?}");
        }
    }
}
