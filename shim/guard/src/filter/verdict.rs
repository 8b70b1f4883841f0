//! What the filter does about one call, for whoever asks.

use libc::c_long;

use super::{FATAL, Needs, rules};
use crate::reported::REPORTED;

/// What the second filter does about a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is let through.
    Allowed,
    /// It is let through with certain arguments, else it fails with `EPERM`.
    SomeArguments,
    /// It is left to the first filter, which reports what it refuses.
    Left,
    /// It ends the process.
    Ends,
    /// It fails with `EPERM`.
    Refused,
}

/// What happens to the system call of this number in a plugin that runs.
#[must_use]
pub fn verdict(call: c_long, needs: Needs) -> Verdict {
    if FATAL.contains(&call) {
        return Verdict::Ends;
    }
    // New threads, which the first filter lets through, are refused; anything else that is reported is refused there.
    if call == libc::SYS_clone {
        return Verdict::Refused;
    }
    if REPORTED.iter().any(|(_, reported)| *reported == call) {
        return Verdict::Left;
    }
    // The conditions are well formed: a unit test compiles them.
    match rules(needs).ok().and_then(|mut rules| rules.remove(&call)) {
        None => Verdict::Refused,
        Some(conditions) if conditions.is_empty() => Verdict::Allowed,
        Some(_) => Verdict::SomeArguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_call_has_its_verdict() {
        let needs = Needs::default();
        for (call, expected) in [
            (libc::SYS_read, Verdict::Allowed),
            (libc::SYS_openat, Verdict::SomeArguments),
            (libc::SYS_mmap, Verdict::SomeArguments),
            (libc::SYS_ptrace, Verdict::Left),
            (libc::SYS_clone, Verdict::Refused),
            (libc::SYS_execve, Verdict::Ends),
            (libc::SYS_flock, Verdict::Refused),
        ] {
            assert_eq!(verdict(call, needs), expected, "{call}");
        }
        let executable_memory = Needs {
            executable_memory: true,
            ..needs
        };
        assert_eq!(verdict(libc::SYS_mmap, executable_memory), Verdict::Allowed);
    }
}
