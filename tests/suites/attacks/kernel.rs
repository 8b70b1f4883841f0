//! Parts of the kernel that no plugin has any business with.

use lazaret_tests::attack::Layer::{
    FirstFilter, Landlock, Namespaces, NoPrivileges, Rlimits, SecondFilter, UserNamespace,
};
use lazaret_tests::attack::Subject;
use serde_json::{Value, json};

use super::namespaces;
use super::trial::{Came, Draft, Native, answered, attack, either, refused, reported};

const SECRET: &str = "a secret";

/// A kernel that has none.
const NO_MODULES: Came = refused("ENOSYS", "");

pub(crate) fn attacks() -> Vec<Native> {
    [namespaces::attacks(), tables(), privileged(), memory()].concat()
}

pub(super) fn begin(
    name: &'static str,
    tries: &'static str,
    ask: &'static str,
    arguments: Value,
) -> Draft {
    attack(Subject::Kernel, name, tries, ask, arguments)
}

/// A call of the probe's table, which the first filter refuses and tells of.
pub(super) fn call(name: &'static str, tries: &'static str, call: &'static str) -> Draft {
    begin(name, tries, "call", json!({ "name": call })).stopped_by(FirstFilter, reported(call))
}

/// An attack's twin: a plain system call.
pub(super) fn plain(draft: Draft) -> Native {
    draft.twin("get_process_id", json!({}), answered(1))
}

fn tables() -> Vec<Native> {
    vec![
        plain(
            begin(
                "32-bit calls",
                "calls the kernel by the 32-bit table, whose numbers mean other calls",
                "call_32_bit",
                json!({}),
            )
            .stopped_by(FirstFilter, Came::Killed)
            .then_by(SecondFilter, Came::Killed)
            .without(&[FirstFilter, SecondFilter], answered(1)),
        ),
        plain(
            begin(
                "x32 calls",
                "calls the kernel by the x32 table",
                "call_x32",
                json!({}),
            )
            .stopped_by(FirstFilter, Came::Killed)
            .then_by(SecondFilter, refused("EPERM", ""))
            .without(&[FirstFilter, SecondFilter], refused("ENOSYS", "")),
        ),
    ]
}

fn privileged() -> Vec<Native> {
    let ask = |name, tries, ask, call, errno| {
        plain(
            begin(name, tries, ask, json!({}))
                .stopped_by(FirstFilter, reported(call))
                .then_by(NoPrivileges, refused(errno, call))
                .without(&[FirstFilter, NoPrivileges], refused(errno, call))
                .without(
                    &[FirstFilter, NoPrivileges, UserNamespace],
                    answered(json!(null)),
                ),
        )
    };
    let by_table = |name, tries, called, came| {
        plain(
            call(name, tries, called)
                .then_by(NoPrivileges, refused("EPERM", called))
                .without(&[FirstFilter, NoPrivileges], refused("EPERM", called))
                .without(&[FirstFilter, NoPrivileges, UserNamespace], came),
        )
    };
    vec![
        ask(
            "bpf",
            "makes a map for programs in the kernel",
            "make_map",
            "bpf",
            "EPERM",
        ),
        ask(
            "userfaultfd",
            "makes the kernel wait for it inside of the kernel's own work",
            "handle_faults",
            "userfaultfd",
            "EPERM",
        ),
        ask(
            "perf",
            "counts what all processes do",
            "count_events",
            "perf_event_open",
            "EACCES",
        ),
        by_table(
            "watching files",
            "watches what everybody opens",
            "fanotify_init",
            Came::Worked,
        ),
        by_table(
            "the kernel's log",
            "reads what the kernel logs",
            "syslog",
            Came::Worked,
        ),
        by_table(
            "swap",
            "takes swap away",
            "swapoff",
            refused("ENOENT", "swapoff"),
        ),
        plain(
            call(
                "modules",
                "takes a module out of the kernel",
                "delete_module",
            )
            .then_by(NoPrivileges, either(refused("EPERM", ""), NO_MODULES))
            .without(
                &[FirstFilter, NoPrivileges],
                either(refused("EPERM", ""), NO_MODULES),
            )
            .without(
                &[FirstFilter, NoPrivileges, UserNamespace],
                either(refused("ENOENT", ""), NO_MODULES),
            ),
        ),
        plain(
            begin(
                "keys of another",
                "reads a key that the kernel keeps for another process",
                "read_key",
                json!({ "key": "$key" }),
            )
            .stopped_by(FirstFilter, reported("keyctl"))
            .then_by(UserNamespace, refused("EACCES", "keyctl"))
            .without(&[FirstFilter, UserNamespace], answered(SECRET)),
        ),
        plain(
            begin(
                "io_uring",
                "has the kernel connect for it, which no filter sees",
                "dial_by_ring",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("io_uring_setup"))
            // Some kernels count a ring as locked memory, of which there is none.
            .then_by(
                Landlock,
                either(
                    refused("ENOMEM", "io_uring_setup"),
                    refused("EACCES", "connect"),
                ),
            )
            .without(&[FirstFilter, Rlimits], refused("EACCES", "connect"))
            .without(
                &[FirstFilter, Rlimits, Landlock],
                refused("ENETUNREACH", "connect"),
            )
            .without(
                &[FirstFilter, Rlimits, Landlock, Namespaces],
                answered(json!(null)),
            ),
        ),
    ]
}

fn memory() -> Vec<Native> {
    vec![
        begin(
            "executable memory",
            "maps memory that it can write to and run",
            "map_executable",
            json!({}),
        )
        .stopped_by(SecondFilter, refused("EPERM", ""))
        .then_by(FirstFilter, refused("EPERM", ""))
        .without(&[SecondFilter, FirstFilter], answered(json!(null)))
        .twin("map_plain", json!({}), answered(json!(null))),
        begin(
            "memory made executable",
            "makes memory that it wrote to executable",
            "protect_executable",
            json!({}),
        )
        .stopped_by(SecondFilter, refused("EPERM", ""))
        .then_by(FirstFilter, refused("EPERM", ""))
        .without(&[SecondFilter, FirstFilter], answered(json!(null)))
        .twin("protect_plain", json!({}), answered(json!(null))),
        plain(
            begin(
                "personality",
                "has all memory that can be read be executable, and runs data",
                "call_data",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("personality"))
            .then_by_nothing(
                "what it runs meets every other layer, as data that it interprets would",
                answered("executed"),
            ),
        ),
        plain(
            begin(
                "shared memory",
                "leaves memory behind that outlives it",
                "call",
                json!({ "name": "shmget" }),
            )
            .stopped_by(SecondFilter, refused("EPERM", "shmget"))
            .then_by(FirstFilter, refused("EPERM", "shmget"))
            .without(&[SecondFilter, FirstFilter], Came::Worked),
        ),
    ]
}
