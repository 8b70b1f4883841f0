use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::problem::{Invalid, choice};

/// Which JavaScript engine runs a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// An interpreter: small, and it needs no executable memory.
    QuickJs,
    /// A compiler: fast, larger, and it writes machine code at run time.
    V8,
    /// Whichever of the two the host prefers.
    Auto,
}

impl EngineChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::QuickJs, Self::V8, Self::Auto];

    /// The word for it in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QuickJs => "quickjs",
            Self::V8 => "v8",
            Self::Auto => "auto",
        }
    }
}

impl FromStr for EngineChoice {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choice(
            text,
            "engine",
            &Self::ALL.map(|engine| (engine.as_str(), engine)),
        )
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
