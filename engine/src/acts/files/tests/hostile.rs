//! Names that lead elsewhere, and things that are no files.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// What may never change, whatever is tried.
fn unharmed(tree: &Tree) {
    assert_eq!(tree.text("secret"), "secret");
    assert_eq!(tree.text("other/secret"), "secret");
    let beside = tree
        .names()
        .into_iter()
        .filter(|name| !name.starts_with("granted"))
        .collect::<Vec<_>>();
    assert_eq!(beside, ["other", "other/secret", "secret"]);
}

fn all_fail(outcomes: Vec<Outcome>, what: &str) {
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert!(outcome.is_err(), "{what}: change {number}");
    }
}

#[test]
fn a_symbolic_link_is_followed_nowhere() {
    let tree = Tree::new();
    let secret = tree.at("secret");
    for (name, target) in [
        ("file", secret.as_path()),
        ("relative", Path::new("../secret")),
        ("within", Path::new("old")),
        ("dangling", Path::new("../made")),
        ("directory", Path::new("../other")),
        ("itself", Path::new("itself")),
        ("in/up", Path::new("..")),
        ("root", Path::new("/")),
        ("magic", Path::new("/proc/self/cwd")),
    ] {
        symlink(target, tree.at("granted").join(name)).unwrap();
    }
    for name in [
        "/file",
        "/relative",
        "/within",
        "/dangling",
        "/directory",
        "/itself",
        "/in/up",
        "/root",
        "/magic",
    ] {
        all_fail(tree.every_change(name), name);
        all_fail(tree.every_change(&format!("{name}/secret")), name);
        all_fail(
            vec![
                tree.make_directory(name, false),
                tree.make_directory(&format!("{name}/a"), false),
                tree.make_directory(&format!("{name}/a/b"), true),
            ],
            name,
        );
    }
    assert_eq!(tree.text("granted/old"), "old");
    unharmed(&tree);
}

#[test]
fn a_path_that_is_not_plain_is_none() {
    let tree = Tree::new();
    for name in [
        "/../secret",
        "/in/../../secret",
        "/./old",
        "//old",
        "/old/",
        "/in//deep",
        "/a\0b",
        "/a\nb",
        "/*",
        &format!("/{}", "a".repeat(256)),
        &"/a".repeat(3000),
        "/..",
    ] {
        all_fail(tree.every_change(name), name);
        assert!(tree.make_directory(name, true).is_err(), "{name}");
    }
    for path in ["", "granted/old", "/", "/proc/self/comm"] {
        let path = path.to_owned();
        assert!(tree.perform(&Act::Remove { path }).is_err());
    }
    assert_eq!(tree.text("granted/old"), "old");
    unharmed(&tree);
}

#[test]
fn odd_names_are_names() {
    let tree = Tree::new();
    let longest = format!("/{}", "a".repeat(255));
    for name in [
        "/-rf",
        "/a b",
        "/ü\u{202e}",
        "/~",
        "/$HOME",
        "/...",
        "/a\\b",
        "/%2e%2e",
        &longest,
    ] {
        assert_eq!(tree.replace(name, "x"), DONE, "{name}");
        assert_eq!(tree.text(&format!("granted{name}")), "x");
        assert_eq!(tree.append(name, "y"), DONE, "{name}");
        assert_eq!(tree.rename(name, "/b"), DONE, "{name}");
        assert_eq!(tree.remove("/b"), DONE, "{name}");
    }
}

#[test]
fn a_file_of_two_names_is_left_alone() {
    let tree = Tree::new();
    fs_err::hard_link(tree.at("secret"), tree.at("granted/second")).unwrap();
    all_fail(tree.every_change("/second"), "second");
    let tree_of_file = Tree::with(&["granted/old"], 1000);
    fs_err::hard_link(tree_of_file.at("granted/old"), tree_of_file.at("second")).unwrap();
    assert_eq!(failure(tree_of_file.replace("/old", "x")), Failure::Other);
    assert_eq!(tree_of_file.text("second"), "old");
    unharmed(&tree);
}

#[test]
fn pipes_sockets_and_other_peoples_programs_are_left_alone() {
    let tree = Tree::new();
    for (name, kind) in [("pipe", FileType::Fifo), ("socket", FileType::Socket)] {
        let path = tree.at("granted").join(name);
        mknodat(CWD, &path, kind, Mode::RWXU, 0).unwrap();
    }
    fs_err::write(tree.at("granted/program"), "#!").unwrap();
    for mode in [0o4755, 0o2755] {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(tree.at("granted/program"), mode).unwrap();
        all_fail(tree.every_change("/program"), "program");
    }
    // Nobody reads the pipe: whoever opened it to write would wait.
    all_fail(tree.every_change("/pipe"), "pipe");
    all_fail(tree.every_change("/socket"), "socket");
    assert_eq!(tree.text("granted/program"), "#!");
}

#[test]
fn ignored_names_do_not_exist() {
    let tree = Tree::new();
    fs_err::create_dir(tree.at("granted/.git")).unwrap();
    fs_err::write(tree.at("granted/.git/config"), "kept").unwrap();
    fs_err::write(tree.at("granted/key.pem"), "kept").unwrap();
    fs_err::write(tree.at("granted/.lazaret-1"), "kept").unwrap();
    for name in [
        "/.git/config",
        "/.git",
        "/key.pem",
        "/.lazaret-1",
        "/.git/new",
        "/new.pem",
        "/in/.git/x",
    ] {
        for outcome in tree.every_change(name) {
            assert_eq!(failure(outcome), Failure::NotFound, "{name}");
        }
        let made = tree.make_directory(&format!("{name}/a"), true);
        assert_eq!(failure(made), Failure::NotFound, "{name}");
    }
    assert_eq!(tree.text("granted/.git/config"), "kept");
    assert_eq!(tree.text("granted/key.pem"), "kept");
    assert_eq!(tree.replace("/.gitignore", ""), DONE);
    assert_eq!(failure(tree.remove("/.git")), Failure::NotFound);
}

#[test]
fn a_directory_that_is_moved_or_removed_is_no_way_out() {
    let tree = Tree::new();
    fs_err::rename(tree.at("granted"), tree.at("moved")).unwrap();
    symlink("other", tree.at("granted")).unwrap();
    // The grant is what was there when it was opened.
    assert_eq!(tree.replace("/secret", "new"), DONE);
    assert_eq!(tree.text("moved/secret"), "new");
    assert_eq!(tree.text("other/secret"), "secret");
    fs_err::remove_dir_all(tree.at("moved")).unwrap();
    assert_eq!(failure(tree.replace("/secret", "new")), Failure::NotFound);
    assert_eq!(tree.text("other/secret"), "secret");
}
