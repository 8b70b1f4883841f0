//! Limits that change while the plugin runs, each seen where it is held.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret::supervisor::{ApplyError, PluginEvent};
use lazaret_protocol::CallError;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::{World, together};
use serde_json::json;

use super::kernel::Held;
use crate::story::everyday;

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "live: memory, CPU and processes change in the kernel",
            in_the_kernel,
        ),
        Case::on(
            js,
            "live: memory below what is in use changes nothing at all",
            below_use,
        ),
        Case::on(
            js,
            "live: results and log lines are held to the new limits",
            output,
        ),
        Case::on(
            js,
            "live: a plugin that met its limit is freed by a higher one",
            higher,
        ),
        Case::on(
            js,
            "live: what needs a new container is named and changes nothing",
            needs_restart,
        ),
        Case::on(
            js,
            "live: two changes at once are made one after the other",
            two_at_once,
        ),
    ]
}

/// A policy with these limits: MiB, percent, tasks.
fn limits(setup: &Setup, memory: u64, percent: u64, pids: u64) -> Setup {
    setup.clone().policy(&format!(
        "resources: {{ memory: {{ max: {memory}MiB }}, cpu: {{ max: {percent}% }}, pids: {{ max: {pids} }} }}"
    ))
}

async fn answers(plugin: &Session) -> anyhow::Result<()> {
    let sum = plugin.call("add", json!([1, 2])).await?;
    ensure!(sum == 3, "{sum}");
    Ok(())
}

async fn in_the_kernel(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let plugin = host.launch(&limits(&setup, 96, 50, 32)).await?;
    assert_eq!(Held::now(plugin.pid())?, Held::of(96, 50, 32));
    for (memory, percent, pids) in [(128, 80, 24), (96, 20, 16), (96, 20, 16), (160, 100, 32)] {
        let applied = plugin.apply(&limits(&setup, memory, percent, pids)).await?;
        applied?;
        assert_eq!(Held::now(plugin.pid())?, Held::of(memory, percent, pids));
        answers(&plugin).await?;
    }
    plugin.stop().await?;
    Ok(())
}

const HOLDER: &str = "const held = [];
    export const hold = (mib) => {
      for (let i = 0; i < mib; i++) held.push(new Uint8Array(1 << 20).fill(i));
      return held.length;
    };
    export const add = (one, other) => one + other;";

async fn below_use(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::javascript(js, "holder", HOLDER);
    let plugin = host.launch(&limits(&setup, 192, 50, 32)).await?;
    assert_eq!(plugin.call("hold", json!([80])).await?, 80);
    match plugin.apply(&limits(&setup, 64, 80, 24)).await? {
        Err(ApplyError::Launcher(error)) => {
            let text = error.to_string();
            ensure!(text.contains("in use"), "{text}");
        }
        other => bail!("{other:?}"),
    }
    assert_eq!(Held::now(plugin.pid())?, Held::of(192, 50, 32));
    answers(&plugin).await?;
    // Its twin: above what is in use it is taken.
    plugin.apply(&limits(&setup, 160, 80, 24)).await??;
    assert_eq!(Held::now(plugin.pid())?, Held::of(160, 80, 24));
    answers(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}

async fn higher(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::javascript(js, "holder", HOLDER);
    let plugin = host.launch(&limits(&setup, 96, 50, 32)).await?;
    plugin.apply(&limits(&setup, 256, 50, 32)).await??;
    assert_eq!(plugin.call("hold", json!([128])).await?, 128);
    // And the end names the limit that held then.
    let ended = plugin.call_to_end("hold", json!([512])).await?;
    match ended.reason {
        EndReason::OutOfMemory { limit_bytes, .. } if limit_bytes == 256 << 20 => Ok(()),
        other => bail!("{other:?}"),
    }
}

async fn output(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let output = |result: &str, line: &str| {
        let text = format!("resources: {{ output: {{ result: {result}, line: {line} }} }}");
        setup.clone().policy(&text)
    };
    let plugin = host.launch(&output("64KiB", "4KiB")).await?;
    let text = "x".repeat(10_000);
    assert_eq!(plugin.call("echo", json!([text])).await?, json!([text]));
    plugin.apply(&output("1KiB", "128B")).await??;
    match plugin.call_error("echo", json!([text])).await? {
        CallError::ResultTooLarge { limit: 1024, .. } => {}
        other => bail!("{other:?}"),
    }
    plugin.call("say", json!([text])).await?;
    plugin.apply(&output("4MiB", "4KiB")).await??;
    // Larger than the channel took before.
    let large = "y".repeat(2_000_000);
    assert_eq!(plugin.call("echo", json!([large])).await?, json!([large]));
    plugin.call("say", json!(["z".repeat(100)])).await?;
    let events = plugin.later_events();
    plugin.stop().await?;
    let events = lazaret_tests::host::lock(&events);
    let lines = events.iter().filter_map(|event| match event {
        PluginEvent::Log { text, .. } => Some(text.len()),
        _ => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), [128, 128, 100, 109]);
    Ok(())
}

async fn needs_restart(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let plugin = host.launch(&limits(&setup, 96, 50, 32)).await?;
    let other = setup.policy("resources: { memory: { max: 128MiB }, tmp: { size: 3MiB } }");
    match plugin.apply(&other).await? {
        Err(ApplyError::NeedsRestart { changes }) => {
            let what: Vec<_> = changes.iter().map(|change| change.what.as_str()).collect();
            assert_eq!(what, ["resources.tmp.size"]);
        }
        other => bail!("{other:?}"),
    }
    assert_eq!(Held::now(plugin.pid())?, Held::of(96, 50, 32));
    answers(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}

async fn two_at_once(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = everyday(js)?;
    let plugin = host.launch(&limits(&setup, 96, 50, 32)).await?;
    let (one, other) = (limits(&setup, 128, 60, 30), limits(&setup, 160, 70, 20));
    for _ in 0..20 {
        let both = [&one, &other].map(|policy| plugin.apply(policy));
        for applied in together(both).await {
            applied??;
        }
        let held = Held::now(plugin.pid())?;
        ensure!(
            [Held::of(128, 60, 30), Held::of(160, 70, 20)].contains(&held),
            "half of each: {held:?}"
        );
    }
    answers(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}
