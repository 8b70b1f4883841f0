//! Every reason a plugin can end for, by its name and its limits.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

use crate::forbidden::syscall;

const MIB: u64 = 1 << 20;

/// Ends that only a shim that breaks its own rules comes to.
pub(crate) fn probe_cases() -> Vec<Case> {
    vec![
        Case::asynchronous("ends: exit, with its status", exit),
        Case::asynchronous("ends: out of memory, with limit and peak", out_of_memory),
        Case::asynchronous(
            "ends: CPU time, where the shim does not stop the call",
            cpu_time,
        ),
        Case::asynchronous(
            "ends: wall time, where the shim does not stop the call",
            wall_time,
        ),
        Case::asynchronous("ends: start-up timeout, with its limit", startup_timeout),
        Case::asynchronous(
            "ends: shim lost, by a signal from outside",
            killed_from_outside,
        ),
        Case::asynchronous("ends: shim lost, by a fault of its own", fault),
        Case::asynchronous("ends: shim lost, with the end of what it wrote", last_words),
        Case::asynchronous(
            "ends: shim lost, where it closes the channel and lives on",
            closed_channel,
        ),
        Case::asynchronous("ends: read-back difference, as the shim tells it", refusal),
        Case::asynchronous("ends: an exception, as the shim tells it", crash),
        Case::asynchronous(
            "ends: forbidden system call, before it is ready",
            early_call,
        ),
        Case::asynchronous("ends: execve behind the second filter", execve),
    ]
}

/// Ends that a plugin's own code comes to.
pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(js, "ends: a syntax error, with its place", syntax_error),
        Case::on(js, "ends: an error at the top of a module", top_of_module),
        Case::on(js, "ends: a rejection nobody handles", unhandled_rejection),
        Case::on(js, "ends: a missing import", missing_import),
        Case::on(js, "ends: out of memory by JavaScript", javascript_memory),
        Case::on(
            js,
            "ends: loading that never comes to an end",
            endless_loading,
        ),
    ]
}

async fn exit(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for code in [0, 3, 255] {
        let probe = host.launch(&Setup::probe("")).await?;
        let ended = probe.call_to_end("exit", json!({ "code": code })).await?;
        assert_eq!(ended.reason, EndReason::Exit { code });
        let ended = host
            .launch_to_end(&Setup::probe("exit before hello"))
            .await?;
        assert_eq!(ended.reason, EndReason::Exit { code: 7 });
    }
    Ok(())
}

