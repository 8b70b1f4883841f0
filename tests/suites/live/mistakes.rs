//! What people get wrong with `lazaret serve`: one clear message, nothing half made.

use std::os::unix::process::CommandExt;

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run};
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;

use super::served::Served;
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("live: a second engine is told what is in its way", second),
        Case::new("live: places that cannot be used are named", places),
        Case::new("live: plugins that cannot be kept are named", plugins),
        Case::new(
            "live: a plugin that is not there is answered with those that are",
            unknown,
        ),
        Case::new("live: serving needs root", no_root),
    ]
}

fn second(world: &World) -> anyhow::Result<()> {
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?])?;
    let state = served.path("other-state");
    let state = state.to_string_lossy();
    let socket = served.fails(&["--state", &state])?;
    socket.failed(
        ExitCode::Server,
        &["another `lazaret serve` answers", "--socket"],
    )?;
    let other = served.path("other-socket");
    let other = other.to_string_lossy();
    let in_use = served.fails(&["--socket", &other])?;
    in_use.failed(ExitCode::Busy, &["another `lazaret serve` uses", "--state"])?;
    // The first one is none the worse for it.
    served
        .ask(&["call", "everyday", "add", "--args", "[1,2]"])?
        .answered("3\n")?;
    served.end()?;
    Ok(())
}

fn places(world: &World) -> anyhow::Result<()> {
    let served = Served::prepare(world, &[everyday(Js::QuickJs)?])?;
    let file = served.policy("file", "")?;
    let there = served.fails(&["--socket", &file])?;
    there.failed(ExitCode::Server, &["is there and no socket", "hint: "])?;
    let long = format!("/tmp/{}", "x".repeat(120));
    let long = served.fails(&["--socket", &long])?;
    long.failed(ExitCode::Server, &["107", "hint: "])?;
    let state = served.fails(&["--state", &file])?;
    state.failed(ExitCode::Output, &["state directory"])?;
    let policies = served.fails(&["--policy-dir", "/none"])?;
    policies.failed(ExitCode::Policy, &["/none/everyday.yaml", "hint: "])?;
    let floor = served.fails(&["--floor", "/none/floor.yaml"])?;
    floor.failed(ExitCode::Policy, &["floor", "/none/floor.yaml"])?;
    ensure!(!served.socket().exists());
    Ok(())
}

fn plugins(world: &World) -> anyhow::Result<()> {
    let broken = Setup::javascript(Js::QuickJs, "broken", "export const f = (;");
    let served = Served::prepare(world, &[everyday(Js::QuickJs)?, broken])?;
    let failed = served.fails(&[])?;
    ensure!(failed.code != Some(0), "{failed:?}");
    let named = "plugin `broken` ended: uncaught SyntaxError";
    ensure!(failed.errors.contains(named), "{failed:?}");
    let twice = served.path("plugins/everyday");
    let twice = served.fails(&[&twice.to_string_lossy()])?;
    twice.failed(
        ExitCode::Plugin,
        &["two plugins are called `everyday`", "hint: "],
    )?;
    let none = run(command(&world.parts.lazaret(), ["serve"]))?;
    ensure!(none.code == Some(ExitCode::Usage as i32), "{none:?}");
    Ok(())
}

fn unknown(world: &World) -> anyhow::Result<()> {
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?])?;
    for arguments in [
        &["call", "evryday", "add"][..],
        &["stop", "evryday"],
        &["policy", "revisions", "evryday"],
        &["policy", "rollback", "evryday"],
    ] {
        let failed = served.ask(arguments)?;
        failed.failed(ExitCode::Plugin, &["`evryday`", "`everyday`", "hint: "])?;
    }
    let json = served.ask(&["stop", "evryday", "--json"])?;
    ensure!(json.code == Some(ExitCode::Plugin as i32), "{json:?}");
    let error: serde_json::Value = serde_json::from_str(&json.output)?;
    assert_eq!(error["exit_code"], ExitCode::Plugin as i32);
    let first = served.ask(&["policy", "rollback", "everyday"])?;
    first.failed(ExitCode::Policy, &["no revision before", "hint: "])?;
    served.end()?;
    Ok(())
}

fn no_root(world: &World) -> anyhow::Result<()> {
    let served = Served::prepare(world, &[everyday(Js::QuickJs)?])?;
    let installed = crate::input::installed(world, &served.path("prefix"), &[])?;
    let mut command = command(&installed, served.arguments(&[]));
    command.uid(65534).gid(65534);
    run(command)?.failed(ExitCode::Host, &["needs root", "hint: "])?;
    Ok(())
}
