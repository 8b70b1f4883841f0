//! `/proc/<pid>/status` (proc_pid_status(5)): privileges and filters of one task.

use lazaret_protocol::{Difference, Expected};

use super::difference;

/// The five capability sets as the file names them.
const CAPABILITY_SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

/// The lines of the file that matter here. `None` where a line is missing, there twice, or not
/// understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskStatus {
    /// `NoNewPrivs`: 1 when set.
    pub no_new_privs: Option<u64>,
    /// `Seccomp`: 2 in filter mode.
    pub seccomp: Option<u64>,
    /// `Seccomp_filters`: how many filters apply. Kernels before 5.9 do not say.
    pub seccomp_filters: Option<u64>,
    /// The inheritable, permitted, effective, bounding and ambient set.
    pub capabilities: [Option<u64>; 5],
    /// Real, effective, saved and file system user.
    pub uid: Option<[u32; 4]>,
    /// Real, effective, saved and file system group.
    pub gid: Option<[u32; 4]>,
    /// Supplementary groups.
    pub groups: Option<Vec<u32>>,
}

/// Reads the text of the file. Never fails: what is odd is `None`.
#[must_use]
pub fn parse_status(text: &str) -> TaskStatus {
    let decimal = |name| field(text, name)?.parse().ok();
    TaskStatus {
        no_new_privs: decimal("NoNewPrivs"),
        seccomp: decimal("Seccomp"),
        seccomp_filters: decimal("Seccomp_filters"),
        capabilities: CAPABILITY_SETS.map(|name| u64::from_str_radix(field(text, name)?, 16).ok()),
        uid: four(field(text, "Uid")),
        gid: four(field(text, "Gid")),
        groups: numbers(field(text, "Groups")),
    }
}

/// What differs for one task. `task` is its thread id.
#[must_use]
pub fn compare_status(task: &str, status: &TaskStatus, expected: &Expected) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut check = |what: &str, good: bool, wanted: String, value: Option<String>| {
        if !good {
            let value = value.unwrap_or_else(|| "missing".to_owned());
            found.push(difference(format!("task {task} {what}"), wanted, value));
        }
    };
    let shown = |value: Option<u64>| value.map(|value| value.to_string());
    check(
        "NoNewPrivs",
        status.no_new_privs == Some(1),
        "1".to_owned(),
        shown(status.no_new_privs),
    );
    check(
        "Seccomp",
        status.seccomp == Some(2),
        "2".to_owned(),
        shown(status.seccomp),
    );
    check(
        "Seccomp_filters",
        status.seccomp_filters.is_none_or(|filters| filters >= 1),
        "1 or more".to_owned(),
        shown(status.seccomp_filters),
    );
    for (name, set) in CAPABILITY_SETS.into_iter().zip(status.capabilities) {
        let value = set.map(|set| format!("{set:016x}"));
        check(name, set == Some(0), format!("{:016x}", 0), value);
    }
    for (name, wanted, ids) in [
        ("Uid", expected.uid, status.uid),
        ("Gid", expected.gid, status.gid),
    ] {
        let value = ids.map(|ids| format!("{ids:?}"));
        check(
            name,
            ids == Some([wanted; 4]),
            format!("{:?}", [wanted; 4]),
            value,
        );
    }
    check(
        "Groups",
        status.groups.as_ref().is_some_and(Vec::is_empty),
        "none".to_owned(),
        status.groups.as_ref().map(|groups| format!("{groups:?}")),
    );
    found
}

/// The value of the only line of this name.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = lines.next()?;
    lines.next().is_none().then(|| value.trim())
}

fn numbers(value: Option<&str>) -> Option<Vec<u32>> {
    value?
        .split_ascii_whitespace()
        .map(|number| number.parse().ok())
        .collect()
}

fn four(value: Option<&str>) -> Option<[u32; 4]> {
    numbers(value)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readback::mounts::tests::expected;

    const CONTAINER: &str = include_str!("../../tests/fixtures/status-container");
    const HOST_ROOT: &str = include_str!("../../tests/fixtures/status-host-root");

    #[test]
    fn a_confined_task_has_no_differences() {
        let found = compare_status("1", &parse_status(CONTAINER), &expected());
        assert_eq!(found, Vec::new());
    }

    #[test]
    fn every_line_of_an_unconfined_task_is_reported() {
        let found = compare_status("7", &parse_status(HOST_ROOT), &expected());
        let names: Vec<_> = found.iter().map(|found| found.what.as_str()).collect();
        assert_eq!(
            names,
            [
                "task 7 NoNewPrivs",
                "task 7 Seccomp",
                "task 7 Seccomp_filters",
                "task 7 CapPrm",
                "task 7 CapEff",
                "task 7 CapBnd",
                "task 7 Uid",
                "task 7 Gid",
                "task 7 Groups",
            ]
        );
        assert_eq!(found[4].found, "000001ffffffffff");
    }

    #[test]
    fn an_empty_file_passes_nothing() {
        let found = compare_status("1", &parse_status(""), &expected());
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|found| found.found == "missing"));
    }

    #[test]
    fn a_line_that_is_there_twice_is_not_believed() {
        let text = format!("{CONTAINER}NoNewPrivs:\t0\n");
        assert_eq!(parse_status(&text).no_new_privs, None);
    }

    #[test]
    fn one_capability_in_the_ambient_set_is_reported() {
        let text = CONTAINER.replace("CapAmb:\t0000000000000000", "CapAmb:\t0000000000000400");
        let found = compare_status("1", &parse_status(&text), &expected());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "task 1 CapAmb");
    }

    #[test]
    fn an_old_kernel_that_counts_no_filters_is_accepted() {
        let text = CONTAINER.replace("Seccomp_filters:\t1\n", "");
        assert_eq!(compare_status("1", &parse_status(&text), &expected()), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in "(?s).{0,400}") {
            let _ = compare_status("1", &parse_status(&text), &expected());
        }
    }
}
