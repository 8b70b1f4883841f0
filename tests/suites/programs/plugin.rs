//! Programs as plugins run them.

use std::time::Duration;

use anyhow::{Context, ensure};
use lazaret::event::{Act, Violation};
use lazaret::supervisor::CallFailure;
use lazaret_protocol::CallError;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, start_unheard};
use lazaret_tests::leaks::{Snapshot, left_since};
use lazaret_tests::setup::{Js, Setup, on_disk};
use lazaret_tests::world::{World, until};
use serde_json::json;

use super::ends::waits;
use super::{entry, rootfs};

const MAIN: &str = r#"
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (text) => new TextEncoder().encode(text);

export async function run(program, args, input = "") {
  const ran = await new Deno.Command(program, { args, stdin: bytes(input) }).output();
  return [ran.code, ran.signal, text(ran.stdout), text(ran.stderr)];
}
export async function fails(program, args, input = "") {
  try {
    await run(program, args, input);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}
export function well() {
  return "well";
}
"#;

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(js, "programs: a plugin runs what its policy names", runs),
        Case::on(
            js,
            "programs: what no policy names is a violation and is not run",
            denied,
        ),
        Case::on(
            js,
            "programs: a limit is an error that the plugin can catch",
            limits,
        ),
        Case::on(
            js,
            "programs: the end of a call is that of its program",
            call_ends,
        ),
        Case::on(
            js,
            "programs: a policy that takes one away ends it, and any other lets it go on",
            revoked,
        ),
        Case::on(
            js,
            "programs: a plugin that stops takes its programs along",
            plugin_stops,
        ),
        Case::on(
            js,
            "programs: an engine that is killed leaves none",
            engine_killed,
        ),
    ]
}

/// A plugin that may run the shell under its own name, and once more with tighter limits.
fn setup(js: Js, rootfs: &std::path::Path, more: &str) -> Setup {
    let shell = entry("shell", rootfs, "/bin/sh", "");
    let tight = entry(
        "tight",
        rootfs,
        "/bin/sh",
        "time: 500ms, memory: 16MiB, output: 100B, input: 10B",
    );
    let policy = format!("exec: {{ programs: [ {shell}, {tight} ] }}\n{more}");
    Setup::javascript(js, "runner", MAIN).policy(&policy)
}

async fn runs(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    let plugin = host.launch(&setup(js, rootfs.path(), "")).await?;
    let line = "tr a-z A-Z; echo $1 >&2; exit 3";
    let ran = plugin
        .call(
            "run",
            json!(["shell", ["-c", line, "sh", "$(x); 'y'"], "motto"]),
        )
        .await?;
    assert_eq!(ran, json!([3, null, "MOTTO", "$(x); 'y'\n"]));
    let ran = plugin
        .call(
            "run",
            json!(["shell", ["-c", "ulimit -t 1; while :; do :; done"]]),
        )
        .await?;
    assert_eq!(ran, json!([137, "SIGKILL", "", ""]));
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    Ok(())
}

async fn denied(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    let plugin = host.launch(&setup(js, rootfs.path(), "")).await?;
    for program in ["busybox", "/bin/sh", "../shell", "", "Shell"] {
        let said = plugin.call("fails", json!([program, []])).await?;
        let said = said.as_str().context("it ran")?;
        ensure!(said.contains("exec:run:"), "{program}: {said}");
    }
    assert_eq!(
        plugin
            .call("run", json!(["shell", ["-c", "echo on"]]))
            .await?[2],
        "on\n"
    );
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 5);
    // A busy machine throttles the most harmless plugin.
    let mut records = ended.violations.iter();
    let first = records.find(|record| !matches!(record.act, Act::Cpu(_)));
    let first = first.context("no record")?;
    ensure!(
        matches!(&first.act, Act::Permission { permission } if permission == "exec:run:busybox"),
        "{first:?}"
    );
    Ok(())
}

