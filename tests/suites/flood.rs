//! A shim in somebody else's hands says more than anybody can take: the engine's clocks go on,
//! and its memory stays as small as it was.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lazaret::event::EndReason;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::patience::patience;
use lazaret_tests::processes;
use lazaret_tests::resident::{Idle, MOST_GROWTH};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

/// What comes in for ever.
const FLOODS: [&str; 5] = [
    "flood_dropped_lines",
    "flood_empty_lines",
    "flood_figures",
    "flood_large_lines",
    "flood_violations",
];

/// Limits that end a call after half a second and the engine's grace, and no other way.
const HALF_A_SECOND: &str = "resources: { time: { call: 500ms, cpu_per_call: 500ms } }";

/// Long enough for the limits and the busiest machine; without end where the clocks stand still.
const IN_TIME: Duration = Duration::from_secs(20);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for ask in FLOODS {
        let heard = Setup::probe("").policy(HALF_A_SECOND);
        let unheard = heard.clone().unheard();
        for (setup, how) in [(heard, ""), (unheard, ", and nobody listens")] {
            cases.push(Case::asynchronous(
                format!("flood: {ask} ends by the call's limit{how}"),
                async move |world: &World| ends_in_time(world, &setup, ask).await,
            ));
        }
    }
    cases.push(Case::asynchronous(
        "flood: what is said all the time does not hide the CPU time a call takes",
        cpu_time,
    ));
    cases.push(Case::asynchronous(
        "flood: a plugin that is asked to stop in a flood is stopped",
        stopped,
    ));
    cases.push(Case::asynchronous(
        "flood: one that never says it is ready ends by the start's limit",
        startup,
    ));
    cases.push(Case::asynchronous(
        "flood: one that nobody waits for is stopped, though it says it is ready",
        let_go,
    ));
    cases
}

async fn ends_in_time(world: &World, setup: &Setup, ask: &str) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(setup).await?;
    let memory = Idle::now()?;
    let start = Instant::now();
    let ended = probe.call_to_end(ask, json!({})).await?;
    let took = start.elapsed();
    grew_little(memory)?;
    assert_eq!(ended.reason, EndReason::WallTime { limit_ms: 500 });
    ensure!(took < patience(IN_TIME), "it took {took:?}");
    Ok(())
}

async fn cpu_time(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { cpu: { max: 100% }, time: { call: 40s, cpu_per_call: 300ms } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let start = Instant::now();
    let ended = probe.call_to_end("spin_talking", json!({})).await?;
    // Before the wall limit, at which CPU time is looked at anyway.
    ensure!(start.elapsed() < IN_TIME, "it took {:?}", start.elapsed());
    assert_eq!(ended.reason, EndReason::CpuTime { limit_ms: 300 });
    Ok(())
}

async fn stopped(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for ask in FLOODS {
        let probe = host.launch(&Setup::probe("").unheard()).await?;
        let memory = Idle::now()?;
        let call = probe.try_call(ask, Payload::Json("{}".to_owned()));
        let answered = tokio::time::timeout(Duration::from_millis(100), call).await;
        ensure!(answered.is_err(), "{ask}: {answered:?}");
        let start = Instant::now();
        probe.stop().await.with_context(|| ask)?;
        ensure!(
            start.elapsed() < patience(IN_TIME),
            "{ask}: {:?}",
            start.elapsed()
        );
        grew_little(memory)?;
    }
    Ok(())
}

async fn startup(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("flood").policy("resources: { time: { startup: 500ms } }");
    let ended = host.launch_to_end(&setup.unheard()).await?;
    assert_eq!(ended.reason, EndReason::StartupTimeout { limit_ms: 500 });
    Ok(())
}

async fn let_go(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("ready once told to stop");
    let launch = host.try_launch(&setup);
    let soon = Duration::from_millis(500);
    let launched = tokio::time::timeout(soon, launch).await;
    ensure!(launched.is_err(), "it was launched");
    // The engine's task has to be given turns for it.
    while processes::named("shim").is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn grew_little(memory: Idle) -> anyhow::Result<()> {
    let growth = memory.growth()?;
    ensure!(growth < MOST_GROWTH, "the engine grew by {growth} bytes");
    Ok(())
}
