//! The task that owns a plugin: it alone reads the channel, the listener and the exit, and it
//! alone decides.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_launcher_wire::{ContainerId, ExitStatus};
use lazaret_policy::{EffectivePolicy, SecurityLevel};
use lazaret_protocol::{
    CallLimits, EngineMessage, LogLevel, PROTOCOL_VERSION, Payload, ShimMessage,
};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

use super::calls::{CallFailure, Calls};
use super::log_limit::LogLimit;
use super::outbox::Outbox;
use super::running::{Command, Ended, PluginEvent};
use crate::channel::{ChannelError, Receiver};
use crate::container::{Asked, Cgroup, Launcher, Listener, check_process};
use crate::event::{EndReason, Evidence, Verdict, Violation};

/// The most violations kept.
pub(crate) const MAX_VIOLATIONS: usize = 100;

/// The most bytes of standard error kept.
const MAX_OUTPUT_BYTES: usize = 8 * 1024;

/// More than a pipe holds (pipe(7)).
const MAX_PIPE_BYTES: u64 = 1024 * 1024;

/// How often the CPU time of calls under way is looked at.
pub(super) const CPU_TICK: Duration = Duration::from_millis(200);

/// How long a shim may take to exit once it was asked to or its channel is closed.
const EXIT_GRACE: Duration = Duration::from_secs(2);

/// A container that was started, with everything to watch it by.
pub(super) struct Task {
    pub(super) launcher: Arc<Launcher>,
    pub(super) id: ContainerId,
    pub(super) pid: u32,
    pub(super) first_host_id: u32,
    pub(super) cgroup: Cgroup,
    pub(super) policy: EffectivePolicy,
    pub(super) receiver: Receiver,
    pub(super) pidfd: OwnedFd,
    pub(super) outbox: Outbox,
    pub(super) listener: Option<Listener>,
    pub(super) exit: oneshot::Receiver<ExitStatus>,
    pub(super) output: std::io::PipeReader,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: Option<mpsc::Sender<PluginEvent>>,
    pub(super) ready: Option<oneshot::Sender<Vec<String>>>,
    pub(super) end: watch::Sender<Option<EndReason>>,
    /// Not put off by whatever else comes in.
    pub(super) ticks: tokio::time::Interval,
}

/// How far the plugin has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Verifying,
    Ready,
}

struct State {
    phase: Phase,
    calls: Calls,
    evidence: Evidence,
    log: LogLimit,
    violations: Vec<Violation>,
    violation_count: u64,
    /// Lines that whoever listens had no room for.
    unheard: u64,
    channel_open: bool,
    /// The next moment something must have happened: readiness, or an exit.
    deadline: Option<(Instant, EndReason)>,
    accepts_commands: bool,
}

/// What woke the task.
enum Wake {
    Message(Result<ShimMessage, ChannelError>),
    Command(Option<Command>),
    Exit(Option<ExitStatus>),
    Syscall(std::io::Result<Asked>),
    Deadline,
    Tick,
}

