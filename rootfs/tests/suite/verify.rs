//! Every way to tamper with a root file system is found, and all of them at once.

use std::{
    io::Write,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use crate::fixtures::{Home, shim};
use lazaret_rootfs::{Change, Contents, Difference, Kind, MANIFEST, VerifyError, build, verify};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};

pub(crate) fn built() -> (Home, PathBuf) {
    let (home, shim) = shim(3000);
    let target = home.path().join("rootfs");
    build(&Contents::new(&shim).expect("static"), &target).expect("build");
    // As an attacker who may write here would: the plain user's tests could not otherwise.
    for folder in [
        "tree",
        "tree/etc",
        "tree/lazaret",
        "oci",
        "oci/blobs/sha256",
    ] {
        set_mode(&target.join(folder), 0o755);
    }
    (home, target)
}

/// Puts the modes of the directories back, so that only the tampering is left.
fn seal(target: &Path) {
    for folder in [
        "tree/etc",
        "tree/lazaret",
        "tree",
        "oci/blobs/sha256",
        "oci",
    ] {
        if target.join(folder).is_dir() {
            set_mode(&target.join(folder), 0o555);
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).expect("change the mode");
}

fn remove(path: &Path) {
    fs_err::remove_file(path).expect("remove");
}

pub(crate) fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mode = fs_err::metadata(path).expect("metadata").permissions();
    let mut bytes = fs_err::read(path).expect("read");
    change(&mut bytes);
    set_mode(path, 0o644);
    fs_err::write(path, bytes).expect("write");
    fs_err::set_permissions(path, mode).expect("mode");
}

fn differences(target: &Path) -> Vec<Difference> {
    match verify(target) {
        Err(VerifyError::Differs { differences, .. }) => differences,
        other => panic!("no difference found: {other:?}"),
    }
}

fn difference(path: &str, change: Change) -> Difference {
    Difference {
        path: path.into(),
        change,
    }
}

fn blob(target: &Path) -> String {
    let name = crate::fixtures::names(&target.join("oci/blobs/sha256")).remove(0);
    format!("oci/blobs/sha256/{name}")
}

#[test]
fn untouched_is_no_difference() {
    let (_home, target) = built();
    seal(&target);
    verify(&target).expect("as built");
}

type Tamper = fn(&Path);

#[test]
fn each_kind_of_tampering_is_found() {
    let kind = |expected, found| Change::Kind { expected, found };
    let mode = |expected, found| Change::Mode { expected, found };
    let file = Kind::File;
    let table: Vec<(&str, Tamper, Change)> = vec![
        ("tree/etc/hosts", |path| remove(path), Change::Missing),
        (
            "tree/tmp",
            |path| fs_err::remove_dir(path).expect("remove"),
            Change::Missing,
        ),
        (
            "tree/etc/shadow",
            |path| fs_err::write(path, "x").expect("write"),
            Change::Extra,
        ),
        (
            "tree/bin",
            |path| fs_err::create_dir(path).expect("create"),
            Change::Extra,
        ),
        (
            "notes",
            |path| fs_err::write(path, "x").expect("write"),
            Change::Extra,
        ),
        (
            "tree/lazaret/shim",
            |path| rewrite(path, |bytes| bytes[2000] ^= 1),
            Change::Content,
        ),
        (
            "tree/etc/passwd",
            |path| rewrite(path, |bytes| bytes.push(b'\n')),
            Change::Content,
        ),
        (
            "oci/index.json",
            |path| rewrite(path, Vec::clear),
            Change::Content,
        ),
        (
            "tree/lazaret/shim",
            |path| set_mode(path, 0o4555),
            mode(0o555, 0o4555),
        ),
        (
            "tree/etc/group",
            |path| set_mode(path, 0o666),
            mode(0o444, 0o666),
        ),
        (
            "tree/tmp",
            |path| set_mode(path, 0o1777),
            mode(0o555, 0o1777),
        ),
        (MANIFEST, |path| set_mode(path, 0o664), mode(0o444, 0o664)),
        (
            "tree/etc/passwd",
            |path| {
                remove(path);
                symlink("/etc/shadow", path).expect("link");
            },
            kind(file, Kind::SymbolicLink),
        ),
        (
            "tree/etc/passwd",
            |path| {
                remove(path);
                fs_err::create_dir(path).expect("create");
            },
            kind(file, Kind::Directory),
        ),
        (
            "tree/etc/passwd",
            |path| {
                remove(path);
                mknodat(CWD, path, FileType::Fifo, Mode::from(0o444), 0).expect("pipe");
            },
            kind(file, Kind::Pipe),
        ),
        (
            "tree/proc",
            |path| {
                fs_err::remove_dir(path).expect("remove");
                symlink("/", path).expect("link");
            },
            kind(Kind::Directory, Kind::SymbolicLink),
        ),
    ];
    for (path, tamper, change) in table {
        let (_home, target) = built();
        tamper(&target.join(path));
        seal(&target);
        assert_eq!(differences(&target), [difference(path, change)]);
    }
}

