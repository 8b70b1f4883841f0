//! More violations than anybody can take: told in part, counted whole, and slow for the one who
//! makes them.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::ensure;
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::host::lock;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::{goes_on, refused, told};
use crate::forbidden::REFUSED_ONLY;

/// More than the rate limit tells at once, and few enough to be answered soon.
const CALLS: u64 = 400;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "violations: a flood of calls is counted, cut, and no other plugin's concern",
            counted_and_cut,
        ),
        Case::asynchronous("violations: a few calls are all told", few_are_all_told),
        Case::asynchronous(
            "violations: a flood of calls is answered no faster than its pace",
            calls_are_paced,
        ),
        Case::asynchronous(
            "violations: a flood of messages is read no faster than its pace",
            messages_are_paced,
        ),
        Case::asynchronous(
            "violations: a plugin that is paced is stopped when it is asked to",
            stopped,
        ),
    ]
}

async fn counted_and_cut(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let other = host.launch(&Setup::probe("").named("other")).await?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    let over = Cell::new(false);
    let flood = async {
        let answer = probe.call("fork_bomb", json!({ "at_most": CALLS })).await;
        over.set(true);
        answer
    };
    let beside = async {
        let mut calls = 0;
        while !over.get() {
            goes_on(&other).await?;
            calls += 1;
        }
        anyhow::Ok(calls)
    };
    let (answer, calls) = tokio::join!(flood, beside);
    assert_eq!(answer?, json!({ "made": 0, "errno": "EPERM" }));
    ensure!(calls? > 0, "the other plugin had no turn");
    other.stop().await?;

    let events = probe.later_events();
    let ended = probe.stop().await?;
    assert_eq!(ended.violation_count, CALLS);
    assert_eq!(ended.violations.len(), 100);
    let told = told(&lock(&events));
    let dropped: u64 = told.iter().map(|(_, dropped)| dropped).sum();
    ensure!(dropped > 0, "no event tells of those dropped before it");
    ensure!(dropped <= ended.violations_dropped, "{ended:?}");
    let all = u64::try_from(told.len())? + ended.violations_dropped;
    assert_eq!(all, CALLS, "each is told or counted as dropped");
    Ok(())
}

async fn few_are_all_told(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    for _ in 0..20 {
        refused(&probe).await?;
    }
    let events = probe.later_events();
    let ended = probe.stop().await?;
    assert_eq!((ended.violation_count, ended.violations_dropped), (20, 0));
    let told = told(&lock(&events));
    ensure!(told.iter().all(|(_, dropped)| *dropped == 0), "{told:?}");
    assert_eq!(told.len(), 20);
    Ok(())
}

/// The most that get through from a start, at so many at once and a second.
fn most(at_once: u64, per_second: u64, start: Instant) -> u64 {
    at_once + (start.elapsed().as_secs_f64() * per_second as f64).ceil() as u64
}

async fn calls_are_paced(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "level: minimal\nresources: { time: { call: 2s } }";
    let start = Instant::now();
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let ended = probe
        .call_to_end("fork_bomb", json!({ "at_most": 1_000_000_000_u64 }))
        .await?;
    let most = most(100, 200, start) + 1;
    // The engine's clocks went on meanwhile.
    assert_eq!(ended.reason, EndReason::WallTime { limit_ms: 2000 });
    let count = ended.violation_count;
    ensure!((1..=most).contains(&count), "{count} calls of {most}");
    Ok(())
}

async fn messages_are_paced(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { time: { call: 1s } }";
    let start = Instant::now();
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let ended = probe.call_to_end("flood_violations", json!({})).await?;
    // What its end leaves in the socket is read at once: less than a socket holds.
    let most = most(2000, 2000, start) + 500;
    assert_eq!(ended.reason, EndReason::WallTime { limit_ms: 1000 });
    let count = ended.violation_count;
    ensure!((1..=most).contains(&count), "{count} messages of {most}");
    Ok(())
}

async fn stopped(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, arguments) in [
        ("flood_violations", json!({})),
        ("fork_bomb", json!({ "at_most": 1_000_000_000_u64 })),
    ] {
        let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
        let call = probe.call(ask, arguments);
        let answered = tokio::time::timeout(Duration::from_millis(500), call).await;
        ensure!(answered.is_err(), "{ask}: {answered:?}");
        probe.stop().await?;
    }
    Ok(())
}
