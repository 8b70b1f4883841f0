//! The stand-in for the host, and containers in it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::config;
use crate::attack::Layer;
use crate::command;
use crate::patience::patience;
use crate::setup::{Setup, on_disk};
use crate::world::{DEADLINE, World, until};

/// What every secret of the stand-in is.
const SECRET: &str = "a secret";

/// What is to be known of the stand-in to attack it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// A directory of its files; not that of a container, where it is `/host`.
    pub directory: &'a str,
    /// Its victim's process id.
    pub victim: u64,
    /// Where a secret is in the victim's memory.
    pub address: u64,
    /// The victim's key.
    pub key: u64,
}

/// How a container went.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What came of each ask that was answered.
    pub answers: Vec<Value>,
    /// The runtime's exit status; 128 and a signal's number for one that was killed.
    pub code: i64,
    /// Standard error.
    pub errors: String,
}

/// A stand-in for the host.
pub struct Stage {
    program: Child,
    commands: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    config: Value,
    runtime: PathBuf,
    files: tempfile::TempDir,
    victim: Value,
    containers: usize,
}

impl Stage {
    /// Sets the stage: a bundle as the engine writes it, with the probe in the shim's place and
    /// limits that are soon reached, and a stand-in with a victim.
    ///
    /// # Errors
    /// Where it cannot be set.
    pub fn set(world: &World, runtime: PathBuf, policy: &str) -> anyhow::Result<Self> {
        let files = world.directory()?;
        let config = bundle(world, policy, files.path())?;
        let host = files.path().join("host");
        fs_err::create_dir(&host)?;
        for (name, mode) in [("secret", 0o600), ("open", 0o777)] {
            let path = host.join(name);
            match name {
                "open" => fs_err::create_dir(&path)?,
                _ => fs_err::write(&path, SECRET)?,
            }
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        let mut program = Command::new(world.parts.probe())
            .arg("--stage")
            .arg(&host)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to set the stage")?;
        let commands = program.stdin.take();
        let output = program.stdout.take().context("it is a pipe")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The stage is over where nobody receives.
                drop(sender.send(line));
            }
        });
        let mut stage = Self {
            program,
            commands,
            lines,
            config,
            runtime,
            files,
            victim: Value::Null,
            containers: 0,
        };
        stage.victim = stage.next_line()?;
        let known = ["address", "key"]
            .iter()
            .all(|key| stage.victim[key].is_u64());
        ensure!(known, "the stage is not set: {}", stage.victim);
        Ok(stage)
    }

    /// What is to be known of it.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            directory: self.files.path().to_str().unwrap_or_default(),
            victim: 2,
            address: self.victim["address"].as_u64().unwrap_or(0),
            key: self.victim["key"].as_u64().unwrap_or(0),
        }
    }

    /// Runs a container without these layers and asks for all of these in it, one after the other.
    ///
    /// # Errors
    /// Where it does not run, or its shim's own layers cannot be put on.
    pub fn run(&mut self, off: &[Layer], asks: &[(&str, Value)]) -> anyhow::Result<Ended> {
        let host = self.files.path().join("host");
        let mut config = config::without(&self.config, off, &host.to_string_lossy())?;
        let own = [
            (Layer::ClosedMemory, "memory"),
            (Layer::Landlock, "landlock"),
            (Layer::SecondFilter, "filter"),
        ];
        // Who is the namespace's root owns the file that closed memory is.
        let open = off
            .contains(&Layer::UserNamespace)
            .then_some(Layer::ClosedMemory);
        let is_off = |layer: &Layer| off.contains(layer) || open.as_ref() == Some(layer);
        let own = own.iter().filter(|(layer, _)| !is_off(layer));
        let own: Vec<_> = own.map(|(_, name)| name).collect();
        let guard = ("guard", json!({ "layers": own }));
        let asks: Vec<_> = [guard].iter().chain(asks).cloned().collect();
        config["process"]["args"] = json!(["/lazaret/shim", "--asked", json!(asks).to_string()]);
        let bundle = self.files.path().join("bundle");
        let file = bundle.join("config.json");
        fs_err::remove_file(&file)?;
        fs_err::write(&file, config.to_string())?;
        let ended = self.start(&bundle)?;
        let ended = parse(&ended).with_context(|| format!("without {off:?}: {ended}"))?;
        Ok(ended)
    }

    fn start(&mut self, bundle: &Path) -> anyhow::Result<Value> {
        self.containers += 1;
        let id = format!("lazaret-tests-{}-{}", std::process::id(), self.containers);
        let state = self.files.path().join("runtime");
        let [state, bundle] = [&state, bundle].map(|path| path.to_string_lossy());
        let arguments = ["--root", &state, "run", "--bundle", &bundle, &id];
        let wanted = json!({ "program": self.runtime, "arguments": arguments });
        let commands = self.commands.as_mut().context("the stage is not over")?;
        writeln!(commands, "{wanted}")?;
        self.next_line()
    }

    fn next_line(&self) -> anyhow::Result<Value> {
        let line = self.lines.recv_timeout(patience(DEADLINE / 3));
        Ok(serde_json::from_str(&line.context("the stage is silent")?)?)
    }
}

/// The first line tells whether the shim's own layers are on.
fn parse(ended: &Value) -> anyhow::Result<Ended> {
    let lines = ended["output"].as_str().context("it did not run")?.lines();
    let lines: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
    let mut answers = lines?.into_iter();
    let guard = answers.next().context("there is no answer")?;
    ensure!(guard == json!({ "ok": true }), "a layer is not on: {guard}");
    Ok(Ended {
        answers: answers.collect(),
        code: ended["code"].as_i64().unwrap_or(-1),
        errors: ended["errors"].as_str().unwrap_or_default().to_owned(),
    })
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.commands = None;
        let over = until("the stage is over", || {
            matches!(self.program.try_wait(), Ok(Some(_)))
        });
        if over.is_err() {
            // What is left of it is found by the look at the host that follows every case.
            drop(self.program.kill());
            drop(self.program.wait());
        }
    }
}

/// Writes a bundle with the probe in the shim's place, and gives its `config.json`.
fn bundle(world: &World, policy: &str, directory: &Path) -> anyhow::Result<Value> {
    let plugin = on_disk(world, &Setup::probe("").policy(policy))?;
    let plugin = plugin.path().join("probe");
    let bundle = directory.join("bundle");
    let [plugin, output] = [&plugin, &bundle].map(|path| path.to_string_lossy());
    let arguments = ["bundle", &plugin, "-o", &output];
    let finished = command::run(command::command(&world.parts.lazaret(), arguments))?;
    ensure!(finished.code == Some(0), "{finished:?}");
    // Where the stand-in's files are mounted when mounts are off.
    fs_err::create_dir(bundle.join("rootfs/host"))?;
    for (path, mode) in [
        // This runtime gives a mounted `/tmp` the mode of what it covers.
        ("rootfs/tmp", 0o1777),
        // That nobody may write to files of the bundle is no layer to be looked at.
        ("plugin/main.js", 0o644),
    ] {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(bundle.join(path), mode)?;
    }
    let shim = bundle.join("rootfs/lazaret/shim");
    fs_err::remove_file(&shim)?;
    fs_err::copy(world.parts.probe(), &shim)?;
    fs_err::set_permissions(&shim, std::fs::Permissions::from_mode(0o755))?;
    let text = fs_err::read_to_string(bundle.join("config.json"))?;
    Ok(serde_json::from_str(&text)?)
}
