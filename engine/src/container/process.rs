//! What the host's `/proc` says of a container's first process (proc_pid_status(5)).

use std::fmt;

use crate::bundle::PLUGIN_ID;

/// Something about the process is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessDifference {
    /// The line, as `NoNewPrivs`.
    pub what: &'static str,
    /// What it must be.
    pub expected: String,
    /// What the kernel says.
    pub found: String,
}

impl fmt::Display for ProcessDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected `{}`, found `{}`",
            self.what, self.expected, self.found
        )
    }
}

/// Checks identity, capabilities, no_new_privs and seccomp of a started process from outside.
///
/// # Errors
/// Where `/proc` cannot be read: the process may have ended.
pub fn check_process(pid: u32, first_host_id: u32) -> std::io::Result<Vec<ProcessDifference>> {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(differences(&status, first_host_id + PLUGIN_ID))
}

fn differences(status: &str, host_id: u32) -> Vec<ProcessDifference> {
    let ids = format!("{host_id}\t{host_id}\t{host_id}\t{host_id}");
    let none = "0000000000000000";
    let wanted = [
        ("Uid", ids.as_str()),
        ("Gid", ids.as_str()),
        ("Groups", ""),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("CapAmb", none),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ];
    let line = |key: &str| {
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.map_or("no such line", str::trim)
    };
    wanted
        .into_iter()
        .filter(|(key, expected)| line(key) != *expected)
        .map(|(what, expected)| ProcessDifference {
            what,
            expected: expected.to_owned(),
            found: line(what).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Name:\tshim\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\nGroups:\t \nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

    #[test]
    fn a_process_as_it_must_be_has_no_differences() {
        assert_eq!(differences(GOOD, 7), []);
    }

    #[test]
    fn every_line_is_held() {
        for (from, to) in [
            ("Uid:\t7\t7\t7\t7", "Uid:\t7\t0\t7\t7"),
            ("Gid:\t7\t7\t7\t7", "Gid:\t7\t7\t7\t0"),
            ("Groups:\t ", "Groups:\t0 "),
            ("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000001"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("Seccomp:\t2", "Seccomp:\t0"),
            ("CapAmb:\t0000000000000000\n", ""),
        ] {
            assert_eq!(differences(&GOOD.replace(from, to), 7).len(), 1, "{from}");
        }
    }
}
