//! `lazaret serve` under test, with plugins on disk.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lazaret_tests::command::{Finished, Started, command, run, start};
use lazaret_tests::setup::{Setup, policy_text, write_files};
use lazaret_tests::world::{World, until};
use rustix::process::Signal;
use serde_json::Value;

/// Directories for plugins, socket and state, and whatever serves there.
pub(crate) struct Served<'world> {
    world: &'world World,
    directory: tempfile::TempDir,
    plugins: Vec<PathBuf>,
    process: Option<Started>,
}

impl<'world> Served<'world> {
    /// Plugins on disk, each with its policy beside it; nothing serves them yet.
    pub(crate) fn prepare(world: &'world World, setups: &[Setup]) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let mut plugins = Vec::new();
        for setup in setups {
            let plugin = directory.path().join("plugins").join(setup.name());
            write_files(&plugin, setup.files())?;
            fs_err::write(plugin.join("policy.yaml"), policy_text(setup.policy_rest()))?;
            plugins.push(plugin);
        }
        Ok(Self {
            world,
            directory,
            plugins,
            process: None,
        })
    }

    /// The same, served.
    pub(crate) fn start(world: &'world World, setups: &[Setup]) -> anyhow::Result<Self> {
        let mut served = Self::prepare(world, setups)?;
        served.serve(&[])?;
        Ok(served)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("control/socket")
    }

    pub(crate) fn policy_file(&self, plugin: &str) -> PathBuf {
        self.path("plugins").join(plugin).join("policy.yaml")
    }

    /// The arguments that start it.
    pub(crate) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["serve".to_owned()];
        let text = |path: &Path| path.to_string_lossy().into_owned();
        arguments.extend(self.plugins.iter().map(|plugin| text(plugin)));
        let own = [
            "--socket".to_owned(),
            text(&self.socket()),
            "--state".to_owned(),
            text(&self.path("state")),
        ];
        for pair in own.chunks(2) {
            if !more.contains(&pair[0].as_str()) {
                arguments.extend_from_slice(pair);
            }
        }
        arguments.extend(more.iter().map(|&part| part.to_owned()));
        arguments
    }

    /// Starts it and waits until it answers.
    pub(crate) fn serve(&mut self, more: &[&str]) -> anyhow::Result<()> {
        let process = start(command(&self.world.parts.lazaret(), self.arguments(more)))?;
        let process = self.process.insert(process);
        let ready = until("it serves", || process.errors().contains("serving at"));
        ready.with_context(|| process.errors())
    }

    /// Starts it where it is to fail.
    pub(crate) fn fails(&self, more: &[&str]) -> anyhow::Result<Finished> {
        run(command(&self.world.parts.lazaret(), self.arguments(more)))
    }

    /// What it wrote so far.
    pub(crate) fn errors(&self) -> String {
        self.process
            .as_ref()
            .map(Started::errors)
            .unwrap_or_default()
    }

    /// Runs a command that asks it.
    pub(crate) fn ask(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        let socket = self.socket();
        let socket = socket.to_string_lossy();
        let arguments = arguments.iter().copied().chain(["--socket", &socket]);
        run(command(&self.world.parts.lazaret(), arguments))
    }

    /// Runs a command that is to answer with JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        let finished = self.ask(&arguments)?;
        ensure!(finished.code == Some(0), "{arguments:?}: {finished:?}");
        Ok(serde_json::from_str(&finished.output)?)
    }

    /// The figures of the only plugin.
    pub(crate) fn plugin(&self) -> anyhow::Result<Value> {
        let list = self.json(&["list"])?;
        list.get(0).cloned().context("there is a plugin")
    }

    /// Process id of the only plugin.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let plugin = self.plugin()?;
        let pid = plugin["pid"].as_u64().context("a process id")?;
        Ok(u32::try_from(pid)?)
    }

    /// Writes a policy, but for its first two lines, and gives its path.
    pub(crate) fn policy(&self, name: &str, rest: &str) -> anyhow::Result<String> {
        let path = self.path(name);
        fs_err::write(&path, policy_text(rest))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Kills it without a chance to clean up.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let process = self.process.take().context("it serves")?;
        process.signal(Signal::KILL)?;
        let finished = process.finish()?;
        ensure!(finished.code.is_none(), "{finished:?}");
        Ok(())
    }

    /// Ends it as an operator does; it is to end well and leave no socket.
    pub(crate) fn end(&mut self) -> anyhow::Result<Finished> {
        let process = self.process.take().context("it serves")?;
        process.signal(Signal::TERM)?;
        let finished = process.finish()?;
        ensure!(finished.code == Some(0), "{finished:?}");
        ensure!(!self.socket().exists(), "its socket is left");
        Ok(finished)
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        // A case that failed leaves nothing that serves on. It was told why it failed already.
        if let Some(process) = self.process.take() {
            process.signal(Signal::TERM).ok();
            process.finish().ok();
        }
    }
}
