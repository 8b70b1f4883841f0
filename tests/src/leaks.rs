//! The host before a case and after it.
//!
//! Other programs on the host may run plugins at the same time. What counts as ours: processes
//! below this one, cgroups and directories of launchers that are below this one or gone, and
//! whatever has this program's temporary directory or `lazaret` in its name.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::processes::{self, descendants, entries, links};

/// How long what is being removed may take to be gone; long enough for an emulated processor. Cases in
/// which something is left wait so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Everything of ours on the host, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeSet<String>);

impl Snapshot {
    /// Looks now.
    pub fn take() -> Self {
        processes::reap();
        let processes = descendants();
        let launchers: BTreeSet<u32> = processes.iter().map(|process| process.id).collect();
        let mut lines: BTreeSet<String> = processes.iter().map(ToString::to_string).collect();
        lines.extend(
            processes::namespaces(&processes)
                .into_iter()
                .map(|namespace| format!("namespace {namespace}")),
        );
        lines.extend(cgroups(&launchers));
        lines.extend(mounts());
        lines.extend(sockets());
        lines.extend(runtime_directories(&launchers));
        lines.extend(temporary_files());
        lines.extend(descriptors());
        Self(lines)
    }

    /// What is here and was not there before.
    pub fn since(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

/// What is left since then, once everything that goes away has gone.
pub fn left_since(before: &Snapshot) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = Snapshot::take().since(before);
        if left.is_empty() || Instant::now() >= end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a launcher of this id is somebody else's: alive, and not below this process.
fn is_foreign(launcher: u32, ours: &BTreeSet<u32>) -> bool {
    let name = fs_err::read_to_string(format!("/proc/{launcher}/comm")).unwrap_or_default();
    name.trim_end() == "lazaret-launche" && !ours.contains(&launcher)
}

/// Cgroups named `lazaret-...`, in every hierarchy.
fn cgroups(ours: &BTreeSet<u32>) -> Vec<String> {
    const ROOT: &str = "/sys/fs/cgroup";
    let hierarchies = entries(ROOT)
        .into_iter()
        .map(|name| format!("{ROOT}/{name}"));
    let within = |directory: String| {
        let named = entries(&directory).into_iter();
        let named = named.filter(|name| name.starts_with("lazaret"));
        named
            .filter(|name| !launcher_of(name).is_some_and(|pid| is_foreign(pid, ours)))
            .map(|name| format!("cgroup {directory}/{name}"))
            .collect::<Vec<_>>()
    };
    hierarchies
        .chain([ROOT.to_owned()])
        .flat_map(within)
        .collect()
}

/// The launcher's process id in `lazaret-ID-NUMBER`.
fn launcher_of(cgroup: &str) -> Option<u32> {
    cgroup
        .strip_prefix("lazaret-")?
        .split_once('-')?
        .0
        .parse()
        .ok()
}

fn mounts() -> Vec<String> {
    let text = fs_err::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let lines = text.lines().filter(|line| line.contains("lazaret"));
    lines.map(|line| format!("mount {line}")).collect()
}

/// Sockets with a name.
fn sockets() -> Vec<String> {
    let text = fs_err::read_to_string("/proc/net/unix").unwrap_or_default();
    let paths = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7));
    paths
        .filter(|path| path.contains("lazaret"))
        .map(|path| format!("socket {path}"))
        .collect()
}

/// What launchers keep in `/run/lazaret`, but for the files whose bytes they lock.
fn runtime_directories(ours: &BTreeSet<u32>) -> Vec<String> {
    let names = entries("/run/lazaret").into_iter();
    names
        .filter(|name| !["ids", "launchers"].contains(&name.as_str()))
        .filter(|name| !name.parse().is_ok_and(|pid| is_foreign(pid, ours)))
        .map(|name| format!("directory /run/lazaret/{name}"))
        .collect()
}

fn temporary_files() -> Vec<String> {
    let directory = crate::temporary::directory();
    let directory = directory.to_string_lossy();
    let names = entries(&directory).into_iter();
    names
        .map(|name| format!("temporary file {directory}/{name}"))
        .collect()
}

/// The descriptors of this process, but the one that looks.
fn descriptors() -> Vec<String> {
    let own = format!("/proc/{}/fd", std::process::id());
    links("/proc/self/fd")
        .into_iter()
        .filter(|(_, target)| *target != own)
        .map(|(number, target)| format!("descriptor {number} to {target}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_names_its_launcher() {
        assert_eq!(launcher_of("lazaret-41-2"), Some(41));
        assert_eq!(launcher_of("lazaret-bundle-41"), None);
    }

    #[test]
    fn what_came_is_told_and_what_went_is_not() {
        let of = |lines: &[&str]| Snapshot(lines.iter().map(|&line| line.to_owned()).collect());
        let (before, after) = (of(&["a", "b"]), of(&["b", "c"]));
        assert_eq!(after.since(&before), ["c"]);
    }
}
