//! Mounts and namespaces of one's own, and entering those of others.

use lazaret_tests::attack::Layer::{
    FirstFilter, Kernel, Landlock, Namespaces, NoPrivileges, SecondFilter, UserNamespace,
};
use serde_json::json;

use super::kernel::{begin, call, plain};
use super::trial::{Came, Native, answered, refused, reported};

pub(super) fn attacks() -> Vec<Native> {
    [mounts(), namespaces()].concat()
}

fn mounts() -> Vec<Native> {
    let mount = |name, tries, call_name| {
        plain(
            call(name, tries, call_name)
                .then_by(NoPrivileges, refused("EPERM", call_name))
                .without(&[FirstFilter, Landlock], refused("EPERM", call_name))
                .without(&[FirstFilter, Landlock, NoPrivileges], Came::Worked),
        )
    };
    vec![
        mount("mount", "mounts a file system over `/tmp`", "mount"),
        plain(
            begin(
                "mount again",
                "mounts the root file system again, to be written to",
                "remount_root",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("mount"))
            .then_by(NoPrivileges, refused("EPERM", "mount"))
            .without(&[FirstFilter, Landlock], refused("EPERM", "mount"))
            .without(
                &[FirstFilter, Landlock, NoPrivileges],
                answered(json!(null)),
            ),
        ),
        mount("unmount", "uncovers what a mount covers", "umount2"),
        mount(
            "new mount calls",
            "prepares a file system by `fsopen`",
            "fsopen",
        ),
        mount(
            "copy of the mounts",
            "takes a copy of all mounts by `open_tree`",
            "open_tree",
        ),
        mount("another root", "changes its root by `chroot`", "chroot"),
    ]
}

fn namespaces() -> Vec<Native> {
    vec![
        plain(
            begin(
                "namespaces of its own",
                "becomes root of new namespaces and mounts there",
                "mount_in_new_namespaces",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("unshare"))
            .then_by(Landlock, refused("EPERM", "mount"))
            .without(&[FirstFilter, Landlock], answered(json!(null))),
        ),
        plain(
            begin(
                "namespaces by clone3",
                "has a child in a user namespace of its own",
                "clone_3_new_user",
                json!({}),
            )
            .stopped_by(SecondFilter, refused("EPERM", "clone3"))
            .then_by(FirstFilter, refused("ENOSYS", "clone3"))
            .without(&[SecondFilter, FirstFilter], answered(json!(null))),
        ),
        plain(
            begin(
                "namespaces by ioctl",
                "asks for the user namespace around its own",
                "parent_namespace",
                json!({}),
            )
            .stopped_by(SecondFilter, refused("EPERM", "ioctl"))
            .then_by(Kernel, refused("EPERM", "ioctl")),
        ),
        plain(
            begin(
                "namespaces of another",
                "enters the network of another process",
                "enter",
                json!({ "process": "$victim" }),
            )
            .stopped_by(Namespaces, refused("ENOENT", "open"))
            .then_by(Landlock, refused("EACCES", "open"))
            .without(&[Namespaces, Landlock], refused("EACCES", "open"))
            .without(
                &[
                    Namespaces,
                    Landlock,
                    UserNamespace,
                    FirstFilter,
                    NoPrivileges,
                ],
                answered(json!(null)),
            ),
        ),
        plain(
            call("host name", "changes the host's name", "sethostname")
                .then_by(NoPrivileges, refused("EPERM", "sethostname"))
                .without(&[FirstFilter, NoPrivileges], answered(0)),
        ),
    ]
}
