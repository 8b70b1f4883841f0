//! Making, ending and looking into processes, and becoming more than one is.

use lazaret_tests::attack::Layer::{
    Cgroup, FirstFilter, Landlock, Mounts, Namespaces, NoPrivileges, Rlimits, SecondFilter,
    UserNamespace,
};
use lazaret_tests::attack::Subject::Processes;
use serde_json::{Value, json};

use super::trial::{Came, Draft, Native, answered, attack, refused, reported};

const SECRET: &str = "a secret";

pub(crate) fn attacks() -> Vec<Native> {
    [bombs(), others(), more(), programs()].concat()
}

fn begin(name: &'static str, tries: &'static str, ask: &'static str, arguments: Value) -> Draft {
    attack(Processes, name, tries, ask, arguments)
}

/// An attack's twin: it asks who it is.
fn itself(draft: Draft) -> Native {
    draft.twin("get_process_id", json!({}), answered(1))
}

fn bombs() -> Vec<Native> {
    let bomb = || json!({ "at_most": 40 });
    vec![
        itself(
            begin(
                "fork bomb",
                "makes processes without end",
                "many_forks",
                bomb(),
            )
            .stopped_by(FirstFilter, reported("clone"))
            .then_by(Cgroup, refused("EAGAIN", "clone"))
            .without(&[FirstFilter, Rlimits], refused("EAGAIN", "clone"))
            .without(&[FirstFilter, Rlimits, Cgroup], answered(40)),
        ),
        itself(
            begin(
                "clone bomb",
                "makes processes by the newer call, whose flags no filter sees",
                "many_clones",
                bomb(),
            )
            .stopped_by(SecondFilter, refused("EPERM", "clone3"))
            .then_by(FirstFilter, refused("ENOSYS", "clone3"))
            .without(
                &[SecondFilter, FirstFilter, Rlimits],
                refused("EAGAIN", "clone3"),
            )
            .without(&[SecondFilter, FirstFilter, Rlimits, Cgroup], answered(40)),
        ),
        itself(
            begin(
                "thread bomb",
                "starts threads without end",
                "threads",
                bomb(),
            )
            .stopped_by(SecondFilter, refused("EPERM", ""))
            .then_by(Cgroup, refused("EAGAIN", ""))
            .without(&[SecondFilter, Rlimits], refused("EAGAIN", ""))
            .without(&[SecondFilter, Rlimits, Cgroup], answered(40)),
        ),
    ]
}

fn others() -> Vec<Native> {
    let victim = || json!({ "process": "$victim" });
    let open = [Namespaces, Landlock, UserNamespace];
    let reported_first = |name, tries, ask, arguments, call, refused_at, came| {
        let all = [[FirstFilter].as_slice(), &open].concat();
        itself(
            begin(name, tries, ask, arguments)
                .stopped_by(FirstFilter, reported(call))
                .then_by(Namespaces, refused("ESRCH", call))
                .without(&[FirstFilter, Namespaces], refused("EPERM", refused_at))
                .without(
                    &[FirstFilter, Namespaces, Landlock],
                    refused("EPERM", refused_at),
                )
                .without(&all, came),
        )
    };
    vec![
        itself(
            begin(
                "signals",
                "sends a signal to another process",
                "signal",
                victim(),
            )
            .stopped_by(SecondFilter, refused("EPERM", "kill"))
            .then_by(Namespaces, refused("ESRCH", "kill"))
            .without(&[SecondFilter, Namespaces], refused("EPERM", "kill"))
            .without(
                &[SecondFilter, Namespaces, Landlock],
                refused("EPERM", "kill"),
            )
            .without(
                &[SecondFilter, Namespaces, Landlock, UserNamespace],
                answered(json!(null)),
            ),
        ),
        reported_first(
            "signals by descriptor",
            "sends a signal to a process it holds a descriptor of",
            "signal_by_descriptor",
            victim(),
            "pidfd_open",
            "pidfd_send_signal",
            answered(json!(null)),
        ),
        reported_first(
            "tracing",
            "becomes the tracer of another process",
            "trace",
            victim(),
            "ptrace",
            "ptrace",
            answered(json!(null)),
        ),
        reported_first(
            "memory of another",
            "reads the memory of another process",
            "peek",
            json!({ "process": "$victim", "address": "$address" }),
            "process_vm_readv",
            "process_vm_readv",
            answered(SECRET),
        ),
        reported_first(
            "descriptors of another",
            "takes an open file from another process",
            "steal_descriptor",
            victim(),
            "pidfd_open",
            "pidfd_getfd",
            answered(json!(null)),
        ),
        itself(
            begin(
                "processors of another",
                "decides on which processors another process runs",
                "affinity",
                victim(),
            )
            .stopped_by(SecondFilter, refused("EPERM", "sched_setaffinity"))
            .then_by(Namespaces, refused("ESRCH", "sched_setaffinity"))
            .without(
                &[SecondFilter, Namespaces],
                refused("EPERM", "sched_setaffinity"),
            )
            .without(
                &[SecondFilter, Namespaces, UserNamespace],
                answered(json!(null)),
            ),
        ),
    ]
}