async fn out_of_memory(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("").policy("resources: { memory: { max: 64MiB } }");
    let probe = host.launch(&setup).await?;
    assert_eq!(
        probe.call("touch_memory", json!({ "mib": 16 })).await?,
        json!({ "ok": 16 })
    );
    let ended = probe
        .call_to_end("touch_memory", json!({ "mib": 1024 }))
        .await?;
    match ended.reason {
        EndReason::OutOfMemory {
            limit_bytes,
            peak_bytes: Some(peak),
            heap_bytes: None,
        } => {
            assert_eq!(limit_bytes, 64 * MIB);
            ensure!((60 * MIB..=64 * MIB).contains(&peak), "peak {peak}");
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

async fn cpu_time(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { time: { call: 60s, cpu_per_call: 100ms } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let ended = probe.call_to_end("spin", json!({})).await?;
    assert_eq!(ended.reason, EndReason::CpuTime { limit_ms: 100 });
    ensure!(
        ended.cpu_us >= Some(1_000_000),
        "{:?} µs of CPU time are told",
        ended.cpu_us
    );
    Ok(())
}

async fn wall_time(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { time: { call: 200ms, cpu_per_call: 100ms } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let ended = probe.call_to_end("sleep", json!({})).await?;
    assert_eq!(ended.reason, EndReason::WallTime { limit_ms: 200 });
    Ok(())
}

async fn startup_timeout(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for behaviour in ["silent", "silent after hello"] {
        let setup = Setup::probe(behaviour).policy("resources: { time: { startup: 300ms } }");
        let ended = host.launch_to_end(&setup).await?;
        assert_eq!(ended.reason, EndReason::StartupTimeout { limit_ms: 300 });
    }
    Ok(())
}

async fn killed_from_outside(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let id = i32::try_from(probe.pid())?;
    let process = rustix::process::Pid::from_raw(id).expect("a process id is not 0");
    rustix::process::kill_process(process, rustix::process::Signal::KILL)?;
    match probe.ended().await.reason {
        EndReason::ShimLost { status, .. } => assert_eq!(status, "signal 9"),
        other => bail!("{other:?}"),
    }
    Ok(())
}

async fn fault(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    // The first process of a namespace ignores its own SIGABRT; abort(3) then faults.
    for (ask, status) in [("segfault", "signal 11"), ("abort", "signal 11")] {
        let probe = host.launch(&Setup::probe("")).await?;
        match probe.call_to_end(ask, json!({})).await?.reason {
            EndReason::ShimLost { status: found, .. } => assert_eq!(found, status),
            other => bail!("{ask}: {other:?}"),
        }
    }
    Ok(())
}

async fn last_words(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let ended = host
        .launch_to_end(&Setup::probe("words on standard error"))
        .await?;
    match &ended.reason {
        EndReason::ShimLost { status, output } => {
            assert_eq!(status, "exit status 7");
            assert_eq!(output, "\u{1b}[2Jlast words\n");
        }
        other => bail!("{other:?}"),
    }
    let shown = ended.reason.to_string();
    ensure!(shown.ends_with("\\u{1b}[2Jlast words"), "{shown}");
    Ok(())
}

async fn closed_channel(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let ended = probe.call_to_end("forge_closed_channel", json!({})).await?;
    match ended.reason {
        EndReason::ShimLost { status, .. } => {
            assert_eq!(status, "it closed its channel and went on")
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

async fn refusal(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let ended = host.launch_to_end(&Setup::probe("refuse")).await?;
    let EndReason::ReadBack { differences } = &ended.reason else {
        bail!("{:?}", ended.reason)
    };
    assert_eq!(differences[0].what, "NoNewPrivs");
    let shown = ended.reason.to_string();
    ensure!(
        shown.contains("NoNewPrivs: expected `1`, found `0\\u{1b}[2J`"),
        "{shown}"
    );
    Ok(())
}

async fn crash(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let ended = host.launch_to_end(&Setup::probe("crash")).await?;
    assert_eq!(
        ended.reason.to_string(),
        "uncaught TypeError: made up\\u{1b}[2J (at main.js:3:9)"
    );
    Ok(())
}

async fn early_call(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let ended = host.launch_to_end(&Setup::probe("forbidden call")).await?;
    match &ended.reason {
        EndReason::ForbiddenSyscall {
            name,
            arguments: Some(_),
        } => assert_eq!(name, "mount"),
        other => bail!("{other:?}"),
    }
    ensure!(ended.violations.iter().filter_map(syscall).eq(["mount"]));
    Ok(())
}

async fn execve(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    assert_eq!(
        probe.call("second_filter", json!({})).await?,
        json!({ "ok": true })
    );
    match probe.call_to_end("execute", json!({})).await?.reason {
        // The kernel kills and does not tell for which call.
        EndReason::ForbiddenSyscall { name, .. } => ensure!(name.contains("execve"), "{name}"),
        other => bail!("{other:?}"),
    }
    Ok(())
}

/// Why a plugin with this `main.js` ends before it is ready.
async fn exception(world: &World, js: Js, main: &str) -> anyhow::Result<[String; 3]> {
    let host = world.host()?;
    let setup = Setup::javascript(js, "broken", main);
    let ended = host.launch_to_end(&setup).await?;
    match ended.reason {
        EndReason::Exception {
            name,
            message,
            location,
            ..
        } => Ok([name, message, location.unwrap_or_default()]),
        other => bail!("{other:?}"),
    }
}

async fn syntax_error(world: &World, js: Js) -> anyhow::Result<()> {
    let source = plugin_source("hostile/syntax-error.js")?;
    let [name, _, location] = exception(world, js, &source).await?;
    assert_eq!(name, "SyntaxError");
    ensure!(location.starts_with("main.js:4:"), "at `{location}`");
    Ok(())
}

async fn top_of_module(world: &World, js: Js) -> anyhow::Result<()> {
    let source = "// one line\nthrow new TypeError('not today');";
    let [name, message, location] = exception(world, js, source).await?;
    assert_eq!(
        (name.as_str(), message.as_str()),
        ("TypeError", "not today")
    );
    ensure!(location.starts_with("main.js:2:"), "at `{location}`");
    for source in [
        "throw null;",
        "throw undefined;",
        "throw 7;",
        "throw { message: 'x' };",
    ] {
        exception(world, js, source).await?;
    }
    Ok(())
}

async fn unhandled_rejection(world: &World, js: Js) -> anyhow::Result<()> {
    let source = "Promise.reject(new RangeError('unseen')); export const f = () => 1;";
    let [name, message, _] = exception(world, js, source).await?;
    assert_eq!((name.as_str(), message.as_str()), ("RangeError", "unseen"));
    Ok(())
}

async fn missing_import(world: &World, js: Js) -> anyhow::Result<()> {
    let [_, message, _] = exception(world, js, "import './none.js';").await?;
    ensure!(message.contains("none.js"), "{message}");
    Ok(())
}

async fn javascript_memory(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("hostile/memory.js")?;
    for function in ["arrays", "strings", "buffers"] {
        let setup = Setup::javascript(js, "bomb", &source).policy(
            "resources: { memory: { max: 64MiB }, time: { call: 60s, cpu_per_call: 60s } }",
        );
        let plugin = host.launch(&setup).await?;
        assert_eq!(plugin.call("little", json!([])).await?, json!(1000));
        match plugin.call_to_end(function, json!([])).await?.reason {
            EndReason::OutOfMemory { limit_bytes, .. } => assert_eq!(limit_bytes, 64 * MIB),
            other => bail!("{function}: {other:?}"),
        }
    }
    Ok(())
}

async fn endless_loading(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    for source in [
        "for (;;);",
        "await new Promise(() => {});",
        "await null; for (;;);",
    ] {
        let setup = Setup::javascript(js, "endless", source)
            .policy("resources: { time: { startup: 500ms } }");
        match host.launch_to_end(&setup).await?.reason {
            // By the shim's own watch over CPU time, or by the engine's over time.
            EndReason::Exception { .. } => {}
            EndReason::StartupTimeout { limit_ms } => assert_eq!(limit_ms, 500),
            other => bail!("{source}: {other:?}"),
        }
    }
    Ok(())
}