#[test]
fn a_changed_blob_is_found() {
    let (_home, target) = built();
    let path = blob(&target);
    rewrite(&target.join(&path), |bytes| bytes[0] ^= 1);
    seal(&target);
    assert_eq!(differences(&target), [difference(&path, Change::Content)]);
}

#[test]
fn a_directory_others_may_write_to_is_found() {
    let (_home, target) = built();
    seal(&target);
    set_mode(&target, 0o777);
    let change = Change::Mode {
        expected: 0o755,
        found: 0o777,
    };
    assert_eq!(differences(&target), [difference(".", change)]);
}

#[test]
fn control_characters_in_names_are_escaped() {
    let (_home, target) = built();
    fs_err::write(target.join("tree/etc/a\u{1b}[2Jb"), "x").expect("write");
    seal(&target);
    let found = differences(&target);
    assert_eq!(found, [difference("tree/etc/a\\u{1b}[2Jb", Change::Extra)]);
}

#[test]
fn all_differences_come_at_once_and_in_the_message() {
    let (_home, target) = built();
    remove(&target.join("tree/etc/hosts"));
    rewrite(&target.join("tree/etc/passwd"), Vec::clear);
    set_mode(&target.join("tree/etc/passwd"), 0o400);
    fs_err::write(target.join("tree/lazaret/sh"), "x").expect("write");
    seal(&target);
    let error = verify(&target).expect_err("tampered").to_string();
    let lines: Vec<&str> = error.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "  `tree/etc/hosts`: missing",
            "  `tree/etc/passwd`: content changed",
            "  `tree/etc/passwd`: mode is `0400`, not `0444`",
            "  `tree/lazaret/sh`: not in the manifest",
            "hint: build it again, as the user who runs this",
        ]
    );
}

#[test]
fn another_owner_a_device_and_file_capabilities_are_found() {
    if !rustix::process::geteuid().is_root() {
        // Written past the capture of test output, which would hide it.
        let why = "skipped: only root can give files away, make devices and set capabilities";
        writeln!(std::io::stderr(), "{why}").expect("standard error");
        return;
    }
    let (_home, target) = built();
    let in_tree = |path: &str| target.join("tree").join(path);
    chown(in_tree("etc/hosts"), Some(1000), Some(1000)).expect("chown");
    // Version 2, `cap_net_raw` permitted and effective: see capabilities(7).
    let mut capability = [0_u8; 20];
    capability[..6].copy_from_slice(&[1, 0, 0, 2, 0, 0x20]);
    let shim = in_tree("lazaret/shim");
    setxattr(
        &shim,
        "security.capability",
        &capability,
        XattrFlags::empty(),
    )
    .expect("setxattr");
    let mut expected = vec![
        difference(
            "tree/etc/hosts",
            Change::Owner {
                found: (1000, 1000),
            },
        ),
        difference("tree/lazaret/shim", Change::Capabilities),
    ];
    remove(&in_tree("etc/passwd"));
    let device = rustix::fs::makedev(1, 3);
    match mknodat(
        CWD,
        in_tree("etc/passwd"),
        FileType::CharacterDevice,
        Mode::from(0o444),
        device,
    ) {
        Ok(()) => {
            let change = Change::Kind {
                expected: Kind::File,
                found: Kind::Device,
            };
            expected.insert(1, difference("tree/etc/passwd", change));
        }
        Err(error) => {
            writeln!(std::io::stderr(), "skipped: the device: {error}").expect("standard error");
            expected.insert(1, difference("tree/etc/passwd", Change::Missing));
        }
    }
    seal(&target);
    assert_eq!(differences(&target), expected);
}
