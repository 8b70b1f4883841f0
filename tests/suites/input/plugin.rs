//! Plugins that are none, or bring along what no plugin may have.

use std::path::Path;

use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::run;
use lazaret_tests::setup::{Js, plugin_source};
use lazaret_tests::world::World;

use super::{lazaret, plugin, quick, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("input: no such plugin", no_such_plugin),
        Case::new("input: a plugin without an entry file", missing_entry),
        Case::new(
            "input: a syntax error has file, line and column",
            syntax_error,
        ),
        Case::new("input: a plugin that is too large", plugin_too_large),
        Case::new("input: a symbolic link in a plugin", symbolic_link),
        Case::new("input: a plugin with a socket in it", socket_in_plugin),
    ]
}

fn no_such_plugin(world: &World) -> anyhow::Result<()> {
    let finished = run(lazaret(world, ["run", "/none/such"]))?;
    finished.failed(ExitCode::Plugin, &["no plugin at `/none/such`"])
}

fn missing_entry(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    fs_err::write(directory.path().join("index.js"), "")?;
    let path = directory.path().to_string_lossy().into_owned();
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(
        ExitCode::Plugin,
        &["has no entry file", "hint: ", "main.js"],
    )
}

fn syntax_error(world: &World) -> anyhow::Result<()> {
    let source = plugin_source("hostile/syntax-error.js")?;
    let finished = run_plugin(world, &quick("broken", &source), &["--call", "fine"])?;
    finished.failed(
        ExitCode::Exception,
        &["plugin `broken`", "SyntaxError", "main.js:4:"],
    )
}

fn plugin_too_large(world: &World) -> anyhow::Result<()> {
    let (directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let file = fs_err::File::create(Path::new(&path).join("big.bin"))?;
    file.set_len(33 << 20)?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["too large", "33554432 bytes", "hint: "])?;
    drop(directory);
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let many = Path::new(&path).join("many");
    fs_err::create_dir(&many)?;
    for number in 0..4_001 {
        fs_err::write(many.join(number.to_string()), "")?;
    }
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["too large", "4000 files"])
}

fn symbolic_link(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    std::os::unix::fs::symlink("/etc/shadow", Path::new(&path).join("lib/own.js"))?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(
        ExitCode::Plugin,
        &["`lib/own.js`, which is a symbolic link"],
    )
}

fn socket_in_plugin(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let _socket = std::os::unix::net::UnixListener::bind(Path::new(&path).join("s"))?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["`s`, which is no plain file"])
}
