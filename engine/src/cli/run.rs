//! `lazaret run`

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lazaret_policy::EffectivePolicy;
use lazaret_protocol::{LogLevel, Payload};
use tokio::sync::{mpsc, oneshot};

use super::ExitCode;
use super::calling::{CallOptions, write_bytes};
use super::failure::Failure;
use super::given;
use super::outcome::{self, Outcome, describe};
use super::policy::{PolicyArguments, warn_unenforced};
use crate::event::{Reaction, escape};
use crate::host::Installation;
use crate::plugin::{Plugin, PluginConfig};
use crate::store::DEFAULT_STATE;
use crate::supervisor::{CallFailure, Engine, LaunchError, LaunchOptions, PluginEvent, Running};

/// How many events may wait to be printed before further ones are dropped and counted.
const EVENT_QUEUE: usize = 1024;

/// How long the last lines of a plugin may take to be read.
const LAST_LINES: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    pub(super) plugin: PathBuf,
    #[command(flatten)]
    pub(super) policy: PolicyArguments,
    /// The exported function to call; without it the plugin is only loaded.
    #[arg(long, value_name = "FUNCTION")]
    pub(super) call: Option<String>,
    #[command(flatten)]
    how: CallOptions,
    /// What the plugin finds in `lazaret.config`: a file with a map in YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where what the plugin keeps is, if its policy lets it keep anything.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    pub(super) state: PathBuf,
    /// Print one JSON object that tells result or error, how the plugin ended, and its figures.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    match run_plugin(arguments) {
        // Who asks for JSON gets JSON, whatever went wrong.
        Err(failure) if arguments.json => {
            let name = arguments.plugin.to_string_lossy();
            let text = outcome::to_json(&name, None, Some(&failure))
                .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
            writeln!(std::io::stdout(), "{text}").map_err(write_failed)?;
            Ok(failure.code)
        }
        other => other,
    }
}

fn run_plugin(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    if let (None, Some(option)) = (&arguments.call, arguments.how.given()) {
        let text = format!("`{option}` is for a call\n  hint: name the function with `--call`");
        return Err(Failure::new(ExitCode::Usage, text));
    }
    let payload = arguments.how.payload()?;
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    chosen.warn();
    let policy = chosen.policy;
    let config = given::config(arguments.config.as_deref())?;
    let engine = Engine::start(Installation::find()?)?.with_state(&arguments.state);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let text = format!("failed to start the runtime: {error}");
            Failure::new(ExitCode::Internal, text)
        })?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = execute(&engine, &plugin, (policy.clone(), config), arguments, payload) => outcome,
            signal = interrupted() => Err(signal),
        }
    });
    // Dropped here, what still runs is killed and removed before the command returns. What nobody
    // reads is not waited for.
    runtime.shutdown_background();
    drop(engine);
    finish(&plugin, &policy, arguments, &outcome?)
}

async fn execute(
    engine: &Engine,
    plugin: &Plugin,
    (policy, config): (EffectivePolicy, PluginConfig),
    arguments: &RunArguments,
    payload: Payload,
) -> Result<Outcome, Failure> {
    let unenforced = engine.unenforced(&policy);
    warn_unenforced(&unenforced);
    let (events, queue) = mpsc::channel(EVENT_QUEUE);
    let (printed, all_printed) = oneshot::channel::<()>();
    let name = plugin.name().to_owned();
    // Printing waits for whoever reads; the engine's clocks must not.
    std::thread::spawn(move || print_events(&name, queue, printed));
    let options = LaunchOptions {
        events: Some(events),
        config,
        ..LaunchOptions::default()
    };
    let outcome = match engine.launch(plugin, policy, options).await {
        Err(LaunchError::Ended { ended, .. }) => Outcome {
            result: None,
            unprinted: None,
            functions: Vec::new(),
            unenforced,
            ended: *ended,
        },
        Err(error) => return Err(error.into()),
        Ok(running) => {
            let functions = running.functions().to_vec();
            let mut unprinted = None;
            let result = match &arguments.call {
                Some(function) if arguments.how.stream => {
                    match stream(&running, plugin, function, payload, arguments).await {
                        Ok(streamed) => streamed.err().map(Err),
                        // The plugin is stopped all the same, and its end is told as well.
                        Err(failure) => {
                            unprinted = Some(failure);
                            None
                        }
                    }
                }
                Some(function) => {
                    let time = arguments.how.time();
                    Some(running.call_within(function, payload, time).await)
                }
                None => None,
            };
            let ended = match &result {
                // It has ended already, or is about to for a reason worth more than the stop.
                Some(Err(CallFailure::Ended(_))) => running.ended().await,
                _ => running.stop().await,
            };
            Outcome {
                result,
                unprinted,
                functions,
                unenforced,
                ended,
            }
        }
    };
    // The thread ends with the plugin's task, which holds the other end of the queue. Who does
    // not read what it prints does not hold up the result for ever.
    drop(tokio::time::timeout(LAST_LINES, all_printed).await);
    Ok(outcome)
}

