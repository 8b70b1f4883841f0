//! One container: made from a checked bundle, held by its pidfd.

use std::fs::Permissions;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use lazaret_launcher_wire::floor::{self, Reservation};
use lazaret_launcher_wire::{
    ContainerId, ExitStatus, FileMount, GRANTS_DIRECTORY, LISTENER_SOCKET, MAX_SNAPSHOT_BYTES,
    PLUGIN_DIRECTORY, ROOTFS_DIRECTORY, SETTINGS_DIRECTORY, decode_snapshot,
};
use libcontainer::container::Container as Inner;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use nix::mount::{MsFlags, mount};
use oci_spec::runtime::Spec;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::descriptors::Placed;
use crate::exits;
use crate::ids::IdClaim;
use crate::state::State;
use crate::sweep;

/// What the engine sends along to make a container of.
pub(crate) struct Parts {
    pub(crate) config: String,
    pub(crate) settings: String,
    pub(crate) rootfs: PathBuf,
    pub(crate) grants: Vec<FileMount>,
    pub(crate) channel: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) snapshot: OwnedFd,
}

/// A container from its creation to its deletion.
pub(crate) struct Container {
    id: ContainerId,
    inner: Inner,
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    directory: PathBuf,
    pub(crate) ended: Option<ExitStatus>,
    _ids: IdClaim,
}

impl Container {
    /// Writes the bundle, checks it and creates the container, its process waiting to be
    /// started. The seccomp listener is returned where the bundle asks for one.
    pub(crate) fn create(
        state: &State,
        id: &ContainerId,
        ids: IdClaim,
        parts: Parts,
    ) -> anyhow::Result<(Self, Option<OwnedFd>)> {
        let directory = state.container(id.as_str());
        let created = prepare(&directory, id, &ids, &parts).and_then(|listener| {
            let inner = build(state, id, &directory, &parts)?;
            Ok((inner, listener))
        });
        let (inner, listener) = match created {
            Ok(created) => created,
            Err(error) => {
                sweep::remove_cgroups(|name| name == id.as_str());
                remove_directory(&directory);
                return Err(error);
            }
        };
        let pid = inner
            .pid()
            .context("libcontainer names no process")?
            .as_raw();
        let process = Pid::from_raw(pid).context("libcontainer names no process")?;
        // The process is our child and not yet reaped: the number cannot be another's.
        let pidfd = pidfd_open(process, PidfdFlags::empty()).context("failed to open a pidfd")?;
        let mut container = Self {
            id: id.clone(),
            inner,
            pid: pid.unsigned_abs(),
            pidfd,
            directory,
            ended: None,
            _ids: ids,
        };
        match listener.map(take_listener).transpose() {
            Ok(listener) => Ok((container, listener)),
            Err(error) => {
                container.delete()?;
                Err(error)
            }
        }
    }

    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.inner
            .start()
            .with_context(|| format!("failed to start `{}`", self.id))
    }

    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        match pidfd_send_signal(&self.pidfd, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to kill `{}`", self.id)),
        }
    }

    /// Removes what there is of the container; it is killed first if it runs.
    pub(crate) fn delete(&mut self) -> anyhow::Result<()> {
        if self.ended.is_none() {
            self.kill()?;
            self.ended = exits::wait(&self.pidfd).context("failed to wait for the process")?;
        }
        let deleted = self.inner.delete(true);
        remove_directory(&self.directory);
        deleted.with_context(|| format!("failed to delete `{}`", self.id))
    }
}

