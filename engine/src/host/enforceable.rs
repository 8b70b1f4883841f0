//! Which keys of a policy this host has no means to hold.

use std::fmt;

use lazaret_policy::{EffectivePolicy, Requirement, RequirementKey, ResourceKey};
use serde::Serialize;

use super::{CgroupVersion, Landlock};

/// A key the host cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unenforced {
    /// As `memory.high`.
    pub key: String,
    /// Where a policy says it, as `resources.memory.high`.
    #[serde(skip)]
    pub path: String,
    /// File and line.
    pub origin: String,
    /// What is missing.
    pub why: &'static str,
    /// What to do about it.
    #[serde(skip)]
    pub remedy: &'static str,
    /// The policy itself says that it may start without.
    #[serde(skip)]
    pub best_effort: bool,
}

impl fmt::Display for Unenforced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` ({}) is not enforced: {}",
            self.key, self.origin, self.why
        )
    }
}

/// Every key of the policy that is not held where cgroups have this version and the kernel this
/// Landlock. Of Landlock the first version is enough: it holds files, which nothing else does once
/// a mount fails; what later versions add is held by the namespaces and filters as well.
pub fn unenforced(
    policy: &EffectivePolicy,
    cgroup: CgroupVersion,
    landlock: &Landlock,
) -> Vec<Unenforced> {
    let requirements = policy.requirements();
    let high = policy.resources().memory.high.as_ref();
    let high = high
        .filter(|_| cgroup == CgroupVersion::V1)
        .map(|high| Unenforced {
            key: ResourceKey::MemoryHigh.to_string(),
            path: format!("resources.{}", ResourceKey::MemoryHigh),
            origin: high.origin.to_string(),
            why: "this host's cgroups are version 1, which has no such limit",
            remedy: "leave it out",
            best_effort: requirements.of(ResourceKey::MemoryHigh) == Requirement::BestEffort,
        });
    let stated = requirements.stated(RequirementKey::Landlock);
    let no_landlock = (landlock.abi == 0).then(|| Unenforced {
        key: RequirementKey::Landlock.to_string(),
        path: format!("requirements.{}", RequirementKey::Landlock),
        origin: stated.map_or_else(String::new, |stated| stated.origin.to_string()),
        why: "this kernel has no Landlock, or was started without",
        remedy: "use Linux 5.13 or later with `landlock` in its boot parameter `lsm=`",
        best_effort: requirements.of(RequirementKey::Landlock) == Requirement::BestEffort,
    });
    high.into_iter().chain(no_landlock).collect()
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    const ALL: u32 = 9;

    fn unenforced(policy: &EffectivePolicy, cgroup: CgroupVersion) -> Vec<Unenforced> {
        super::unenforced(policy, cgroup, &Landlock::of(ALL))
    }

    fn policy(requirements: &str) -> EffectivePolicy {
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\nresources: {{ memory: {{ high: 48MiB }} }}\n{requirements}"
        );
        EffectivePolicy::of(SecurityLevel::Standard)
            .layer(&SecurityPolicy::parse("policy.yaml", &text).unwrap())
    }

    #[test]
    fn memory_high_is_held_on_version_2_only() {
        assert_eq!(unenforced(&policy(""), CgroupVersion::V2), []);
        let found = unenforced(&policy(""), CgroupVersion::V1);
        assert_eq!(found.len(), 1);
        assert!(!found[0].best_effort);
        assert!(
            found[0]
                .to_string()
                .starts_with("`memory.high` (policy.yaml:3:"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn the_policy_itself_can_do_without() {
        let policy = policy("requirements: { memory.high: best_effort }\n");
        assert!(unenforced(&policy, CgroupVersion::V1)[0].best_effort);
    }

    #[test]
    fn a_kernel_without_landlock_holds_only_what_does_without() {
        let without = |policy: &EffectivePolicy| {
            let found = super::unenforced(policy, CgroupVersion::V2, &Landlock::of(0));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].key, "landlock");
            (found[0].best_effort, found[0].origin.clone())
        };
        for (level, best_effort) in [
            (SecurityLevel::Minimal, true),
            (SecurityLevel::Standard, false),
            (SecurityLevel::Maximum, false),
        ] {
            let origin = format!("`{level}` level");
            assert_eq!(without(&EffectivePolicy::of(level)), (best_effort, origin));
        }
        let policy = policy("requirements: { landlock: best_effort }\n");
        assert_eq!(without(&policy), (true, "policy.yaml:4:27".to_owned()));
    }

    #[test]
    fn the_first_version_of_landlock_is_enough() {
        let policy = EffectivePolicy::of(SecurityLevel::Maximum);
        for abi in 1..=ALL {
            let found = super::unenforced(&policy, CgroupVersion::V2, &Landlock::of(abi));
            assert_eq!(found, [], "{abi}");
        }
    }

    #[test]
    fn the_presets_are_held_on_both() {
        for level in SecurityLevel::ALL {
            for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
                assert_eq!(unenforced(&EffectivePolicy::of(level), cgroup), []);
            }
        }
    }
}
