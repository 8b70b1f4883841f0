//! What people get wrong on the command line: one clear message, an exit status of its own,
//! nothing half made.

mod call;
mod host;
mod json;
mod manifest;
mod output;
mod plugin;
mod policies;
mod policy;
mod shown;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Finished, command, run};
use lazaret_tests::setup::{Js, Setup, on_disk};
use lazaret_tests::world::World;

pub(crate) fn cases() -> Vec<Case> {
    [
        policy::cases(),
        policies::cases(),
        plugin::cases(),
        manifest::cases(),
        call::cases(),
        host::cases(),
        output::cases(),
        shown::cases(),
        json::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lazaret<'a>(world: &World, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    command(&world.parts.lazaret(), arguments)
}

/// A plugin on disk and the path to it.
fn plugin(world: &World, setup: &Setup) -> anyhow::Result<(tempfile::TempDir, String)> {
    let directory = on_disk(world, setup)?;
    let mut entries = fs_err::read_dir(directory.path())?;
    let path = entries.next().context("the plugin was written")??.path();
    Ok((directory, path.to_string_lossy().into_owned()))
}

fn quick(name: &str, main: &str) -> Setup {
    Setup::javascript(Js::QuickJs, name, main)
}

fn run_plugin(world: &World, setup: &Setup, more: &[&str]) -> anyhow::Result<Finished> {
    let (_directory, path) = plugin(world, setup)?;
    let arguments = ["run", &path].into_iter().chain(more.iter().copied());
    run(lazaret(world, arguments))
}

/// An installation in which only these engines are.
pub(crate) fn installed(world: &World, prefix: &Path, engines: &[&str]) -> anyhow::Result<PathBuf> {
    let (programs, parts) = (prefix.join("bin"), prefix.join("lib/lazaret"));
    fs_err::create_dir_all(&programs)?;
    fs_err::create_dir_all(parts.join("rootfs"))?;
    let lazaret = programs.join("lazaret");
    fs_err::copy(world.parts.lazaret(), &lazaret)?;
    fs_err::copy(world.parts.launcher(), parts.join("lazaret-launcher"))?;
    let rootfs = world.parts.lazaret().with_file_name("rootfs");
    for engine in engines {
        std::os::unix::fs::symlink(rootfs.join(engine), parts.join("rootfs").join(engine))?;
    }
    Ok(lazaret)
}
