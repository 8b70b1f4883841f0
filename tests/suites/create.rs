//! A container that cannot be made leaves nothing, and the engine makes the next one.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use anyhow::{Context, ensure};
use lazaret_tests::case::Case;
use lazaret_tests::host::Host;
use lazaret_tests::leaks::{Snapshot, left_since};
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use rustix::fs::{CWD, Dev, FileType, Mode, makedev, mknodat};
use serde_json::json;

use crate::story::everyday;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("create: a root file system that is empty", rootfs_empty),
        Case::asynchronous(
            "create: a root file system that is not there",
            rootfs_missing,
        ),
        Case::asynchronous("create: a root file system behind a link", rootfs_link),
        Case::asynchronous("create: a root file system that is a file", rootfs_file),
        Case::asynchronous("create: a granted path that is a link", granted_link),
        Case::asynchronous("create: a granted path behind a link", granted_behind_link),
        Case::asynchronous("create: a granted path that is a pipe", granted_pipe),
        Case::asynchronous("create: a granted path that is a socket", granted_socket),
        Case::asynchronous("create: a granted path that is a device", granted_device),
    ]
}

/// The plugin is not launched, for these reasons; nothing of it is left while the engine goes on,
/// and one that is right works as ever.
async fn fails(world: &World, setup: &Setup, reasons: &[&str]) -> anyhow::Result<()> {
    let host = world.host()?;
    works(&host).await?;
    let before = Snapshot::take();
    let error = host.try_launch(setup).await?.err();
    let error = error.context("it was launched")?;
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    for reason in reasons {
        ensure!(text.contains(reason), "`{reason}` is not in: {text}");
    }
    let left = left_since(&before);
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    works(&host).await
}

async fn works(host: &Host) -> anyhow::Result<()> {
    let plugin = host.launch(&everyday(Js::QuickJs)?).await?;
    assert_eq!(plugin.call("city", json!([])).await?, "Kobe");
    plugin.stop().await?;
    Ok(())
}

async fn rootfs_empty(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let setup = everyday(Js::QuickJs)?.rootfs(directory.path());
    fails(world, &setup, &["could not create the container"]).await
}

async fn rootfs_missing(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?.rootfs(Path::new("/none/tree"));
    fails(world, &setup, &["could not create", "`/none/tree`"]).await
}

async fn rootfs_link(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let link = directory.path().join("tree");
    symlink("/", &link)?;
    let setup = everyday(Js::QuickJs)?.rootfs(&link);
    fails(world, &setup, &["could not create", "symbolic link"]).await
}

async fn rootfs_file(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let file = directory.path().join("tree");
    fs_err::write(&file, "")?;
    let setup = everyday(Js::QuickJs)?.rootfs(&file);
    fails(world, &setup, &["could not create", "directory"]).await
}

/// Grants the path; it is named in the refusal beside these reasons.
async fn granted(world: &World, path: &Path, reasons: &[&str]) -> anyhow::Result<()> {
    let shown = path.to_string_lossy();
    let policy = format!("permissions: [\"file:read:{shown}\"]");
    let setup = everyday(Js::QuickJs)?.policy(&policy);
    fails(world, &setup, &[&[&*shown], reasons].concat()).await
}

async fn granted_link(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let link = directory.path().join("link");
    symlink("/etc/hostname", &link)?;
    granted(world, &link, &["symbolic link", "hint: "]).await
}

async fn granted_behind_link(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let link = directory.path().join("link");
    symlink("/etc", &link)?;
    let path = link.join("hostname");
    granted(world, &path, &["symbolic link", "hint: "]).await
}

async fn granted_pipe(world: &World) -> anyhow::Result<()> {
    granted_node(world, FileType::Fifo, 0).await
}

async fn granted_device(world: &World) -> anyhow::Result<()> {
    granted_node(world, FileType::CharacterDevice, makedev(1, 3)).await
}

async fn granted_node(world: &World, kind: FileType, device: Dev) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let path = directory.path().join("node");
    mknodat(CWD, &path, kind, Mode::from_raw_mode(0o666), device)?;
    granted(world, &path, &["neither a plain file nor a directory"]).await
}

async fn granted_socket(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let path = directory.path().join("socket");
    let _socket = UnixListener::bind(&path)?;
    granted(world, &path, &["neither a plain file nor a directory"]).await
}