/// Prints items as they come. Nothing is read ahead of what is printed.
async fn stream(
    running: &Running,
    plugin: &Plugin,
    function: &str,
    payload: Payload,
    arguments: &RunArguments,
) -> Result<Result<(), CallFailure>, Failure> {
    let how = &arguments.how;
    let called = running.call_stream(function, payload, how.time()).await;
    let mut items = match called {
        Ok(items) => items,
        Err(failure) => return Ok(Err(failure)),
    };
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => how.print(plugin.name(), item, arguments.json).await?,
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(()))
}

fn print_events(
    plugin: &str,
    mut queue: mpsc::Receiver<PluginEvent>,
    printed: oneshot::Sender<()>,
) {
    while let Some(event) = queue.blocking_recv() {
        print_event(plugin, &event);
    }
    drop(printed);
}

pub(super) fn print_event(plugin: &str, event: &PluginEvent) {
    let mut output = std::io::stderr().lock();
    let written = match event {
        PluginEvent::Log {
            level,
            text,
            fields,
            dropped,
            ..
        } => {
            let noted = if *dropped == 0 {
                Ok(())
            } else {
                writeln!(
                    output,
                    "[{plugin}] ({dropped} lines dropped: more than `resources.output.log` allows)"
                )
            };
            let level = match level {
                LogLevel::Debug => "debug: ",
                LogLevel::Info => "",
                LogLevel::Warn => "warning: ",
                LogLevel::Error => "error: ",
            };
            let fields = fields.as_ref().map(|fields| format!(" {}", escape(fields)));
            let fields = fields.unwrap_or_default();
            let text = escape(text);
            noted.and_then(|()| writeln!(output, "[{plugin}] {level}{text}{fields}"))
        }
        PluginEvent::Violation { violation, dropped } => {
            let noted = if *dropped == 0 {
                Ok(())
            } else {
                writeln!(output, "[{plugin}] ({dropped} violations not shown)")
            };
            // What the kernel held to a limit without further ado is in the JSON report.
            let shown = !violation.act.is_limit_event() || violation.reaction != Reaction::Log;
            let line = escape(&violation.to_string());
            noted.and_then(|()| match shown {
                true => writeln!(output, "[{plugin}] violation: {line}"),
                false => Ok(()),
            })
        }
        PluginEvent::Unread {
            function,
            patience_ms,
        } => {
            let function = escape(function);
            writeln!(
                output,
                "[{plugin}] call `{function}` was given up: nobody read its items for {patience_ms}ms\n  hint: send them to a file, or read on within that time"
            )
        }
    };
    // Nobody is left to tell where standard error is closed.
    drop(written);
}

/// Waits for a signal that ends the command.
pub(super) async fn interrupted() -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    let name = match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => "interrupted",
            _ = terminate.recv() => "terminated",
        },
        _ => std::future::pending().await,
    };
    Failure::new(ExitCode::Interrupted, name)
}

fn write_failed(error: std::io::Error) -> Failure {
    let text = format!("failed to write to standard output: {error}");
    Failure::new(ExitCode::Output, text)
}

fn finish(
    plugin: &Plugin,
    policy: &EffectivePolicy,
    arguments: &RunArguments,
    outcome: &Outcome,
) -> Result<ExitCode, Failure> {
    let failure = describe(plugin, policy, arguments.call.as_deref(), outcome);
    if let Some(cleanup) = &outcome.ended.cleanup {
        let text = escape(cleanup);
        // Nobody is left to tell where standard error is closed.
        drop(writeln!(
            std::io::stderr(),
            "warning: something of the plugin may be left on the host: {text}"
        ));
    }
    let mut output = std::io::stdout().lock();
    if arguments.json {
        let text = outcome::to_json(plugin.name(), Some(outcome), failure.as_ref())
            .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
        writeln!(output, "{text}").map_err(write_failed)?;
        return Ok(failure.map_or(ExitCode::Success, |failure| failure.code));
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    match &outcome.result {
        Some(Ok(Payload::Json(text))) => writeln!(output, "{}", outcome::safe_json(text)),
        Some(Ok(Payload::Bytes(bytes))) => return write_bytes(bytes).map(|()| ExitCode::Success),
        Some(Err(_)) | None => Ok(()),
    }
    .and_then(|()| output.flush())
    .map_err(write_failed)?;
    Ok(ExitCode::Success)
}
