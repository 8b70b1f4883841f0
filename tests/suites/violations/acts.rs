//! Each kind of act, really done, and what its record says.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use lazaret::event::{Act, EndReason, Reaction, Violation, Witness};
use lazaret_policy::Severity;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;

use super::{goes_on, has, limit_event, record, refused, told};
use crate::forbidden::REFUSED_ONLY;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "violations: a system call, with its numbers, by the kernel",
            syscall,
        ),
        Case::asynchronous(
            "violations: permissions and hosts nobody granted, by the shim",
            permissions,
        ),
        Case::asynchronous("violations: what the second filter killed for", filter),
        Case::asynchronous("violations: memory at its limit", memory),
        Case::asynchronous("violations: processes at their limit", pids),
        Case::asynchronous("violations: CPU time at its limit", cpu),
    ]
}

fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

fn how(violation: &Violation) -> (Severity, Reaction, Witness) {
    (violation.severity, violation.reaction, violation.witness)
}

async fn syscall(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("").named("curious").policy(REFUSED_ONLY);
    let probe = host.launch(&setup).await?;
    goes_on(&probe).await?;
    let pid = probe.pid();
    let before = now()?;
    refused(&probe).await?;
    let after = now()?;
    let events = probe.later_events();
    let ended = probe.stop().await?;
    assert_eq!((ended.violation_count, ended.violations_dropped), (1, 0));
    let violation = record(&ended, |act| matches!(act, Act::Syscall(_)))?;
    let Act::Syscall(call) = &violation.act else {
        bail!("{violation:?}")
    };
    assert_eq!((call.name.as_str(), call.pid), ("unshare", pid));
    assert_eq!(call.arguments, [libc_new_user(), 0, 0, 0, 0, 0]);
    assert_eq!(violation.plugin, "curious");
    ensure!(
        (before..=after).contains(&violation.at_unix_ms),
        "{before} {} {after}",
        violation.at_unix_ms
    );
    assert_eq!(
        how(violation),
        (Severity::High, Reaction::Deny, Witness::Kernel)
    );
    let events = told(&lazaret_tests::host::lock(&events));
    assert_eq!(events, [(violation.clone(), 0)]);
    Ok(())
}

/// `CLONE_NEWUSER` (linux/sched.h).
fn libc_new_user() -> u64 {
    0x1000_0000
}

const NOSY: &str = r#"
export async function look(path) {
    try { return await Deno.readTextFile(path); } catch (error) { return error.name; }
}
export async function call(url) {
    try { return (await fetch(url)).status; } catch { return "refused"; }
}
"#;

async fn permissions(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::javascript(Js::QuickJs, "nosy", NOSY).with("own.txt", "mine");
    let plugin = host.launch(&setup).await?;
    assert_eq!(plugin.call("look", json!(["own.txt"])).await?, "mine");
    assert_eq!(plugin.stop().await?.violation_count, 0);

    let plugin = host.launch(&setup).await?;
    let looked = plugin.call("look", json!(["/etc/shadow"])).await?;
    assert_eq!(looked, "PermissionDenied");
    let called = plugin.call("call", json!(["https://example.com/"])).await?;
    assert_eq!(called, "refused");
    let ended = plugin.stop().await?;
    let file = record(&ended, |act| matches!(act, Act::Permission { .. }))?;
    let permission = "file:read:/etc/shadow".to_owned();
    assert_eq!(file.act, Act::Permission { permission });
    let network = record(&ended, |act| matches!(act, Act::Network { .. }))?;
    let permission = "network:read:example.com".to_owned();
    let reason = None;
    assert_eq!(network.act, Act::Network { permission, reason });
    for violation in [file, network] {
        assert_eq!(
            how(violation),
            (Severity::Medium, Reaction::Deny, Witness::Shim)
        );
    }
    Ok(())
}

async fn filter(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let filtered = |act: &Act| matches!(act, Act::Filter { .. });
    // Whatever the policy says: the kernel does not ask.
    for (policy, severity) in [
        (REFUSED_ONLY, Severity::High),
        ("level: maximum", Severity::Critical),
    ] {
        let probe = host.launch(&Setup::probe("").policy(policy)).await?;
        let installed = probe.call("second_filter", json!({})).await?;
        assert_eq!(installed, json!({ "ok": true }));
        goes_on(&probe).await?;
        let events = probe.later_events();
        let ended = probe.call_to_end("execute", json!({})).await?;
        ensure!(
            matches!(ended.reason, EndReason::ForbiddenSyscall { .. }),
            "{ended:?}"
        );
        let violation = record(&ended, filtered)?;
        assert_eq!(
            how(violation),
            (severity, Reaction::Kill, Witness::Kernel),
            "{policy}"
        );
        ensure!(violation.act.to_string().contains("execve"), "{ended:?}");
        let events = told(&lazaret_tests::host::lock(&events));
        assert_eq!(events, [(violation.clone(), 0)]);
    }
    let probe = host.launch(&Setup::probe("")).await?;
    let installed = probe.call("second_filter", json!({})).await?;
    assert_eq!(installed, json!({ "ok": true }));
    goes_on(&probe).await?;
    let ended = probe.stop().await?;
    ensure!(!has(&ended, filtered), "{ended:?}");
    Ok(())
}