/// Makes the container's directory: root file system, settings, plugin, granted paths.
fn prepare(
    directory: &Path,
    id: &ContainerId,
    ids: &IdClaim,
    parts: &Parts,
) -> anyhow::Result<Option<UnixListener>> {
    let spec: Spec = serde_spec(&parts.config)?;
    let reservation = Reservation {
        id: id.clone(),
        directory: directory.to_owned(),
        first_host_id: ids.first_host_id(),
        grants: parts.grants.len(),
    };
    floor::check(&spec, &reservation)?;
    // Container root must be able to pass through, not to list.
    make_directory(directory, 0o711)?;
    fs_err::write(directory.join("config.json"), &parts.config)?;

    let rootfs = directory.join(ROOTFS_DIRECTORY);
    make_directory(&rootfs, 0o755)?;
    ensure!(
        parts.rootfs.is_absolute(),
        "root file system `{}` is not absolute",
        parts.rootfs.display()
    );
    bind_read_only(&parts.rootfs, &rootfs, MsFlags::empty())?;

    let settings = directory.join(SETTINGS_DIRECTORY);
    make_directory(&settings, 0o755)?;
    write_file(&settings.join("settings.json"), parts.settings.as_bytes())?;

    write_plugin(&directory.join(PLUGIN_DIRECTORY), &parts.snapshot)?;

    let grants = directory.join(GRANTS_DIRECTORY);
    make_directory(&grants, 0o755)?;
    for grant in &parts.grants {
        let target = grants.join(grant.name.to_string());
        let metadata = fs_err::metadata(&grant.host)?;
        if metadata.is_dir() {
            make_directory(&target, 0o755)?;
        } else if metadata.is_file() {
            write_file(&target, b"")?;
        } else {
            bail!(
                "granted path `{}` is neither a file nor a directory",
                grant.host.display()
            );
        }
        bind_read_only(&grant.host, &target, MsFlags::MS_NOEXEC)?;
    }

    let listens = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.seccomp().as_ref());
    if listens.is_some_and(|seccomp| seccomp.listener_path().is_some()) {
        let path = directory.join(LISTENER_SOCKET);
        Ok(Some(UnixListener::bind(&path).with_context(|| {
            format!("failed to bind `{}`", path.display())
        })?))
    } else {
        Ok(None)
    }
}

fn serde_spec(config: &str) -> anyhow::Result<Spec> {
    serde_json::from_str(config).context("the bundle's `config.json` is invalid")
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

/// Binds a host path read-only; mount(2): the flags of a bind need a second call.
fn bind_read_only(source: &Path, target: &Path, more: MsFlags) -> anyhow::Result<()> {
    let none = None::<&str>;
    let context = || format!("failed to bind `{}`", source.display());
    mount(Some(source), target, none, MsFlags::MS_BIND, none).with_context(context)?;
    let flags = MsFlags::MS_BIND
        | MsFlags::MS_REMOUNT
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV
        | more;
    mount(none, target, none, flags, none).with_context(context)
}

fn build(
    state: &State,
    id: &ContainerId,
    directory: &Path,
    parts: &Parts,
) -> anyhow::Result<Inner> {
    let null = fs_err::File::open("/dev/null")?;
    let _placed = Placed::new(&parts.channel).context("failed to place the channel")?;
    ContainerBuilder::new(id.to_string(), SyscallType::default())
        .with_root_path(state.libcontainer())?
        .with_stdin(OwnedFd::from(null.into_parts().0))
        .with_stdout(parts.output.try_clone()?)
        .with_stderr(parts.output.try_clone()?)
        .with_preserved_fds(1)
        .validate_id()?
        .as_init(directory)
        .with_systemd(false)
        .build()
        .context("failed to create the container")
}

/// Takes the seccomp listener that libcontainer sent while it created the container.
fn take_listener(listener: UnixListener) -> anyhow::Result<OwnedFd> {
    listener.set_nonblocking(true)?;
    let (socket, _) = listener
        .accept()
        .context("no seccomp listener was handed over")?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = rustix::net::RecvAncillaryBuffer::new(&mut space);
    let mut state = [0_u8; 16 * 1024];
    rustix::net::recvmsg(
        &socket,
        &mut [std::io::IoSliceMut::new(&mut state)],
        &mut ancillary,
        rustix::net::RecvFlags::CMSG_CLOEXEC,
    )
    .context("failed to receive the seccomp listener")?;
    ancillary
        .drain()
        .find_map(|message| match message {
            rustix::net::RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        })
        .context("no seccomp listener was handed over")
}

/// Removes a container's directory and the mounts in it.
fn remove_directory(directory: &Path) {
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
