//! Removes what a launcher that was killed left behind: processes in its cgroups, the cgroups,
//! its mount point.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lazaret_launcher_wire::{ContainerId, kill_members};

use crate::launchers::Launchers;

const CGROUPS: &str = "/sys/fs/cgroup";

/// Looks once over the cgroup hierarchies and the runtime directory for what is left of launchers
/// that have ended. What cannot be removed is left for the next launcher: it is no reason not to
/// start this one. To be called before this launcher makes anything of its own.
pub(crate) fn remove_leftovers(runtime: &Path, launchers: &Launchers) {
    let hierarchies = hierarchies(Path::new(CGROUPS));
    let cgroups = hierarchies.iter().flat_map(|hierarchy| entries(hierarchy));
    let from_cgroups = cgroups.filter_map(|cgroup| launcher_of(name(&cgroup)));
    let directories = entries(runtime);
    let from_directories = directories
        .iter()
        .filter_map(|directory| name(directory).parse().ok());
    let found: BTreeSet<u32> = from_cgroups.chain(from_directories).collect();
    for launcher in found {
        launchers.in_place_of_ended(launcher, || {
            remove_cgroups(|name| launcher_of(name) == Some(launcher));
            // Empty: its tmpfs went with its launcher's mount namespace.
            drop(fs_err::remove_dir(runtime.join(launcher.to_string())));
        });
    }
}

/// The launcher that made a cgroup of this name.
fn launcher_of(name: &str) -> Option<u32> {
    name.parse::<ContainerId>().ok()?.launcher()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// Kills and removes the cgroups of containers so named, in every hierarchy.
pub(crate) fn remove_cgroups(is_meant: impl Fn(&str) -> bool) {
    for hierarchy in hierarchies(Path::new(CGROUPS)) {
        for cgroup in entries(&hierarchy) {
            if is_meant(name(&cgroup)) {
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
