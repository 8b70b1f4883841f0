//! The engine's end of the launcher.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use lazaret_launcher_wire::{
    CgroupLimits, ContainerId, Event, ExitStatus, FromLauncher, PacketError, PacketSocket, Request,
    Response,
};
use rustix::net::Shutdown;
use tokio::sync::oneshot;

/// The launcher did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    /// Its program cannot be started.
    #[error("failed to start the launcher `{}`", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended, or closed its socket.
    #[error("the launcher is gone\n  hint: its own message on standard error says why")]
    Gone,
    /// A request could not be sent.
    #[error("failed to ask the launcher")]
    Send(#[source] PacketError),
    /// It refused, or the host did.
    #[error("the launcher could not {verb}: {message}")]
    Refused {
        /// What it was asked for.
        verb: &'static str,
        /// Its reason.
        message: String,
    },
    /// It answered something else than what was asked.
    #[error("the launcher's answer does not fit the request")]
    Confused,
}

/// What comes back with a created container.
#[derive(Debug)]
pub struct Created {
    /// Process id on the host.
    pub pid: u32,
    /// Signals and waits for exactly that process.
    pub pidfd: OwnedFd,
    /// Where reported system calls arrive.
    pub listener: Option<OwnedFd>,
}

type Answer = (Response, Vec<OwnedFd>);

#[derive(Default)]
struct Waiting {
    answers: VecDeque<oneshot::Sender<Answer>>,
    exits: HashMap<ContainerId, oneshot::Sender<ExitStatus>>,
    gone: bool,
}

/// A launcher of our own, started as a child. Dropped, it removes its containers and ends.
pub struct Launcher {
    socket: Arc<PacketSocket>,
    waiting: Arc<Mutex<Waiting>>,
    /// Holds the order of requests and of those waiting for their answers together.
    sending: Mutex<()>,
    /// One reads what the launcher says, one waits for its end.
    threads: Vec<JoinHandle<()>>,
}

