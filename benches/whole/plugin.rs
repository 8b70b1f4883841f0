//! One plugin under an engine that stays: time to `ready`, memory when idle, round trip of a call.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lazaret::host::ShimEngine;
use lazaret::plugin::Plugin;
use lazaret::supervisor::{Engine, LaunchOptions, Running};
use lazaret_benches::machine::Programs;
use lazaret_policy::{EffectivePolicy, EngineChoice, SecurityLevel};
use lazaret_protocol::Payload;

use crate::figures::Row;

const STARTS: usize = 20;
const CALLS: usize = 5000;
const WARM_UP: usize = 200;

/// About a kilobyte of JSON, there and back.
const JSON_BYTES: usize = 1024;

/// Measures every engine.
pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("echo.js");
    fs_err::write(&path, "export function echo(value) { return value; }\n")?;
    let plugin = Plugin::locate(&path)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let engine = Engine::start(programs.installation.clone())?;
    let mut rows = Vec::new();
    for shim in &programs.engines {
        rows.extend(runtime.block_on(measure_engine(&engine, &plugin, *shim))?);
    }
    Ok(rows)
}

async fn measure_engine(
    engine: &Engine,
    plugin: &Plugin,
    shim: ShimEngine,
) -> anyhow::Result<Vec<Row>> {
    let name = shim.name();
    let mut ready = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let running = launch(engine, plugin, shim).await?;
        ready.push(start.elapsed());
        running.stop().await;
    }
    let running = launch(engine, plugin, shim).await?;
    let text = format!(
        "{{\"text\":\"{}\"}}",
        "x".repeat(JSON_BYTES - "{\"text\":\"\"}".len())
    );
    let idle = Memory::of(running.pid())?;
    for _ in 0..WARM_UP {
        round_trip(&running, &text).await?;
    }
    let mut calls = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        calls.push(round_trip(&running, &text).await?);
    }
    let after = Memory::of(running.pid())?;
    running.stop().await;
    Ok(vec![
        Row::times(format!("start to ready ({name})"), ready),
        Row::text(format!("PSS when ready ({name})"), idle),
        Row::text(
            format!("PSS after {} calls ({name})", CALLS + WARM_UP),
            after,
        ),
        Row::times(
            format!("call with 1 KB of JSON, there and back ({name})"),
            calls,
        ),
    ])
}

async fn launch(engine: &Engine, plugin: &Plugin, shim: ShimEngine) -> anyhow::Result<Running> {
    let choice = match shim {
        ShimEngine::QuickJs => EngineChoice::QuickJs,
        ShimEngine::V8 => EngineChoice::V8,
    };
    let options = LaunchOptions {
        engine: Some(choice),
        ..LaunchOptions::default()
    };
    Ok(engine
        .launch(plugin, EffectivePolicy::of(SecurityLevel::Minimal), options)
        .await?)
}

async fn round_trip(running: &Running, text: &str) -> anyhow::Result<Duration> {
    let arguments = Payload::Json(text.to_owned());
    let start = Instant::now();
    let result = running.call("echo", arguments).await;
    let time = start.elapsed();
    ensure!(
        result == Ok(Payload::Json(text.to_owned())),
        "the echo is not what was called: {result:?}"
    );
    Ok(time)
}

/// Proportional set size of a process (proc_pid_smaps(5)), in KiB.
struct Memory {
    whole: u64,
    /// What no other process can have: the rest is the program, of which plugins share the pages.
    anonymous: u64,
}

impl Memory {
    fn of(pid: u32) -> anyhow::Result<Self> {
        let text = fs_err::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let line = line.with_context(|| format!("no line `{name}`"))?;
            anyhow::Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok(Self {
            whole: line("Pss:")?,
            anonymous: line("Pss_Anon:")?,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |kibibytes: u64| kibibytes as f64 * 1.024 / 1000.0;
        let (whole, own) = (megabytes(self.whole), megabytes(self.anonymous));
        write!(formatter, "{whole:>7.1} MB, of which its own {own:.1} MB")
    }
}
