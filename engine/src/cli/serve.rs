//! `lazaret serve`

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use lazaret_policy::CutBy;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::ExitCode;
use super::failure::Failure;
use super::given::{Given, GivenFile};
use super::policy::warn_unenforced;
use super::run::print_event;
use crate::api::{ControlSocket, DEFAULT_SOCKET, Refusal, SocketError, serve};
use crate::event::escape;
use crate::host::Installation;
use crate::plugin::Plugin;
use crate::service::{Entry, Service, ServiceError, Started};
use crate::store::{DEFAULT_STATE, RevisionOrigin, Store};
use crate::supervisor::{Engine, PluginEvent};

/// How many events may wait to be printed before further ones are dropped.
const EVENT_QUEUE: usize = 4096;

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The plugins: `.js` files, or directories with a `main.js`.
    #[arg(required = true, value_name = "PLUGIN")]
    plugins: Vec<PathBuf>,
    /// A directory with a policy for each plugin, as `NAME.yaml`; otherwise each has its own.
    #[arg(long, value_name = "DIR")]
    policy_dir: Option<PathBuf>,
    /// A policy that no plugin's goes beyond. `/etc/lazaret/floor.yaml` holds as well, where it is there.
    #[arg(long, value_name = "FILE")]
    floor: Option<PathBuf>,
    /// Where to listen for `lazaret list`, `call`, `stop` and `policy apply`.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// What a plugin finds in `lazaret.config`: a file with a map in YAML or JSON. May be given for each.
    #[arg(long, value_name = "PLUGIN=FILE")]
    config: Vec<GivenFile>,
    /// Where the policies that were applied are kept, and what plugins keep.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    state: PathBuf,
}

pub(super) fn run(arguments: &ServeArguments) -> Result<ExitCode, Failure> {
    let entries = entries(arguments)?;
    let engine = Engine::start(Installation::find()?)?.with_state(&arguments.state);
    let store = Store::open(&arguments.state)?;
    let (events, queue) = mpsc::channel(EVENT_QUEUE);
    // Printing waits for whoever reads; the engine's clocks must not.
    std::thread::spawn(move || print_events(queue));
    let service = Service::new(engine, store, arguments.floor.clone(), events);
    let runtime = super::runtime()?;
    let served = runtime.block_on(keep_and_serve(arguments, service, entries));
    // What still runs is killed and removed before the command returns.
    drop(runtime);
    served?;
    Ok(ExitCode::Success)
}

/// Every plugin with its policy file; no name twice.
fn entries(arguments: &ServeArguments) -> Result<Vec<Entry>, Failure> {
    let mut names = BTreeSet::new();
    let mut entries = Vec::new();
    let mut given = Given::read(&arguments.config)?;
    for path in &arguments.plugins {
        let plugin = Plugin::locate(path)?;
        if !names.insert(plugin.name().to_owned()) {
            return Err(ServiceError::Twice(plugin.name().to_owned()).into());
        }
        let policy = match &arguments.policy_dir {
            None => plugin.policy_file(),
            Some(directory) => Some(policy_in(directory, plugin.name())?),
        };
        let config = given.take(plugin.name());
        entries.push(Entry {
            plugin,
            policy,
            config,
        });
    }
    given.done()?;
    Ok(entries)
}

/// A plugin without a policy there is a mistake, not a plugin at level `standard`.
fn policy_in(directory: &Path, plugin: &str) -> Result<PathBuf, Failure> {
    let path = directory.join(format!("{plugin}.yaml"));
    let path = std::path::absolute(&path).unwrap_or(path);
    if path.is_file() {
        return Ok(path);
    }
    let text = format!(
        "plugin `{plugin}` has no policy: no file `{}`\n  hint: with `--policy-dir` every plugin needs one",
        path.display()
    );
    Err(Failure::new(ExitCode::Policy, text))
}

async fn keep_and_serve(
    arguments: &ServeArguments,
    mut service: Service,
    entries: Vec<Entry>,
) -> Result<(), Failure> {
    let failed = |error| {
        let text = format!("failed to wait for signals: {error}");
        Failure::new(ExitCode::Internal, text)
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut over = Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    });
    let socket = ControlSocket::bind(&arguments.socket)?;
    if socket.replaced() {
        tell("the socket of an engine that was killed is replaced");
    }
    service.expect(&entries);
    for entry in entries {
        let started = tokio::select! {
            started = service.keep(entry) => started?,
            () = &mut over => return Ok(()),
        };
        tell_started(&started);
    }
    let count = service.list().len();
    let service = Arc::new(service);
    tell(&format!(
        "{count} plugins run; serving at `{}`",
        socket.path().display()
    ));
    serve(&socket, Arc::clone(&service), over).await;
    tell("stopping");
    service.stop_all().await;
    Ok(())
}

fn tell_started(started: &Started) {
    let name = &started.plugin;
    let policy = match (started.origin, started.revision) {
        (None, _) | (_, None) => "level `standard` with nothing granted".to_owned(),
        (Some(RevisionOrigin::File), Some(number)) => {
            format!("its policy file, revision {number}")
        }
        (Some(_), Some(number)) => format!(
            "revision {number}, which was applied last; its policy file was not changed since"
        ),
    };
    tell(&format!("{name}: runs under {policy}"));
    if let Some(before) = started.file_changed_since {
        tell(&format!(
            "{name}: its policy file was changed since revision {before}, which holds no more"
        ));
    }
    for cut in started.cuts.iter().filter(|cut| cut.layer == CutBy::Floor) {
        tell(&format!("{name}: warning: {cut}"));
    }
    warn_unenforced(&started.unenforced);
}

fn tell(text: &str) {
    // Nobody is left to tell where standard error is closed.
    drop(writeln!(std::io::stderr(), "{}", escape(text)));
}

fn print_events(mut queue: mpsc::Receiver<(Arc<str>, PluginEvent)>) {
    while let Some((plugin, event)) = queue.blocking_recv() {
        print_event(&plugin, &event);
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let refusal = Refusal::from(error);
        Self::new(refusal.kind.into(), refusal.message)
    }
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        Self::of(ExitCode::Server, &error)
    }
}
