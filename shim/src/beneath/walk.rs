//! A tree of directories, looked at name by name.
//!
//! Each directory is opened beneath the one that the walk began at, and no symbolic link is
//! followed (openat2(2)): whoever swaps names meanwhile shows the walk another part of the same
//! tree, or nothing.

use std::os::fd::OwnedFd;
use std::vec::IntoIter;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat, openat2, statat};
use rustix::io::Errno;

use super::entries::names_in;
use super::{Entry, EntryKind, Places, READING, ReadError};

/// The most names that one walk looks at.
const MOST_NAMES: usize = 1_000_000;

/// The most directories that wait to be looked into.
const MOST_WAITING: usize = 64 * 1024;

/// How many directories may lie in one another.
const MOST_DEPTH: usize = 64;

/// A walk under way. It holds two descriptors at most.
#[derive(Debug)]
pub struct Walk {
    root: OwnedFd,
    /// The path that it began at, in normal form.
    path: String,
    /// Names are hidden here.
    granted: bool,
    /// Directories that were not looked into yet, by their paths below the root; the next is the
    /// last.
    waiting: Vec<String>,
    now: Option<Listing>,
    recursive: bool,
    names: usize,
}

/// A directory that is being looked at.
#[derive(Debug)]
struct Listing {
    directory: OwnedFd,
    below: String,
    entries: IntoIter<Entry>,
}

/// A name that was come across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Its path below the root.
    pub below: String,
    /// The name, and what has it.
    pub entry: Entry,
}

/// What one step of a walk comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A name.
    Name(Visited),
    /// A directory was looked into: that may have taken long, and nothing is told yet.
    Nothing,
    /// There is no more.
    End,
}

impl Places {
    /// Walks the directory of this path, with all below it where that is wanted. The names of a
    /// directory come before those of the directories in it, and sorted.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn walk(&self, path: &str, recursive: bool) -> Result<Walk, ReadError> {
        let granted = self.find(path)?.0.granted;
        let (root, path) = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Walk {
            root,
            path,
            granted,
            waiting: vec![String::new()],
            now: None,
            recursive,
            names: 0,
        })
    }
}

impl Walk {
    /// The next name; `None` after the last. A directory that is gone by now, or may not be looked
    /// into, is passed over.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooMany`], [`ReadError::TooMuch`]; [`ReadError::System`] where a directory
    /// cannot be read to its end.
    pub fn next(&mut self, places: &Places) -> Result<Option<Visited>, ReadError> {
        loop {
            match self.step(places)? {
                Step::Name(visited) => return Ok(Some(visited)),
                Step::Nothing => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// The same, but at most one directory is looked into: for whoever has little time.
    ///
    /// # Errors
    ///
    /// Those of [`Walk::next`].
    pub fn step(&mut self, places: &Places) -> Result<Step, ReadError> {
        if let Some(now) = &mut self.now {
            if let Some(entry) = now.entries.next() {
                let below = joined(&now.below, &entry.name);
                return Ok(Step::Name(Visited { below, entry }));
            }
            self.now = None;
        }
        let Some(below) = self.waiting.pop() else {
            return Ok(Step::End);
        };
        self.look_into(below, places)?;
        Ok(Step::Nothing)
    }

    /// The path of a name below the root, as the plugin names it.
    #[must_use]
    pub fn path_of(&self, below: &str) -> String {
        joined(self.path.trim_end_matches('/'), below)
    }

    /// Opens the file of a name of the directory that is being looked at; `None` where there is
    /// no such file any more, or it may not be read.
    #[must_use]
    pub fn open(&self, name: &str) -> Option<OwnedFd> {
        let directory = &self.now.as_ref()?.directory;
        open_beneath(directory, name, READING).ok()
    }

    /// What is known of a name of the directory that is being looked at.
    pub(super) fn stat(&self, name: &str) -> Option<Stat> {
        let directory = &self.now.as_ref()?.directory;
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    fn look_into(&mut self, below: String, places: &Places) -> Result<(), ReadError> {
        let name = if below.is_empty() { "." } else { &below };
        let directory = match open_beneath(&self.root, name, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(directory) => directory,
            // The root was opened: without it there is nothing to tell.
            Err(errno) if below.is_empty() => return Err(ReadError::of(&self.path, errno.into())),
            Err(_) => return Ok(()),
        };
        let hidden = |name: &str| places.hides(self.granted, name);
        let entries = names_in(&directory, &self.path_of(&below), hidden)?;
        self.names += entries.len();
        if self.names > MOST_NAMES {
            return Err(self.too_much("names", MOST_NAMES));
        }
        if self.recursive {
            let directories = |entry: &&Entry| entry.kind == EntryKind::Directory;
            let found = entries.iter().filter(directories).rev();
            let found: Vec<String> = found.map(|entry| joined(&below, &entry.name)).collect();
            if !found.is_empty() && below.split('/').count() >= MOST_DEPTH {
                return Err(self.too_much("directories in one another", MOST_DEPTH));
            }
            if self.waiting.len() + found.len() > MOST_WAITING {
                return Err(self.too_much("directories", MOST_WAITING));
            }
            self.waiting.extend(found);
        }
        self.now = Some(Listing {
            directory,
            below,
            entries: entries.into_iter(),
        });
        Ok(())
    }

    fn too_much(&self, what: &'static str, limit: usize) -> ReadError {
        ReadError::TooMuch {
            path: self.path.clone(),
            what,
            limit: limit as u64,
        }
    }
}

fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() && !name.starts_with('/') {
        return name.to_owned();
    }
    format!("{directory}/{name}")
}

fn open_beneath(directory: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(
            directory,
            name,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        ) {
            // Something was renamed meanwhile.
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
}
