//! Hosts and installations that lack something, and people who may not.

use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run};
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;

use super::{installed, lazaret, plugin, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("input: an engine nobody knows", unknown_engine),
        Case::new(
            "input: an engine that is not installed",
            engine_not_installed,
        ),
        Case::new("input: somebody who is not root", not_root),
        Case::new("input: a host that can run plugins says so", host_checked),
        Case::new(
            "input: a feature the host lacks is named with what to do",
            host_lacks,
        ),
    ]
}

fn unknown_engine(world: &World) -> anyhow::Result<()> {
    let finished = run_plugin(world, &everyday(Js::QuickJs)?, &["--engine", "v9"])?;
    finished.failed(ExitCode::Usage, &["`v9` is no engine", "`v8`"])
}

fn engine_not_installed(world: &World) -> anyhow::Result<()> {
    // A prefix of its own, in which no V8 is.
    let prefix = world.directory()?;
    let lazaret = installed(world, prefix.path(), &["quickjs"])?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let finished = run(command(&lazaret, ["run", &path, "--engine", "v8"]))?;
    finished.failed(
        ExitCode::Host,
        &[
            "JavaScript engine `v8` is not installed",
            "hint: ",
            "make build-v8",
        ],
    )?;
    fs_err::remove_file(prefix.path().join("lib/lazaret/lazaret-launcher"))?;
    let finished = run(command(&lazaret, ["run", &path]))?;
    finished.failed(
        ExitCode::Host,
        &["the launcher is missing", "hint: run `make build`"],
    )
}

fn not_root(world: &World) -> anyhow::Result<()> {
    // Where somebody else can read it: the workspace may be in a home directory.
    let prefix = world.directory()?;
    let lazaret = installed(world, prefix.path(), &["quickjs"])?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let mut command = command(&lazaret, ["run", &path, "--call", "city"]);
    command.uid(65534).gid(65534).current_dir("/");
    let finished = run(command)?;
    finished.failed(ExitCode::Host, &["needs root", "hint: "])
}

fn host_checked(world: &World) -> anyhow::Result<()> {
    let finished = run(lazaret(world, ["check"]))?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let finished = run(lazaret(world, ["check", "--json"]))?;
    let findings: serde_json::Value = serde_json::from_str(&finished.output)?;
    ensure!(
        findings.as_array().is_some_and(|list| list.len() > 5),
        "{findings}"
    );
    Ok(())
}

/// In a mount namespace of its own, a file of the kernel says that there is no such feature.
fn host_lacks(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let fake = directory.path().join("fake");
    for (file, text, name) in [
        (
            "/proc/sys/user/max_user_namespaces",
            "0\n",
            "user namespaces",
        ),
        (
            "/proc/sys/kernel/seccomp/actions_avail",
            "kill_process errno allow\n",
            "seccomp",
        ),
    ] {
        fs_err::write(&fake, text)?;
        let script = format!(
            "mount --bind '{}' {file} && exec \"$0\" check",
            fake.display()
        );
        let mut command = command(Path::new("unshare"), ["--mount", "sh", "-c", &script]);
        command.arg(world.parts.lazaret());
        let finished = run(command)?;
        ensure!(finished.code == Some(ExitCode::Host as i32), "{finished:?}");
        ensure!(
            finished.errors.contains("this host cannot run plugins"),
            "{finished:?}"
        );
        let mut lines = finished.output.lines();
        let found = lines.find(|line| line.starts_with("missing") && line.contains(name));
        ensure!(found.is_some(), "`{name}` is not missing: {finished:?}");
        let advice: Vec<_> = lines.take(2).map(|line| line.trim()).collect();
        ensure!(
            advice[0].starts_with("for: ") && advice[1].starts_with("do: "),
            "{advice:?}"
        );
    }
    Ok(())
}
