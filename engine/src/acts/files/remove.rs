//! Removing.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use lazaret_protocol::{ActError, Failure};
use rustix::fs::{AtFlags, Dir, OFlags, unlinkat};
use rustix::io::Errno;

use super::below::{Found, Spot, check_plain, is_ignored, open_below, system};
use super::{Place, Rules, Target, failed};

/// The most files and directories that are removed at once.
const MOST_NAMES: usize = 10_000;

/// The most bytes that all their paths have.
const MOST_PATH_BYTES: usize = 4 * 1024 * 1024;

/// How many directories may lie in one another.
const MOST_DEPTH: usize = 64;

/// Removes a plain file or an empty directory.
pub(super) fn remove(target: &Target<'_>) -> Result<(), ActError> {
    let spot = Spot::of(target)?;
    let found = spot.look()?.ok_or_else(|| spot.failed(Errno::NOENT))?;
    unlink(&spot, &found)
}

/// Removes a plain file, or a directory with all below it. Where anything there is not to be
/// removed, nothing is.
pub(super) fn remove_all(
    target: &Target<'_>,
    places: &[Arc<Place>],
    rules: &Rules,
) -> Result<(), ActError> {
    none_within(target, places)?;
    let spot = Spot::of(target)?;
    let found = spot.look()?.ok_or_else(|| spot.failed(Errno::NOENT))?;
    if !found.is_directory() {
        return unlink(&spot, &found);
    }
    // Each is looked up again from here, one at a time: it takes one descriptor however deep it is.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = open_below(&spot.directory, spot.name, flags).map_err(|errno| spot.failed(errno))?;
    let mut tree = Tree {
        top,
        spot: &spot,
        rules,
        names: Vec::new(),
        bytes: 0,
    };
    tree.look(String::new())?;
    tree.remove()?;
    unlink(&spot, &found)
}

/// That no grant of its own lies below a path.
pub(super) fn none_within(target: &Target<'_>, places: &[Arc<Place>]) -> Result<(), ActError> {
    let within = |place: &&Arc<Place>| {
        let below = place.path().as_str().strip_prefix(target.path);
        below.is_some_and(|below| below.starts_with('/'))
    };
    match places.iter().find(within) {
        Some(place) => {
            let message = format!("`{}` is granted by itself", place.path().as_str());
            Err(failed(Failure::Other, message))
        }
        None => Ok(()),
    }
}

fn unlink(spot: &Spot<'_>, found: &Found) -> Result<(), ActError> {
    let flags = if found.is_directory() {
        AtFlags::REMOVEDIR
    } else {
        check_plain(&found.stat, spot)?;
        AtFlags::empty()
    };
    unlinkat(&spot.directory, spot.name, flags).map_err(|errno| spot.failed(errno))
}

/// What is below a directory that is to be removed.
struct Tree<'a> {
    top: OwnedFd,
    spot: &'a Spot<'a>,
    rules: &'a Rules,
    /// Paths below it; a directory comes before what is in it.
    names: Vec<String>,
    bytes: usize,
}

impl Tree<'_> {
    /// Finds all below a directory, and that it may be removed.
    fn look(&mut self, first: String) -> Result<(), ActError> {
        let mut waiting = vec![first];
        while let Some(below) = waiting.pop() {
            let path = self.path(&below);
            let failed_here = |errno| system(&path, errno);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let name = if below.is_empty() { "." } else { &below };
            let directory = open_below(&self.top, name, flags).map_err(failed_here)?;
            for entry in Dir::read_from(&directory).map_err(failed_here)? {
                let entry = entry.map_err(failed_here)?;
                let Ok(name) = entry.file_name().to_str() else {
                    let message = format!("a name below `{path}` is no UTF-8");
                    return Err(failed(Failure::Other, message));
                };
                if matches!(name, "." | "..") {
                    continue;
                }
                // As if it were a directory that is not empty, and nobody can tell why.
                if is_ignored(name, &self.rules.ignore) {
                    return Err(self.spot.failed(Errno::NOTEMPTY));
                }
                let below = match below.as_str() {
                    "" => name.to_owned(),
                    above => format!("{above}/{name}"),
                };
                if self.check(&directory, name, &below)? {
                    waiting.push(below.clone());
                }
                self.add(below)?;
            }
        }
        Ok(())
    }

    /// Whether it is a directory. Anything else must be plain.
    fn check(&self, directory: &OwnedFd, name: &str, below: &str) -> Result<bool, ActError> {
        let path = self.path(below);
        let spot = self.spot_at(directory, name, &path)?;
        match spot.look()? {
            Some(found) if found.is_directory() => Ok(true),
            Some(found) => check_plain(&found.stat, &spot).map(|()| false),
            None => Ok(false),
        }
    }

    fn add(&mut self, below: String) -> Result<(), ActError> {
        let within = |what: &str, asked: usize, limit: usize| {
            if asked <= limit {
                return Ok(());
            }
            let what = format!("{what} below `{}`", self.spot.path);
            let (asked, limit) = (asked as u64, limit as u64);
            Err(ActError::Limit { what, asked, limit })
        };
        let depth = below.split('/').count();
        within("the directories in one another", depth, MOST_DEPTH)?;
        within("the names", self.names.len() + 1, MOST_NAMES)?;
        within(
            "the bytes of names",
            self.bytes + below.len(),
            MOST_PATH_BYTES,
        )?;
        self.bytes += below.len();
        self.names.push(below);
        Ok(())
    }

    /// Removes what was found, what is in a directory before that directory.
    fn remove(&self) -> Result<(), ActError> {
        for below in self.names.iter().rev() {
            let path = self.path(below);
            let (above, name) = below.rsplit_once('/').unwrap_or((".", below));
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = open_below(&self.top, above, flags);
            let directory = directory.map_err(|errno| system(&path, errno))?;
            let spot = self.spot_at(&directory, name, &path)?;
            // Judged again: somebody may have put another thing there.
            if let Some(found) = spot.look()? {
                unlink(&spot, &found)?;
            }
        }
        Ok(())
    }

    fn spot_at<'s>(
        &'s self,
        directory: &OwnedFd,
        name: &'s str,
        path: &'s str,
    ) -> Result<Spot<'s>, ActError> {
        Ok(Spot {
            place: self.spot.place,
            directory: directory
                .try_clone()
                .map_err(|error| system(path, Errno::from_io_error(&error).unwrap_or(Errno::IO)))?,
            name,
            path,
        })
    }

    fn path(&self, below: &str) -> String {
        match below {
            "" => self.spot.path.to_owned(),
            below => format!("{}/{below}", self.spot.path),
        }
    }
}