async fn limits(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    let plugin = host.launch(&setup(js, rootfs.path(), "")).await?;
    for (line, input, reason) in [
        ("sleep 1000", "", "not done after 500ms"),
        ("tail /dev/zero", "", "out of memory"),
        ("yes", "", "more than 100 bytes"),
        ("cat", "twelve bytes", "12 would exceed the limit of 10"),
    ] {
        let said = plugin
            .call("fails", json!(["tight", ["-c", line], input]))
            .await?;
        let said = said
            .as_str()
            .with_context(|| format!("`{line}` ran"))?
            .to_owned();
        ensure!(said.contains(reason), "{line}: {said}");
    }
    let pids = "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done";
    let ran = plugin.call("run", json!(["shell", ["-c", pids]])).await?;
    ensure!(ran[0] != 0, "{ran}");
    assert_eq!(
        plugin
            .call("run", json!(["shell", ["-c", "echo on"]]))
            .await?[2],
        "on\n"
    );
    // None of it counts as the plugin's, which a busy machine may have throttled.
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    let throttled = |record: &Violation| matches!(record.act, Act::Cpu(_));
    ensure!(ended.violations.iter().all(throttled), "{ended:?}");
    Ok(())
}

/// A call whose program lasts.
fn lasts() -> serde_json::Value {
    json!(["shell", ["-c", "exec sleep 31557600"]])
}

async fn call_ends(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    let policy = "resources: { time: { call: 2s } }";
    let plugin = host.launch(&setup(js, rootfs.path(), policy)).await?;
    let before = Snapshot::take();
    let ended = async || {
        while waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = plugin.call_error("run", lasts()).await?;
    ensure!(matches!(error, CallError::WallTime { .. }), "{error:?}");
    ended().await;
    // A caller that gives less is one that gives its programs less.
    let soon = Duration::from_millis(500);
    let late = plugin.call_within("run", lasts(), soon).await;
    ensure!(
        matches!(late, Err(CallFailure::Deadline { .. })),
        "{late:?}"
    );
    ended().await;
    // Beyond the process: what the launcher removes of it.
    assert_eq!(
        plugin
            .call("run", json!(["shell", ["-c", "echo on"]]))
            .await?[2],
        "on\n"
    );
    let left = left_since(&before);
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    assert_eq!(plugin.call("well", json!([])).await?, "well");
    plugin.stop().await?;
    Ok(())
}

async fn revoked(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    let plugin = host.launch(&setup(js, rootfs.path(), "")).await?;
    let running = plugin.call("fails", lasts());
    let changed = async {
        while !waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let log = "resources: { output: { log: 65KiB } }";
        plugin.apply(&setup(js, rootfs.path(), log)).await??;
        assert_eq!(plugin.call("well", json!([])).await?, "well");
        ensure!(waits(), "it was ended by a policy that grants it");
        plugin
            .apply(&Setup::javascript(js, "runner", MAIN))
            .await??;
        while waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    let (said, changed) = tokio::join!(running, changed);
    changed?;
    let said = said?.to_string();
    ensure!(said.contains("that let it run was changed"), "{said}");
    let said = plugin.call("fails", lasts()).await?.to_string();
    ensure!(said.contains("exec:run:shell"), "{said}");
    plugin.stop().await?;
    Ok(())
}

async fn plugin_stops(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let host = world.host()?;
    // The launcher and what is made once are there before the look.
    host.launch(&setup(js, rootfs.path(), ""))
        .await?
        .stop()
        .await?;
    let before = Snapshot::take();
    let plugin = host.launch(&setup(js, rootfs.path(), "")).await?;
    {
        let calls = [(); 6].map(|()| plugin.call("run", lasts()));
        let calls = lazaret_tests::world::together(calls);
        let started = async {
            while !waits() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = calls => anyhow::bail!("they ended: {ended:?}"),
            () = started => {}
        }
    }
    let ended = plugin.ended_or_stopped().await;
    assert_eq!(ended.cleanup, None);
    let left = left_since(&before);
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    Ok(())
}

async fn engine_killed(world: &World, js: Js) -> anyhow::Result<()> {
    let rootfs = rootfs(world)?;
    let plugin = on_disk(world, &setup(js, rootfs.path(), ""))?;
    let path = plugin.path().join("runner").display().to_string();
    let arguments = lasts().to_string();
    let arguments = [
        "run",
        &path,
        "--engine",
        js.name(),
        "--call",
        "run",
        "--args",
        &arguments,
    ];
    let mut engine = start_unheard(command(&world.parts.lazaret(), arguments))?;
    until("the program runs", waits)?;
    engine.kill()?;
    engine.wait()?;
    // Its launcher takes the closed socket as its order; what is left is found after the case.
    until("the program is gone", || !waits())
}
