//! Which keys of a policy this host has no means to hold.

use std::fmt;

use lazaret_policy::{EffectivePolicy, Requirement, ResourceKey};
use serde::Serialize;

use super::CgroupVersion;

/// A key the host cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unenforced {
    /// As `memory.high`.
    pub key: String,
    /// File and line.
    pub origin: String,
    /// What is missing.
    pub why: &'static str,
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

/// Every key of the policy that is not held where cgroups have this version.
pub fn unenforced(policy: &EffectivePolicy, cgroup: CgroupVersion) -> Vec<Unenforced> {
    let high = policy.resources().memory.high.as_ref();
    high.filter(|_| cgroup == CgroupVersion::V1)
        .map(|high| Unenforced {
            key: ResourceKey::MemoryHigh.to_string(),
            origin: high.origin.to_string(),
            why: "this host's cgroups are version 1, which has no such limit",
            best_effort: policy.requirements().of(ResourceKey::MemoryHigh)
                == Requirement::BestEffort,
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

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
    fn the_presets_are_held_on_both() {
        for level in SecurityLevel::ALL {
            for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
                assert_eq!(unenforced(&EffectivePolicy::of(level), cgroup), []);
            }
        }
    }
}
