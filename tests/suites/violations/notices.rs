//! What only version 2 of cgroups has: the kernel tells of limits by itself, and a soft limit on
//! memory.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::container::{Cgroup, CgroupEvents};
use lazaret::event::{Act, EndReason, Reaction};
use lazaret::host::CgroupVersion;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::{goes_on, has, record};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "violations: the kernel tells of a limit without being asked",
            notices,
        ),
        Case::asynchronous(
            "violations: memory above its soft limit ends a plugin whose policy says so",
            soft_limit,
        ),
    ]
}

fn on_version_2() -> anyhow::Result<()> {
    match CgroupVersion::detect() {
        Some(CgroupVersion::V2) => Ok(()),
        _ => Err(Skip("version 1 of cgroups has no such thing".to_owned()).into()),
    }
}

async fn notices(world: &World) -> anyhow::Result<()> {
    on_version_2()?;
    let host = world.host()?;
    let setup = Setup::probe("").policy("level: minimal\nresources: { pids: { max: 12 } }");
    let probe = host.launch(&setup).await?;
    let of = fs_err::read_to_string(format!("/proc/{}/cgroup", probe.pid()))?;
    let id = of.trim().strip_prefix("0::/").context("a cgroup")?;
    let cgroup = Cgroup::of(&id.parse()?, CgroupVersion::V2);
    let mut events = CgroupEvents::watch(&cgroup)?;
    let few = probe.call("threads", json!({ "at_most": 5 })).await?;
    assert_eq!(few, json!({ "ok": 5 }));
    let told = tokio::time::timeout(Duration::from_millis(200), events.notified()).await;
    ensure!(told.is_err(), "it told of nothing: {:?}", events.look());

    let many = probe.call("threads", json!({ "at_most": 100 })).await?;
    assert_eq!(many["errno"], "EAGAIN", "{many}");
    // Without end where it does not tell.
    events.notified().await?;
    match &events.look()?[..] {
        [Act::Pids(rise)] => ensure!(rise.rose_by >= 1, "{rise:?}"),
        other => bail!("{other:?}"),
    }
    probe.stop().await?;
    Ok(())
}

async fn soft_limit(world: &World) -> anyhow::Result<()> {
    on_version_2()?;
    let host = world.host()?;
    let high = |act: &Act| matches!(act, Act::Memory(rise) if rise.counter == "memory.events high");
    let setup = Setup::probe("").policy(
        "resources: { memory: { max: 128MiB, high: 32MiB } }\n\
         violations: { memory: { reaction: kill } }",
    );
    let probe = host.launch(&setup).await?;
    let little = probe.call("touch_memory", json!({ "mib": 8 })).await?;
    assert_eq!(little, json!({ "ok": 8 }));
    goes_on(&probe).await?;
    let ended = probe.stop().await?;
    ensure!(!has(&ended, high), "{ended:?}");

    let probe = host.launch(&setup).await?;
    let ended = probe
        .call_to_end("touch_memory", json!({ "mib": 100 }))
        .await?;
    ensure!(
        matches!(&ended.reason, EndReason::Violation { act } if high(act)),
        "{ended:?}"
    );
    assert_eq!(record(&ended, high)?.reaction, Reaction::Kill);
    Ok(())
}
