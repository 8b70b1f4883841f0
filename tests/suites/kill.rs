//! Whoever is killed: afterwards nothing is left on the host.

use std::process::Child;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::cli::ExitCode;
use lazaret::event::EndReason;
use lazaret::supervisor::CallFailure;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Started, command, run, start, start_unheard};
use lazaret_tests::leaks::{Snapshot, left_since};
use lazaret_tests::patience::patience;
use lazaret_tests::processes::{self, Process};
use lazaret_tests::setup::{Js, Setup, on_disk, probe_rootfs};
use lazaret_tests::world::{World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::input::installed;
use crate::story::everyday;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "kill: SIGKILL of `lazaret run` in the middle of a call",
            |world| {
                let (running, _plugin) = calling(world)?;
                running.signal(Signal::KILL)?;
                let finished = running.finish()?;
                ensure!(finished.code.is_none(), "{finished:?}");
                Ok(())
            },
        ),
        Case::new("kill: Ctrl-C", |world| interrupted(world, Signal::INT)),
        Case::new("kill: SIGTERM", |world| interrupted(world, Signal::TERM)),
        Case::new("kill: SIGKILL of the launcher", launcher_of_a_command),
        Case::asynchronous(
            "kill: SIGKILL of the launcher under the library",
            launcher_of_a_library,
        ),
        Case::new("kill: SIGKILL of both at once", both),
        Case::new(
            "kill: SIGKILL of both around a hostile shim",
            hostile_orphan,
        ),
        Case::new("kill: SIGKILL of the shim", shim),
        Case::new("kill: SIGKILL of `lazaret run` at any moment", |world| {
            at_any_moment(world, |running| signal(running, Signal::KILL))
        }),
        Case::new("kill: SIGKILL of the launcher at any moment", |world| {
            at_any_moment(world, |_| match processes::named("lazaret-launche") {
                Some(launcher) => kill(&launcher),
                None => Ok(()),
            })
        }),
        Case::new("kill: Ctrl-C at any moment", |world| {
            at_any_moment(world, |running| signal(running, Signal::INT))
        }),
        Case::asynchronous("kill: no container outlives its launcher", outlives),
        Case::asynchronous(
            "kill: a new launcher looks after one that nobody has waited for",
            not_waited_for,
        ),
        Case::asynchronous(
            "kill: an engine that is dropped in the middle of a call",
            dropped,
        ),
    ]
}

/// `lazaret run` in the middle of a call that does not end by itself.
pub(crate) fn calling(world: &World) -> anyhow::Result<(Started, tempfile::TempDir)> {
    let main =
        "export const f = () => { console.log('under way'); return new Promise(() => {}); };";
    let setup = Setup::javascript(Js::QuickJs, "sleeper", main)
        .policy("resources: { time: { call: 5m, cpu_per_call: 60s } }");
    let plugin = on_disk(world, &setup)?;
    let path = plugin.path().join("sleeper").to_string_lossy().into_owned();
    let running = start(command(
        &world.parts.lazaret(),
        ["run", &path, "--call", "f"],
    ))?;
    until("the call is under way", || {
        running.errors().contains("under way")
    })?;
    Ok((running, plugin))
}

fn process(name: &str) -> anyhow::Result<Process> {
    processes::named(name).with_context(|| format!("there is no process `{name}`"))
}

fn signal(child: &Child, signal: Signal) -> anyhow::Result<()> {
    Ok(kill_process(Pid::from_child(child), signal)?)
}

fn kill(process: &Process) -> anyhow::Result<()> {
    let id = Pid::from_raw(i32::try_from(process.id)?).context("a process id is not 0")?;
    Ok(kill_process(id, Signal::KILL)?)
}

/// Has a new launcher look after what a killed one left.
fn sweep(world: &World) -> anyhow::Result<()> {
    processes::reap();
    run_another(world)
}

fn run_another(world: &World) -> anyhow::Result<()> {
    let plugin = on_disk(world, &everyday(Js::QuickJs)?)?;
    let path = plugin
        .path()
        .join("everyday")
        .to_string_lossy()
        .into_owned();
    let arguments = ["run", &path, "--call", "city"];
    run(command(&world.parts.lazaret(), arguments))?.answered("\"Kobe\"\n")
}

fn interrupted(world: &World, signal: Signal) -> anyhow::Result<()> {
    let (running, _plugin) = calling(world)?;
    running.signal(signal)?;
    let finished = running.finish()?;
    ensure!(
        finished.code == Some(ExitCode::Interrupted as i32),
        "{finished:?}"
    );
    ensure!(finished.output.is_empty(), "{finished:?}");
    Ok(())
}

fn launcher_of_a_command(world: &World) -> anyhow::Result<()> {
    let (running, _plugin) = calling(world)?;
    kill(&process("lazaret-launche")?)?;
    let finished = running.finish()?;
    finished.failed(ExitCode::Internal, &["the launcher went away"])?;
    sweep(world)
}

