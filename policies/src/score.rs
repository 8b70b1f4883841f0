use serde::Serialize;

use crate::effective::EffectivePolicy;
use crate::level::SecurityLevel;
use crate::permission::Permission;
use crate::requirements::{Requirement, RequirementKey};
use crate::settings::EngineChoice;
use crate::violations::ActReaction;

/// How much a policy exposes, from 0 (nothing that could be taken away) to 10.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    /// In tenths, 0 to 100.
    pub tenths: u32,
    /// What it is made of, the weightiest first.
    pub parts: Vec<Part>,
}

/// One thing that exposes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// In tenths.
    pub tenths: u32,
    /// The key or permission.
    pub what: String,
    /// What is exposed by it.
    pub why: &'static str,
}

/// The most that all grants of one kind weigh together, in tenths.
const MOST_OF_A_KIND: u32 = 25;

impl EffectivePolicy {
    /// Adds up what the policy opens. A measure for comparing policies and for a bound in reviews; two policies with the
    /// same score are not equally dangerous.
    #[must_use]
    pub fn score(&self) -> Score {
        let mut parts = self.settings();
        for kind in 0..=5 {
            let mut left = MOST_OF_A_KIND;
            for granted in self.all_grants() {
                let (of, tenths, why) = weight(&granted.permission);
                if of == kind && left > 0 {
                    let tenths = tenths.min(left);
                    left -= tenths;
                    parts.push(Part {
                        tenths,
                        what: granted.permission.to_string(),
                        why,
                    });
                }
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.tenths));
        let sum: u32 = parts.iter().map(|part| part.tenths).sum();
        Score {
            tenths: sum.min(100),
            parts,
        }
    }

    fn settings(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |holds: bool, tenths, what: &str, why| {
            if holds {
                let what = what.to_owned();
                parts.push(Part { tenths, what, why });
            }
        };
        let resources = self.resources();
        add(
            self.level().value == SecurityLevel::Minimal,
            5,
            "level",
            "the filters of the loosest level",
        );
        add(
            self.engine().value != EngineChoice::QuickJs
                && self.level().value != SecurityLevel::Maximum,
            8,
            "runtime.engine",
            "memory that is written and executed, and a large compiler",
        );
        add(
            self.requirements().of(RequirementKey::Landlock) == Requirement::BestEffort,
            7,
            "requirements.landlock",
            "one layer less where the kernel has no Landlock",
        );
        add(
            self.violations().syscall.reaction.value == ActReaction::Deny,
            5,
            "violations.syscall.reaction",
            "whoever tries forbidden system calls may go on trying",
        );
        add(
            resources.memory.max.value.bytes() > 128 << 20,
            2,
            "resources.memory.max",
            "much memory to take from others",
        );
        add(
            resources.cpu.max.value.percent() > 100,
            2,
            "resources.cpu.max",
            "more than one CPU to take from others",
        );
        add(
            resources.pids.max.value > 64,
            2,
            "resources.pids.max",
            "many tasks",
        );
        add(
            resources.time.call.value.millis() > 60_000,
            1,
            "resources.time.call",
            "a call that hangs is noticed late",
        );
        parts
    }
}

/// Kind, weight in tenths, and what it exposes.
fn weight(permission: &Permission) -> (u32, u32, &'static str) {
    match permission {
        Permission::FileRead(path) => {
            // `/srv` is all of it; `/srv/data/in` is somebody's choice.
            let depth = path.as_str().matches('/').count();
            (
                0,
                if depth < 2 { 10 } else { 3 },
                "what lies there can be read",
            )
        }
        Permission::FileWrite(path) => {
            let depth = path.as_str().matches('/').count();
            (
                1,
                if depth < 2 { 20 } else { 8 },
                "what lies there can be changed",
            )
        }
        Permission::NetworkRead(_) => (2, 4, "data can leave to this host"),
        Permission::NetworkConnect(..) => (2, 6, "anything can be said to this host"),
        Permission::ExecRun(_) => (3, 15, "a program with faults of its own"),
        Permission::EnvRead(_) => (4, 2, "a value of the host's environment"),
        Permission::MessageSend(_) => (5, 2, "another plugin's functions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SecurityPolicy;

    fn score(body: &str) -> Score {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        EffectivePolicy::of(policy.level()).layer(&policy).score()
    }

    #[test]
    fn nothing_granted_at_the_usual_level_exposes_nothing() {
        assert_eq!(score("level: maximum").tenths, 0);
        assert_eq!(score("").tenths, 0);
        assert!(score("level: minimal").tenths > 10);
    }

    #[test]
    fn each_grant_counts_and_the_wider_one_more() {
        let narrow = score("permissions: [ file:read:/srv/data/in ]");
        let wide = score("permissions: [ file:read:/srv ]");
        let write = score("permissions: [ file:write:/srv ]");
        assert!(0 < narrow.tenths && narrow.tenths < wide.tenths && wide.tenths < write.tenths);
        assert_eq!(wide.parts[0].what, "file:read:/srv");
    }

    #[test]
    fn many_grants_of_a_kind_and_all_kinds_together_have_an_end() {
        let hosts: Vec<String> = (0..100)
            .map(|number| format!("network:read:h{number}.example"))
            .collect();
        let network = score(&format!("permissions: [ {} ]", hosts.join(", ")));
        assert_eq!(network.tenths, MOST_OF_A_KIND);
        let programs: Vec<String> = (0..9).map(|number| format!("exec:run:p{number}")).collect();
        let all = score(&format!(
            "level: minimal\nruntime: {{ engine: v8 }}\npermissions: [ {}, {}, file:write:/a, file:write:/b, file:read:/c, file:read:/d, file:read:/e ]",
            hosts.join(", "),
            programs.join(", ")
        ));
        assert_eq!(all.tenths, 100);
        let sum: u32 = all.parts.iter().map(|part| part.tenths).sum();
        assert!(sum >= 100);
    }
}
