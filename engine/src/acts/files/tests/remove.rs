//! Removing a directory with all below it.

use std::os::unix::fs::symlink;

use super::races::{repeat, while_swapping};
use super::*;

impl Tree {
    /// Makes a directory below the granted one, with files and directories in it.
    fn fill(&self, name: &str) {
        let at = |below: &str| self.at(&format!("granted{name}{below}"));
        fs_err::create_dir_all(at("/a/b")).unwrap();
        for below in ["/1", "/a/2", "/a/b/3"] {
            fs_err::write(at(below), "x").unwrap();
        }
    }
}

#[test]
fn a_directory_goes_with_all_below_it_and_nothing_beside_it() {
    let tree = Tree::new();
    let before = tree.names();
    tree.fill("/full");
    assert_eq!(failure(tree.remove("/full")), Failure::Other, "not empty");
    assert_eq!(tree.remove_all("/full"), DONE);
    assert_eq!(tree.names(), before);
    assert_eq!(failure(tree.remove_all("/full")), Failure::NotFound);
    assert_eq!(tree.remove_all("/old"), DONE, "a file");
    assert_eq!(
        failure(tree.remove_all("")),
        Failure::IsADirectory,
        "the grant itself"
    );
}

#[test]
fn nothing_is_removed_where_anything_below_may_not_be() {
    let tree = Tree::new();
    tree.fill("/full");
    let at = |name: &str| tree.at(&format!("granted/full{name}"));
    let refused = |what: &str| {
        let before = tree.names();
        assert!(tree.remove_all("/full").is_err(), "{what}");
        assert_eq!(tree.names(), before, "{what}");
    };
    symlink("../../secret", at("/a/b/link")).unwrap();
    refused("a link");
    fs_err::remove_file(at("/a/b/link")).unwrap();
    fs_err::hard_link(tree.at("secret"), at("/second")).unwrap();
    refused("a second name");
    fs_err::remove_file(at("/second")).unwrap();
    for hidden in ["/a/.git", "/a/key.pem", "/.lazaret-1"] {
        fs_err::write(at(hidden), "").unwrap();
        refused(hidden);
        fs_err::remove_file(at(hidden)).unwrap();
    }
    assert_eq!(tree.remove_all("/full"), DONE);
    assert_eq!(tree.text("secret"), "secret");
}

#[test]
fn a_path_that_is_granted_by_itself_stays() {
    let tree = Tree::with(&["granted", "granted/in/deep"], 1000);
    assert_eq!(failure(tree.remove_all("/in")), Failure::Other);
    assert_eq!(tree.text("granted/in/deep"), "deep");
    let beside = Tree::with(&["granted", "granted/in"], 1000);
    beside.fill("/inner");
    assert_eq!(beside.remove_all("/inner"), DONE);
}

#[test]
fn a_tree_that_is_too_deep_or_too_large_stays_whole() {
    let tree = Tree::new();
    fs_err::create_dir_all(tree.at(&format!("granted/deep{}", "/d".repeat(65)))).unwrap();
    assert_eq!(limit(tree.remove_all("/deep")), (65, 64));
    fs_err::create_dir(tree.at("granted/large")).unwrap();
    for number in 0..10_001 {
        fs_err::write(tree.at(&format!("granted/large/{number}")), "").unwrap();
    }
    assert_eq!(limit(tree.remove_all("/large")), (10_001, 10_000));
    fs_err::remove_file(tree.at("granted/large/0")).unwrap();
    assert_eq!(tree.remove_all("/large"), DONE);
    assert_eq!(tree.remove_all("/deep/d"), DONE);
}

#[test]
fn a_directory_swapped_for_a_link_is_not_emptied_through_it() {
    let tree = Tree::with(&["granted"], u64::MAX);
    symlink("../../other", tree.at("granted/in/link")).unwrap();
    let (directory, link) = (tree.at("granted/in/full"), tree.at("granted/in/link"));
    fs_err::create_dir(&directory).unwrap();
    while_swapping(&directory, &link, || {
        repeat(|number| {
            let top = format!("/in/full/{number}");
            let filled = tree.make_directory(&format!("{top}/a/b"), true);
            filled.and_then(|_| tree.remove_all(&top))
        });
        repeat(|_| {
            // The link is in the way each time.
            assert!(tree.remove_all("/in").is_err());
            DONE
        });
    });
    assert_eq!(tree.text("other/secret"), "secret");
    assert_eq!(tree.text("secret"), "secret");
}
