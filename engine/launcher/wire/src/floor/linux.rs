//! `linux`: namespaces, ids, cgroup and what of `/proc` is covered (config-linux.md).

use serde_json::{Value, json};

use super::findings::{Findings, list};
use super::{Kind, Reservation, resources, seccomp};
use crate::ID_BLOCK_SIZE;

/// Each of its own: none is joined, so none has a path.
const NAMESPACES: [&str; 7] = ["user", "pid", "mount", "network", "ipc", "uts", "cgroup"];

/// What of `/proc` must be covered; a bundle may cover more of it.
const MASKED: [&str; 3] = ["/proc/kcore", "/proc/keys", "/proc/timer_list"];
const READ_ONLY: [&str; 3] = ["/proc/bus", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn check(kind: Kind, linux: &Value, reservation: &Reservation, findings: &mut Findings) {
    let mapping = json!([{
        "containerID": 0,
        "hostID": reservation.first_host_id,
        "size": ID_BLOCK_SIZE,
    }]);
    let namespaces: Vec<Value> = NAMESPACES
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    let known = [
        ("namespaces", namespaces.into()),
        ("uidMappings", mapping.clone()),
        ("gidMappings", mapping),
        ("cgroupsPath", format!("/{}", reservation.id).into()),
        ("rootfsPropagation", "private".into()),
    ];
    let keys = known.iter().map(|(key, _)| *key);
    let keys: Vec<&str> = keys
        .chain(["resources", "seccomp", "maskedPaths", "readonlyPaths"])
        .collect();
    findings.keys("linux", linux, &keys);
    for (key, known) in &known {
        findings.equal(&format!("linux.{key}"), &linux[key], known);
    }
    for (key, wanted) in [("maskedPaths", MASKED), ("readonlyPaths", READ_ONLY)] {
        findings.require(covers(&linux[key], &wanted), || {
            format!(
                "`linux.{key}` are not paths of /proc with {}",
                wanted.join(", ")
            )
        });
    }
    resources::check(&linux["resources"], findings);
    seccomp::check(kind, &linux["seccomp"], reservation, findings);
}

fn covers(paths: &Value, wanted: &[&str]) -> bool {
    let paths: Option<Vec<&str>> = list(paths).iter().map(Value::as_str).collect();
    paths.is_some_and(|paths| {
        let plain = |path: &&str| {
            path.starts_with("/proc/")
                && path
                    .split('/')
                    .skip(1)
                    .all(|part| !matches!(part, "" | "." | ".."))
        };
        paths.iter().all(plain) && wanted.iter().all(|path| paths.contains(path))
    })
}
