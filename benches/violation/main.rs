//! How soon a violation is an event: from before a plugin asks for a forbidden system call to where
//! the event is taken out of the queue, both by the host's monotonic clock.
//!
//! `cargo bench -p lazaret-benches --bench violation`, as root, after `make build build-tests`.
//! Fails where the median is 5 ms or more, or where a violation is not told.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::event::Act;
use lazaret::plugin::Plugin;
use lazaret::supervisor::{Engine, LaunchOptions, PluginEvent, Running};
use lazaret_benches::machine;
use lazaret_policy::{EffectivePolicy, SecurityLevel};
use lazaret_protocol::Payload;
use lazaret_tests::parts::Parts;
use lazaret_tests::setup::probe_rootfs;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tokio::sync::mpsc;

/// The median is to be below this.
const MOST: Duration = Duration::from_millis(5);

const VIOLATIONS: usize = 300;

/// Between two of them: below the rates at which answers are paced and records are dropped.
const PAUSE: Duration = Duration::from_millis(120);

fn main() -> anyhow::Result<ExitCode> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("violation")?)?;
    if !rustix::process::geteuid().is_root() {
        writeln!(output, "skipped: containers need root; run as root")?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut times = runtime.block_on(measure(&Parts::find()?))?;
    times.sort();
    let at = |part: usize, of| times.get(times.len() * part / of).copied();
    let shown =
        |time: Option<Duration>| format!("{:.3} ms", time.unwrap_or_default().as_secs_f64() * 1e3);
    writeln!(
        output,
        "{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        "", "median", "min", "p90", "max", "runs"
    )?;
    writeln!(
        output,
        "{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        "forbidden system call to event",
        shown(at(1, 2)),
        shown(times.first().copied()),
        shown(at(9, 10)),
        shown(times.last().copied()),
        times.len()
    )?;
    if at(1, 2).is_some_and(|median| median < MOST) {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output, "not held: the median is to be below {MOST:?}")?;
    Ok(ExitCode::FAILURE)
}

/// The times from the call to its event.
async fn measure(parts: &Parts) -> anyhow::Result<Vec<Duration>> {
    let directory = tempfile::tempdir()?;
    let rootfs = directory.path().join("rootfs");
    probe_rootfs(parts, &rootfs)?;
    let file = directory.path().join("probe.js");
    fs_err::write(&file, "// probe: \n")?;
    let engine = Engine::start(parts.installation.clone())?;
    let (sender, mut events) = mpsc::channel(16);
    let options = LaunchOptions {
        events: Some(sender),
        rootfs: Some(rootfs.join(lazaret_rootfs::TREE)),
        ..LaunchOptions::default()
    };
    // At the loosest level such a call is refused, and the plugin goes on.
    let policy = EffectivePolicy::of(SecurityLevel::Minimal);
    let plugin = Plugin::locate(&file)?;
    let plugin = engine.launch(&plugin, policy, options).await?;
    let mut times = Vec::with_capacity(VIOLATIONS);
    for _ in 0..VIOLATIONS {
        let (asked, told) = tokio::join!(refused_at(&plugin), told_at(&mut events));
        let time = told?.checked_sub(asked?);
        times.push(time.context("the event came before its violation")?);
        tokio::time::sleep(PAUSE).await;
    }
    let ended = plugin.stop().await;
    ensure!(
        usize::try_from(ended.violation_count)? == VIOLATIONS && ended.violations_dropped == 0,
        "{ended:?}"
    );
    Ok(times)
}

/// When the plugin was about to make the call.
async fn refused_at(plugin: &Running) -> anyhow::Result<Duration> {
    let answer = plugin.call("refused_at", Payload::Json("{}".to_owned()));
    let Ok(Payload::Json(text)) = answer.await else {
        bail!("the probe did not answer")
    };
    let answer: Value = serde_json::from_str(&text)?;
    let nanoseconds = answer["ok"].as_u64();
    Ok(Duration::from_nanos(nanoseconds.with_context(|| text)?))
}

/// When its event was there.
async fn told_at(events: &mut mpsc::Receiver<PluginEvent>) -> anyhow::Result<Duration> {
    loop {
        let event = events.recv().await.context("no more events")?;
        if let PluginEvent::Violation { violation, .. } = event
            && matches!(violation.act, Act::Syscall(_))
        {
            let now = clock_gettime(ClockId::Monotonic);
            let seconds = Duration::from_secs(u64::try_from(now.tv_sec)?);
            return Ok(seconds + Duration::from_nanos(u64::try_from(now.tv_nsec)?));
        }
    }
}
