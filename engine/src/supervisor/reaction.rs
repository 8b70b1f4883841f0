//! What follows a violation: decided by the policy alone. Pure.

use lazaret_policy::{ActReaction, Handling, LimitReaction, Severity, Violations};

use crate::event::{Act, Reaction};

/// How grave an act is and what follows it.
pub(super) fn decide(act: &Act, policy: &Violations) -> (Severity, Reaction) {
    match act {
        Act::Syscall(_) | Act::Withdrawn => of_act(&policy.syscall),
        // The kernel did not ask, it killed: less than that cannot follow any more.
        Act::Filter { .. } => match of_act(&policy.syscall) {
            (severity, Reaction::Quarantine) => (severity, Reaction::Quarantine),
            (severity, _) => (severity, Reaction::Kill),
        },
        Act::Permission { .. } => of_act(&policy.permission),
        Act::Network { .. } => of_act(&policy.network),
        Act::Memory(_) => of_event(&policy.memory),
        Act::Pids(_) => of_event(&policy.pids),
        Act::Cpu(_) => of_event(&policy.cpu),
    }
}

fn of_act(handling: &Handling<ActReaction>) -> (Severity, Reaction) {
    let reaction = match handling.reaction.value {
        ActReaction::Deny => Reaction::Deny,
        ActReaction::Kill => Reaction::Kill,
        ActReaction::Quarantine => Reaction::Quarantine,
    };
    (handling.severity.value, reaction)
}

fn of_event(handling: &Handling<LimitReaction>) -> (Severity, Reaction) {
    let reaction = match handling.reaction.value {
        LimitReaction::Log => Reaction::Log,
        LimitReaction::Kill => Reaction::Kill,
        LimitReaction::Quarantine => Reaction::Quarantine,
    };
    (handling.severity.value, reaction)
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

    use super::*;
    use crate::event::{CounterRise, KILLED_FOR, SyscallViolation};

    fn policy(body: &str) -> EffectivePolicy {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    }

    fn syscall() -> Act {
        Act::Syscall(SyscallViolation {
            name: "mount".into(),
            pid: 1,
            arguments: [0; 6],
        })
    }

    const FILTER: Act = Act::Filter { calls: KILLED_FOR };
    const RISE: CounterRise = CounterRise {
        counter: "pids.events max",
        rose_by: 1,
        total: 1,
    };

    #[test]
    fn each_kind_is_taken_by_its_own_key() {
        let policy = policy(
            "violations:\n  syscall: { severity: critical, reaction: quarantine }\n  \
             permission: { severity: low, reaction: kill }\n  \
             network: { severity: high, reaction: deny }\n  \
             memory: { severity: medium, reaction: quarantine }\n  \
             pids: { severity: high, reaction: kill }\n  \
             cpu: { severity: critical, reaction: log }\n",
        );
        let act = |permission: &str| Act::refused(permission.to_owned());
        for (act, severity, reaction) in [
            (syscall(), Severity::Critical, Reaction::Quarantine),
            (Act::Withdrawn, Severity::Critical, Reaction::Quarantine),
            (FILTER, Severity::Critical, Reaction::Quarantine),
            (act("file:read:/"), Severity::Low, Reaction::Kill),
            (act("network:read:a"), Severity::High, Reaction::Deny),
            (Act::Memory(RISE), Severity::Medium, Reaction::Quarantine),
            (Act::Pids(RISE), Severity::High, Reaction::Kill),
            (Act::Cpu(RISE), Severity::Critical, Reaction::Log),
        ] {
            let decided = decide(&act, policy.violations());
            assert_eq!(decided, (severity, reaction), "{act:?}");
        }
    }

    #[test]
    fn what_a_filter_killed_is_killed_whatever_the_policy_says() {
        let policy = policy("violations: { syscall: { reaction: deny } }");
        assert_eq!(decide(&syscall(), policy.violations()).1, Reaction::Deny);
        assert_eq!(decide(&FILTER, policy.violations()).1, Reaction::Kill);
    }
}
