//! Reading and writing what is not the plugin's.

use lazaret_tests::attack::Layer::{
    ClosedMemory, FirstFilter, Landlock, Mounts, Namespaces, NoPrivileges, SecondFilter,
    UserNamespace,
};
use lazaret_tests::attack::Subject::Files;
use serde_json::json;

use super::filling;
use super::trial::{Came, Native, answered, attack, refused, reported};

const SECRET: &str = "a secret";
const MAIN: &str = "// probe: \n";

pub(crate) fn attacks() -> Vec<Native> {
    [reading(), writing(), memory(), filling::attacks()].concat()
}

/// An attack's twin: it reads its own file.
pub(super) fn own_file(draft: super::trial::Draft) -> Native {
    draft.twin(
        "reach",
        json!({ "path": "/plugin/main.js" }),
        answered(MAIN),
    )
}

fn reading() -> Vec<Native> {
    let far = format!("{}host/secret", "../".repeat(1000));
    let reach = |name, tries, path: &str, twin: &str| {
        attack(Files, name, tries, "reach", json!({ "path": path }))
            .stopped_by(Mounts, refused("ENOENT", "open"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[Mounts, Landlock], refused("EACCES", "open"))
            .without(&[Mounts, Landlock, UserNamespace], answered(SECRET))
            .twin("reach", json!({ "path": twin }), answered(MAIN))
    };
    vec![
        reach(
            "traversal",
            "reads a file of the host's root above its own directory",
            "/plugin/../host/secret",
            "/plugin/../plugin/main.js",
        ),
        reach(
            "forms of a path",
            "hides the way out among dots and slashes",
            "/plugin/.//./../plugin/../../../host//./secret",
            "/plugin//././main.js",
        ),
        reach(
            "a path as long as can be",
            "goes up a thousand times in 3,011 bytes",
            &far,
            "plugin/main.js",
        ),
        own_file(
            attack(
                Files,
                "another's root",
                "reads through `/proc/PID/root` of another process",
                "reach",
                json!({ "path": "/proc/2/root$directory/host/secret" }),
            )
            .stopped_by(Namespaces, refused("ENOENT", "open"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[Namespaces, Landlock], refused("EACCES", "open"))
            .without(&[Namespaces, Landlock, UserNamespace], answered(SECRET)),
        ),
        own_file(
            attack(
                Files,
                "symbolic link",
                "reads through a symbolic link that it puts in `/tmp`",
                "reach_by_link",
                json!({ "path": "/host/secret" }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "symlink"))
            .then_by(FirstFilter, refused("EPERM", "symlink"))
            .without(&[SecondFilter, FirstFilter], refused("EACCES", "symlink"))
            .without(
                &[SecondFilter, FirstFilter, Landlock, Mounts, UserNamespace],
                answered(SECRET),
            ),
        ),
        own_file(
            attack(
                Files,
                "link in a file's place",
                "puts a symbolic link where a file was that has been looked at",
                "reach_by_exchange",
                json!({ "path": "/host/secret" }),
            )
            .stopped_by(Landlock, refused("EACCES", "create"))
            .then_by(SecondFilter, refused("EPERM", "symlink"))
            .without(&[Landlock, SecondFilter], refused("EPERM", "symlink"))
            .without(
                &[SecondFilter, FirstFilter, Landlock, Mounts, UserNamespace],
                answered(SECRET),
            ),
        ),
        own_file(
            attack(
                Files,
                "file by its handle",
                "opens a file by its number on the disk, past every path",
                "reach_by_handle",
                json!({ "path": "/plugin/main.js" }),
            )
            .stopped_by(FirstFilter, reported("name_to_handle_at"))
            .then_by(NoPrivileges, refused("EPERM", "open_by_handle_at"))
            .without(
                &[FirstFilter, NoPrivileges, UserNamespace, Landlock],
                answered(MAIN),
            ),
        ),
        own_file(
            attack(
                Files,
                "the kernel's lists",
                "reads what `/proc` tells of the whole machine",
                "reach",
                json!({ "path": "/proc/timer_list" }),
            )
            .stopped_by(Landlock, refused("EACCES", "open"))
            .then_by(Mounts, answered(""))
            .without(&[Landlock, Mounts], refused("EACCES", "open"))
            .without(&[Landlock, Mounts, UserNamespace], Came::Worked),
        ),
    ]
}

fn writing() -> Vec<Native> {
    let write = |name, tries, path: &str| {
        own_file(
            attack(
                Files,
                name,
                tries,
                "reach_to_write",
                json!({ "path": path }),
            )
            .stopped_by(UserNamespace, refused("EACCES", "open"))
            .then_by(Mounts, refused("EROFS", "open"))
            .without(&[UserNamespace, Mounts], refused("EACCES", "open"))
            .without(&[UserNamespace, Mounts, Landlock], answered(json!(null))),
        )
    };
    vec![
        write(
            "its own code",
            "opens its own module for writing",
            "/plugin/main.js",
        ),
        write(
            "core pattern",
            "opens the host's switch for core dumps, which names a program, for writing",
            "/proc/sys/kernel/core_pattern",
        ),
        own_file(
            attack(
                Files,
                "the runtime's program",
                "puts away the program that runs it, to put another in its place",
                "replace",
                json!({ "path": "/lazaret/shim" }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "rename"))
            .then_by(Mounts, refused("EROFS", "rename"))
            .without(
                &[SecondFilter, Mounts, Landlock, UserNamespace],
                answered(json!(null)),
            ),
        ),
        own_file(
            attack(
                Files,
                "hard link",
                "gives a file of the host a name in a place that it can write to",
                "hard_link",
                json!({ "from": "/host/secret", "to": "/host/open/mine" }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "link"))
            .then_by(FirstFilter, refused("EPERM", "link"))
            .without(&[SecondFilter, FirstFilter], refused("ENOENT", "link"))
            .without(
                &[SecondFilter, FirstFilter, Landlock, Mounts, UserNamespace],
                answered(json!(null)),
            ),
        ),
        own_file(
            attack(
                Files,
                "device node",
                "makes a device node and reads the device",
                "device",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("mknod"))
            .then_by(Landlock, refused("EACCES", "mknod"))
            .without(&[FirstFilter, Landlock], refused("EPERM", "mknod"))
            .without(
                &[FirstFilter, Landlock, NoPrivileges, UserNamespace, Mounts],
                answered(json!([0, 0, 0, 0])),
            ),
        ),
    ]
}

fn memory() -> Vec<Native> {
    vec![
        own_file(
            attack(
                Files,
                "memory as a file",
                "writes over code through `/proc/self/mem`",
                "write_code",
                json!({}),
            )
            .stopped_by(ClosedMemory, refused("EACCES", "open"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[Landlock], refused("EACCES", "open"))
            .without(&[ClosedMemory, Landlock], answered("modified")),
        ),
        own_file(
            attack(
                Files,
                "memory as a file again",
                "opens its memory again that was closed",
                "reopen_code",
                json!({}),
            )
            .stopped_by(SecondFilter, refused("EPERM", "prctl"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[SecondFilter, Landlock], answered("modified")),
        ),
        own_file(
            attack(
                Files,
                // The host's own root may lack the capability: it is not seen to work.
                "spared from want of memory",
                "has the kernel end others first, through `/proc/self/oom_score_adj`",
                "spare_me",
                json!({}),
            )
            .stopped_by(ClosedMemory, refused("EACCES", "open"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[ClosedMemory, Landlock], refused("EACCES", "write")),
        ),
    ]
}
