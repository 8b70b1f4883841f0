//! Signals to the launcher, as a terminal or a service manager sends them to everybody.

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::processes::{self, Process};
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::kill::calling;
use crate::story::everyday;

/// What a launcher takes no notice of: only its closed socket ends it.
const POLITE: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "signals: a launcher that is asked to end goes on",
            launcher_alone,
        ),
        Case::new("signals: SIGTERM to command and launcher", |world| {
            together(world, Signal::TERM)
        }),
        Case::new("signals: Ctrl-C to command and launcher", |world| {
            together(world, Signal::INT)
        }),
    ]
}

fn send(process: &Process, signal: Signal) -> anyhow::Result<()> {
    let id = Pid::from_raw(i32::try_from(process.id)?).context("a process id is not 0")?;
    Ok(kill_process(id, signal)?)
}

fn launcher() -> anyhow::Result<Process> {
    processes::named("lazaret-launche").context("there is no launcher")
}

async fn launcher_alone(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(Js::QuickJs)?).await?;
    let before = launcher()?;
    for signal in POLITE {
        let waiting = plugin.call("later", json!([7, 100]));
        let sending = async { send(&before, signal) };
        let (answer, sent) = tokio::join!(waiting, sending);
        sent?;
        assert_eq!(answer?, 7, "{signal:?}");
        let another = host
            .launch(&everyday(Js::QuickJs)?.named("another"))
            .await?;
        assert_eq!(another.call("city", json!([])).await?, "Kobe");
        another.stop().await?;
    }
    ensure!(launcher()?.id == before.id, "it is another launcher");
    plugin.stop().await?;
    Ok(())
}

fn together(world: &World, signal: Signal) -> anyhow::Result<()> {
    let (running, _plugin) = calling(world)?;
    let launcher = launcher()?;
    send(&launcher, signal)?;
    running.signal(signal)?;
    let finished = running.finish()?;
    ensure!(
        finished.code == Some(ExitCode::Interrupted as i32),
        "{finished:?}"
    );
    Ok(())
}
