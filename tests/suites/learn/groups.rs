//! Optional groups of system calls: who has which, and what a container that learns tells of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazaret::learn::Tally;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;

use crate::forbidden::{REFUSED_ONLY, reported, syscall};
use crate::story::everyday;

/// One call of each group. What the kernel answers by itself is never `EPERM`.
const OF_EACH: &[(&str, &str)] = &[
    ("children", "wait4"),
    ("descriptors", "dup"),
    ("directory-changes", "rmdir"),
    ("file-attributes", "fchmod"),
    ("file-copies", "sendfile"),
    ("file-locks", "flock"),
    ("file-sizes", "ftruncate"),
    ("file-sync", "fsync"),
    ("inotify", "inotify_rm_watch"),
    ("machine-facts", "sysinfo"),
    ("memory-locks", "munlock"),
    ("page-cache", "fadvise64"),
    ("pipes", "pipe2"),
    ("positioned-io", "pwrite64"),
    ("scheduling", "getpriority"),
    ("signals", "rt_sigpending"),
    ("sockets", "getsockname"),
    ("timers", "getitimer"),
    ("waiting", "select"),
];

/// Groups that level `standard` does not leave.
const NOT_STANDARD: &[&str] = &["inotify", "machine-facts", "memory-locks", "page-cache"];

pub(crate) fn probe_cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "learn: each level leaves its groups of calls, and the kernel refuses the rest",
            levels,
        ),
        Case::asynchronous(
            "learn: calls that are left are counted and go on, others are refused as ever",
            counted,
        ),
        Case::asynchronous(
            "learn: reported calls are refused and named as ever",
            refused_and_named,
        ),
        Case::asynchronous(
            "learn: a flood of calls that are left is counted and waits its turn",
            flood,
        ),
    ]
}

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![Case::on(
        js,
        "learn: a runtime starts and works without any optional call",
        starts_without,
    )]
}

/// Which of the groups the kernel lets through under the policy.
async fn left(world: &World, policy: &str) -> anyhow::Result<Vec<&'static str>> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let mut left = Vec::new();
    for (group, call) in OF_EACH {
        let answer = probe.call("call", json!({ "name": call })).await?;
        if answer != json!({ "errno": "EPERM" }) {
            assert!(answer.get("error").is_none(), "{call}: {answer}");
            left.push(*group);
        }
    }
    // A refusal of these is nobody's concern.
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(left)
}

fn all_but(without: &[&str]) -> Vec<&'static str> {
    let groups = OF_EACH.iter().map(|(group, _)| *group);
    groups.filter(|group| !without.contains(group)).collect()
}

async fn levels(world: &World) -> anyhow::Result<()> {
    assert_eq!(left(world, "level: minimal").await?, all_but(&[]));
    assert_eq!(left(world, "level: standard").await?, all_but(NOT_STANDARD));
    assert_eq!(left(world, "level: maximum").await?, [""; 0]);
    Ok(())
}

async fn counted(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let tally = Arc::new(Tally::default());
    let setup = Setup::probe("").policy("level: standard").learn(&tally);
    let probe = host.launch(&setup).await?;
    for (group, call) in OF_EACH {
        for _ in 0..2 {
            let answer = probe.call("call", json!({ "name": call })).await?;
            let refused = answer == json!({ "errno": "EPERM" });
            assert_eq!(refused, NOT_STANDARD.contains(group), "{call}: {answer}");
        }
    }
    assert_eq!(probe.stop().await?.violation_count, 0);
    let expected: BTreeMap<_, _> = OF_EACH
        .iter()
        .filter(|(group, _)| !NOT_STANDARD.contains(group))
        .map(|(group, call)| (*group, BTreeMap::from([(*call, 2)])))
        .collect();
    assert_eq!(tally.observations().system_calls, expected);
    Ok(())
}

async fn refused_and_named(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let tally = Arc::new(Tally::default());
    let setup = Setup::probe("").policy(REFUSED_ONLY).learn(&tally);
    let probe = host.launch(&setup).await?;
    let reported = reported();
    for (ask, arguments, _) in &reported {
        let answer = probe.call(ask, arguments.clone()).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{ask} {arguments}");
    }
    let ended = probe.stop().await?;
    let expected: Vec<_> = reported.iter().map(|(_, _, name)| *name).collect();
    let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    assert_eq!(named, expected);
    assert_eq!(tally.observations().system_calls, BTreeMap::new());
    Ok(())
}

async fn flood(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let tally = Arc::new(Tally::default());
    let setup = Setup::probe("").policy("level: minimal").learn(&tally);
    let probe = host.launch(&setup).await?;
    // More than are answered at once: the rest comes at its pace.
    for _ in 0..150 {
        let answer = probe.call("call", json!({ "name": "sysinfo" })).await?;
        assert_eq!(answer, json!({ "ok": 0 }));
    }
    assert_eq!(probe.stop().await?.violation_count, 0);
    let seen = tally.observations().system_calls;
    assert_eq!(seen["machine-facts"]["sysinfo"], 150);
    Ok(())
}

async fn starts_without(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    for level in ["minimal", "standard", "maximum"] {
        let tally = Arc::new(Tally::default());
        let policy = format!("level: {level}");
        let plugin = host
            .launch(&everyday(js)?.policy(&policy).learn(&tally))
            .await?;
        plugin.call("add", json!([2, 3])).await?;
        plugin.stop().await?;
        let seen = tally.observations();
        assert_eq!(seen.system_calls, BTreeMap::new(), "{level}");
        let peaks = seen.peaks;
        assert!(peaks.memory_bytes > Some(1 << 20), "{peaks:?}");
        assert!(peaks.pids >= Some(1), "{peaks:?}");
        for peak in [peaks.startup_ms, peaks.call_ms, peaks.result_bytes] {
            assert!(peak > Some(0), "{peaks:?}");
        }
    }
    Ok(())
}
