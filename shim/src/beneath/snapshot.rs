//! How a part of the file system looks at a moment, and what is different a moment later.

use std::collections::BTreeMap;

use rustix::fs::{FileType, OFlags, Stat, fstat};

use super::{EntryKind, Places, ReadError};

/// The most files and directories that are looked at again and again.
const MOST_WATCHED: usize = 4096;

/// What is there, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, Mark>);

/// What tells one state of a file from another. Of a directory that is what it is, and no more:
/// names in it are told themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    kind: EntryKind,
    inode: u64,
    size: i64,
    written: (i64, u64),
    changed: (i64, u64),
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It is another file, or not the same in it or of it.
    Modified,
    /// It is not there any more.
    Removed,
}

impl Places {
    /// How these paths look now: each with what is in it, where it is a directory, and with all
    /// below where that is wanted. A path with nothing at it is empty. Of paths in one another, the outer
    /// ones are to come first.
    ///
    /// # Errors
    ///
    /// [`ReadError::Denied`], [`ReadError::TooMuch`] and what keeps a directory from being read.
    pub fn snapshot(&self, paths: &[String], recursive: bool) -> Result<Snapshot, ReadError> {
        let mut found = Snapshot::default();
        for path in paths {
            // Looked at already, with all below it.
            if recursive && found.0.contains_key(&self.name(path)?) {
                continue;
            }
            let (descriptor, path) = match self.open(path, OFlags::PATH | OFlags::NOFOLLOW) {
                Ok(opened) => opened,
                Err(ReadError::NotFound { .. } | ReadError::NotADirectory { .. }) => continue,
                Err(error) => return Err(error),
            };
            let stat = fstat(&descriptor).map_err(|errno| ReadError::of(&path, errno.into()))?;
            let mark = Mark::of(&stat);
            found.0.insert(path.clone(), mark);
            if mark.kind == EntryKind::Directory {
                self.look(&path, recursive, &mut found)?;
            }
        }
        Ok(found)
    }

    fn look(&self, path: &str, recursive: bool, found: &mut Snapshot) -> Result<(), ReadError> {
        let mut walk = match self.walk(path, recursive) {
            Ok(walk) => walk,
            Err(ReadError::NotFound { .. } | ReadError::NotADirectory { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        while let Some(visited) = walk.next(self)? {
            let Some(stat) = walk.stat(&visited.entry.name) else {
                continue;
            };
            found
                .0
                .insert(walk.path_of(&visited.below), Mark::of(&stat));
            if found.0.len() > MOST_WATCHED {
                return Err(ReadError::TooMuch {
                    path: path.to_owned(),
                    what: "files and directories to be watched",
                    limit: MOST_WATCHED as u64,
                });
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// What is different from an earlier one, by path.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Vec<(Change, String)> {
        let now = self.0.iter().filter_map(|(path, mark)| {
            let change = match earlier.0.get(path) {
                None => Change::Created,
                Some(before) if before != mark => Change::Modified,
                Some(_) => return None,
            };
            Some((change, path.clone()))
        });
        let gone = earlier.0.keys().filter(|path| !self.0.contains_key(*path));
        let gone = gone.map(|path| (Change::Removed, path.clone()));
        let mut changes: Vec<_> = gone.chain(now).collect();
        changes.sort_by(|one, other| one.1.cmp(&other.1));
        changes
    }
}

impl Mark {
    fn of(stat: &Stat) -> Self {
        let kind = EntryKind::from(FileType::from_raw_mode(stat.st_mode));
        let of_file = Self {
            kind,
            inode: stat.st_ino,
            size: stat.st_size,
            written: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        };
        match kind {
            EntryKind::Directory => Self {
                size: 0,
                written: (0, 0),
                changed: (0, 0),
                ..of_file
            },
            _ => of_file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beneath::Place;
    use lazaret_protocol::FileLimits;

    fn places(tree: &tempfile::TempDir) -> Places {
        let place = Place {
            seen: "/srv".to_owned(),
            real: tree.path().to_owned(),
            directory: true,
            granted: true,
        };
        let limits = FileLimits {
            ignore: vec!["*.pem".to_owned()],
            read_bytes: 16,
        };
        Places::new(vec![place], limits)
    }

    #[test]
    fn what_is_made_written_and_removed_is_told_and_nothing_of_hidden_names() {
        let tree = tempfile::tempdir().expect("directory");
        let at = |name: &str| tree.path().join(name);
        fs_err::create_dir(at("in")).expect("directory");
        for name in ["a", "b", "in/c", "key.pem"] {
            fs_err::write(at(name), "1").expect("file");
        }
        let (places, paths) = (places(&tree), ["/srv".to_owned()]);
        let look = || places.snapshot(&paths, true).expect("looked");
        let before = look();
        assert_eq!(look().since(&before), []);
        fs_err::write(at("a"), "22").expect("file");
        fs_err::remove_file(at("b")).expect("file");
        fs_err::rename(at("in/c"), at("in/d")).expect("file");
        fs_err::write(at("key.pem"), "22").expect("file");
        fs_err::write(at("other.pem"), "22").expect("file");
        let changes = look().since(&before);
        let told: Vec<_> = changes
            .iter()
            .map(|(how, path)| (*how, &path[4..]))
            .collect();
        let expected = [
            (Change::Modified, "/a"),
            (Change::Removed, "/b"),
            (Change::Removed, "/in/c"),
            (Change::Created, "/in/d"),
        ];
        assert_eq!(told, expected);
        let flat = places.snapshot(&paths, false).expect("looked");
        assert_eq!(flat.0.len(), 3, "{flat:?}");
    }

    #[test]
    fn one_file_is_watched_from_before_it_is_there_and_a_denied_one_never() {
        let tree = tempfile::tempdir().expect("directory");
        let places = places(&tree);
        let paths = ["/srv/later".to_owned()];
        let before = places.snapshot(&paths, true).expect("looked");
        fs_err::write(tree.path().join("later"), "").expect("file");
        let after = places.snapshot(&paths, true).expect("looked");
        let created = (Change::Created, paths[0].clone());
        assert_eq!(after.since(&before), [created]);
        let denied = places.snapshot(&["/etc".to_owned()], true);
        assert!(matches!(denied, Err(ReadError::Denied { .. })));
    }

    #[test]
    fn more_than_can_be_watched_is_told() {
        let tree = tempfile::tempdir().expect("directory");
        for number in 0..=MOST_WATCHED {
            fs_err::create_dir(tree.path().join(number.to_string())).expect("directory");
        }
        let looked = places(&tree).snapshot(&["/srv".to_owned()], false);
        assert!(matches!(looked, Err(ReadError::TooMuch { .. })));
    }
}
