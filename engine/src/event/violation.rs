//! What a plugin did outside of its policy, and where it met a limit: one record for all kinds.

use std::fmt;

use lazaret_policy::Severity;
use serde::Serialize;

/// One violation, as it is told and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When the engine learned of it, in milliseconds since 1970-01-01 UTC by the host's clock.
    pub at_unix_ms: u64,
    /// The plugin's name.
    pub plugin: String,
    /// What was done.
    pub act: Act,
    /// How grave the policy takes it.
    pub severity: Severity,
    /// What followed.
    pub reaction: Reaction,
    /// On whose word.
    pub witness: Witness,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// A system call outside the filters was asked for. It was never let go on.
    Syscall(SyscallViolation),
    /// A system call outside the filters was asked for and taken back, by a signal or the end of
    /// its thread, before it was known which. It was never let go on.
    Withdrawn,
    /// An op was asked for what no permission grants.
    Permission {
        /// As `file:read:/etc/shadow`; what stands behind the second colon is the plugin's text.
        permission: String,
    },
    /// A way to the network was asked for that no permission grants.
    Network {
        /// As `network:read:example.com`.
        permission: String,
        /// Why, where a grant of that permission is not what is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A filter killed the process for a system call; the kernel does not tell which.
    Filter {
        /// Those it kills for.
        calls: &'static str,
    },
    /// Memory at its limit.
    Memory(CounterRise),
    /// Processes and threads at their limit.
    Pids(CounterRise),
    /// CPU time at its limit.
    Cpu(CounterRise),
}

/// A system call that was asked for and refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyscallViolation {
    /// Its name, or its number where the name is not known.
    pub name: String,
    /// The thread that asked, as the host numbers it.
    pub pid: u32,
    /// Its six arguments as plain numbers; what they point to is not read.
    pub arguments: [u64; 6],
}

/// One of the kernel's counters of a cgroup went up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CounterRise {
    /// The file and the key in it, as `memory.events oom_kill`.
    pub counter: &'static str,
    /// By how much since it was last looked at.
    pub rose_by: u64,
    /// What it stands at, counted from the container's start.
    pub total: u64,
}

/// What followed a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// It was recorded; the kernel holds the limit.
    Log,
    /// The act was done: no grant covers it, but the policy's mode lets it through to be seen.
    LetThrough,
    /// The act was refused, and the plugin goes on.
    Deny,
    /// The plugin was ended.
    Kill,
    /// The plugin was ended and is not started again.
    Quarantine,
}

/// On whose word a violation is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The kernel told of it, past whatever runs in the container.
    Kernel,
    /// The engine refused the act itself.
    Engine,
    /// The shim says so. Its process runs the plugin: it may keep silent, or make things up.
    Shim,
}

/// What a filter kills for: `execve`, in the second stage, and calls by the table of another
/// architecture.
pub(crate) const KILLED_FOR: &str = "execve, or one of another architecture";

/// What is told in place of the name of a call that was withdrawn.
pub(crate) const WITHDRAWN: &str = "one taken back before it was known";

impl Act {
    /// What the shim says it refused.
    pub fn refused(permission: String) -> Self {
        if permission.starts_with("network:") {
            Self::Network {
                permission,
                reason: None,
            }
        } else {
            Self::Permission { permission }
        }
    }

    /// Whether the kernel merely held the plugin to a limit.
    pub fn is_limit_event(&self) -> bool {
        matches!(self, Self::Memory(_) | Self::Pids(_) | Self::Cpu(_))
    }
}

impl fmt::Display for Act {
    /// In one sentence; the plugin's own text in it is not escaped.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syscall(call) => write!(formatter, "system call `{}` refused", call.name),
            Self::Withdrawn => write!(formatter, "system call refused: {WITHDRAWN}"),
            Self::Permission { permission } => write!(formatter, "`{permission}` denied"),
            Self::Network { permission, reason } => {
                write!(formatter, "`{permission}` denied")?;
                match reason {
                    None => Ok(()),
                    Some(reason) => write!(formatter, ": {reason}"),
                }
            }
            Self::Filter { calls } => write!(formatter, "a filter killed for a call: {calls}"),
            Self::Memory(rise) | Self::Pids(rise) | Self::Cpu(rise) => write!(
                formatter,
                "`{}` rose by {} to {}",
                rise.counter, rise.rose_by, rise.total
            ),
        }
    }
}

impl fmt::Display for Violation {
    /// The act, and what followed where the plugin did not go on.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.act)?;
        match self.reaction {
            Reaction::Log | Reaction::Deny => Ok(()),
            Reaction::LetThrough => write!(formatter, ", let through"),
            Reaction::Kill => write!(formatter, ", the plugin is ended"),
            Reaction::Quarantine => write!(formatter, ", the plugin is ended and quarantined"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ways_to_the_network_are_of_the_kind_network() {
        for (permission, network) in [
            ("network:read:example.com", true),
            ("network:connect:a.example:443", true),
            ("file:read:/network:read:x", false),
            ("networks", false),
        ] {
            let act = Act::refused(permission.to_owned());
            assert_eq!(matches!(act, Act::Network { .. }), network, "{permission}");
        }
    }

    #[test]
    fn a_record_is_one_flat_object_with_its_act_inside() {
        let violation = Violation {
            at_unix_ms: 1_700_000_000_123,
            plugin: "nosy".into(),
            act: Act::Syscall(SyscallViolation {
                name: "mount".into(),
                pid: 42,
                arguments: [1, 2, 3, 4, 5, u64::MAX],
            }),
            severity: Severity::High,
            reaction: Reaction::Kill,
            witness: Witness::Kernel,
        };
        insta::assert_snapshot!(serde_json::to_string(&violation).unwrap(), @r#"{"at_unix_ms":1700000000123,"plugin":"nosy","act":{"kind":"syscall","name":"mount","pid":42,"arguments":[1,2,3,4,5,18446744073709551615]},"severity":"high","reaction":"kill","witness":"kernel"}"#);
        assert_eq!(
            violation.to_string(),
            "system call `mount` refused, the plugin is ended"
        );
        let rise = Act::Memory(CounterRise {
            counter: "memory.events max",
            rose_by: 2,
            total: 9,
        });
        insta::assert_snapshot!(serde_json::to_string(&rise).unwrap(), @r#"{"kind":"memory","counter":"memory.events max","rose_by":2,"total":9}"#);
    }
}
