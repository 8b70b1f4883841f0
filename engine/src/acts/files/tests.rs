//! Acts on files, against trees that are not what they seem.

mod hostile;
mod races;
mod remove;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lazaret_protocol::{Presence, WriteMode};

use super::*;

/// A directory with a granted one in it, and a secret beside that.
struct Tree {
    directory: tempfile::TempDir,
    places: Vec<Arc<Place>>,
    rules: Rules,
}

impl Tree {
    fn new() -> Self {
        Self::with(&["granted"], 1000)
    }

    /// Grants these paths below the tree, of which `granted` is a directory.
    fn with(granted: &[&str], size: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
        for name in ["granted", "granted/in", "other"] {
            fs_err::create_dir(at(name)).unwrap();
        }
        for (name, text) in [
            ("secret", "secret"),
            ("other/secret", "secret"),
            ("granted/old", "old"),
            ("granted/in/deep", "deep"),
        ] {
            fs_err::write(at(name), text).unwrap();
        }
        let open = |name: &&str| {
            let path = at(name).to_str().unwrap().parse().unwrap();
            let quota = Arc::new(Quota::default());
            quota.set(size);
            Arc::new(Place::open(&path, quota).unwrap())
        };
        let places = granted.iter().map(open).collect();
        Self {
            places,
            directory,
            rules: Rules {
                ignore: vec![".git".parse().unwrap(), "*.pem".parse().unwrap()],
                write_bytes: 500,
            },
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at("granted").to_str().unwrap().to_owned() + name
    }

    fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.at(name)).unwrap()
    }

    fn perform(&self, act: &Act) -> Outcome {
        perform(act, &self.places, &self.rules)
    }

    /// Writes below the granted directory.
    fn write(&self, name: &str, mode: WriteMode, presence: Presence, content: &str) -> Outcome {
        self.perform(&Act::Write {
            path: self.path(name),
            mode,
            presence,
            content: content.into(),
        })
    }

    fn replace(&self, name: &str, content: &str) -> Outcome {
        self.write(name, WriteMode::Replace, Presence::Any, content)
    }

    fn append(&self, name: &str, content: &str) -> Outcome {
        self.write(name, WriteMode::Append, Presence::Any, content)
    }

    fn remove(&self, name: &str) -> Outcome {
        self.perform(&Act::Remove {
            path: self.path(name),
        })
    }

    fn remove_all(&self, name: &str) -> Outcome {
        self.perform(&Act::RemoveAll {
            path: self.path(name),
        })
    }

    fn make_directory(&self, name: &str, parents: bool) -> Outcome {
        self.perform(&Act::MakeDirectory {
            path: self.path(name),
            parents,
        })
    }

    fn rename(&self, from: &str, to: &str) -> Outcome {
        self.perform(&Act::Rename {
            from: self.path(from),
            to: self.path(to),
        })
    }

    /// Every way to change what has this name.
    fn every_change(&self, name: &str) -> Vec<Outcome> {
        vec![
            self.replace(name, "changed"),
            self.append(name, "changed"),
            self.write(name, WriteMode::Append, Presence::Old, "changed"),
            self.rename(name, "/renamed"),
            self.rename("/old", name),
            self.remove_all(name),
            self.remove(name),
        ]
    }

    /// All names in the tree.
    fn names(&self) -> Vec<String> {
        fn walk(directory: &Path, names: &mut Vec<String>) {
            for entry in fs_err::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                names.push(entry.path().to_str().unwrap().to_owned());
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), names);
                }
            }
        }
        let mut names = Vec::new();
        let root = self.at("");
        walk(&root, &mut names);
        names.sort();
        let root = root.to_str().unwrap();
        names
            .iter()
            .map(|name| name[root.len()..].to_owned())
            .collect()
    }
}

const DONE: Outcome = Ok(ActResult::Done);

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Err(ActError::Failed { failure, .. }) => failure,
        other => panic!("{other:?}"),
    }
}

