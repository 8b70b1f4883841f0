//! `process`: one user, one environment, no privileges, every limit there is (config.md).

use serde_json::{Value, json};

use super::findings::{Findings, list};

/// Limits in their order: those the policy sets, then those that are zero for every plugin.
const POLICY_LIMITS: [&str; 3] = ["RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE"];
const ZERO_LIMITS: [&str; 5] = [
    "RLIMIT_CORE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
];

pub(super) fn check(process: &Value, findings: &mut Findings) {
    let none: [&str; 0] = [];
    let known = [
        ("terminal", json!(false)),
        ("cwd", json!("/")),
        ("noNewPrivileges", json!(true)),
        ("user", json!({ "uid": 1000, "gid": 1000, "umask": 0o077 })),
        (
            "env",
            json!(["PATH=/lazaret", "HOME=/tmp", "V82JSC_NO_BC_CACHE=1"]),
        ),
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
    let args: Vec<Option<&str>> = list(&process["args"]).iter().map(Value::as_str).collect();
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
    findings.require(limits_are_known(&process["rlimits"]), || {
        "`process.rlimits` are not those every plugin has".to_owned()
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
