//! `process`: one user, one environment for each kind of bundle, no privileges, every limit there
//! is (config.md).

use serde_json::{Value, json};

use super::findings::{Findings, list};
use super::{Kind, program};

/// Limits in their order: those the policy sets, then those that are zero for every plugin.
const POLICY_LIMITS: [&str; 3] = ["RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE"];
const ZERO_LIMITS: [&str; 5] = [
    "RLIMIT_CORE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
];

/// The environment of every plugin.
const ENVIRONMENT: [&str; 3] = ["PATH=/lazaret", "HOME=/tmp", "V82JSC_NO_BC_CACHE=1"];

pub(super) fn check(kind: Kind, process: &Value, findings: &mut Findings) {
    let (directory, environment) = match kind {
        Kind::Plugin => ("/", ENVIRONMENT),
        Kind::Program => (program::DIRECTORY, program::ENVIRONMENT),
    };
    let none: [&str; 0] = [];
    let known = [
        ("terminal", json!(false)),
        ("cwd", json!(directory)),
        ("noNewPrivileges", json!(true)),
        ("user", json!({ "uid": 1000, "gid": 1000, "umask": 0o077 })),
        ("env", json!(environment)),
        // An absent set would leave that set as it is.
        (
            "capabilities",
            json!({
                "bounding": none,
                "effective": none,
                "inheritable": none,
                "permitted": none,
                "ambient": none,
            }),
        ),
    ];
    let keys = known.iter().map(|(key, _)| *key);
    let keys: Vec<&str> = keys.chain(["args", "rlimits"]).collect();
    findings.keys("process", process, &keys);
    for (key, known) in &known {
        findings.equal(&format!("process.{key}"), &process[key], known);
    }
    match kind {
        Kind::Plugin => check_arguments(&process["args"], findings),
        Kind::Program => program::check_arguments(&process["args"], findings),
    }
    findings.require(limits_are_known(&process["rlimits"]), || {
        "`process.rlimits` are not those every container has".to_owned()
    });
}

/// `process.args` of a plugin.
fn check_arguments(arguments: &Value, findings: &mut Findings) {
    let args: Vec<Option<&str>> = list(arguments).iter().map(Value::as_str).collect();
    let starts_shim = matches!(
        args[..],
        [Some("/lazaret/shim")]
            | [
                Some("/lazaret/shim"),
                Some("--call"),
                Some(_),
                Some("--args"),
                Some(_)
            ]
    );
    findings.require(starts_shim, || {
        "`process.args` does not start the shim".to_owned()
    });
}

fn limits_are_known(limits: &Value) -> bool {
    let limits = list(limits);
    limits.len() == POLICY_LIMITS.len() + ZERO_LIMITS.len()
        && limits.iter().enumerate().all(|(place, found)| {
            let (kind, limit) = match POLICY_LIMITS.get(place) {
                Some(kind) => (kind, found["soft"].as_u64()),
                None => (&ZERO_LIMITS[place - POLICY_LIMITS.len()], Some(0)),
            };
            limit.is_some_and(|limit| {
                *found == json!({ "type": kind, "soft": limit, "hard": limit })
            })
        })
}
