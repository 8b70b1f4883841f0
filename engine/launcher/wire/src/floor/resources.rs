//! `linux.resources`: memory, CPU time and processes limited, nothing else touched.
//!
//! A runtime writes the keys of `unified` as files of the cgroup: a name of the engine's choice
//! would be a path of the engine's choice.

use serde_json::{Value, json};

use super::findings::{Findings, is_decimal};

/// The kernel's default period of CPU time in microseconds.
const CPU_PERIOD: u64 = 100_000;

pub(super) fn check(resources: &Value, findings: &mut Findings) {
    findings.keys(
        "linux.resources",
        resources,
        &["memory", "cpu", "pids", "unified"],
    );
    let positive = |value: &Value| value.as_i64().is_some_and(|number| number > 0);

    let memory = &resources["memory"];
    findings.keys("linux.resources.memory", memory, &["limit", "swap"]);
    findings.require(positive(&memory["limit"]), || {
        "`linux.resources.memory.limit` is not set".to_owned()
    });
    // For the specification swap is memory and swap together.
    findings.require(memory["swap"] == memory["limit"], || {
        "`linux.resources.memory.swap` allows swap".to_owned()
    });

    let cpu = &resources["cpu"];
    findings.keys("linux.resources.cpu", cpu, &["quota", "period", "shares"]);
    findings.require(positive(&cpu["quota"]), || {
        "`linux.resources.cpu.quota` is not set".to_owned()
    });
    findings.equal(
        "linux.resources.cpu.period",
        &cpu["period"],
        &json!(CPU_PERIOD),
    );
    findings.require(cpu.get("shares").is_none_or(positive), || {
        "`linux.resources.cpu.shares` is no positive number".to_owned()
    });

    let pids = &resources["pids"];
    findings.keys("linux.resources.pids", pids, &["limit"]);
    findings.require(positive(&pids["limit"]), || {
        "`linux.resources.pids.limit` is not set".to_owned()
    });

    if let Some(unified) = resources.get("unified") {
        let path = "linux.resources.unified";
        findings.keys(
            path,
            unified,
            &[
                "memory.oom.group",
                "memory.swap.max",
                "memory.high",
                "cpu.weight",
            ],
        );
        for (key, value) in unified.as_object().into_iter().flatten() {
            let known = match key.as_str() {
                "memory.oom.group" => value == "1",
                "memory.swap.max" => value == "0",
                _ => value.as_str().is_some_and(is_decimal),
            };
            findings.require(known, || format!("`{path}` has no plain number at a key"));
        }
    }
}