impl Launcher {
    /// Starts the launcher's program.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(program: &Path) -> Result<Self, LauncherError> {
        let failed = |source| LauncherError::Start {
            path: program.to_owned(),
            source,
        };
        let (ours, theirs) = PacketSocket::pair().map_err(failed)?;
        let mut child = Command::new(program)
            .env_clear()
            .stdin(Stdio::from(theirs.into_descriptor()))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let socket = Arc::new(ours);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (reader, state) = (Arc::clone(&socket), Arc::clone(&waiting));
        let reader = std::thread::Builder::new()
            .name("launcher".to_owned())
            .spawn(move || read(&reader, &state))
            .map_err(failed)?;
        let ended = Arc::clone(&socket);
        // What the launcher was making when it was killed may hold its end of the socket open.
        let waiter = std::thread::Builder::new()
            .name("launcher-end".to_owned())
            .spawn(move || {
                child.wait().ok();
                rustix::net::shutdown(ended.as_ref(), Shutdown::Both).ok();
            })
            .map_err(failed)?;
        Ok(Self {
            socket,
            waiting,
            sending: Mutex::new(()),
            threads: vec![reader, waiter],
        })
    }

    /// Sets aside a container id, its directory and its first host id.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn reserve(
        &self,
        preferred_block: u32,
    ) -> Result<(ContainerId, PathBuf, u32), LauncherError> {
        match self
            .ask(
                "reserve a container",
                &Request::Reserve { preferred_block },
                &[],
            )
            .await?
            .0
        {
            Response::Reserved {
                id,
                directory,
                first_host_id,
            } => Ok((id, directory, first_host_id)),
            _ => Err(LauncherError::Confused),
        }
    }

    /// Creates a container from a bundle: channel, output, snapshot and, where it has egress, the
    /// socket for that travel along.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn create(
        &self,
        id: &ContainerId,
        bundle: &crate::bundle::Bundle,
        rootfs: &Path,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Created, LauncherError> {
        let request = Request::Create {
            id: id.clone(),
            config: bundle.config.clone(),
            settings: bundle.settings.clone(),
            rootfs: rootfs.to_owned(),
            grants: bundle.grants.clone(),
        };
        self.created(&request, &descriptors).await
    }

    /// Creates the container of a program: its standard input, output and error travel along.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn create_program(
        &self,
        id: &ContainerId,
        config: &str,
        rootfs: &Path,
        streams: [OwnedFd; 3],
    ) -> Result<Created, LauncherError> {
        let request = Request::CreateProgram {
            id: id.clone(),
            config: config.to_owned(),
            rootfs: rootfs.to_owned(),
        };
        self.created(&request, &streams).await
    }

    async fn created(
        &self,
        request: &Request,
        descriptors: &[OwnedFd],
    ) -> Result<Created, LauncherError> {
        let (response, received) = self
            .ask("create the container", request, descriptors)
            .await?;
        let mut received = received.into_iter();
        match (response, received.next()) {
            (Response::Created { pid }, Some(pidfd)) => Ok(Created {
                pid,
                pidfd,
                listener: received.next(),
            }),
            _ => Err(LauncherError::Confused),
        }
    }

    /// Lets a created container run.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn start_container(&self, id: &ContainerId) -> Result<(), LauncherError> {
        self.act("start the container", Request::Start { id: id.clone() })
            .await
    }

    /// Holds a container to other limits: all of them, or those it had.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn update(
        &self,
        id: &ContainerId,
        limits: CgroupLimits,
    ) -> Result<(), LauncherError> {
        let id = id.clone();
        let request = Request::Update { id, limits };
        self.act("change the container's limits", request).await
    }

    /// Kills a container.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn kill(&self, id: &ContainerId) -> Result<(), LauncherError> {
        self.act("kill the container", Request::Kill { id: id.clone() })
            .await
    }

    /// Removes a container and everything of it.
    ///
    /// # Errors
    /// [`LauncherError`].
    pub async fn delete(&self, id: &ContainerId) -> Result<(), LauncherError> {
        let request = Request::Delete { id: id.clone() };
        let deleted = self.act("delete the container", request).await;
        lock(&self.waiting).exits.remove(id);
        deleted
    }

    /// How a container ends; to be asked for before it is created. The sender is dropped where
    /// the launcher goes away.
    pub fn watch(&self, id: &ContainerId) -> oneshot::Receiver<ExitStatus> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if !waiting.gone {
            waiting.exits.insert(id.clone(), sender);
        }
        receiver
    }

    async fn act(&self, verb: &'static str, request: Request) -> Result<(), LauncherError> {
        match self.ask(verb, &request, &[]).await?.0 {
            Response::Done => Ok(()),
            _ => Err(LauncherError::Confused),
        }
    }

    async fn ask(
        &self,
        verb: &'static str,
        request: &Request,
        descriptors: &[OwnedFd],
    ) -> Result<Answer, LauncherError> {
        let (sender, receiver) = oneshot::channel();
        {
            let _order = lock(&self.sending);
            {
                let mut waiting = lock(&self.waiting);
                if waiting.gone {
                    return Err(LauncherError::Gone);
                }
                waiting.answers.push_back(sender);
            }
            let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
            if let Err(error) = self.socket.send(request, &borrowed) {
                lock(&self.waiting).answers.pop_back();
                return Err(match error {
                    PacketError::Closed => LauncherError::Gone,
                    other => LauncherError::Send(other),
                });
            }
        }
        match receiver.await.map_err(|_| LauncherError::Gone)? {
            (Response::Failed { message }, _) => Err(LauncherError::Refused { verb, message }),
            answer => Ok(answer),
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // The launcher takes the end of the stream as its order to clean up and end.
        rustix::net::shutdown(self.socket.as_ref(), Shutdown::Both).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Hands answers and exits to those who wait, until the launcher is gone.
fn read(socket: &PacketSocket, waiting: &Mutex<Waiting>) {
    while let Ok(packet) = socket.receive::<FromLauncher>() {
        let mut waiting = lock(waiting);
        match packet.message {
            FromLauncher::Response(response) => {
                if let Some(sender) = waiting.answers.pop_front() {
                    // Nobody waits any more: descriptors are closed here.
                    drop(sender.send((response, packet.descriptors)));
                }
            }
            FromLauncher::Event(Event::Exited { id, status }) => {
                if let Some(sender) = waiting.exits.remove(&id) {
                    sender.send(status).ok();
                }
            }
        }
    }
    let mut waiting = lock(waiting);
    waiting.gone = true;
    waiting.answers.clear();
    waiting.exits.clear();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