fn limit(outcome: Outcome) -> (u64, u64) {
    match outcome {
        Err(ActError::Limit { asked, limit, .. }) => (asked, limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_made_replaced_and_added_to() {
    let tree = Tree::new();
    assert_eq!(tree.replace("/new", "one"), DONE);
    assert_eq!(tree.text("granted/new"), "one");
    assert_eq!(tree.append("/new", " two"), DONE);
    assert_eq!(tree.text("granted/new"), "one two");
    assert_eq!(tree.replace("/new", "3"), DONE);
    assert_eq!(tree.text("granted/new"), "3");
    assert_eq!(tree.append("/in/added", "a"), DONE);
    assert_eq!(tree.text("granted/in/added"), "a");
    assert_eq!(tree.replace("/empty", ""), DONE);
    assert_eq!(tree.text("granted/empty"), "");
}

#[test]
fn what_must_be_there_or_must_not_is_looked_for() {
    let tree = Tree::new();
    for mode in [WriteMode::Replace, WriteMode::Append] {
        let there = tree.write("/old", mode, Presence::New, "x");
        assert_eq!(failure(there), Failure::AlreadyExists);
        let gone = tree.write("/none", mode, Presence::Old, "x");
        assert_eq!(failure(gone), Failure::NotFound);
    }
    assert_eq!(
        tree.write("/old", WriteMode::Replace, Presence::Old, "x"),
        DONE
    );
    assert_eq!(
        tree.write("/new", WriteMode::Append, Presence::New, "x"),
        DONE
    );
    assert_eq!(failure(tree.replace("/none/x", "")), Failure::NotFound);
    assert_eq!(failure(tree.replace("/old/x", "")), Failure::NotADirectory);
    assert_eq!(failure(tree.replace("/in", "")), Failure::IsADirectory);
    assert_eq!(failure(tree.replace("", "")), Failure::IsADirectory);
}

#[test]
fn modes_and_owner_are_always_the_same() {
    let tree = Tree::new();
    let set = |name, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(tree.at(name), mode).unwrap();
    };
    set("granted/old", 0o777);
    set("granted", 0o2777);
    assert_eq!(tree.replace("/old", "x"), DONE);
    assert_eq!(tree.replace("/new", "x"), DONE);
    assert_eq!(tree.make_directory("/made", false), DONE);
    assert_eq!(tree.make_directory("/a/b", true), DONE);
    let granted = fs_err::metadata(tree.at("granted")).unwrap();
    for (name, mode) in [
        ("granted/old", 0o644),
        ("granted/new", 0o644),
        ("granted/made", 0o755),
        ("granted/a", 0o755),
        ("granted/a/b", 0o755),
    ] {
        let found = fs_err::metadata(tree.at(name)).unwrap();
        assert_eq!(found.mode() & 0o7777, mode, "{name}");
        assert_eq!(
            (found.uid(), found.gid()),
            (granted.uid(), granted.gid()),
            "{name}"
        );
    }
}

#[test]
fn who_reads_a_file_while_it_is_replaced_reads_the_old_one() {
    let tree = Tree::new();
    let mut open = fs_err::File::open(tree.at("granted/old")).unwrap();
    assert_eq!(tree.replace("/old", "other"), DONE);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut open, &mut text).unwrap();
    assert_eq!(text, "old");
    assert_eq!(
        tree.names()
            .iter()
            .filter(|name| name.contains("lazaret"))
            .count(),
        0
    );
}

#[test]
fn a_file_that_is_granted_by_itself_stays_the_same_one() {
    let tree = Tree::with(&["granted/old", "granted/later"], 1000);
    let number = || fs_err::metadata(tree.at("granted/old")).unwrap().ino();
    let before = number();
    assert_eq!(tree.replace("/old", "x"), DONE);
    assert_eq!(
        (number(), tree.text("granted/old")),
        (before, "x".to_owned())
    );
    assert_eq!(tree.append("/later", "made"), DONE);
    assert_eq!(tree.text("granted/later"), "made");
    assert_eq!(failure(tree.replace("/old/x", "")), Failure::NotADirectory);
    assert_eq!(
        failure(tree.make_directory("/later", false)),
        Failure::NotADirectory
    );
    assert_eq!(
        failure(tree.replace("/in/deep", "")),
        Failure::Other,
        "not granted"
    );
    assert_eq!(tree.remove("/later"), DONE);
    assert_eq!(tree.replace("/later", "again"), DONE);
}

#[test]
fn directories_are_made_and_removed_when_empty() {
    let tree = Tree::new();
    assert_eq!(tree.make_directory("/a", false), DONE);
    assert_eq!(
        failure(tree.make_directory("/a", false)),
        Failure::AlreadyExists
    );
    assert_eq!(
        failure(tree.make_directory("/b/c", false)),
        Failure::NotFound
    );
    assert_eq!(tree.make_directory("/a/b/c", true), DONE);
    assert_eq!(tree.make_directory("/a/b/c", true), DONE);
    assert_eq!(
        failure(tree.make_directory("/old/c", true)),
        Failure::NotADirectory
    );
    assert_eq!(failure(tree.remove("/a")), Failure::Other, "not empty");
    assert_eq!(tree.remove("/a/b/c"), DONE);
    assert_eq!(tree.remove("/old"), DONE);
    assert_eq!(failure(tree.remove("/old")), Failure::NotFound);
    assert_eq!(
        failure(tree.remove("")),
        Failure::IsADirectory,
        "the grant itself"
    );
}

#[test]
fn names_are_changed_below_one_grant_only() {
    let tree = Tree::with(&["granted", "other"], 1000);
    assert_eq!(tree.rename("/old", "/in/new"), DONE);
    assert_eq!(tree.text("granted/in/new"), "old");
    assert_eq!(tree.rename("/in/new", "/in/deep"), DONE);
    assert_eq!(tree.text("granted/in/deep"), "old");
    assert_eq!(tree.rename("/in", "/moved"), DONE);
    assert_eq!(tree.text("granted/moved/deep"), "old");
    assert_eq!(failure(tree.rename("/moved", "/moved/in")), Failure::Other);
    assert_eq!(failure(tree.rename("/none", "/x")), Failure::NotFound);
    assert_eq!(tree.replace("/x", ""), DONE);
    assert_eq!(failure(tree.rename("/moved", "/x")), Failure::NotADirectory);
    assert_eq!(failure(tree.rename("/x", "/moved")), Failure::IsADirectory);
    let across = tree.perform(&Act::Rename {
        from: tree.path("/x"),
        to: tree.at("other/x").to_str().unwrap().to_owned(),
    });
    assert_eq!(failure(across), Failure::Other);
}

#[test]
fn a_quota_is_held_to_its_last_byte() {
    let tree = Tree::with(&["granted"], 100);
    assert_eq!(tree.replace("/a", &"x".repeat(60)), DONE);
    assert_eq!(limit(tree.append("/a", &"x".repeat(41))), (101, 100));
    assert_eq!(tree.text("granted/a").len(), 60);
    assert_eq!(tree.append("/a", &"x".repeat(40)), DONE);
    assert_eq!(tree.remove("/a"), DONE);
    assert_eq!(
        limit(tree.replace("/a", "x")),
        (101, 100),
        "nothing is given back"
    );
    for number in 1..16 {
        assert_eq!(tree.replace(&format!("/{number}"), ""), DONE);
    }
    assert_eq!(limit(tree.make_directory("/one/too/many", true)), (17, 16));
    assert_eq!(limit(tree.replace("/one", "")), (17, 16));
    assert_eq!(tree.replace("/1", ""), DONE, "one that is there already");
}

#[test]
fn one_write_is_no_larger_than_it_may_be() {
    let tree = Tree::new();
    assert_eq!(limit(tree.replace("/a", &"x".repeat(501))), (501, 500));
    assert_eq!(tree.replace("/a", &"x".repeat(500)), DONE);
}

#[test]
fn a_place_is_a_directory_or_a_plain_file_under_its_real_name() {
    let tree = Tree::new();
    let open = |name: &str| {
        let path = tree.at(name).to_str().unwrap().parse().unwrap();
        Place::open(&path, Arc::default()).map(drop)
    };
    std::os::unix::fs::symlink("granted", tree.at("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        tree.at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(open("granted").is_ok());
    assert!(open("granted/old").is_ok());
    assert!(open("granted/none").is_ok());
    assert!(matches!(open("link"), Err(PlaceError::Link { .. })));
    assert!(matches!(open("link/in"), Err(PlaceError::Link { .. })));
    assert!(matches!(open("pipe"), Err(PlaceError::Unfit { .. })));
    assert!(matches!(open("none/none"), Err(PlaceError::Open { .. })));
    assert!(matches!(
        open("granted/old/x"),
        Err(PlaceError::Open { .. })
    ));
}

#[test]
fn only_an_empty_private_directory_is_taken_for_the_one_just_made() {
    let directory = tempfile::tempdir().unwrap();
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(directory.path(), mode).unwrap();
    };
    let is_new = || {
        let opened = fs_err::File::open(directory.path()).unwrap();
        change::is_new(&opened.into_file().into())
    };
    mode(0o700);
    assert_eq!(is_new(), Ok(true));
    fs_err::write(directory.path().join("somebody's"), "").unwrap();
    assert_eq!(is_new(), Ok(false));
    fs_err::remove_file(directory.path().join("somebody's")).unwrap();
    mode(0o755);
    assert_eq!(is_new(), Ok(false));
}

#[test]
fn what_holds_a_grant_of_its_own_is_not_moved() {
    let tree = Tree::with(&["granted", "granted/in/deep"], 1000);
    assert_eq!(failure(tree.rename("/in", "/moved")), Failure::Other);
    assert_eq!(tree.make_directory("/new", false), DONE);
    assert_eq!(failure(tree.rename("/new", "/in")), Failure::Other);
    assert_eq!(tree.rename("/new", "/moved"), DONE);
}