async fn memory(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let memory = |act: &Act| matches!(act, Act::Memory(_));
    let probe = host.launch(&Setup::probe("")).await?;
    let touched = probe.call("touch_memory", json!({ "mib": 8 })).await?;
    assert_eq!(touched, json!({ "ok": 8 }));
    let ended = probe.stop().await?;
    ensure!(!has(&ended, memory), "{ended:?}");

    let probe = host.launch(&Setup::probe("")).await?;
    let ended = probe
        .call_to_end("touch_memory", json!({ "mib": 200 }))
        .await?;
    ensure!(
        matches!(ended.reason, EndReason::OutOfMemory { .. }),
        "{ended:?}"
    );
    let mut counters = Vec::new();
    for violation in &ended.violations {
        if let Act::Memory(rise) = violation.act {
            ensure!(rise.rose_by > 0 && rise.total >= rise.rose_by, "{rise:?}");
            counters.push(rise.counter);
        }
    }
    // Not each kernel counts failed charges on version 1.
    let version_2 = counters
        .iter()
        .any(|name| name.starts_with("memory.events"));
    ensure!(
        counters.iter().any(|name| name.ends_with(" oom_kill"))
            && (!version_2 || counters.contains(&"memory.events max")),
        "{counters:?}"
    );
    let violation = record(&ended, memory)?;
    assert_eq!(
        how(violation),
        (Severity::Medium, Reaction::Log, Witness::Kernel)
    );
    assert_eq!(ended.violation_count, 0, "nothing was refused");
    ensure!(ended.limit_event_count >= 1, "{ended:?}");
    assert_eq!(ended.events_unread, None);
    Ok(())
}

async fn pids(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("").policy("level: minimal\nresources: { pids: { max: 12 } }");
    let probe = host.launch(&setup).await?;
    let few = probe.call("threads", json!({ "at_most": 5 })).await?;
    assert_eq!(few, json!({ "ok": 5 }));
    let ended = probe.stop().await?;
    ensure!(!has(&ended, |act| matches!(act, Act::Pids(_))), "{ended:?}");

    let probe = host.launch(&setup).await?;
    let many = probe.call("threads", json!({ "at_most": 1000 })).await?;
    assert_eq!(many["errno"], "EAGAIN", "{many}");
    // It is told while the plugin runs, not only at its end.
    let told = limit_event(&probe, |act| matches!(act, Act::Pids(_))).await;
    goes_on(&probe).await?;
    let ended = probe.stop().await?;
    let violation = record(&ended, |act| matches!(act, Act::Pids(_)))?;
    assert_eq!(*violation, told);
    assert_eq!(
        how(violation),
        (Severity::Low, Reaction::Log, Witness::Kernel)
    );
    let Act::Pids(rise) = violation.act else {
        bail!("{violation:?}")
    };
    assert_eq!(rise.counter, "pids.events max");
    ensure!(rise.rose_by >= 1, "{rise:?}");
    Ok(())
}

async fn cpu(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let throttled = |act: &Act| matches!(act, Act::Cpu(_));
    let harmless = Setup::probe("").policy("level: minimal");
    let probe = host.launch(&harmless).await?;
    // One thread never needs more than the two processors it may have.
    let spin = json!({ "milliseconds": 1500, "threads": 1 });
    probe.call("storm_cpu", spin.clone()).await?;
    let ended = probe.stop().await?;
    ensure!(!has(&ended, throttled), "{ended:?}");

    let slow = Setup::probe("").policy("level: minimal\nresources: { cpu: { max: 50% } }");
    let probe = host.launch(&slow).await?;
    probe.call("storm_cpu", spin).await?;
    let told = limit_event(&probe, throttled).await;
    let Act::Cpu(rise) = told.act else {
        bail!("{told:?}")
    };
    assert_eq!(rise.counter, "cpu.stat nr_throttled");
    let ended = probe.stop().await?;
    let records = ended.violations.iter().filter(|kept| throttled(&kept.act));
    let records: Vec<_> = records.collect();
    let last = records.last().context("it was told")?;
    let Act::Cpu(last) = last.act else {
        bail!("{last:?}")
    };
    let rises = records.iter().map(|record| match record.act {
        Act::Cpu(rise) => rise.rose_by,
        _ => 0,
    });
    assert_eq!(rises.sum::<u64>(), last.total, "none is lost or told twice");
    Ok(())
}
