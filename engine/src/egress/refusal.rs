//! Why the broker does not do what it is asked for.

use std::fmt;

use super::decide::Ask;

/// The longest text of a plugin's that is told again, in characters.
const SHOWN: usize = 200;

/// Something outside of the policy, as it is recorded and as the plugin is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The permission that would be needed, as `network:connect:example.com:80`.
    pub permission: String,
    /// Why, where a grant of that permission is not what is missing.
    pub reason: Option<String>,
}

impl Refusal {
    /// No grant covers it.
    pub(super) fn not_granted(ask: &Ask<'_>) -> Self {
        Self {
            permission: ask.permission(),
            reason: None,
        }
    }

    /// A grant covers the host and the port, and something else is in the way.
    pub(super) fn because(ask: &Ask<'_>, reason: impl fmt::Display) -> Self {
        Self {
            permission: ask.permission(),
            reason: Some(reason.to_string()),
        }
    }

    /// What is asked for names no host and port.
    pub(super) fn nowhere(asked: &str, reason: impl fmt::Display) -> Self {
        Self {
            permission: format!("network:connect:{}", shown(asked)),
            reason: Some(reason.to_string()),
        }
    }

    /// What is asked for is none of the things the broker does.
    pub(super) fn malformed(reason: impl fmt::Display) -> Self {
        Self::nowhere("?", reason)
    }
}

impl fmt::Display for Refusal {
    /// The missing permission, or else the reason; printable ASCII, on one line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason.as_ref().unwrap_or(&self.permission))
    }
}

/// A text of the plugin's, cut and escaped.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = (characters.by_ref().take(SHOWN))
        .flat_map(char::escape_default)
        .collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}
