//! How soon a policy holds: from the request to where it is in force on every layer and read back
//! from the kernel, for a plugin that is idle and for one under calls.
//!
//! `cargo bench -p lazaret-benches --bench apply`, as root, after `make build build-tests`.
//! Fails where the median is above 50 ms, or where the kernel has other limits than were applied.

use std::cell::Cell;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use lazaret::plugin::Plugin;
use lazaret::supervisor::{Engine, LaunchOptions, Running};
use lazaret_benches::machine;
use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};
use lazaret_protocol::Payload;
use lazaret_tests::parts::Parts;
use lazaret_tests::world::together;

/// The median is to be at most this.
const MOST: Duration = Duration::from_millis(50);

const CHANGES: usize = 200;

/// Callers that each wait for an answer before they ask again.
const CALLERS: usize = 32;

const SOURCE: &str = "export const f = (n) => new Promise((done) => setTimeout(() => done(n), 1));";

fn main() -> anyhow::Result<ExitCode> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("apply")?)?;
    if !rustix::process::geteuid().is_root() {
        writeln!(output, "skipped: containers need root; run as root")?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let parts = Parts::find()?;
    writeln!(
        output,
        "{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        "", "median", "min", "p90", "max", "runs"
    )?;
    let mut held = true;
    for (name, callers) in [("idle", 0), ("under 32 callers", CALLERS)] {
        let mut times = runtime.block_on(measure(&parts, callers))?;
        times.sort();
        let at = |part: usize, of: usize| {
            times
                .get(times.len() * part / of)
                .copied()
                .unwrap_or_default()
        };
        let shown = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
        writeln!(
            output,
            "{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
            format!("request to in force, {name}"),
            shown(at(1, 2)),
            shown(at(0, 1)),
            shown(at(9, 10)),
            shown(times.last().copied().unwrap_or_default()),
            times.len()
        )?;
        held &= at(1, 2) <= MOST;
    }
    if held {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output, "not held: the median is to be at most {MOST:?}")?;
    Ok(ExitCode::FAILURE)
}

/// Two policies that differ in every limit that can change while a plugin runs.
fn policies() -> anyhow::Result<[(EffectivePolicy, u64); 2]> {
    let policy = |memory: u64, percent: u64, pids: u64, line: &str, reaction: &str| {
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\nresources:\n  memory: {{ max: {memory}MiB }}\n  \
             cpu: {{ max: {percent}% }}\n  pids: {{ max: {pids} }}\n  output: {{ line: {line} }}\n\
             violations: {{ permission: {{ reaction: {reaction} }} }}\n"
        );
        let policy = SecurityPolicy::parse("policy.yaml", &text)?;
        let standard = EffectivePolicy::of(SecurityLevel::Standard);
        anyhow::Ok((standard.layer(&policy), memory << 20))
    };
    Ok([
        policy(96, 100, 24, "1KiB", "deny")?,
        policy(128, 90, 32, "2KiB", "kill")?,
    ])
}

/// The time of each change.
async fn measure(parts: &Parts, callers: usize) -> anyhow::Result<Vec<Duration>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("applied.js");
    fs_err::write(&file, SOURCE)?;
    let engine = Engine::start(parts.installation.clone())?;
    let policies = policies()?;
    let plugin = Plugin::locate(&file)?;
    let launched = engine.launch(&plugin, policies[1].0.clone(), LaunchOptions::default());
    let plugin = launched.await?;
    let over = Cell::new(false);
    let callers = together((0..callers).map(|_| call_on(&plugin, &over)));
    let changes = async {
        let mut times = Vec::with_capacity(CHANGES);
        for (policy, memory) in policies.iter().cycle().take(CHANGES) {
            let applied = plugin.apply(policy.clone()).await;
            over.set(applied.is_err());
            times.push(applied?.took);
            let found = memory_limit(plugin.pid())?;
            ensure!(found == *memory, "{found} bytes, not {memory}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        over.set(true);
        anyhow::Ok(times)
    };
    let (calls, times) = tokio::join!(callers, changes);
    let times = times?;
    for call in calls {
        call?;
    }
    plugin.stop().await;
    Ok(times)
}

async fn call_on(plugin: &Running, over: &Cell<bool>) -> anyhow::Result<()> {
    while !over.get() {
        let answer = plugin.call("f", Payload::Json("[1]".to_owned())).await;
        answer.map_err(|error| anyhow!("a call was lost: {error:?}"))?;
    }
    Ok(())
}

/// Bytes of memory the kernel holds a process' cgroup to.
fn memory_limit(pid: u32) -> anyhow::Result<u64> {
    let cgroups = fs_err::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = |start: &str| {
        let line = cgroups.lines().find(|line| line.contains(start));
        line.and_then(|line| line.splitn(3, ':').nth(2))
    };
    let file = match path(":memory:") {
        Some(path) => format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"),
        None => {
            let path = path("0::").context("it is in a cgroup")?;
            format!("/sys/fs/cgroup{path}/memory.max")
        }
    };
    Ok(fs_err::read_to_string(file)?.trim().parse()?)
}
