//! `lazaret dev`
//!
//! ```text
//!  look ──▶ launch ──▶ call ──▶ wait ──change, another look──▶ stop ──▶ launch …
//! ```
//!
//! Whether anything changed is told by what is in the files. The watcher only says when it is worth a look.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lazaret_policy::EffectivePolicy;
use lazaret_protocol::Payload;
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::ExitCode;
use super::calling::arguments_json;
use super::failure::Failure;
use super::given;
use super::outcome;
use super::policy::{PolicyArguments, warn_unenforced};
use super::run::{interrupted, print_event};
use crate::event::{Act, Reaction, escape};
use crate::host::Installation;
use crate::plugin::{Plugin, PluginConfig};
use crate::project::{Fingerprint, fingerprint};
use crate::supervisor::{CallFailure, Engine, LaunchError, LaunchOptions, PluginEvent, Running};

/// How many events may wait to be printed before further ones are dropped and counted.
const EVENT_QUEUE: usize = 1024;

/// Where what a plugin keeps is while it is written: below what `serve` and `run` keep, so that one
/// of the same name in production is let be.
const DEV_STATE: &str = "/var/lib/lazaret/dev";

/// How long files may go on changing before they are looked at: who saves one saves several.
const SETTLE: Duration = Duration::from_millis(150);

#[derive(Debug, Args)]
pub(super) struct DevArguments {
    /// The plugin: a directory with a `plugin.yaml` or a main module, or a module.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// A function to call after each start.
    #[arg(long, value_name = "FUNCTION")]
    call: Option<String>,
    /// What to call it with, as JSON: an array is the list of arguments, anything else the only argument.
    #[arg(long, value_name = "JSON", requires = "call")]
    args: Option<String>,
    /// What the plugin finds in `lazaret.config`: a file with a map in YAML or JSON.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where what the plugin keeps is, if its policy lets it keep anything. Another place than that of
    /// `run` and `serve`, where a plugin of the same name may be at work.
    #[arg(long, value_name = "DIR", default_value = DEV_STATE)]
    state: PathBuf,
}

/// A plugin as its files are now, or why there is none.
struct Look {
    fingerprint: Fingerprint,
    found: Result<Found, Failure>,
}

struct Found {
    plugin: Plugin,
    policy: EffectivePolicy,
    config: PluginConfig,
}

pub(super) fn run(arguments: DevArguments) -> Result<ExitCode, Failure> {
    let payload = arguments_json(arguments.args.as_deref())?;
    let engine = Engine::start(Installation::find()?)?.with_state(&arguments.state);
    let (changed, changes) = mpsc::channel(1);
    // It watches as long as it is there.
    let _watcher = watch_files(&arguments, changed)?;
    let runtime = super::runtime()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = go_on(&engine, Arc::new(arguments), &payload, changes) => ended,
            _ = interrupted() => Ok(()),
        }
    });
    // Dropped here, what still runs is killed and removed before the command returns.
    drop(runtime);
    drop(engine);
    ended.map(|()| ExitCode::Success)
}

/// Says when files of the plugin, or those it is run with, may have changed.
fn watch_files(
    arguments: &DevArguments,
    changed: mpsc::Sender<()>,
) -> Result<RecommendedWatcher, Failure> {
    let failed = |error: notify::Error| Failure::of(ExitCode::Host, &error);
    let on_event = move |event: notify::Result<Event>| {
        // Its own reading is told of as well. Of what is lost nobody knows what it was.
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let read = event.is_ok_and(|event| event.kind.is_access() && event.kind != written);
        if !read {
            // One that waits is as good as two; nobody is there any more at the end.
            changed.try_send(()).ok();
        }
    };
    // A link leads anywhere: into what is nobody's to watch, and what is as large as a disk.
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(on_event, config).map_err(failed)?;
    let directory = match arguments.plugin.is_dir() {
        true => arguments.plugin.as_path(),
        false => beside(&arguments.plugin),
    };
    let mode = match arguments.plugin.is_dir() {
        true => RecursiveMode::Recursive,
        false => RecursiveMode::NonRecursive,
    };
    watcher.watch(directory, mode).map_err(failed)?;
    // Directories: an editor puts another file in a file's place.
    for file in arguments.policy.files().chain(arguments.config.as_deref()) {
        watcher
            .watch(beside(file), RecursiveMode::NonRecursive)
            .map_err(failed)?;
    }
    Ok(watcher)
}

