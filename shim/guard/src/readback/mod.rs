//! Reads back from the kernel what this process is held to.
//!
//! Reading and comparing are apart: each submodule parses text into a value and compares that
//! value with the settings, so that all of it is tested on captured text. What cannot be read or
//! understood counts as a difference: nothing passes because it is missing.

mod covered;
mod identity;
mod limits;
mod mounts;
mod space;
mod status;

pub use covered::{Masked, compare_masked, compare_read_only};
pub use identity::{compare_cgroup, compare_id_map, parse_id_map};
pub use limits::compare_limit;
pub use mounts::{Mount, compare_mounts, parse_mounts};
pub use space::{Space, compare_space};
pub use status::{TaskStatus, compare_status, parse_status};

use std::fmt::Display;

use lazaret_protocol::{Difference, Expected};

/// Compares all that the kernel says of this process with the settings.
///
/// Returns every difference, none when all is as asked.
#[must_use]
pub fn differences(expected: &Expected) -> Vec<Difference> {
    let mut found = Vec::new();
    let pid = std::process::id();
    if pid != 1 {
        found.push(difference("pid", "1", pid));
    }
    found.extend(task_differences(expected));
    for (file, wanted) in [
        ("/proc/self/uid_map", &expected.uid_map),
        ("/proc/self/gid_map", &expected.gid_map),
    ] {
        read_and(file, &mut found, |text| {
            compare_id_map(file, parse_id_map(text).as_deref(), wanted)
        });
    }
    read_and("/proc/self/mountinfo", &mut found, |text| {
        compare_mounts(parse_mounts(text).as_deref(), expected)
    });
    found.extend(expected.mounts.iter().flat_map(space::differences));
    found.extend(covered::differences(expected));
    read_and("/proc/self/cgroup", &mut found, compare_cgroup);
    found.extend(expected.limits.iter().filter_map(limits::difference_of));
    let hostname = rustix::system::uname();
    let hostname = hostname.nodename().to_string_lossy();
    if hostname != expected.hostname {
        found.push(difference("hostname", &expected.hostname, &hostname));
    }
    found
}

/// The status of every task of this process, by thread id.
///
/// # Errors
///
/// What reading `/proc/self/task` ran into.
pub fn tasks() -> std::io::Result<Vec<(String, TaskStatus)>> {
    fs_err::read_dir("/proc/self/task")?
        .map(|entry| {
            let task = entry?;
            let text = fs_err::read_to_string(task.path().join("status"))?;
            let name = task.file_name().to_string_lossy().into_owned();
            Ok((name, parse_status(&text)))
        })
        .collect()
}

fn task_differences(expected: &Expected) -> Vec<Difference> {
    match tasks() {
        Ok(tasks) if tasks.is_empty() => {
            vec![difference("/proc/self/task", "at least one task", "none")]
        }
        Ok(tasks) => tasks
            .iter()
            .flat_map(|(task, status)| compare_status(task, status, expected))
            .collect(),
        Err(error) => vec![difference("/proc/self/task", "readable", error)],
    }
}

fn read_and(
    file: &str,
    found: &mut Vec<Difference>,
    compare: impl FnOnce(&str) -> Vec<Difference>,
) {
    match fs_err::read_to_string(file) {
        Ok(text) => found.extend(compare(&text)),
        Err(error) => found.push(difference(file, "readable", error)),
    }
}

/// Puts a difference together.
pub(crate) fn difference(
    what: impl Display,
    expected: impl Display,
    found: impl Display,
) -> Difference {
    Difference {
        what: what.to_string(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
