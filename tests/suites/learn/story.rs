//! From calls to a policy and back: what was learned is enough, and none of it is too much.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Finished, command, run};
use lazaret_tests::setup::{Js, Setup, on_disk, policy_text};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::server::Server;
use crate::programs::{entry, rootfs};

/// A plugin that does one of each kind, and one that looks around besides.
const MAIN: &str = r#"
const bytes = (text) => new TextEncoder().encode(text);

export async function convert(directory, server) {
  const one = await Deno.readTextFile(`${directory}/in/one.txt`);
  const two = await Deno.readTextFile(`${directory}/in/two.txt`);
  const args = ["-c", "tr a-z A-Z"];
  const ran = await new Deno.Command("shell", { args, stdin: bytes(one + two) }).output();
  const three = await (await fetch(`${server}/v1/three`)).text();
  const text = new TextDecoder().decode(ran.stdout) + three + Deno.env.get("LEARNED_FROM");
  await Deno.writeTextFile(`${directory}/out/all.txt`, text);
  return text;
}

export async function nosy(directory) {
  const told = [];
  for (const act of [
    () => Deno.readTextFile("/etc/shadow"),
    () => Deno.writeTextFile(`${directory}/in/one.txt`, "mine"),
    () => new Deno.Command("other", {}).output(),
    () => Deno.env.get("HOME"),
    () => fetch("http://localhost:8009/"),
  ]) {
    try {
      await act();
      told.push("done");
    } catch (error) {
      told.push(error.name);
    }
  }
  return told;
}

export function fails() {
  throw new RangeError("as ever");
}
"#;

/// The variable that the plugin sees of the engine's environment.
const VARIABLE: (&str, &str) = ("LEARNED_FROM", "kobe");

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "learn: a learned policy is enough for its calls, and without any one grant it is not",
            enough_and_no_more,
        ),
        Case::on(
            js,
            "learn: the same calls give the same policy but for the peaks",
            stable,
        ),
        Case::on(
            js,
            "learn: who misbehaves while it is learned from gains nothing",
            gains_nothing,
        ),
        Case::on(
            js,
            "learn: from calls that fail nothing is learned, and it is said why",
            from_failures,
        ),
    ]
}

/// A plugin on disk, with what it works on, a program and a server.
struct Workshop<'a> {
    world: &'a World,
    js: Js,
    plugin: tempfile::TempDir,
    data: tempfile::TempDir,
    server: Server,
    _rootfs: tempfile::TempDir,
}

impl<'a> Workshop<'a> {
    fn new(world: &'a World, js: Js) -> anyhow::Result<Self> {
        let rootfs = rootfs(world)?;
        let data = world.directory()?;
        for directory in ["in", "out"] {
            fs_err::create_dir(data.path().join(directory))?;
        }
        for (file, text) in [
            ("one.txt", "one, "),
            ("two.txt", "two, "),
            ("three.txt", ""),
        ] {
            fs_err::write(data.path().join("in").join(file), text)?;
        }
        let programs = ["shell", "other"].map(|name| entry(name, rootfs.path(), "/bin/sh", ""));
        let server = Server::start()?;
        let policy = format!(
            "exec: {{ programs: [ {} ] }}\nnetwork: {{ endpoints: [ {{ host: localhost, port: {}, \
             protocol: http, methods: [GET, HEAD], paths: [/v1/*], addresses: [loopback] }} ] }}\n\
             requirements: {{ network: best_effort }}",
            programs.join(", "),
            server.port()
        );
        let setup = Setup::javascript(js, "workshop", MAIN).policy(&policy);
        Ok(Self {
            world,
            js,
            plugin: on_disk(world, &setup)?,
            data,
            server,
            _rootfs: rootfs,
        })
    }

    fn plugin(&self) -> PathBuf {
        self.plugin.path().join("workshop")
    }

