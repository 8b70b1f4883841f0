//! One container: made from a checked bundle, held by its pidfd.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lazaret_launcher_wire::floor::{self, Reservation};
use lazaret_launcher_wire::{CgroupLimits, ContainerId, ExitStatus, FileMount};
use libcontainer::container::Container as Inner;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::descriptors::{Open, Placed};
use crate::execute::Execute;
use crate::state::State;
use crate::{bundle, exits, limits, streams, sweep};

/// What the engine sends along to make a container of.
pub(crate) struct Parts {
    pub(crate) config: String,
    pub(crate) rootfs: PathBuf,
    pub(crate) content: Content,
}

/// What runs in it.
pub(crate) enum Content {
    /// The shim with a plugin.
    Plugin(PluginParts),
    /// A program, with its standard input, output and error.
    Program([OwnedFd; 3]),
}

/// What a plugin has and a program has not.
pub(crate) struct PluginParts {
    pub(crate) settings: String,
    pub(crate) grants: Vec<FileMount>,
    pub(crate) channel: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) snapshot: OwnedFd,
    /// What listens for what it sends out, where it may send anything.
    pub(crate) egress: Option<OwnedFd>,
}

/// A container from its creation to its deletion.
pub(crate) struct Container {
    id: ContainerId,
    inner: Inner,
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) ended: Option<ExitStatus>,
}

impl Container {
    /// Writes the bundle, checks it and creates the container, its process waiting to be
    /// started. Returned with the descriptors for the engine: a pidfd, and the seccomp listener
    /// where the bundle asks for one.
    ///
    /// After an error processes and files may be left: [`exits::end_strays`] and then [`remove`]
    /// are for them.
    pub(crate) fn create(
        state: &State,
        id: &ContainerId,
        first_host_id: u32,
        parts: &Parts,
    ) -> anyhow::Result<(Self, Vec<OwnedFd>)> {
        let (grants, egress) = match &parts.content {
            Content::Plugin(plugin) => (plugin.grants.len(), plugin.egress.is_some()),
            Content::Program(_) => (0, false),
        };
        let reservation = Reservation {
            id: id.clone(),
            directory: state.container(id.as_str()),
            first_host_id,
            grants,
            egress,
        };
        let listener = bundle::prepare(&reservation, parts)?;
        let inner = match &parts.content {
            Content::Plugin(plugin) => {
                let _placed =
                    Placed::new(&plugin.channel).context("failed to place the channel")?;
                let null = OwnedFd::from(fs_err::File::open("/dev/null")?.into_parts().0);
                let streams = [&null, &plugin.output, &plugin.output];
                let builder = builder(id).with_preserved_fds(1);
                build(state, builder, &reservation.directory, streams)?
            }
            Content::Program(streams) => {
                streams::hand_over(streams, first_host_id)?;
                let builder = builder(id).with_preserved_fds(0).with_executor(Execute);
                build(state, builder, &reservation.directory, streams.each_ref())?
            }
        };
        let pid = inner
            .pid()
            .context("libcontainer names no process")?
            .as_raw();
        let process = Pid::from_raw(pid).context("libcontainer names no process")?;
        // The process is our child and not yet reaped: the number cannot be another's.
        let pidfd = pidfd_open(process, PidfdFlags::empty()).context("failed to open a pidfd")?;
        let mut descriptors = vec![pidfd.try_clone().context("failed to copy a pidfd")?];
        if let Some(listener) = listener {
            descriptors.push(take_listener(listener)?);
        }
        let container = Self {
            id: id.clone(),
            inner,
            pid: pid.unsigned_abs(),
            pidfd,
            ended: None,
        };
        Ok((container, descriptors))
    }

    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.inner
            .start()
            .with_context(|| format!("failed to start `{}`", self.id))
    }

    /// Holds it to other limits: all of them, or those it had where one cannot be set.
    pub(crate) fn update(&self, limits: &CgroupLimits) -> anyhow::Result<()> {
        ensure!(self.ended.is_none(), "`{}` has ended", self.id);
        floor::check_update(limits)?;
        let update = limits::Update::of(&self.id, self.pid)?;
        update
            .apply(limits)
            .with_context(|| format!("failed to change the limits of `{}`", self.id))
    }

    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        match pidfd_send_signal(&self.pidfd, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to kill `{}`", self.id)),
        }
    }

    /// Removes what there is of the container; it is killed first if it runs.
    pub(crate) fn delete(&mut self, state: &State) -> anyhow::Result<()> {
        if self.ended.is_none() {
            self.kill()?;
            self.ended = exits::wait(&self.pidfd).context("failed to wait for the process")?;
        }
        match self.inner.delete(true) {
            Ok(()) => bundle::remove(&state.container(self.id.as_str())),
            Err(error) => {
                remove(state, &self.id);
                return Err(error).with_context(|| format!("failed to delete `{}`", self.id));
            }
        }
        Ok(())
    }
}

/// Removes what a container left, without libcontainer's help: whoever is in its cgroups, the
/// cgroups, libcontainer's own notes, the mounts and the directory.
pub(crate) fn remove(state: &State, id: &ContainerId) {
    sweep::remove_cgroups(|name| name == id.as_str());
    // Not there where libcontainer had not begun or has removed it.
    drop(fs_err::remove_dir_all(
        state.libcontainer().join(id.as_str()),
    ));
    bundle::remove(&state.container(id.as_str()));
}

fn builder(id: &ContainerId) -> ContainerBuilder {
    ContainerBuilder::new(id.to_string(), SyscallType::default())
}

fn build(
    state: &State,
    builder: ContainerBuilder,
    directory: &Path,
    [input, output, error]: [&OwnedFd; 3],
) -> anyhow::Result<Inner> {
    let open = Open::now().context("failed to list descriptors")?;
    let build = || {
        builder
            .with_root_path(state.libcontainer())?
            .with_stdin(input.try_clone()?)
            .with_stdout(output.try_clone()?)
            .with_stderr(error.try_clone()?)
            .validate_id()?
            .as_init(directory)
            .with_systemd(false)
            .build()
            .context("failed to create the container")
    };
    build().inspect_err(|_| {
        // Nothing of ours was opened since.
        open.close_others().ok();
    })
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
