use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::problem::{Invalid, choice};

/// How strictly a plugin is isolated before its policy file says more; a later level is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityLevel {
    /// Loosest: plugins of one's own, and debugging.
    Minimal,
    /// What a plugin gets when nothing is said.
    #[default]
    Standard,
    /// Strictest: plugins nobody has read.
    Maximum,
}

impl SecurityLevel {
    /// Every level, from the loosest to the strictest.
    pub const ALL: [Self; 3] = [Self::Minimal, Self::Standard, Self::Maximum];

    /// The word for it in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Standard => "standard",
            Self::Maximum => "maximum",
        }
    }
}

impl FromStr for SecurityLevel {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choice(
            text,
            "level",
            &Self::ALL.map(|level| (level.as_str(), level)),
        )
    }
}

impl fmt::Display for SecurityLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
