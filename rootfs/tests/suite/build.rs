//! What a build writes, and that it writes the same every time.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::fixtures::{names, shim, snapshot, static_elf};
use lazaret_rootfs::{BuildError, Contents, MANIFEST, TREE, build, digest, verify};

/// The whole root file system: paths and modes.
const EXPECTED: [(&str, u32); 18] = [
    ("", 0o555),
    ("dev", 0o555),
    ("etc", 0o555),
    ("etc/group", 0o444),
    ("etc/hosts", 0o444),
    ("etc/passwd", 0o444),
    ("etc/ssl", 0o555),
    ("etc/ssl/certs", 0o555),
    ("etc/ssl/certs/ca-certificates.crt", 0o444),
    ("granted", 0o555),
    ("lazaret", 0o555),
    ("lazaret/shim", 0o555),
    ("plugin", 0o555),
    ("proc", 0o555),
    ("run", 0o555),
    ("run/lazaret", 0o555),
    ("sys", 0o555),
    ("tmp", 0o555),
];

#[test]
fn two_builds_of_one_shim_are_the_same_in_every_byte() {
    let (home, shim) = shim(5000);
    let (one, other) = (home.path().join("one"), home.path().join("other"));
    let first = build(&Contents::new(&shim).expect("static"), &one).expect("first build");
    // Another time, another mode, another place: nothing of it may show.
    fs_err::set_permissions(&shim, PermissionsExt::from_mode(0o700)).expect("mode");
    let moved = home.path().join("moved");
    fs_err::rename(&shim, &moved).expect("rename");
    let second = build(&Contents::new(&moved).expect("static"), &other).expect("second build");
    assert_eq!(first, second);
    assert_eq!(snapshot(&one), snapshot(&other));
    assert!(snapshot(&one).values().all(|(_, time, _)| *time == 0));
}

#[test]
fn another_shim_gives_another_digest() {
    let (home, one) = shim(100);
    let other = home.path().join("other");
    fs_err::write(&other, static_elf(101)).expect("write");
    let build = |shim, name| {
        build(
            &Contents::new(shim).expect("static"),
            &home.path().join(name),
        )
        .expect("build")
    };
    assert_ne!(build(&one, "a"), build(&other, "b"));
}

#[test]
fn the_tree_holds_the_shim_and_nothing_else_that_runs() {
    let (home, shim) = shim(100);
    let target = home.path().join("rootfs");
    build(&Contents::new(&shim).expect("static"), &target).expect("build");
    let found: Vec<(String, u32)> = snapshot(&target.join(TREE))
        .into_iter()
        .map(|(path, (mode, _, _))| (path, mode & 0o7777))
        .collect();
    let expected = EXPECTED.map(|(path, mode)| (path.to_owned(), mode));
    assert_eq!(found, expected);
    let passwd = fs_err::read_to_string(target.join("tree/etc/passwd")).expect("read");
    let shells: Vec<_> = passwd.lines().map(|line| line.rsplit(':').next()).collect();
    assert_eq!(shells, [Some("/nonexistent"); 2]);
}

#[test]
fn the_digest_is_read_back_and_verifies() {
    let (home, shim) = shim(100);
    let target = home.path().join("rootfs");
    let built = build(&Contents::new(&shim).expect("static"), &target).expect("build");
    assert_eq!(digest(&target).expect("manifest"), built);
    assert_eq!(verify(&target).expect("as built"), built);
}

#[test]
fn an_earlier_build_and_an_empty_directory_are_replaced() {
    let (home, shim) = shim(100);
    let contents = Contents::new(&shim).expect("static");
    let target = home.path().join("rootfs");
    fs_err::create_dir(&target).expect("empty directory");
    let first = build(&contents, &target).expect("into the empty directory");
    fs_err::set_permissions(
        target.join("tree/etc/hosts"),
        PermissionsExt::from_mode(0o644),
    )
    .expect("mode");
    fs_err::write(target.join("tree/etc/hosts"), "changed").expect("write");
    assert_eq!(build(&contents, &target).expect("again"), first);
    assert_eq!(verify(&target).expect("the change is gone"), first);
    assert_eq!(names(home.path()), ["rootfs", "shim"]);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let (home, shim) = shim(100);
    let contents = Contents::new(&shim).expect("static");
    let place = |name: &str| home.path().join(name);
    fs_err::create_dir(place("documents")).expect("directory");
    fs_err::write(place("documents/letter"), "dear").expect("write");
    fs_err::create_dir(place("website")).expect("directory");
    fs_err::write(place("website").join(MANIFEST), "{}").expect("write");
    build(&contents, &place("built")).expect("build");
    fs_err::write(place("built/notes"), "mine").expect("write");
    fs_err::create_dir(place("empty")).expect("directory");
    symlink(place("empty"), place("link")).expect("link");
    fs_err::write(place("file"), "text").expect("write");
    let before = snapshot(home.path());
    for name in ["documents", "website", "built", "link", "file"] {
        let error = build(&contents, &place(name)).expect_err(name);
        assert!(
            matches!(error, BuildError::NotOurs { .. }),
            "{name}: {error:?}"
        );
    }
    assert!(before == snapshot(home.path()), "something changed");
}

#[test]
fn a_missing_parent_is_named() {
    let (home, shim) = shim(100);
    let target = home.path().join("absent/rootfs");
    let error = build(&Contents::new(&shim).expect("static"), &target).expect_err("no parent");
    assert!(error.to_string().contains("absent/rootfs"), "{error}");
    assert_eq!(names(home.path()), ["shim"]);
}