impl Task {
    /// Runs until the plugin has ended and nothing of it is left.
    pub(super) async fn run(mut self) -> Ended {
        let now = Instant::now();
        let startup = self.policy.resources().time.startup.value;
        let mut state = State {
            phase: Phase::Starting,
            calls: Calls::default(),
            evidence: Evidence {
                memory_limit: self.policy.resources().memory.max.value.bytes(),
                ..Evidence::default()
            },
            log: LogLimit::new(self.policy.resources().output.log.value.bytes(), now),
            violations: Vec::new(),
            violation_count: 0,
            unheard: 0,
            channel_open: true,
            deadline: Some((
                now + startup.duration(),
                EndReason::StartupTimeout {
                    limit_ms: startup.millis(),
                },
            )),
            accepts_commands: true,
        };
        while state.evidence.exit.is_none() || state.channel_open {
            match self.wait(&mut state).await {
                Wake::Message(Ok(message)) => self.on_message(&mut state, message).await,
                Wake::Message(Err(error)) => self.on_channel_end(&mut state, error).await,
                Wake::Command(Some(command)) => self.on_command(&mut state, command),
                // Everybody who held the plugin let go of it.
                Wake::Command(None) => {
                    state.accepts_commands = false;
                    self.stop(&mut state);
                }
                Wake::Exit(Some(status)) => {
                    state.evidence.exit = Some(status);
                    // What it sent before it ended is still to be read; nobody writes any more.
                    state.deadline = Some((Instant::now() + EXIT_GRACE, lost()));
                }
                Wake::Exit(None) => {
                    let what = "the launcher went away".to_owned();
                    self.kill(&mut state, EndReason::Engine { what }).await;
                    break;
                }
                Wake::Syscall(Ok(asked)) => self.on_syscall(&mut state, asked).await,
                Wake::Syscall(Err(_)) => self.listener = None,
                Wake::Deadline => {
                    if state.evidence.exit.is_some() {
                        break;
                    }
                    if let Some((_, reason)) = state.deadline.take() {
                        self.kill(&mut state, reason).await;
                    }
                }
                Wake::Tick => {
                    for id in state.calls.given_up() {
                        self.outbox.push(&EngineMessage::Cancel { id }).ok();
                    }
                    let overdue = match self.cgroup.cpu_us() {
                        Ok(cpu) => state.calls.overdue(Instant::now(), cpu),
                        // A limit that cannot be watched is not held.
                        Err(error) => Some(EndReason::Engine {
                            what: format!("its CPU time cannot be read: {error}"),
                        }),
                    };
                    if let Some(reason) = overdue {
                        self.kill(&mut state, reason).await;
                    }
                }
            }
        }
        self.finish(state).await
    }

    async fn wait(&mut self, state: &mut State) -> Wake {
        let Self {
            receiver,
            commands,
            exit,
            listener,
            ticks,
            ..
        } = self;
        let deadline = state.deadline.as_ref().map(|(at, _)| *at);
        let overdue = state.calls.next_deadline();
        let exited = state.evidence.exit.is_some();
        tokio::select! {
            message = receiver.next(), if state.channel_open => Wake::Message(message),
            command = commands.recv(), if state.accepts_commands && !exited => Wake::Command(command),
            status = exit, if !exited => Wake::Exit(status.ok()),
            call = async {
                match listener {
                    Some(listener) => listener.next().await,
                    None => std::future::pending().await,
                }
            }, if !exited => Wake::Syscall(call),
            () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => Wake::Deadline,
            () = sleep_until(overdue.unwrap_or_else(Instant::now).into()), if overdue.is_some() => Wake::Tick,
            _ = ticks.tick(), if !state.calls.is_empty() && !exited => Wake::Tick,
        }
    }

