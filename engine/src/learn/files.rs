//! From the paths a plugin was seen at to the paths it is granted. Pure: what is on the host is
//! asked for by an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where a path of the host leads when all links are followed; `None` where nothing is there.
pub type Real<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Of one directory, so many different files are granted one by one; where there are more, the
/// directory is.
pub const FILES_OF_ONE_DIRECTORY: usize = 8;

/// A path to be granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Narrowed {
    /// A file, or a directory with all below it.
    pub(super) path: String,
    /// How often it was used.
    pub(super) times: u64,
    /// How many different paths it stands for.
    pub(super) paths: usize,
}

/// What may be granted, and how many grants there may be.
pub(super) struct Bounds<'a> {
    /// Where paths lead.
    pub(super) real: &'a Real<'a>,
    /// Whether the plugin was allowed the path while it was learned from: nothing wider is granted.
    pub(super) is_allowed: &'a dyn Fn(&str) -> bool,
    /// The most grants.
    pub(super) most: usize,
}

/// The narrowest grants that cover all paths: as few directories as the bounds let there be. A
/// path that is not there is granted by the directory it would be in, since a grant needs
/// something to grant; one that leads through links by the directory that holds them and what they
/// lead to.
pub(super) fn narrow(seen: &BTreeMap<String, u64>, bounds: &Bounds<'_>) -> Vec<Narrowed> {
    let there: Vec<(String, &str, u64)> = seen
        .iter()
        .map(|(path, times)| (nearest(path, bounds), path.as_str(), *times))
        .collect();
    let mut narrowed = Vec::new();
    // Directory by directory, tighter until they are few enough.
    for files in [FILES_OF_ONE_DIRECTORY, 1, 0] {
        narrowed = gathered(&there, files, bounds);
        if narrowed.len() <= bounds.most {
            break;
        }
    }
    narrowed
}

fn gathered(there: &[(String, &str, u64)], files: usize, bounds: &Bounds<'_>) -> Vec<Narrowed> {
    let mut of_one: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, ..) in there {
        of_one.entry(parent(path)).or_default().insert(path);
    }
    let mut granted: BTreeSet<&str> = BTreeSet::new();
    for (directory, paths) in &of_one {
        if paths.len() > files && (bounds.is_allowed)(directory) {
            granted.insert(directory);
        } else {
            granted.extend(paths);
        }
    }
    // What a directory covers needs no grant of its own.
    let all: Vec<&str> = granted.iter().copied().collect();
    granted.retain(|path| !all.iter().any(|other| other != path && holds(other, path)));
    let narrowed = granted.iter().map(|path| {
        let covered = there.iter().filter(|(own, ..)| holds(path, own));
        let (mut times, mut different) = (0_u64, BTreeSet::new());
        for (_, seen, count) in covered {
            times = times.saturating_add(*count);
            different.insert(*seen);
        }
        Narrowed {
            path: (*path).to_owned(),
            times,
            paths: different.len(),
        }
    });
    narrowed.collect()
}

/// The path, or the nearest directory above it that is there, is reached without links and holds
/// what the path leads to; the path where none such may be granted.
fn nearest(path: &str, bounds: &Bounds<'_>) -> String {
    let target = (bounds.real)(path);
    let mut at = path;
    loop {
        let is_plain = (bounds.real)(at).is_some_and(|real| real == at);
        let is_enough = target.as_deref().is_none_or(|target| holds(at, target));
        if is_plain && is_enough {
            return at.to_owned();
        }
        at = parent(at);
        if !(bounds.is_allowed)(at) {
            return path.to_owned();
        }
    }
}

fn parent(path: &str) -> &str {
    let parent = Path::new(path).parent().and_then(Path::to_str);
    parent.unwrap_or("/")
}

fn holds(outer: &str, inner: &str) -> bool {
    Path::new(inner).starts_with(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path times paths` of each grant.
    fn narrowed(seen: &[(&str, u64)], allowed: &str, missing: &[&str], most: usize) -> Vec<String> {
        let seen = seen
            .iter()
            .map(|(path, times)| ((*path).to_owned(), *times));
        let bounds = Bounds {
            real: &|path| match path {
                "/srv/in/link" => Some("/srv/in/deep/target".to_owned()),
                path => (!missing.contains(&path)).then(|| path.to_owned()),
            },
            is_allowed: &|path| holds(allowed, path),
            most,
        };
        let shown = |narrowed: &Narrowed| {
            let Narrowed { path, times, paths } = narrowed;
            format!("{path} {times} {paths}")
        };
        narrow(&seen.collect(), &bounds).iter().map(shown).collect()
    }

    fn files(count: usize) -> Vec<(String, u64)> {
        (0..count)
            .map(|number| (format!("/srv/in/{number}"), 2))
            .collect()
    }

    fn of(files: &[(String, u64)]) -> Vec<(&str, u64)> {
        files
            .iter()
            .map(|(path, times)| (path.as_str(), *times))
            .collect()
    }

    #[test]
    fn a_few_files_are_granted_one_by_one_and_many_by_their_directory() {
        let few = files(FILES_OF_ONE_DIRECTORY);
        assert_eq!(narrowed(&of(&few), "/srv", &[], 64).len(), few.len());
        let many = files(FILES_OF_ONE_DIRECTORY + 1);
        assert_eq!(narrowed(&of(&many), "/srv", &[], 64), ["/srv/in 18 9"]);
    }

    #[test]
    fn nothing_wider_is_granted_than_was_allowed() {
        let many = files(20);
        assert_eq!(narrowed(&of(&many), "/srv/in/1", &[], 64).len(), 20);
        assert_eq!(narrowed(&of(&many), "/srv/in", &[], 3), ["/srv/in 40 20"]);
    }

    #[test]
    fn directories_come_in_where_there_are_too_many_files() {
        let seen = [("/a/b/1", 1), ("/a/b/2", 1), ("/a/c/3", 1), ("/a/c/4", 1)];
        assert_eq!(narrowed(&seen, "/a", &[], 4).len(), 4);
        assert_eq!(narrowed(&seen, "/a", &[], 3), ["/a/b 2 2", "/a/c 2 2"]);
    }

    #[test]
    fn what_lies_below_a_granted_directory_is_granted_with_it() {
        let seen = [("/srv/in", 1), ("/srv/in/a", 2), ("/srv/inner", 3)];
        let expected = ["/srv/in 3 2", "/srv/inner 3 1"];
        assert_eq!(narrowed(&seen, "/srv", &[], 64), expected);
    }

    #[test]
    fn what_cannot_be_granted_itself_is_granted_by_a_directory() {
        let seen = [("/srv/in/new/a", 1)];
        let missing = ["/srv/in/new/a", "/srv/in/new"];
        assert_eq!(narrowed(&seen, "/srv", &missing, 64), ["/srv/in 1 1"]);
        let link = narrowed(&[("/srv/in/link", 1)], "/srv", &[], 64);
        assert_eq!(link, ["/srv/in 1 1"]);
        let exactly = narrowed(&seen, "/srv/in/new/a", &missing, 64);
        assert_eq!(exactly, ["/srv/in/new/a 1 1"]);
    }
}
