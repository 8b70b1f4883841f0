//! The loop: one request at a time, and the ends of containers between them.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, bail};
use lazaret_launcher_wire::{
    ContainerId, Event, FromLauncher, PacketError, PacketSocket, Request, Response,
};
use rustix::event::{PollFd, PollFlags, poll};

use crate::container::{self, Container, Content, Parts, PluginParts};
use crate::diagnostics::Diagnostics;
use crate::exits;
use crate::ids::IdClaim;
use crate::state::State;

/// The longest message of a failure: it may quote what the engine sent, and must fit a packet.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

struct Server<'a> {
    control: &'a PacketSocket,
    state: State,
    diagnostics: Diagnostics,
    sequence: u64,
    /// From a reservation to its deletion.
    claims: BTreeMap<ContainerId, IdClaim>,
    containers: BTreeMap<ContainerId, Container>,
}

/// Serves the engine until it closes the socket, then removes every container.
pub(crate) fn serve(
    control: &PacketSocket,
    state: State,
    diagnostics: Diagnostics,
) -> anyhow::Result<()> {
    let mut server = Server {
        control,
        state,
        diagnostics,
        sequence: 0,
        claims: BTreeMap::new(),
        containers: BTreeMap::new(),
    };
    let result = server.run();
    let mut leftover = None;
    for container in server.containers.values_mut() {
        leftover = container.delete(&server.state).err().or(leftover);
    }
    result.and(leftover.map_or(Ok(()), Err))
}

impl Server<'_> {
    fn run(&mut self) -> anyhow::Result<()> {
        loop {
            self.wait()?;
            self.report_ends()?;
            exits::reap_strays(|pid| self.is_known(pid));
            if !self.control_is_readable()? {
                continue;
            }
            let packet = match self.control.receive::<Request>() {
                Ok(packet) => packet,
                Err(PacketError::Closed) => return Ok(()),
                Err(error) => return Err(error).context("failed to read a request"),
            };
            // What was logged before this request has nothing to do with it.
            drop(self.diagnostics.take());
            let (response, descriptors) = match self.answer(packet.message, packet.descriptors) {
                Ok(answered) => answered,
                Err(error) => {
                    let mut message = format!("{error:#}");
                    let logged = self.diagnostics.take();
                    if !logged.is_empty() {
                        message = format!("{message} ({logged})");
                    }
                    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
                    (Response::Failed { message }, Vec::new())
                }
            };
            let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
            match self
                .control
                .send(&FromLauncher::Response(response), &borrowed)
            {
                Err(PacketError::Closed) => return Ok(()),
                other => other.context("failed to answer")?,
            }
        }
    }

    /// Sleeps until the engine asks for something or a container ends.
    fn wait(&self) -> anyhow::Result<()> {
        let running = self
            .containers
            .values()
            .filter(|container| container.ended.is_none());
        let mut descriptors: Vec<PollFd<'_>> = std::iter::once(self.control.as_fd())
            .chain(running.map(|container| container.pidfd.as_fd()))
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        match poll(&mut descriptors, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("failed to poll"),
        }
    }

    fn control_is_readable(&self) -> anyhow::Result<bool> {
        let mut control = [PollFd::from_borrowed_fd(
            self.control.as_fd(),
            PollFlags::IN,
        )];
        let now = rustix::time::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        Ok(poll(&mut control, Some(&now)).context("failed to poll")? > 0)
    }

    fn report_ends(&mut self) -> anyhow::Result<()> {
        for (id, container) in &mut self.containers {
            if container.ended.is_some() {
                continue;
            }
            let Some(status) = exits::take(&container.pidfd).context("failed to read an exit")?
            else {
                continue;
            };
            container.ended = Some(status);
            let event = Event::Exited {
                id: id.clone(),
                status,
            };
            match self.control.send(&FromLauncher::Event(event), &[]) {
                // The request loop sees the closed socket next.
                Ok(()) | Err(PacketError::Closed) => {}
                Err(error) => return Err(error).context("failed to report an exit"),
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        request: Request,
        descriptors: Vec<OwnedFd>,
    ) -> anyhow::Result<(Response, Vec<OwnedFd>)> {
        match request {
            Request::Reserve { preferred_block } => {
                self.sequence += 1;
                let id = ContainerId::new(std::process::id(), self.sequence);
                let ids = self.state.ids.claim(preferred_block)?;
                let first_host_id = ids.first_host_id();
                let directory = self.state.container(id.as_str());
                self.claims.insert(id.clone(), ids);
                Ok((
                    Response::Reserved {
                        id,
                        directory,
                        first_host_id,
                    },
                    Vec::new(),
                ))
            }
            Request::Create {
                id,
                config,
                settings,
                rootfs,
                grants,
            } => {
                let mut descriptors = descriptors.into_iter();
                let (Some(channel), Some(output), Some(snapshot), egress, None) = (
                    descriptors.next(),
                    descriptors.next(),
                    descriptors.next(),
                    descriptors.next(),
                    descriptors.next(),
                ) else {
                    bail!("`create` takes three descriptors, or four");
                };
                let plugin = PluginParts {
                    settings,
                    grants,
                    channel,
                    output,
                    snapshot,
                    egress,
                };
                let parts = Parts {
                    config,
                    rootfs,
                    content: Content::Plugin(plugin),
                };
                self.create(id, &parts)
            }
            Request::CreateProgram { id, config, rootfs } => {
                let Ok(streams) = <[OwnedFd; 3]>::try_from(descriptors) else {
                    bail!("`create` takes three descriptors");
                };
                let parts = Parts {
                    config,
                    rootfs,
                    content: Content::Program(streams),
                };
                self.create(id, &parts)
            }
            Request::Start { id } => self.container(&id)?.start().map(done),
            Request::Update { id, limits } => self.container(&id)?.update(&limits).map(done),
            Request::Kill { id } => self.container(&id)?.kill().map(done),
            Request::Delete { id } => {
                let deleted = match self.containers.get_mut(&id) {
                    Some(container) => container.delete(&self.state),
                    None => Ok(()),
                };
                // Failed or not, nothing more can be done for it.
                self.containers.remove(&id);
                self.claims.remove(&id);
                deleted.map(done)
            }
        }
    }

    /// Creates a container; where that fails, nothing of it is left, its reservation neither.
    fn create(
        &mut self,
        id: ContainerId,
        parts: &Parts,
    ) -> anyhow::Result<(Response, Vec<OwnedFd>)> {
        let claim = self.claims.get(&id);
        let claim = claim
            .filter(|_| !self.containers.contains_key(&id))
            .with_context(|| format!("`{id}` is not reserved"))?;
        match Container::create(&self.state, &id, claim.first_host_id(), parts) {
            Ok((container, descriptors)) => {
                let response = Response::Created { pid: container.pid };
                self.containers.insert(id, container);
                Ok((response, descriptors))
            }
            Err(error) => {
                exits::end_strays(|pid| self.is_known(pid));
                container::remove(&self.state, &id);
                self.claims.remove(&id);
                Err(error)
            }
        }
    }

    /// A container's first process has this id and was not reaped yet.
    fn is_known(&self, pid: u32) -> bool {
        self.containers
            .values()
            .any(|container| container.ended.is_none() && container.pid == pid)
    }

    fn container(&mut self, id: &ContainerId) -> anyhow::Result<&mut Container> {
        self.containers
            .get_mut(id)
            .with_context(|| format!("there is no container `{id}`"))
    }
}

fn done((): ()) -> (Response, Vec<OwnedFd>) {
    (Response::Done, Vec::new())
}
