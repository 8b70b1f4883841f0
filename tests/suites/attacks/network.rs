//! Reaching anybody at all.

use lazaret_tests::attack::Layer::{
    FirstFilter, Landlock, Mounts, Namespaces, NoPrivileges, UserNamespace,
};
use lazaret_tests::attack::Subject::Network;
use serde_json::{Value, json};

use super::trial::{Draft, Native, answered, attack, refused, reported};

const SECRET: &str = "a secret";

pub(crate) fn attacks() -> Vec<Native> {
    [addresses(), sockets()].concat()
}

/// An attack's twin: the socket it was given takes what it sends.
fn own_socket(draft: Draft) -> Native {
    draft.twin("send_nothing", json!({}), answered(0))
}

/// It begins with a socket, which the first filter refuses and tells of.
fn begin(name: &'static str, tries: &'static str, ask: &'static str, arguments: Value) -> Draft {
    attack(Network, name, tries, ask, arguments).stopped_by(FirstFilter, reported("socket"))
}

fn addresses() -> Vec<Native> {
    vec![
        own_socket(
            begin(
                "metadata address",
                "connects to 169.254.169.254, where clouds tell their secrets",
                "dial",
                json!({ "to": "169.254.169.254:80" }),
            )
            .then_by(Landlock, refused("EACCES", "connect"))
            .without(&[FirstFilter, Landlock], refused("ENETUNREACH", "connect"))
            .without(&[FirstFilter, Landlock, Namespaces], answered(SECRET)),
        ),
        own_socket(
            begin(
                "names by hand",
                "asks a name server by a datagram of its own",
                "ask_by_datagram",
                json!({ "to": "169.254.169.254:53" }),
            )
            .then_by(Namespaces, refused("ENETUNREACH", "connect"))
            .without(&[FirstFilter, Namespaces], answered(SECRET)),
        ),
        own_socket(
            begin(
                "services of the host",
                "connects to what listens on the host's own IPv6 address",
                "dial",
                json!({ "to": "[::1]:80" }),
            )
            .then_by(Landlock, refused("EACCES", "connect"))
            .without(&[FirstFilter, Landlock], refused("ECONNREFUSED", "connect"))
            .without(&[FirstFilter, Landlock, Namespaces], answered(SECRET)),
        ),
        own_socket(
            begin(
                "abstract socket",
                "connects to a socket of the host that is no file",
                "dial",
                json!({ "to": "abstract:control" }),
            )
            .then_by(Namespaces, refused("ECONNREFUSED", "connect"))
            .without(&[FirstFilter, Namespaces], refused("EPERM", "connect"))
            .without(&[FirstFilter, Namespaces, Landlock], answered(SECRET)),
        ),
        own_socket(
            begin(
                "socket that is a file",
                "connects to a socket of a program that obeys whoever does",
                "dial",
                json!({ "to": "unix:/host/control" }),
            )
            .then_by(Mounts, refused("ENOENT", "connect"))
            .without(&[FirstFilter, Mounts], refused("EACCES", "connect"))
            .without(&[FirstFilter, Mounts, UserNamespace], answered(SECRET)),
        ),
        own_socket(
            begin(
                "service of its own",
                "listens at an address of the host",
                "offer",
                json!({ "at": "169.254.169.254:8080" }),
            )
            .then_by(Landlock, refused("EACCES", "bind"))
            .without(&[FirstFilter, Landlock], refused("EADDRNOTAVAIL", "bind"))
            .without(&[FirstFilter, Landlock, Namespaces], answered(json!(null))),
        ),
    ]
}

fn sockets() -> Vec<Native> {
    let socket = |family: i64, kind: i64, protocol: i64| json!({ "family": family, "kind": kind, "protocol": protocol });
    vec![
        own_socket(
            begin(
                "raw socket",
                "makes packets of its own, with any sender",
                "new_socket",
                socket(2, 3, 1),
            )
            .then_by(NoPrivileges, refused("EPERM", "socket"))
            .without(&[FirstFilter, NoPrivileges], answered(json!(null))),
        ),
        own_socket(
            begin(
                "packet socket",
                "listens to everything on the wire",
                "new_socket",
                socket(17, 3, 0),
            )
            .then_by(NoPrivileges, refused("EPERM", "socket"))
            .without(&[FirstFilter, NoPrivileges], answered(json!(null))),
        ),
        own_socket(
            begin(
                "netlink",
                "sets up network devices by messages to the kernel",
                "set_link_up",
                json!({}),
            )
            .then_by(NoPrivileges, refused("EPERM", "answer"))
            .without(&[FirstFilter, NoPrivileges], answered(json!(null))),
        ),
        own_socket(
            begin(
                "vsock",
                "reaches the machine that this one is virtual on",
                "new_socket",
                socket(40, 1, 0),
            )
            .then_by_nothing(
                "neither namespaces nor Landlock know these sockets",
                answered(json!(null)),
            ),
        ),
    ]
}
