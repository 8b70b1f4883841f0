//! `lazaret run` whose standard error is a pipe that is full, since nobody reads it.

use std::process::{Child, ExitStatus, Stdio};

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::command;
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source};
use lazaret_tests::world::{World, until};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};

/// Less than a pipe holds (pipe(7)), and more than fits with another line.
const FULL: u64 = 60 * 1024;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("unread: a run ends by its CPU limit", |world| {
            let policy =
                "resources: { output: { log: 1MiB }, time: { call: 20s, cpu_per_call: 1s } }";
            ends(world, "shout", policy, ExitCode::CpuTime)
        }),
        Case::new("unread: a run ends by its wall limit", |world| {
            let policy =
                "resources: { output: { log: 1MiB }, time: { call: 1s, cpu_per_call: 1s } }";
            ends(world, "talk", policy, ExitCode::WallTime)
        }),
        Case::new("unread: a run ends with its result", |world| {
            let policy = "resources: { output: { log: 1MiB } }";
            ends(world, "words", policy, ExitCode::Success)
        }),
        Case::new("unread: a run ends on SIGTERM", |world| {
            interrupted(world, Signal::TERM)
        }),
        Case::new("unread: a run ends on Ctrl-C", |world| {
            interrupted(world, Signal::INT)
        }),
    ]
}

/// A run in the middle of a call, and its plugin.
struct Talking {
    run: Child,
    _plugin: tempfile::TempDir,
}

impl Talking {
    fn start(world: &World, function: &str, policy: &str) -> anyhow::Result<Self> {
        let source = plugin_source("hostile/chatter.js")?;
        let setup = Setup::javascript(Js::QuickJs, "chatter", &source).policy(policy);
        let plugin = on_disk(world, &setup)?;
        let path = plugin.path().join("chatter").to_string_lossy().into_owned();
        let arguments = ["run", &path, "--call", function];
        let mut command = command(&world.parts.lazaret(), arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Self {
            run: command.spawn()?,
            _plugin: plugin,
        })
    }

    /// Waits until nothing more goes into its standard error.
    fn is_full(&self) -> anyhow::Result<()> {
        let errors = self.run.stderr.as_ref().context("it is piped")?;
        until("its standard error is full", || {
            ioctl_fionread(errors).is_ok_and(|bytes| bytes >= FULL)
        })
    }

    /// Waits for its end, without reading.
    fn end(mut self) -> anyhow::Result<ExitStatus> {
        let ended = until("it ended", || matches!(self.run.try_wait(), Ok(Some(_))));
        if ended.is_err() {
            self.run.kill()?;
        }
        let status = self.run.wait()?;
        ended?;
        Ok(status)
    }
}

fn ends(world: &World, function: &str, policy: &str, code: ExitCode) -> anyhow::Result<()> {
    let talking = Talking::start(world, function, policy)?;
    let full = talking.is_full();
    let status = talking.end()?;
    full?;
    ensure!(status.code() == Some(code as i32), "{status}");
    Ok(())
}

fn interrupted(world: &World, signal: Signal) -> anyhow::Result<()> {
    let policy = "resources: { output: { log: 1MiB }, time: { call: 5m, cpu_per_call: 5m } }";
    let talking = Talking::start(world, "talk", policy)?;
    let full = talking.is_full();
    kill_process(Pid::from_child(&talking.run), signal)?;
    let status = talking.end()?;
    full?;
    ensure!(
        status.code() == Some(ExitCode::Interrupted as i32),
        "{status}"
    );
    Ok(())
}
