//! What the first filter does about one call, for whoever asks.

use std::path::Path;

use lazaret_policy::EffectivePolicy;
use oci_spec::OciSpecError;
use oci_spec::runtime::{LinuxSeccompAction, LinuxSyscall};

use crate::egress::Rules;

use super::{Group, Profile, held, optional, seccomp};

/// What the first filter does about a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whatever its arguments, with some of them, or never.
    pub(crate) lets: Lets,
    /// The engine hears of it where it is refused.
    pub(crate) reported: bool,
    /// The optional group it is in, and whether the policy leaves that.
    pub(crate) group: Option<(&'static Group, bool)>,
}

/// Which calls of a name are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lets {
    /// All of them.
    All,
    /// Those with certain arguments.
    Some,
    /// None.
    None,
}

/// What the filter of a container under this policy does about the call of this name.
pub(crate) fn asked(
    policy: &EffectivePolicy,
    executable_memory: bool,
    call: &str,
) -> Result<Asked, OciSpecError> {
    let groups = held(policy);
    let filter = seccomp(Profile {
        listener: Some(Path::new("/")),
        executable_memory,
        egress: Rules::of(policy).reach_anything(),
        groups: &groups,
        observe: false,
    })?;
    let rules = filter.syscalls().as_deref().unwrap_or_default();
    let naming = rules
        .iter()
        .filter(|rule| rule.names().iter().any(|name| name == call));
    let mut found = Asked {
        lets: Lets::None,
        reported: false,
        group: optional(call).map(|group| (group, groups.contains(&group))),
    };
    for rule in naming {
        match rule.action() {
            LinuxSeccompAction::ScmpActAllow if is_whole(rule) => found.lets = Lets::All,
            LinuxSeccompAction::ScmpActAllow if found.lets == Lets::None => found.lets = Lets::Some,
            LinuxSeccompAction::ScmpActNotify => found.reported = true,
            _ => {}
        }
    }
    Ok(found)
}

fn is_whole(rule: &LinuxSyscall) -> bool {
    rule.args().as_ref().is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use lazaret_policy::SecurityLevel;

    use super::*;

    fn of(level: SecurityLevel, call: &str) -> (Lets, bool, Option<bool>) {
        let policy = EffectivePolicy::of(level);
        let asked = asked(&policy, false, call).unwrap();
        (
            asked.lets,
            asked.reported,
            asked.group.map(|(_, left)| left),
        )
    }

    #[test]
    fn each_kind_of_call_is_told() {
        let standard = SecurityLevel::Standard;
        assert_eq!(of(standard, "read"), (Lets::All, false, None));
        assert_eq!(of(standard, "mmap"), (Lets::Some, false, None));
        assert_eq!(of(standard, "clone"), (Lets::Some, true, None));
        assert_eq!(of(standard, "ptrace"), (Lets::None, true, None));
        assert_eq!(of(standard, "clone3"), (Lets::None, false, None));
        assert_eq!(of(standard, "flock"), (Lets::All, false, Some(true)));
        assert_eq!(
            of(SecurityLevel::Maximum, "flock"),
            (Lets::None, false, Some(false))
        );
        let policy = EffectivePolicy::of(SecurityLevel::Minimal);
        assert_eq!(asked(&policy, true, "mmap").unwrap().lets, Lets::All);
    }
}