    fn data(&self) -> std::path::Display<'_> {
        self.data.path().display()
    }

    /// What the calls are made with.
    fn arguments(&self) -> Value {
        let server = format!("http://localhost:{}", self.server.port());
        json!([self.data().to_string(), server])
    }

    fn lazaret(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        let mut command = command(&self.world.parts.lazaret(), arguments);
        command.env(VARIABLE.0, VARIABLE.1);
        run(command)
    }

    /// Learns from a call, with leave for all that `convert` does and some more.
    fn learn(&self, function: &str, more: &[&str]) -> anyhow::Result<Finished> {
        let data = self.data();
        let allowed = [
            format!("file:read:{data}/in"),
            format!("file:write:{data}/out"),
            format!("env:read:{}", VARIABLE.0),
            "env:read:LANG".to_owned(),
        ];
        let (plugin, engine) = (self.plugin(), self.js.name());
        let plugin = plugin.to_str().context("a plain path")?;
        let call = format!("{function} {}", self.arguments());
        let mut arguments = vec!["policy", "learn", plugin, "--engine", engine];
        for permission in &allowed {
            arguments.extend(["--allow", permission]);
        }
        arguments.extend(more);
        arguments.extend(["--", &call]);
        self.lazaret(&arguments)
    }

    /// The policy learned from `convert`.
    fn learned(&self) -> anyhow::Result<String> {
        let learned = self.learn("convert", &[])?;
        ensure!(learned.code == Some(0), "{learned:?}");
        Ok(learned.output)
    }

    /// Makes the call of `convert` under a policy.
    fn convert(&self, policy: &str) -> anyhow::Result<Finished> {
        let file = self.data.path().join("policy.yaml");
        fs_err::write(&file, policy)?;
        let plugin = self.plugin();
        let arguments = self.arguments().to_string();
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a plain path");
        self.lazaret(&[
            "run",
            &text(&plugin)?,
            "--engine",
            self.js.name(),
            "--policy",
            &text(&file)?,
            "--call",
            "convert",
            "--args",
            &arguments,
        ])
    }
}

/// Each policy that lacks one of the grants, with what it lacks. A grant is an item of a list and
/// what is indented below it.
fn with_one_less(policy: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = policy.lines().collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_grant = |line: &str| {
        let line = line.trim_start();
        ["- file:", "- env:", "- name:", "- host:"]
            .iter()
            .any(|grant| line.starts_with(grant))
    };
    let mut less = Vec::new();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| is_grant(line)) {
        let below = lines[number + 1..].iter();
        let below = below.take_while(|below| depth(below) > depth(line)).count();
        let mut rest: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        rest.drain(number..=number + below);
        let is_left = |other: Option<&String>| other.is_some_and(|other| is_grant(other));
        if rest[number - 1].ends_with(':') && !is_left(rest.get(number)) {
            // A list that is left with nothing must say so.
            rest[number - 1].push_str(" []");
        }
        less.push(((*line).to_owned(), rest.join("\n")));
    }
    less
}

async fn enough_and_no_more(world: &World, js: Js) -> anyhow::Result<()> {
    let shop = Workshop::new(world, js)?;
    let learned = shop.learned()?;
    let data = shop.data();
    for line in [
        format!("- file:read:{data}/in/one.txt  # seen once"),
        format!("- file:read:{data}/in/two.txt  # seen once"),
        format!("- file:write:{data}/out/all.txt  # seen once"),
        "- env:read:LEARNED_FROM  # seen once".to_owned(),
        "- name: shell  # seen once".to_owned(),
        "- host: localhost  # seen once".to_owned(),
        format!("port: {}", shop.server.port()),
        "methods: [GET]".to_owned(),
        "paths: [/v1/three]".to_owned(),
        "addresses: [loopback]".to_owned(),
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = learned.lines().any(|one| squeezed(one) == squeezed(&line));
        ensure!(found, "no `{line}` in\n{learned}");
    }
    for absent in ["three.txt", "LANG", "other", "refused"] {
        ensure!(!learned.contains(absent), "`{absent}` in\n{learned}");
    }

    let file = shop.data.path().join("learned.yaml");
    fs_err::write(&file, &learned)?;
    let file = file.to_str().context("a plain path")?;
    let checked = shop.lazaret(&["policy", "check", file])?;
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let enough = shop.convert(&learned)?;
    ensure!(enough.code == Some(0), "{enough:?} under\n{learned}");
    assert_eq!(
        serde_json::from_str::<Value>(&enough.output)?,
        json!("ONE, TWO, threekobe")
    );

    let less = with_one_less(&learned);
    assert_eq!(less.len(), 6, "{learned}");
    for (lacks, policy) in less {
        let missing = shop.convert(&policy)?;
        // What is not granted of the host's `/tmp` is the plugin's own, and nothing is there.
        let failures = [ExitCode::Denied, ExitCode::Exception].map(|code| Some(code as i32));
        let failed = failures.contains(&missing.code);
        let (grant, _) = lacks.split_once('#').unwrap_or((&lacks, ""));
        let last = grant.trim().rsplit(['/', ':', ' ']).next();
        let named = last.is_some_and(|last| missing.errors.contains(last));
        ensure!(
            failed && named,
            "without `{lacks}`: {missing:?} under\n{policy}"
        );
    }
    Ok(())
}

