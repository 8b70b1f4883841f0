//! Taking more of files, bytes and descriptors than there is for one plugin.

use lazaret_tests::attack::Layer::{Cgroup, Landlock, Rlimits, SecondFilter, TmpSize};
use lazaret_tests::attack::Subject::Files;
use serde_json::json;

use super::files::own_file;
use super::trial::{Came, Native, answered, attack, refused};

pub(super) fn attacks() -> Vec<Native> {
    const TEBIBYTE: u64 = 1 << 40;
    vec![
        own_file(
            attack(
                Files,
                "sparse file",
                "makes a file of a tebibyte by its length",
                "sparse_by_truncate",
                json!({ "bytes": TEBIBYTE }),
            )
            .stopped_by(Landlock, refused("EACCES", "create"))
            .then_by(SecondFilter, refused("EPERM", "ftruncate"))
            .without(&[Landlock, SecondFilter], refused("EFBIG", "ftruncate"))
            .without(&[Landlock, SecondFilter, Rlimits], answered(json!(null))),
        ),
        own_file(
            attack(
                Files,
                "sparse file by a byte",
                "makes a file of a tebibyte by its last byte",
                "sparse_by_seek",
                json!({ "bytes": TEBIBYTE }),
            )
            .stopped_by(Landlock, refused("EACCES", "create"))
            .then_by(Rlimits, refused("EFBIG", "write"))
            .without(&[Landlock, Rlimits], answered(json!(null))),
        ),
        own_file(
            attack(
                Files,
                "bytes",
                "fills `/tmp` with bytes",
                "many_bytes",
                json!({ "at_most": 200 }),
            )
            .stopped_by(Landlock, refused("EACCES", "open"))
            .then_by(TmpSize, refused("ENOSPC", "write"))
            .without(&[Landlock, TmpSize], Came::OutOfMemory)
            .without(&[Landlock, TmpSize, Cgroup], answered(200)),
        ),
        own_file(
            attack(
                Files,
                "inodes",
                "fills `/tmp` with empty files",
                "many_files",
                json!({ "at_most": 60_000 }),
            )
            .stopped_by(Landlock, refused("EACCES", "open"))
            .then_by(TmpSize, refused("ENOSPC", "open"))
            .without(&[Landlock, TmpSize], Came::OutOfMemory)
            .without(&[Landlock, TmpSize, Cgroup], answered(60_000)),
        ),
        own_file(
            attack(
                Files,
                "deep tree",
                "makes directories in directories, deeper than a path can be long",
                "many_directories",
                json!({ "at_most": 400 }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "chdir"))
            .then_by(Landlock, refused("EACCES", "mkdir"))
            .without(&[SecondFilter, Landlock], refused("ENOSPC", "mkdir"))
            .without(&[SecondFilter, Landlock, TmpSize], answered(400)),
        ),
        own_file(
            attack(
                Files,
                "bytes in pipes",
                "has the kernel keep bytes for it in pipes",
                "many_pipes",
                json!({ "at_most": 490 }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "pipe2"))
            .then_by(Cgroup, Came::OutOfMemory)
            .without(&[SecondFilter, Cgroup], answered(490)),
        ),
        attack(
            Files,
            "descriptors",
            "opens files without end",
            "many_descriptors",
            json!({ "at_most": 3000 }),
        )
        .stopped_by(Rlimits, refused("EMFILE", "open"))
        .then_by_nothing(
            "each is charged to its cgroup, which so few do not fill",
            answered(3000),
        )
        .twin("many_descriptors", json!({ "at_most": 8 }), answered(8)),
    ]
}