    async fn on_message(&mut self, state: &mut State, message: ShimMessage) {
        let what = name_of(&message);
        match (state.phase, message) {
            (Phase::Starting, ShimMessage::Hello { version, .. }) => {
                if version != PROTOCOL_VERSION {
                    let what = ChannelError::Version { found: version }.to_string();
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                match check_process(self.pid, self.first_host_id) {
                    Ok(differences) if differences.is_empty() => {
                        state.phase = Phase::Verifying;
                        self.say(&EngineMessage::Hello {
                            version: PROTOCOL_VERSION,
                        });
                    }
                    Ok(differences) => {
                        let differences = differences
                            .iter()
                            .map(|difference| crate::event::ReadBackDifference {
                                what: difference.what.to_owned(),
                                expected: difference.expected.clone(),
                                found: difference.found.clone(),
                            })
                            .collect();
                        self.kill(state, EndReason::ReadBack { differences }).await;
                    }
                    // It ended meanwhile; its exit says why.
                    Err(_) => {}
                }
            }
            (Phase::Verifying, ShimMessage::Ready { functions })
                if state.evidence.refused.is_none() =>
            {
                state.phase = Phase::Ready;
                // A stop that is under way keeps its deadline.
                if state.evidence.verdict.is_none() {
                    state.deadline = None;
                }
                if let Some(ready) = self.ready.take() {
                    // Nobody waits any more: the closed command channel stops the plugin.
                    drop(ready.send(functions));
                }
            }
            (Phase::Verifying, ShimMessage::Refused { differences }) => {
                state.evidence.refused.get_or_insert(differences);
            }
            (Phase::Verifying | Phase::Ready, ShimMessage::Crash { error }) => {
                state.evidence.crash.get_or_insert(error);
            }
            (
                Phase::Verifying | Phase::Ready,
                ShimMessage::Log {
                    level,
                    text,
                    dropped,
                },
            ) => self.on_log(state, level, text, dropped),
            (Phase::Verifying | Phase::Ready, ShimMessage::Violation { permission, .. }) => {
                self.record(state, Violation::Permission { permission });
            }
            (Phase::Verifying | Phase::Ready, ShimMessage::Metrics(figures)) => {
                state.evidence.heap = Some(figures.heap_used);
            }
            (Phase::Ready, ShimMessage::Reply { id, result }) => {
                let limit = self.policy.resources().output.result.value.bytes();
                let bytes = result.as_ref().map_or(0, payload_bytes);
                if bytes > limit {
                    let what = format!("a result of {bytes} bytes, with a limit of {limit}");
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                if !state.calls.answer(id, result.map_err(CallFailure::Call)) {
                    let what = format!("a reply to call {}, which is not under way", id.0);
                    self.kill(state, EndReason::Protocol { what }).await;
                }
            }
            (phase, _) => {
                let when = match phase {
                    Phase::Starting => "before the hello",
                    Phase::Verifying => "before the plugin was ready",
                    Phase::Ready => "after the plugin was ready",
                };
                let what = ChannelError::OutOfTurn {
                    message: what,
                    when,
                }
                .to_string();
                self.kill(state, EndReason::Protocol { what }).await;
            }
        }
    }

    async fn on_channel_end(&mut self, state: &mut State, error: ChannelError) {
        state.channel_open = false;
        match error {
            ChannelError::Closed | ChannelError::Socket(_) => {
                if state.evidence.exit.is_none() {
                    state.deadline = Some((Instant::now() + EXIT_GRACE, lost()));
                }
            }
            other => {
                self.kill(
                    state,
                    EndReason::Protocol {
                        what: other.to_string(),
                    },
                )
                .await
            }
        }
    }

    fn on_command(&mut self, state: &mut State, command: Command) {
        match command {
            Command::Call {
                function,
                arguments,
                reply,
            } => {
                let time = &self.policy.resources().time;
                let limits = CallLimits {
                    wall_ms: time.call.value.millis(),
                    cpu_ms: time.cpu_per_call.value.millis(),
                };
                let cpu = self.cgroup.cpu_us().ok();
                if let Some(id) = state.calls.begin(reply, limits, Instant::now(), cpu) {
                    let call = EngineMessage::Call {
                        id,
                        function,
                        arguments,
                        limits,
                    };
                    if let Err(failure) = self.outbox.push(&call) {
                        state.calls.answer(id, Err(failure));
                    }
                }
            }
            Command::Stop => self.stop(state),
        }
    }

    async fn on_syscall(&mut self, state: &mut State, asked: Asked) {
        let reason = EndReason::forbidden(&asked.call);
        self.record(state, Violation::Syscall(asked.call.clone()));
        // At the loosest level a refusal is enough. Elsewhere such a call means that somebody
        // else's code runs in the shim's process: it is ended before it gets an answer.
        if self.policy.level().value != SecurityLevel::Minimal {
            self.kill(state, reason).await;
        } else if let Some(listener) = &self.listener
            && listener.refuse(&asked).is_err()
        {
            self.listener = None;
        }
    }

    fn stop(&mut self, state: &mut State) {
        if state.evidence.verdict.is_none() {
            state.evidence.verdict = Some(Verdict::Stop);
            self.say(&EngineMessage::Shutdown);
            state.deadline = Some((Instant::now() + EXIT_GRACE, EndReason::Stopped));
        }
    }

    async fn kill(&mut self, state: &mut State, reason: EndReason) {
        match &state.evidence.verdict {
            Some(Verdict::Kill(_)) => {}
            None | Some(Verdict::Stop) => state.evidence.verdict = Some(Verdict::Kill(reason)),
        }
        state.deadline = None;
        if self.launcher.kill(&self.id).await.is_err() {
            // Without the launcher there is still the process itself, by the descriptor that
            // names it and no other.
            pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
        }
    }

    fn on_log(&mut self, state: &mut State, level: LogLevel, mut text: String, dropped: u64) {
        let longest = self.policy.resources().output.line.value.bytes();
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        text.truncate(text.floor_char_boundary(longest));
        // Whoever listens may keep it for long; what was cut off is not kept with it.
        text.shrink_to_fit();
        let dropped = dropped.saturating_add(std::mem::take(&mut state.unheard));
        if let Some(dropped) = state.log.admit(text.len(), dropped, Instant::now()) {
            let line = PluginEvent::Log {
                level,
                text,
                dropped,
            };
            if !self.tell(line) {
                state.unheard = dropped.saturating_add(1);
            }
        }
    }

    fn record(&mut self, state: &mut State, violation: Violation) {
        state.violation_count = state.violation_count.saturating_add(1);
        if state.violations.len() < MAX_VIOLATIONS {
            state.violations.push(violation.clone());
            // It is kept; whoever listens and has no room for it finds it at the end.
            self.tell(PluginEvent::Violation(violation));
        }
    }

    /// Tells whoever listens; false where there was no room. Never waits: the clocks go on
    /// whether anybody reads or not.
    fn tell(&self, event: PluginEvent) -> bool {
        match &self.events {
            Some(events) => !matches!(events.try_send(event), Err(TrySendError::Full(_))),
            None => true,
        }
    }

    /// Sends one of the few messages that always fit. Where the channel is gone, that is seen by
    /// reading from it.
    fn say(&self, message: &EngineMessage) {
        self.outbox.push(message).ok();
    }

    async fn finish(mut self, mut state: State) -> Ended {
        let usage = self.cgroup.usage().ok();
        state.evidence.oom_kills = usage.map_or(0, |usage| usage.oom_kills);
        state.evidence.memory_peak = usage.and_then(|usage| usage.memory_peak);
        let cleanup = match self.launcher.delete(&self.id).await {
            Ok(()) => None,
            Err(error) => {
                // Done here as far as it can be.
                self.cgroup.remove();
                Some(error.to_string())
            }
        };
        state.evidence.output = read_output(&mut self.output);
        let reason = EndReason::from_evidence(&state.evidence);
        self.end.send_replace(Some(reason.clone()));
        state.calls.end(&reason);
        Ended {
            reason,
            violations: state.violations,
            violation_count: state.violation_count,
            cpu_us: usage.map(|usage| usage.cpu_us),
            memory_peak_bytes: usage.and_then(|usage| usage.memory_peak),
            cleanup,
        }
    }
}

fn lost() -> EndReason {
    EndReason::ShimLost {
        status: "it closed its channel and went on".to_owned(),
        output: String::new(),
    }
}

/// The end of what the container wrote to standard error; nobody holds the other end any more.
fn read_output(output: &mut std::io::PipeReader) -> String {
    let mut bytes = Vec::new();
    // Set not to block, and no more than a pipe holds: a broken one just has less to say.
    drop(output.take(MAX_PIPE_BYTES).read_to_end(&mut bytes));
    let bytes = &bytes[bytes.len().saturating_sub(MAX_OUTPUT_BYTES)..];
    String::from_utf8_lossy(bytes).into_owned()
}

fn payload_bytes(payload: &Payload) -> u64 {
    match payload {
        Payload::Json(text) => text.len() as u64,
        Payload::Bytes(bytes) => bytes.len() as u64,
    }
}

fn name_of(message: &ShimMessage) -> &'static str {
    match message {
        ShimMessage::Hello { .. } => "hello",
        ShimMessage::Refused { .. } => "refused",
        ShimMessage::Ready { .. } => "ready",
        ShimMessage::Reply { .. } => "reply",
        ShimMessage::Log { .. } => "log",
        ShimMessage::Metrics(_) => "metrics",
        ShimMessage::Violation { .. } => "violation",
        ShimMessage::Crash { .. } => "crash",
    }
}
