//! Which case may be skipped where, and why. A skip that is not here is a failure, and so is a case
//! that is here and was not skipped.

use lazaret::host::CgroupVersion;

use crate::case::Outcome;

/// What a skip may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    /// Which cgroups the host has: the native suites run on version 1, the guest on version 2.
    pub cgroups: CgroupVersion,
    /// The shim with V8 is built.
    pub v8: bool,
    /// This is a guest of `tests/vm`, in which nothing may be missing.
    pub guest: bool,
    /// vsock leads back to the machine itself.
    pub vsock_loopback: bool,
}

/// A case that may be skipped.
struct Allowed {
    case: &'static str,
    on: fn(Here) -> bool,
}

const ALLOWED: &[Allowed] = &[
    // `memory.high` is the only key that a host may be unable to hold, and version 2 has it.
    Allowed {
        case: "input: a key this host cannot hold",
        on: |here| here.cgroups == CgroupVersion::V2,
    },
    // Version 1 tells of no limit by itself, and has no soft limit on memory.
    Allowed {
        case: "violations: the kernel tells of a limit without being asked",
        on: |here| here.cgroups == CgroupVersion::V1,
    },
    Allowed {
        case: "violations: memory above its soft limit ends a plugin whose policy says so",
        on: |here| here.cgroups == CgroupVersion::V1,
    },
    Allowed {
        case: "machine: unified cgroups hold every key",
        on: |here| here.cgroups == CgroupVersion::V1,
    },
    // The guest has a loopback of vsock; other machines are not asked to.
    Allowed {
        case: "machine: vsock leads back to the machine",
        on: |here| !here.guest && !here.vsock_loopback,
    },
    // A guest has programs without libraries only, and no display has none.
    Allowed {
        case: "acts: windows of a display that is granted are seen and asked to close, by class",
        on: |here| here.guest,
    },
    // V8's library is not to be had everywhere.
    Allowed {
        case: "all JavaScript suites [v8]",
        on: |here| !here.v8,
    },
];

/// Set in a guest.
const GUEST: &str = "LAZARET_TESTS_GUEST";

impl Here {
    /// This machine.
    pub fn this(cgroups: CgroupVersion, v8: bool) -> Self {
        Self {
            cgroups,
            v8,
            guest: std::env::var_os(GUEST).is_some(),
            vsock_loopback: std::path::Path::new("/sys/module/vsock_loopback").exists(),
        }
    }

    /// As `v1-hybrid`.
    pub fn name(self) -> &'static str {
        match self.cgroups {
            CgroupVersion::V1 => "v1-hybrid",
            CgroupVersion::V2 => "v2",
        }
    }

    /// What becomes of an outcome by the list.
    pub fn judge(self, case: &str, outcome: Outcome) -> Outcome {
        match (outcome, self.may_skip(case)) {
            (Outcome::Skipped(reason), false) => Outcome::Failed(format!(
                "skipped, and `tests/src/skips.rs` does not allow it here: {reason}"
            )),
            (Outcome::Passed, true) => Outcome::Failed(
                "not skipped, and `tests/src/skips.rs` says that it cannot be tried here"
                    .to_owned(),
            ),
            (outcome, _) => outcome,
        }
    }

    /// Cases that are to be skipped here and do not exist.
    pub fn unknown<'a>(self, cases: impl Iterator<Item = &'a str> + Clone) -> Vec<&'static str> {
        let here = ALLOWED.iter().filter(|allowed| (allowed.on)(self));
        here.map(|allowed| allowed.case)
            .filter(|name| !cases.clone().any(|case| case == *name))
            .collect()
    }

    fn may_skip(self, case: &str) -> bool {
        ALLOWED
            .iter()
            .any(|allowed| allowed.case == case && (allowed.on)(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Here = Here {
        cgroups: CgroupVersion::V1,
        v8: false,
        guest: false,
        vsock_loopback: false,
    };

    #[test]
    fn only_what_is_listed_may_be_skipped_and_it_must_be() {
        let skipped = || Outcome::Skipped("no V8".to_owned());
        let listed = "all JavaScript suites [v8]";
        assert_eq!(HERE.judge(listed, skipped()), skipped());
        assert_eq!(HERE.judge("story: a", Outcome::Passed), Outcome::Passed);
        for outcome in [
            HERE.judge(listed, Outcome::Passed),
            HERE.judge("story: a", skipped()),
            Here { v8: true, ..HERE }.judge(listed, skipped()),
        ] {
            assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        }
    }

    #[test]
    fn in_a_guest_nothing_may_be_missing() {
        let vsock = "machine: vsock leads back to the machine";
        let skipped = || Outcome::Skipped("no loopback".to_owned());
        let on = |cgroups, guest, vsock_loopback| Here {
            cgroups,
            guest,
            vsock_loopback,
            ..HERE
        };
        for cgroups in [CgroupVersion::V1, CgroupVersion::V2] {
            assert_eq!(on(cgroups, false, false).judge(vsock, skipped()), skipped());
            assert_eq!(
                on(cgroups, false, true).judge(vsock, Outcome::Passed),
                Outcome::Passed
            );
            let guest = on(cgroups, true, false).judge(vsock, skipped());
            assert!(matches!(guest, Outcome::Failed(_)), "{guest:?}");
        }
    }

    #[test]
    fn an_entry_for_no_case_is_found() {
        let all = ALLOWED.iter().map(|allowed| allowed.case);
        assert_eq!(HERE.unknown(all), Vec::<&str>::new());
        let unknown = HERE.unknown(["story: a"].into_iter());
        assert!(
            unknown.contains(&"all JavaScript suites [v8]"),
            "{unknown:?}"
        );
    }
}