async fn launcher_of_a_library(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&Setup::probe("")).await?;
    kill(&process("lazaret-launche")?)?;
    match plugin.call_to_end("sleep", json!({})).await?.reason {
        EndReason::Engine { what } => ensure!(what.contains("the launcher went away"), "{what}"),
        other => bail!("{other:?}"),
    }
    let error = host
        .launch(&Setup::probe(""))
        .await
        .err()
        .context("it was launched")?;
    ensure!(
        format!("{error:#}").contains("the launcher is gone"),
        "{error:#}"
    );
    drop(host);
    sweep(world)
}

fn both(world: &World) -> anyhow::Result<()> {
    let (running, _plugin) = calling(world)?;
    let launcher = process("lazaret-launche")?;
    running.signal(Signal::KILL)?;
    kill(&launcher)?;
    running.finish()?;
    sweep(world)
}

fn shim(world: &World) -> anyhow::Result<()> {
    let (running, _plugin) = calling(world)?;
    kill(&process("shim")?)?;
    let finished = running.finish()?;
    finished.failed(ExitCode::ShimLost, &["the shim was lost (signal 9)"])
}

/// Many runs, each hit a little later than the one before. What is left must be gone once the
/// next launcher has looked after it.
fn at_any_moment(world: &World, hit: impl Fn(&Child) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let result = hits(world, hit);
    if result.is_err() {
        // The rest of the tests start from a clean host.
        sweep(world)?;
    }
    result
}

/// Between two moments at which somebody is killed.
const STEP: Duration = Duration::from_millis(2);

fn hits(world: &World, hit: impl Fn(&Child) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let plugin = on_disk(world, &everyday(Js::QuickJs)?)?;
    let path = plugin
        .path()
        .join("everyday")
        .to_string_lossy()
        .into_owned();
    let before = Snapshot::take();
    // Over as long as a run takes; where each takes long, in larger steps.
    let step = patience(STEP);
    let moments = if step > STEP { 20 } else { 40 };
    for moment in 0..moments {
        let after = step * moment;
        let arguments = ["run", &path, "--call", "city"];
        let mut running = start_unheard(command(&world.parts.lazaret(), arguments))?;
        std::thread::sleep(after);
        // It may have ended before, which is as good a moment.
        let _too_late = hit(&running);
        let ended = until("it ended", || matches!(running.try_wait(), Ok(Some(_))));
        if ended.is_err() {
            running.kill()?;
            running.wait()?;
        }
        ended.with_context(|| format!("hit after {} ms", after.as_millis()))?;
        sweep(world)?;
        let left = left_since(&before);
        let left_behind = format!(
            "hit after {} ms, left behind:\n{}",
            after.as_millis(),
            left.join("\n")
        );
        ensure!(left.is_empty(), left_behind);
    }
    Ok(())
}

/// Its parent, which embeds the library, goes on: the killed launcher stays a zombie.
async fn not_waited_for(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&Setup::probe("")).await?;
    let call = plugin.try_call("sleep", Payload::Json("{}".to_owned()));
    let soon = Duration::from_millis(50);
    ensure!(
        tokio::time::timeout(soon, call).await.is_err(),
        "it does not sleep"
    );
    kill(&process("lazaret-launche")?)?;
    run_another(world)?;
    let gone = until("its container is gone", || {
        processes::named("shim").is_none()
    });
    drop(plugin);
    drop(host);
    sweep(world)?;
    gone
}

/// The shim's own code is not needed for it.
async fn outlives(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&Setup::probe("")).await?;
    let call = plugin.try_call("sleep", Payload::Json("{}".to_owned()));
    let soon = Duration::from_millis(50);
    ensure!(
        tokio::time::timeout(soon, call).await.is_err(),
        "it does not sleep"
    );
    kill(&process("lazaret-launche")?)?;
    let ended = plugin.ended().await;
    ensure!(
        matches!(ended.reason, EndReason::Engine { .. }),
        "{ended:?}"
    );
    let gone = until("its process is gone", || processes::named("shim").is_none());
    drop(host);
    sweep(world)?;
    gone
}

/// The shim in it does not care that its channel is closed.
fn hostile_orphan(world: &World) -> anyhow::Result<()> {
    let prefix = world.directory()?;
    let lazaret = installed(world, prefix.path(), &[])?;
    let rootfs = prefix.path().join("lib/lazaret/rootfs/quickjs");
    probe_rootfs(&world.parts, &rootfs)?;
    let plugin = on_disk(
        world,
        &Setup::probe("").policy("resources: { time: { call: 5m } }"),
    )?;
    let path = plugin.path().join("probe").to_string_lossy().into_owned();
    let arguments = ["run", &path, "--call", "sleep"];
    let running = start(command(&lazaret, arguments))?;
    until("its container runs", || processes::named("shim").is_some())?;
    let launcher = process("lazaret-launche")?;
    running.signal(Signal::KILL)?;
    kill(&launcher)?;
    running.finish()?;
    sweep(world)?;
    until("its process is gone", || processes::named("shim").is_none())
}

async fn dropped(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&Setup::probe("")).await?;
    let call = plugin.try_call("sleep", Payload::Json("{}".to_owned()));
    let soon = Duration::from_millis(50);
    let answered: Result<Result<Payload, CallFailure>, _> = tokio::time::timeout(soon, call).await;
    ensure!(answered.is_err(), "{answered:?}");
    drop(plugin);
    drop(host);
    Ok(())
}