fn more() -> Vec<Native> {
    let scheduled = |draft: Draft| draft.twin("own_scheduling", json!({}), answered(0));
    vec![
        scheduled(
            begin("priority", "goes before all others", "renice", json!({}))
                .stopped_by(SecondFilter, refused("EPERM", "setpriority"))
                .then_by(FirstFilter, refused("EPERM", "setpriority"))
                .without(
                    &[SecondFilter, FirstFilter],
                    refused("EACCES", "setpriority"),
                )
                .without(
                    &[SecondFilter, FirstFilter, NoPrivileges, UserNamespace],
                    answered(json!(null)),
                ),
        ),
        scheduled(
            begin(
                "real time",
                "is never put aside for others",
                "realtime",
                json!({}),
            )
            .stopped_by(SecondFilter, refused("EPERM", "sched_setscheduler"))
            .then_by(FirstFilter, refused("EPERM", "sched_setscheduler"))
            // It is not seen to work: its cgroup may have no time of this kind to give.
            .without(
                &[SecondFilter, FirstFilter],
                refused("EPERM", "sched_setscheduler"),
            ),
        ),
        begin(
            "core dump",
            "allows itself to be written to the host's disk when it crashes",
            "allow_core",
            json!({}),
        )
        .stopped_by(SecondFilter, refused("EPERM", "prlimit64"))
        .then_by(Rlimits, refused("EPERM", "prlimit64"))
        .without(&[SecondFilter, Rlimits], answered(json!(null)))
        .twin("own_limits", json!({}), answered(json!([0, 0]))),
        itself(
            begin("another user", "becomes root", "become_root", json!({}))
                .stopped_by(FirstFilter, reported("setuid"))
                .then_by(NoPrivileges, refused("EPERM", "setuid"))
                .without(&[FirstFilter, NoPrivileges], answered(json!(null))),
        ),
        itself(
            begin(
                "capabilities",
                "gives itself the capability of nearly everything",
                "take_capabilities",
                json!({}),
            )
            .stopped_by(SecondFilter, refused("EPERM", "capset"))
            .then_by(NoPrivileges, refused("EPERM", "capset"))
            .without(&[SecondFilter, NoPrivileges], answered(json!(null))),
        ),
    ]
}

fn programs() -> Vec<Native> {
    vec![
        itself(
            begin(
                "program in /tmp",
                "writes a program to `/tmp` and runs it",
                "run_written",
                json!({}),
            )
            .stopped_by(Landlock, refused("EACCES", "create"))
            .then_by(SecondFilter, Came::Killed)
            .without(&[Landlock, SecondFilter], refused("EACCES", "execve"))
            .without(&[Landlock, SecondFilter, Mounts], answered("executed")),
        ),
        itself(
            begin(
                "its own program",
                "runs the runtime's program anew through `/proc/self/exe`",
                "run_itself",
                json!({}),
            )
            .stopped_by(SecondFilter, Came::Killed)
            .then_by(Landlock, refused("EACCES", "execve"))
            .without(&[SecondFilter, Landlock], answered("executed")),
        ),
        itself(
            begin(
                "program in memory",
                "runs a program that is in no file system",
                "run_from_memory",
                json!({}),
            )
            .stopped_by(FirstFilter, reported("memfd_create"))
            .then_by_nothing(
                "it is what a plugin is anyway: a program in the same container",
                answered("executed"),
            ),
        ),
    ]
}
