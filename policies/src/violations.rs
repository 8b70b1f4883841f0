use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::origin::Setting;
use crate::problem::{Invalid, choice};

/// How grave a violation is in the eyes of whoever wrote the policy; a later one is graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something to count.
    Low,
    /// Something to look at.
    Medium,
    /// Something no honest plugin does.
    High,
    /// Something to get up for at night.
    Critical,
}

impl Severity {
    /// Every severity, from the least grave to the gravest.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.map(|severity| (severity.as_str(), severity));
        choice(text, "severity", &known)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What follows an act that was refused; a later one is stricter. The act itself never goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActReaction {
    /// Whoever asked is told no, and the plugin goes on.
    Deny,
    /// The plugin is ended.
    Kill,
    /// The plugin is ended and not started again.
    Quarantine,
}

impl FromStr for ActReaction {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "log" {
            let message = "`log` is for what a limit holds; an act outside the policy is always \
                           recorded and never let go on";
            let hint = "use `deny` to record and refuse it, or `kill` or `quarantine`";
            return Err(Invalid::new(message).hint(hint));
        }
        let known = [
            ("deny", Self::Deny),
            ("kill", Self::Kill),
            ("quarantine", Self::Quarantine),
        ];
        choice(text, "reaction to a refused act", &known)
    }
}

impl fmt::Display for ActReaction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Deny => "deny",
            Self::Kill => "kill",
            Self::Quarantine => "quarantine",
        })
    }
}

/// What follows an event at a limit, which the kernel holds either way; a later one is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitReaction {
    /// It is recorded, and the plugin goes on within the limit.
    Log,
    /// The plugin is ended.
    Kill,
    /// The plugin is ended and not started again.
    Quarantine,
}

impl FromStr for LimitReaction {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "deny" {
            let message = "`deny` is for acts; there is nothing to refuse where the kernel holds \
                           a limit already";
            let hint = "use `log` to record it, or `kill` or `quarantine`";
            return Err(Invalid::new(message).hint(hint));
        }
        let known = [
            ("log", Self::Log),
            ("kill", Self::Kill),
            ("quarantine", Self::Quarantine),
        ];
        choice(text, "reaction to an event at a limit", &known)
    }
}

impl fmt::Display for LimitReaction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Log => "log",
            Self::Kill => "kill",
            Self::Quarantine => "quarantine",
        })
    }
}

/// How violations of one kind are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Handling<R> {
    /// How grave they are.
    pub severity: Setting<Severity>,
    /// What follows.
    pub reaction: Setting<R>,
}

/// How every kind of violation is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// A system call outside the filters.
    pub syscall: Handling<ActReaction>,
    /// Something that no permission grants, other than a way to the network.
    pub permission: Handling<ActReaction>,
    /// A way to the network that no permission grants.
    pub network: Handling<ActReaction>,
    /// Memory at its limit.
    pub memory: Handling<LimitReaction>,
    /// Processes and threads at their limit.
    pub pids: Handling<LimitReaction>,
    /// CPU time at its limit.
    pub cpu: Handling<LimitReaction>,
}

impl Violations {
    /// The path of every key, in the order of the language's description.
    pub(crate) const PATHS: [&'static str; 12] = [
        "violations.syscall.severity",
        "violations.syscall.reaction",
        "violations.permission.severity",
        "violations.permission.reaction",
        "violations.network.severity",
        "violations.network.reaction",
        "violations.memory.severity",
        "violations.memory.reaction",
        "violations.pids.severity",
        "violations.pids.reaction",
        "violations.cpu.severity",
        "violations.cpu.reaction",
    ];

    pub(crate) fn override_by(&mut self, over: &ViolationOverrides) {
        self.syscall.override_by(&over.syscall);
        self.permission.override_by(&over.permission);
        self.network.override_by(&over.network);
        self.memory.override_by(&over.memory);
        self.pids.override_by(&over.pids);
        self.cpu.override_by(&over.cpu);
    }
}

impl<R: Clone> Handling<R> {
    fn override_by(&mut self, over: &HandlingOverrides<R>) {
        if let Some(severity) = &over.severity {
            self.severity = severity.clone();
        }
        if let Some(reaction) = &over.reaction {
            self.reaction = reaction.clone();
        }
    }
}

/// What one policy says about a kind; the layer below holds for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandlingOverrides<R> {
    /// How grave.
    pub severity: Option<Setting<Severity>>,
    /// What follows.
    pub reaction: Option<Setting<R>>,
}

impl<R> Default for HandlingOverrides<R> {
    fn default() -> Self {
        Self {
            severity: None,
            reaction: None,
        }
    }
}

impl<R> HandlingOverrides<R> {
    fn or(self, below: Self) -> Self {
        Self {
            severity: self.severity.or(below.severity),
            reaction: self.reaction.or(below.reaction),
        }
    }

    fn complete(self) -> Option<Handling<R>> {
        Some(Handling {
            severity: self.severity?,
            reaction: self.reaction?,
        })
    }
}

/// The section `violations` of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ViolationOverrides {
    /// `syscall`
    pub syscall: HandlingOverrides<ActReaction>,
    /// `permission`
    pub permission: HandlingOverrides<ActReaction>,
    /// `network`
    pub network: HandlingOverrides<ActReaction>,
    /// `memory`
    pub memory: HandlingOverrides<LimitReaction>,
    /// `pids`
    pub pids: HandlingOverrides<LimitReaction>,
    /// `cpu`
    pub cpu: HandlingOverrides<LimitReaction>,
}

impl ViolationOverrides {
    /// These, and those of `below` where these say nothing.
    pub(crate) fn or(self, below: Self) -> Self {
        Self {
            syscall: self.syscall.or(below.syscall),
            permission: self.permission.or(below.permission),
            network: self.network.or(below.network),
            memory: self.memory.or(below.memory),
            pids: self.pids.or(below.pids),
            cpu: self.cpu.or(below.cpu),
        }
    }

    /// How every kind is taken, if every key is named.
    pub(crate) fn complete(self) -> Option<Violations> {
        Some(Violations {
            syscall: self.syscall.complete()?,
            permission: self.permission.complete()?,
            network: self.network.complete()?,
            memory: self.memory.complete()?,
            pids: self.pids.complete()?,
            cpu: self.cpu.complete()?,
        })
    }
}
