//! The JavaScript thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use lazaret_protocol::ShimMessage;

use crate::exit;
use crate::listener::Listener;
use crate::runtime::{Config, Runtime, Sink, StartError, prepare};
use crate::serve::{Finish, Server};
use crate::warden::{Backlog, Guard, Intake, Over};

/// Room for JavaScript's own stack, which the engine holds to 1 MiB, and the native code that it
/// calls at its deepest point.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Why the thread did not come up.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// The system gives no thread, timer or clock.
    #[error("failed to start the JavaScript thread")]
    System(#[from] std::io::Error),
    /// The engine does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The thread ended before it said anything.
    #[error("the JavaScript thread ended while it started")]
    Lost,
}

/// What the thread works on.
pub struct Job {
    /// How the runtime is made.
    pub config: Config,
    /// The second filter will refuse executable memory.
    pub deny_executable_memory: bool,
    /// The entry module, below `/plugin`.
    pub entry: String,
    /// Holds it to its limits.
    pub guard: Arc<Guard>,
    /// Calls to answer.
    pub backlog: Arc<Backlog>,
    /// Where they come from, if the thread is to listen for them.
    pub intake: Option<Arc<Intake>>,
    /// Told the exit code when the plugin is over.
    pub end: Box<dyn FnOnce(i32) + Send>,
}

/// A thread with a runtime that has read no plugin code yet.
pub struct Waiting {
    go: SyncSender<()>,
}

impl Waiting {
    /// Lets it load the plugin.
    pub fn go(self) {
        // If the thread is gone, it has said so by `Job::end`.
        let _ = self.go.send(());
    }
}

/// Starts the thread and waits until its runtime is up.
///
/// # Errors
///
/// [`ThreadError`].
pub fn start(job: Job) -> Result<Waiting, ThreadError> {
    prepare(job.deny_executable_memory)?;
    let (started, up) = std::sync::mpsc::sync_channel(1);
    let (go, wait) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("javascript".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || run(job, &started, &wait))?;
    up.recv().map_err(|_| ThreadError::Lost)??;
    Ok(Waiting { go })
}

fn run(job: Job, started: &SyncSender<Result<(), ThreadError>>, go: &Receiver<()>) {
    // Told even when the thread panics: then the process must end as well.
    let end = End(Some(job.end));
    let sink = job.config.sink.clone();
    // The second filter leaves no way to make any of this: it is all there before.
    let reactor = match tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .build()
    {
        Ok(reactor) => reactor,
        Err(error) => return drop(started.send(Err(error.into()))),
    };
    reactor.block_on(async {
        let up = bring_up(job.config, &job.guard, job.intake);
        let (runtime, listener) = match up {
            Ok(up) => up,
            Err(error) => return drop(started.send(Err(error))),
        };
        if started.send(Ok(())).is_err() || go.recv().is_err() {
            return;
        }
        let mut server = Server::new(runtime, job.guard, job.backlog, listener, sink.clone());
        let code = load_and_serve(&mut server, &job.entry, &*sink).await;
        // Before the runtime goes: nobody need wait until a large heap is taken down.
        end.tell(code);
    });
}

/// A runtime that can be interrupted, and the thread's ear.
fn bring_up(
    config: Config,
    guard: &Guard,
    intake: Option<Arc<Intake>>,
) -> Result<(Runtime, Option<Listener>), ThreadError> {
    let mut runtime = Runtime::new(config)?;
    guard.attach(Box::new(runtime.handle()))?;
    let listener = intake.map(Listener::new).transpose()?;
    Ok((runtime, listener))
}

async fn load_and_serve(server: &mut Server, entry: &str, sink: &dyn Sink) -> i32 {
    let finish = match server.load(entry).await {
        Ok(functions) => {
            sink.send(ShimMessage::Ready { functions });
            server.serve().await
        }
        Err(error) => Finish::Crash(error),
    };
    match finish {
        Finish::Crash(error) => {
            sink.send(ShimMessage::Crash { error });
            exit::PLUGIN
        }
        Finish::Over(Over(code)) => code,
    }
}

struct End(Option<Box<dyn FnOnce(i32) + Send>>);

impl End {
    fn tell(mut self, code: i32) {
        if let Some(end) = self.0.take() {
            end(code);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end(exit::SYSTEM);
        }
    }
}
