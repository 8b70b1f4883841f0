//! A container's bundle: its directory with root file system, settings, plugin and granted paths.

use std::fs::Permissions;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use anyhow::{Context, ensure};
use lazaret_launcher_wire::floor::{self, Reservation};
use lazaret_launcher_wire::{
    EGRESS_SOCKET, GRANTS_DIRECTORY, LISTENER_SOCKET, MAX_SNAPSHOT_BYTES, PLUGIN_DIRECTORY,
    ROOTFS_DIRECTORY, SETTINGS_DIRECTORY, decode_snapshot,
};
use nix::mount::MsFlags;
use serde_json::Value;

use crate::container::{Content, Parts, PluginParts};
use crate::egress;
use crate::host_path::HostPath;

/// Checks the bundle and makes its directory. The socket for the seccomp listener is returned
/// where the bundle asks for one.
pub(crate) fn prepare(
    reservation: &Reservation,
    parts: &Parts,
) -> anyhow::Result<Option<UnixListener>> {
    let config: Value =
        serde_json::from_str(&parts.config).context("the bundle's `config.json` is invalid")?;
    match parts.content {
        Content::Plugin(_) => floor::check(&config, reservation)?,
        Content::Program(_) => floor::check_program(&config, reservation)?,
    }
    let directory = &reservation.directory;
    // Container root must be able to pass through, not to list.
    make_directory(directory, 0o711)?;
    // What was checked, not what was sent: one text may mean two things to two readers.
    fs_err::write(directory.join("config.json"), config.to_string())?;

    let rootfs = directory.join(ROOTFS_DIRECTORY);
    make_directory(&rootfs, 0o755)?;
    let tree = HostPath::open("root file system", &parts.rootfs)?;
    ensure!(
        tree.is_directory(),
        "root file system `{}` is no directory",
        parts.rootfs.display()
    );
    tree.bind_read_only(&rootfs, MsFlags::empty())?;

    match &parts.content {
        Content::Plugin(plugin) => {
            write_content(directory, plugin)?;
            if let Some(socket) = &plugin.egress {
                let path = directory.join(SETTINGS_DIRECTORY).join(EGRESS_SOCKET);
                egress::listen(socket, &path, reservation.first_host_id)?;
            }
        }
        Content::Program(_) => check_mount_points(&parts.rootfs, &rootfs)?,
    }

    if config.pointer("/linux/seccomp/listenerPath").is_none() {
        return Ok(None);
    }
    let path = directory.join(LISTENER_SOCKET);
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("failed to bind `{}`", path.display()))?;
    Ok(Some(listener))
}

/// What is mounted beside the root file system: settings, the plugin's files, granted paths.
fn write_content(directory: &Path, plugin: &PluginParts) -> anyhow::Result<()> {
    let settings = directory.join(SETTINGS_DIRECTORY);
    make_directory(&settings, 0o755)?;
    write_file(&settings.join("settings.json"), plugin.settings.as_bytes())?;

    write_plugin(&directory.join(PLUGIN_DIRECTORY), &plugin.snapshot)?;

    let grants = directory.join(GRANTS_DIRECTORY);
    make_directory(&grants, 0o755)?;
    for grant in &plugin.grants {
        let target = grants.join(grant.name.to_string());
        let granted = HostPath::open("granted path", &grant.host)?;
        if granted.is_directory() {
            make_directory(&target, 0o755)?;
        } else {
            write_file(&target, b"")?;
        }
        granted.bind_read_only(&target, MsFlags::MS_NOEXEC)?;
    }
    Ok(())
}

/// A root file system that is not ours has directories where every container has mounts, and lets
/// its program pass; it is read-only, so none can be made.
fn check_mount_points(named: &Path, rootfs: &Path) -> anyhow::Result<()> {
    let named = named.display();
    let tree = fs_err::symlink_metadata(rootfs)?;
    ensure!(
        tree.permissions().mode() & 0o001 != 0,
        "root file system `{named}` is closed to the program's user\n  hint: `chmod o+rx {named}`"
    );
    for point in ["proc", "dev", "tmp"] {
        let found = fs_err::symlink_metadata(rootfs.join(point));
        ensure!(
            found.is_ok_and(|found| found.is_dir()),
            "root file system `{named}` has no directory `{point}`\n  hint: `mkdir {named}/{point}`, empty: a file system is mounted there"
        );
    }
    Ok(())
}

/// Removes a container's directory and the mounts in it.
pub(crate) fn remove(directory: &Path) {
    let grants = fs_err::read_dir(directory.join(GRANTS_DIRECTORY))
        .into_iter()
        .flatten()
        .flatten();
    let binds = grants
        .map(|entry| entry.path())
        .chain([directory.join(ROOTFS_DIRECTORY)]);
    for target in binds {
        nix::mount::umount2(&target, nix::mount::MntFlags::MNT_DETACH).ok();
    }
    // A bind that could not be unmounted is read-only, so this cannot reach through it.
    drop(fs_err::remove_dir_all(directory));
}

/// Copies the plugin's files, owned by root and writable by nobody.
fn write_plugin(target: &Path, snapshot: &OwnedFd) -> anyhow::Result<()> {
    make_directory(target, 0o755)?;
    let limit = MAX_SNAPSHOT_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    std::fs::File::from(snapshot.try_clone()?)
        .take(limit)
        .read_to_end(&mut bytes)
        .context("failed to read the plugin's snapshot")?;
    for file in decode_snapshot(&bytes)? {
        let path = target.join(&file.path);
        let mut parent = target.to_owned();
        for part in file.path.parent().into_iter().flat_map(Path::components) {
            parent.push(part);
            if !parent.exists() {
                make_directory(&parent, 0o755)?;
            }
        }
        write_file(&path, &file.content)?;
    }
    Ok(())
}

/// Makes a directory with exactly this mode, whatever the umask.
fn make_directory(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs_err::create_dir(path)?;
    Ok(fs_err::set_permissions(path, Permissions::from_mode(mode))?)
}

fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    std::io::Write::write_all(&mut file, content)?;
    Ok(fs_err::set_permissions(
        path,
        Permissions::from_mode(0o444),
    )?)
}
