//! `linux.resources`: memory, CPU time and processes limited, nothing else touched.
//!
//! A runtime writes the keys of `unified` as files of the cgroup: a name of the engine's choice
//! would be a path of the engine's choice.

use serde_json::{Value, json};

use super::BelowFloor;
use super::findings::{Findings, is_decimal};
use crate::{CPU_PERIOD_US, CgroupLimits};

/// The least CPU time for each period that the kernel takes, in microseconds.
const LEAST_QUOTA_US: u64 = 1000;

/// The most of any figure: the kernel's files take signed numbers.
const MOST: u64 = i64::MAX as u64;

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
        &json!(CPU_PERIOD_US),
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

/// Checks the limits of an update: each is a limit, whatever its figure.
///
/// # Errors
/// [`BelowFloor`] with the rules broken.
pub fn check_update(limits: &CgroupLimits) -> Result<(), BelowFloor> {
    let CgroupLimits {
        memory,
        memory_high,
        cpu_quota,
        cpu_weight,
        pids,
    } = *limits;
    let mut findings = Findings::default();
    let mut within = |name: &str, found: u64, least: u64, most: u64| {
        findings.require((least..=most).contains(&found), || {
            format!("`{name}` of {found} is no limit")
        });
    };
    within("memory.max", memory, 1, MOST);
    within("memory.high", memory_high.unwrap_or(1), 1, MOST);
    within("cpu.max", cpu_quota, LEAST_QUOTA_US, MOST);
    within("cpu.weight", cpu_weight, 1, 10_000);
    within("pids.max", pids, 1, i32::MAX as u64);
    findings.result()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_sets_a_limit_in_every_figure() {
        let good = CgroupLimits {
            memory: 1 << 26,
            memory_high: None,
            cpu_quota: 50_000,
            cpu_weight: 100,
            pids: 32,
        };
        assert_eq!(check_update(&good), Ok(()));
        let bad: [fn(&mut CgroupLimits); 9] = [
            |limits| limits.memory = 0,
            |limits| limits.memory = u64::MAX,
            |limits| limits.memory_high = Some(0),
            |limits| limits.cpu_quota = 0,
            |limits| limits.cpu_quota = u64::MAX,
            |limits| limits.cpu_weight = 0,
            |limits| limits.cpu_weight = 10_001,
            |limits| limits.pids = 0,
            |limits| limits.pids = u64::MAX,
        ];
        for (number, change) in bad.iter().enumerate() {
            let mut limits = good.clone();
            change(&mut limits);
            assert!(check_update(&limits).is_err(), "{number}");
        }
    }
}