async fn stable(world: &World, js: Js) -> anyhow::Result<()> {
    let shop = Workshop::new(world, js)?;
    let but_peaks = |policy: &str| -> Vec<String> {
        let mut section = "";
        let mut kept = Vec::new();
        for line in policy.lines() {
            if !line.starts_with([' ', '#']) {
                section = line.split(':').next().unwrap_or_default();
            }
            if section != "resources" {
                kept.push(line.to_owned());
            }
        }
        kept
    };
    let (one, other) = (shop.learned()?, shop.learned()?);
    assert_eq!(but_peaks(&one), but_peaks(&other));
    ensure!(one.contains("\nresources:"), "{one}");
    Ok(())
}

async fn gains_nothing(world: &World, js: Js) -> anyhow::Result<()> {
    let shop = Workshop::new(world, js)?;
    let learned = shop.learn("nosy", &["--json"])?;
    ensure!(learned.code == Some(0), "{learned:?}");
    let told: Value = serde_json::from_str(&learned.output)?;
    let policy = told["policy"].as_str().context("a policy")?;
    for refused in [
        "file:read:/etc/shadow",
        "env:read:HOME",
        "network:connect:localhost:8009",
    ] {
        let line = format!("# refused while learning: {refused}, 1 time");
        ensure!(policy.contains(&line), "no `{line}` in\n{policy}");
        assert_eq!(told["seen"]["refused"][refused], json!(1));
    }
    let used = told["seen"]["used"].as_object().context("what was used")?;
    let used: Vec<&String> = used.keys().collect();
    assert_eq!(used, ["exec:run:other"], "{told}");
    ensure!(policy.contains("permissions: []"), "{policy}");
    let untouched = fs_err::read_to_string(shop.data.path().join("in/one.txt"))?;
    assert_eq!(untouched, "one, ");
    Ok(())
}

async fn from_failures(world: &World, js: Js) -> anyhow::Result<()> {
    let shop = Workshop::new(world, js)?;
    let output = shop.data.path().join("learned.yaml");
    let to = output.to_str().context("a plain path")?;

    let thrown = shop.learn("fails", &["--output", to])?;
    assert_eq!(thrown.code, Some(ExitCode::Exception as i32), "{thrown:?}");
    let said = "call 1, `fails`, failed, so no policy is written: ";
    ensure!(thrown.errors.contains(said), "{thrown:?}");

    let missing = shop.learn("unknown", &["--output", to])?;
    assert_eq!(missing.code, Some(ExitCode::NoSuchFunction as i32));

    let plugin = shop.plugin();
    let plugin = plugin.to_str().context("a plain path")?;
    let call = format!("convert {}", shop.arguments());
    let read = format!("file:read:{}/in", shop.data());
    let arguments = [
        "policy", "learn", plugin, "--allow", &read, "--output", to, "--", &call,
    ];
    let denied = shop.lazaret(&arguments)?;
    assert_eq!(denied.code, Some(ExitCode::Denied as i32), "{denied:?}");
    let hint = "`--allow env:read:LEARNED_FROM`";
    ensure!(denied.errors.contains(hint), "{denied:?}");
    ensure!(!output.exists(), "a policy was written");

    fs_err::write(&output, policy_text(""))?;
    let there = shop.learn("convert", &["--output", to])?;
    assert_eq!(there.code, Some(ExitCode::Output as i32), "{there:?}");
    assert_eq!(fs_err::read_to_string(&output)?, policy_text(""));
    Ok(())
}
