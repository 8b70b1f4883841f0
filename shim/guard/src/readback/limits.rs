//! Limits of the process (getrlimit(2)).

use lazaret_protocol::{Difference, ExpectedLimit};
use rustix::process::{Resource, Rlimit, getrlimit};

use super::difference;

/// The limits a bundle may set, by their names.
const RESOURCES: [(&str, Resource); 8] = [
    ("RLIMIT_CORE", Resource::Core),
    ("RLIMIT_FSIZE", Resource::Fsize),
    ("RLIMIT_MEMLOCK", Resource::Memlock),
    ("RLIMIT_MSGQUEUE", Resource::Msgqueue),
    ("RLIMIT_NICE", Resource::Nice),
    ("RLIMIT_NOFILE", Resource::Nofile),
    ("RLIMIT_NPROC", Resource::Nproc),
    ("RLIMIT_RTPRIO", Resource::Rtprio),
];

/// Asks the kernel, and compares. A limit of an unknown name is a difference.
pub(super) fn difference_of(wanted: &ExpectedLimit) -> Option<Difference> {
    let known = RESOURCES.iter().find(|(name, _)| *name == wanted.name);
    match known {
        Some((_, resource)) => compare_limit(wanted, getrlimit(*resource)),
        None => Some(difference(&wanted.name, wanted.value, "no known limit")),
    }
}

/// What differs, soft or hard.
#[must_use]
pub fn compare_limit(wanted: &ExpectedLimit, found: Rlimit) -> Option<Difference> {
    let asked = Some(wanted.value);
    (found.current != asked || found.maximum != asked).then(|| {
        let shown = |value: Option<u64>| value.map_or("unlimited".to_owned(), |n| n.to_string());
        difference(
            &wanted.name,
            format!("{0} soft, {0} hard", wanted.value),
            format!(
                "{} soft, {} hard",
                shown(found.current),
                shown(found.maximum)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, value: u64) -> ExpectedLimit {
        ExpectedLimit {
            name: name.to_owned(),
            value,
        }
    }

    #[test]
    fn soft_and_hard_limit_must_both_be_the_one_asked_for() {
        let limit = wanted("RLIMIT_CORE", 0);
        let found = |current, maximum| compare_limit(&limit, Rlimit { current, maximum });
        assert_eq!(found(Some(0), Some(0)), None);
        for (current, maximum) in [(Some(0), Some(1)), (Some(1), Some(0)), (Some(0), None)] {
            let difference = found(current, maximum).expect("a difference");
            assert_eq!(difference.what, "RLIMIT_CORE");
        }
        let difference = found(Some(0), None).expect("a difference");
        assert_eq!(difference.found, "0 soft, unlimited hard");
    }

    #[test]
    fn a_limit_nobody_knows_passes_nothing() {
        assert!(difference_of(&wanted("RLIMIT_FILES", 64)).is_some());
    }
}