fn beside(file: &Path) -> &Path {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn look(arguments: &DevArguments) -> Look {
    let found = || {
        let plugin = Plugin::locate(&arguments.plugin)?;
        let policy = arguments.policy.of(&plugin)?.policy;
        let config = given::config(arguments.config.as_deref())?;
        let fingerprint = fingerprint(&plugin, &policy)?.with(&config.text());
        let found = Found {
            plugin,
            policy,
            config,
        };
        Ok((fingerprint, found))
    };
    match found() {
        Ok((fingerprint, found)) => Look {
            fingerprint,
            found: Ok(found),
        },
        Err(failure) => {
            let failure: Failure = failure;
            Look {
                fingerprint: Fingerprint::of_failure(&failure.text),
                found: Err(failure),
            }
        }
    }
}

/// Takes what comes within a moment of a change for the same one.
async fn settle(changes: &mut mpsc::Receiver<()>) {
    tokio::time::sleep(SETTLE).await;
    while changes.try_recv().is_ok() {}
}

/// Reading a whole plugin takes longer than the engine's clocks may wait.
async fn look_apart(arguments: &Arc<DevArguments>) -> Result<Look, Failure> {
    let arguments = Arc::clone(arguments);
    let look = tokio::task::spawn_blocking(move || look(&arguments)).await;
    look.map_err(|error| Failure::of(ExitCode::Internal, &error))
}

async fn go_on(
    engine: &Engine,
    arguments: Arc<DevArguments>,
    payload: &str,
    mut changes: mpsc::Receiver<()>,
) -> Result<(), Failure> {
    let mut now = look_apart(&arguments).await?;
    loop {
        let fingerprint = now.fingerprint;
        let (stop, stopped) = watch::channel(false);
        let mut life = Box::pin(live(engine, now.found, &arguments, payload, stopped));
        let next = async {
            loop {
                // The watcher is there as long as this.
                changes.recv().await;
                settle(&mut changes).await;
                let look = look_apart(&arguments).await?;
                if look.fingerprint != fingerprint {
                    return Ok::<Look, Failure>(look);
                }
            }
        };
        now = tokio::select! {
            next = next => next?,
            () = &mut life => return Ok(()),
        };
        stop.send_replace(true);
        life.await;
        tell("changed: starting again");
    }
}

/// One start of the plugin, until it is to stop.
async fn live(
    engine: &Engine,
    found: Result<Found, Failure>,
    arguments: &DevArguments,
    payload: &str,
    mut stopped: watch::Receiver<bool>,
) {
    let Found {
        plugin,
        policy,
        config,
    } = match found {
        Ok(found) => found,
        Err(failure) => {
            failure.report();
            return wait(&mut stopped).await;
        }
    };
    let unenforced = engine.unenforced(&policy);
    warn_unenforced(&unenforced);
    let (events, queue) = mpsc::channel(EVENT_QUEUE);
    let (of, told) = (plugin.clone(), policy.clone());
    // Printing waits for whoever reads; the engine's clocks must not.
    std::thread::spawn(move || print_events(&of, &told, queue));
    let options = LaunchOptions {
        events: Some(events),
        config,
        ..LaunchOptions::default()
    };
    let running = match engine.launch(&plugin, policy.clone(), options).await {
        Ok(running) => running,
        Err(error) => {
            match error {
                LaunchError::Ended { ended, .. } => {
                    if let Some(failure) = outcome::ended(plugin.name(), &ended.reason) {
                        failure.report();
                    }
                }
                error => {
                    Failure::from(error).report();
                }
            }
            tell("waiting for a change");
            return wait(&mut stopped).await;
        }
    };
    tell_ready(plugin.name(), running.functions());
    let called = async {
        let function = arguments.call.as_deref()?;
        let payload = Payload::Json(payload.to_owned());
        Some((function, running.call(function, payload).await))
    };
    let called = tokio::select! {
        called = called => called,
        () = wait(&mut stopped) => {
            running.stop().await;
            return;
        }
    };
    match called {
        Some((_, Ok(Payload::Json(text)))) => tell_result(&outcome::safe_json(&text)),
        Some((_, Ok(Payload::Bytes(bytes)))) => {
            tell(&format!("the result is {} bytes", bytes.len()))
        }
        // It is told below how it ended.
        Some((_, Err(CallFailure::Ended(_)))) | None => {}
        Some((function, Err(failure))) => {
            if let Some(failure) = outcome::of_call(&plugin, &policy, function, &failure) {
                failure.report();
            }
        }
    }
    until_over(plugin.name(), running, &mut stopped).await;
}

/// Waits for the end of a plugin, or has it stop.
async fn until_over(name: &str, running: Running, stopped: &mut watch::Receiver<bool>) {
    let end = running.until_ended();
    tokio::select! {
        () = wait(stopped) => drop(running.stop().await),
        _ = end => {
            let ended = running.ended().await;
            if let Some(failure) = outcome::ended(name, &ended.reason) {
                failure.report();
            }
            tell("waiting for a change");
            wait(stopped).await;
        }
    }
}

async fn wait(stopped: &mut watch::Receiver<bool>) {
    // Nobody is there to stop it any more: it is to stop.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn print_events(plugin: &Plugin, policy: &EffectivePolicy, mut queue: mpsc::Receiver<PluginEvent>) {
    while let Some(event) = queue.blocking_recv() {
        print_event(plugin.name(), &event);
        let PluginEvent::Violation { violation, .. } = &event else {
            continue;
        };
        if let Act::Permission { permission }
        | Act::Network {
            permission,
            reason: None,
        } = &violation.act
            && violation.reaction != Reaction::LetThrough
        {
            let failure = outcome::denied(plugin, policy, permission);
            let lines = failure.text.lines().skip(1).map(escape);
            tell_raw(&lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

fn tell_ready(plugin: &str, functions: &[String]) {
    let names: Vec<String> = functions.iter().map(|name| format!("`{name}`")).collect();
    let what = match names.is_empty() {
        true => "no functions".to_owned(),
        false => names.join(", "),
    };
    tell(&format!("{plugin}: ready with {what}"));
}

fn tell(text: &str) {
    tell_raw(&escape(text));
}

fn tell_raw(text: &str) {
    // Nobody is left to tell where standard error is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn tell_result(text: &str) {
    // Nobody is left to tell where standard output is closed.
    drop(writeln!(std::io::stdout(), "{text}"));
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        dev: DevArguments,
    }

    fn parsed(arguments: &[&str]) -> DevArguments {
        let line = ["dev"].iter().chain(arguments);
        Line::try_parse_from(line).unwrap().dev
    }

    #[test]
    fn what_a_plugin_keeps_while_it_is_written_is_not_where_it_is_kept_in_production() {
        assert_ne!(
            parsed(&[]).state,
            PathBuf::from(crate::store::DEFAULT_STATE)
        );
    }

    #[tokio::test]
    async fn where_a_link_leads_is_not_watched() {
        let (plugin, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), plugin.path().join("link")).unwrap();
        let arguments = parsed(&[plugin.path().to_str().unwrap()]);
        let (changed, mut changes) = mpsc::channel(1);
        let _watcher = watch_files(&arguments, changed).unwrap();
        fs_err::write(outside.path().join("file"), "text").unwrap();
        let told = tokio::time::timeout(Duration::from_millis(300), changes.recv()).await;
        assert!(told.is_err(), "it watches what a link leads to");
        fs_err::write(plugin.path().join("file"), "text").unwrap();
        let told = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await;
        assert_eq!(told.unwrap(), Some(()));
    }

    #[tokio::test]
    async fn changes_that_come_together_are_one() {
        let (changed, mut changes) = mpsc::channel(1);
        changed.send(()).await.unwrap();
        changes.recv().await.unwrap();
        changed.send(()).await.unwrap();
        settle(&mut changes).await;
        assert!(changes.try_recv().is_err());
    }
}
