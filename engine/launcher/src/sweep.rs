//! Removes what a launcher that was killed left behind: processes in its cgroups, the cgroups,
//! its mount point.

use std::path::{Path, PathBuf};

use lazaret_launcher_wire::ContainerId;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Looks once over the cgroup hierarchies and the runtime directory. What cannot be removed is
/// left for the next launcher: it is no reason not to start this one.
pub(crate) fn remove_leftovers() {
    remove_cgroups(|name| {
        let launcher = name
            .parse::<ContainerId>()
            .ok()
            .and_then(|id| id.launcher());
        launcher.is_some_and(|pid| !is_launcher(pid))
    });
    for directory in entries(Path::new("/run/lazaret")) {
        let name = directory
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.parse::<u32>().is_ok_and(|pid| !is_launcher(pid)) {
            // Empty: its tmpfs went with its launcher's mount namespace.
            drop(fs_err::remove_dir(&directory));
        }
    }
}

/// Kills and removes the cgroups of containers so named, in every hierarchy.
pub(crate) fn remove_cgroups(is_meant: impl Fn(&str) -> bool) {
    for hierarchy in hierarchies(Path::new("/sys/fs/cgroup")) {
        for cgroup in entries(&hierarchy) {
            if cgroup
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(&is_meant)
            {
                kill_members(&cgroup);
                drop(fs_err::remove_dir(&cgroup));
            }
        }
    }
}

/// The unified hierarchy, or each of the v1 hierarchies.
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    if root.join("cgroup.controllers").exists() {
        vec![root.to_owned()]
    } else {
        entries(root)
    }
}

/// The directories in a directory. Their kind comes with their names; nothing is looked up.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn is_launcher(pid: u32) -> bool {
    fs_err::read_to_string(format!("/proc/{pid}/comm"))
        .is_ok_and(|name| name.trim_end() == "lazaret-launche")
}

/// Kills what is in the cgroup. Each process is held by a pidfd and looked for again before the
/// signal, so that a number used anew is not hit.
fn kill_members(cgroup: &Path) {
    let members = || {
        let text = fs_err::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.parse::<i32>().ok())
            .collect::<Vec<_>>()
    };
    for raw in members() {
        let Some(pid) = Pid::from_raw(raw) else {
            continue;
        };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        if members().contains(&raw) && pidfd_send_signal(&process, Signal::KILL).is_ok() {
            let timeout = rustix::time::Timespec {
                tv_sec: 2,
                tv_nsec: 0,
            };
            let mut ended = [rustix::event::PollFd::new(
                &process,
                rustix::event::PollFlags::IN,
            )];
            rustix::event::poll(&mut ended, Some(&timeout)).ok();
        }
    }
}
