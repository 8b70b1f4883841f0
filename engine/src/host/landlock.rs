//! What the kernel's Landlock can hold (landlock(7)).

use lazaret_guard::landlock::{PARTS, Part, abi};
use serde::Serialize;

/// Landlock as this host has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Landlock {
    /// The kernel's ABI; 0 where it has none, or was started without.
    pub abi: u32,
    /// What it keeps out of a plugin's reach.
    pub holds: Vec<&'static str>,
    /// What only a later kernel's does.
    pub lacks: Vec<&'static str>,
}

impl Landlock {
    /// Asks the kernel.
    pub fn detect() -> Self {
        Self::of(abi())
    }

    pub(crate) fn of(abi: u32) -> Self {
        let (holds, lacks): (Vec<&Part>, _) = PARTS.iter().partition(|part| part.since <= abi);
        let names = |parts: Vec<&Part>| parts.into_iter().map(|part| part.name).collect();
        Self {
            abi,
            holds: names(holds),
            lacks: names(lacks),
        }
    }

    /// In a line.
    pub(super) fn told(&self) -> String {
        if self.abi == 0 {
            return "none in this kernel".to_owned();
        }
        let mut text = format!("ABI {}: {}", self.abi, self.holds.join(", "));
        if !self.lacks.is_empty() {
            text = format!("{text}; not {}", self.lacks.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_and_what_does_not_is_told_for_every_version() {
        assert_eq!(Landlock::of(0).told(), "none in this kernel");
        assert_eq!(Landlock::of(0).holds, [""; 0]);
        assert_eq!(
            Landlock::of(4).told(),
            "ABI 4: files, truncation, TCP; not device controls, abstract sockets and signals, sockets in the file system"
        );
        assert_eq!(Landlock::of(9).lacks, [""; 0]);
    }
}
