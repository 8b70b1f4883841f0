//! Calls that go on while the policy changes.

use std::cell::Cell;

use anyhow::{bail, ensure};
use lazaret_protocol::CallError;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::Js;
use lazaret_tests::world::{World, together};
use serde_json::json;

use super::kernel::Held;
use crate::story::everyday;

/// How often the policy changes under calls.
const CHANGES: u64 = 50;

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "live: fifty changes under a storm of calls lose none",
            storm,
        ),
        Case::on(
            js,
            "live: a call keeps the times it began with, and the next has the new ones",
            times,
        ),
        Case::on(
            js,
            "live: a plugin that has ended says so instead of changing",
            ended,
        ),
    ]
}

/// Calls until it is told that this is over; how many were answered.
async fn call_on(plugin: &Session, over: &Cell<bool>) -> anyhow::Result<u64> {
    let mut count = 0;
    while !over.get() {
        let sum = plugin.call("later", json!([count, 1])).await?;
        ensure!(sum == count, "{sum}");
        count += 1;
    }
    Ok(count)
}

async fn storm(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let plugin = host.launch(&setup).await?;
    let over = Cell::new(false);
    let callers = together((0..32).map(|_| call_on(&plugin, &over)));
    let changes = async {
        for turn in 0..CHANGES {
            let memory = 96 + turn % 4 * 16;
            let policy = format!(
                "resources: {{ memory: {{ max: {memory}MiB }}, output: {{ log: {}KiB }} }}",
                64 + turn
            );
            let applied = plugin.apply(&setup.clone().policy(&policy)).await;
            over.set(turn + 1 == CHANGES || applied.is_err());
            let applied = applied?;
            over.set(over.get() || applied.is_err());
            applied?;
            ensure!(
                Held::now(plugin.pid())?.memory == memory << 20,
                "turn {turn}"
            );
        }
        anyhow::Ok(())
    };
    let (counts, changed) = tokio::join!(callers, changes);
    changed?;
    for count in counts {
        ensure!(count? > 0, "a caller was never answered");
    }
    plugin.stop().await?;
    Ok(())
}

async fn times(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let within = |call: &str| {
        let policy = format!("resources: {{ time: {{ call: {call} }} }}");
        setup.clone().policy(&policy)
    };
    let plugin = host.launch(&within("60s")).await?;
    let slow = plugin.call("later", json!([7, 1500]));
    let changed = async {
        tokio::task::yield_now().await;
        plugin.apply(&within("100ms")).await
    };
    let (slow, changed) = tokio::join!(slow, changed);
    changed??;
    assert_eq!(slow?, 7);
    match plugin.call_error("later", json!([7, 60_000])).await? {
        CallError::WallTime { limit_ms: 100 } => {}
        other => bail!("{other:?}"),
    }
    plugin.stop().await?;
    Ok(())
}

async fn ended(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let plugin = host.launch(&setup).await?;
    let process = rustix::process::Pid::from_raw(i32::try_from(plugin.pid())?);
    let process = process.expect("a process id is no zero");
    rustix::process::kill_process(process, rustix::process::Signal::KILL)?;
    let other = setup.policy("resources: { memory: { max: 128MiB } }");
    // Before the engine learns of it, the kernel may still take the change.
    let end = loop {
        match plugin.apply(&other).await? {
            Ok(_) | Err(lazaret::supervisor::ApplyError::Launcher(_)) => {}
            Err(error) => break error,
        }
    };
    ensure!(
        matches!(end, lazaret::supervisor::ApplyError::Ended(_)),
        "{end:?}"
    );
    drop(plugin.ended_or_stopped().await);
    Ok(())
}
