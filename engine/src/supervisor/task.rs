//! The task that owns a plugin: it alone reads the channel, the listener and the exit, and it
//! alone decides.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_launcher_wire::{ContainerId, ExitStatus};
use lazaret_policy::EffectivePolicy;
use lazaret_protocol::{AskId, CallLimits, EngineMessage, Given, ShimMessage};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::sleep_until;

use super::calls::{Begun, READER_PATIENCE_MS, Terms};
use super::egress::{self, Egress};
use super::outbox::Outbox;
use super::quarantine::Quarantine;
use super::running::{Command, Ended, PluginEvent};
use super::state::State;
use crate::acts::{Acts, Outcome, Used};
use crate::channel::{ChannelError, Receiver};
use crate::container::{Cgroup, CgroupEvents, Launcher, Listener, Reported};
use crate::egress::Report;
use crate::event::{Act, EndReason, KILLED_FOR, Verdict, Witness};
use crate::host::Landlock;
use crate::learn::Watch;
use crate::metrics::Metrics;
use crate::plugin::Own;
use crate::secrets::Secrets;

/// How often the CPU time of calls under way is looked at.
pub(super) const CPU_TICK: Duration = Duration::from_millis(200);

/// How long a shim may take to exit once it was asked to or its channel is closed.
pub(super) const EXIT_GRACE: Duration = Duration::from_secs(2);

/// How much is done for one plugin before others on the same thread get their turn.
const TURN: u32 = 8;

/// A container that was started, with everything to watch it by.
pub(super) struct Task {
    pub(super) launcher: Arc<Launcher>,
    /// The plugin's name.
    pub(super) plugin: String,
    pub(super) quarantine: Quarantine,
    pub(super) id: ContainerId,
    pub(super) pid: u32,
    pub(super) first_host_id: u32,
    pub(super) cgroup: Cgroup,
    pub(super) cgroup_events: CgroupEvents,
    pub(super) landlock: Landlock,
    pub(super) policy: EffectivePolicy,
    /// What no policy lets it write.
    pub(super) own: Own,
    pub(super) receiver: Receiver,
    pub(super) pidfd: OwnedFd,
    pub(super) outbox: Outbox,
    pub(super) listener: Option<Listener>,
    /// What the plugin asked for.
    pub(super) acts: Acts,
    /// What it is told when it says hello.
    pub(super) given: Given,
    /// What goes into its requests.
    pub(super) secrets: Secrets,
    /// Its way out, where it has one.
    pub(super) egress: Option<Egress>,
    pub(super) exit: oneshot::Receiver<ExitStatus>,
    pub(super) output: std::io::PipeReader,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: Option<mpsc::Sender<PluginEvent>>,
    pub(super) metrics: Arc<Metrics>,
    /// Counts what is done, where that is to be learned.
    pub(super) learn: Option<Watch>,
    pub(super) ready: Option<oneshot::Sender<Vec<String>>>,
    pub(super) end: watch::Sender<Option<EndReason>>,
    /// Told when something was read of a stream, or nobody reads it any more.
    pub(super) streams: Arc<Notify>,
    /// Not put off by whatever else comes in.
    pub(super) ticks: tokio::time::Interval,
}

/// What woke the task.
enum Wake {
    Message(Result<ShimMessage, ChannelError>),
    Command(Option<Command>),
    Exit(Option<ExitStatus>),
    Syscall(std::io::Result<Reported>),
    Deadline,
    Tick,
    Streams,
    Act(AskId, Outcome, Used),
    Written,
    Egress(Report),
    Look(std::io::Result<()>),
}

impl Task {
    /// Runs until the plugin has ended and nothing of it is left.
    pub(super) async fn run(mut self) -> Ended {
        let mut state = State::new(&self.policy, Instant::now());
        let mut turn = TURN;
        while state.evidence.exit.is_none() || state.channel_open {
            turn -= 1;
            if turn == 0 {
                turn = TURN;
                // A plugin for which there is always more to do keeps nobody else waiting.
                tokio::task::yield_now().await;
            }
            match self.wait(&mut state).await {
                Wake::Message(Ok(message)) => self.on_message(&mut state, message).await,
                Wake::Message(Err(error)) => self.on_channel_end(&mut state, error).await,
                Wake::Command(Some(Command::Apply(request))) => {
                    self.on_apply(&mut state, *request).await;
                }
                Wake::Command(Some(command)) => self.on_command(&mut state, command),
                // Everybody who held the plugin let go of it.
                Wake::Command(None) => {
                    state.accepts_commands = false;
                    self.stop(&mut state);
                }
                Wake::Exit(Some(status)) => {
                    state.evidence.exit = Some(status);
                    if status == ExitStatus::Signal(libc::SIGSYS) {
                        let act = Act::Filter { calls: KILLED_FOR };
                        self.on_violation(&mut state, act, Witness::Kernel).await;
                    }
                    // What it sent before it ended is still to be read; nobody writes any more.
                    state.deadline = Some((Instant::now() + EXIT_GRACE, lost()));
                }
                Wake::Exit(None) => {
                    let what = "the launcher went away".to_owned();
                    self.kill(&mut state, EndReason::Engine { what }).await;
                    break;
                }
                Wake::Syscall(Ok(reported)) => self.on_syscall(&mut state, reported).await,
                Wake::Syscall(Err(error)) => self.on_listener_end(&mut state, &error).await,
                Wake::Deadline => {
                    if state.evidence.exit.is_some() {
                        break;
                    }
                    if let Some((_, reason)) = state.deadline.take() {
                        self.kill(&mut state, reason).await;
                    }
                }
                Wake::Egress(report) => self.on_egress(&mut state, report).await,
                Wake::Act(id, outcome, used) => self.on_act(&mut state, id, outcome, used).await,
                // There may be room for the answers of more acts.
                Wake::Written => self.start_acts(&mut state).await,
                Wake::Look(notified) => {
                    let looked = match notified {
                        Ok(()) => self.look(&mut state).await,
                        Err(error) => Err(error),
                    };
                    // An event that is not seen has no reaction.
                    if let Err(error) = looked {
                        let what = format!("its cgroup's events cannot be read: {error}");
                        self.kill(&mut state, EndReason::Engine { what }).await;
                    }
                }
                Wake::Streams => {
                    self.cancel_given_up(&mut state).await;
                    self.grant(&mut state).await;
                }
                Wake::Tick => {
                    for function in state.calls.answer_late(Instant::now()) {
                        let patience_ms = READER_PATIENCE_MS;
                        self.tell(PluginEvent::Unread {
                            function,
                            patience_ms,
                        });
                    }
                    self.cancel_given_up(&mut state).await;
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
            cgroup_events,
            acts,
            egress,
            outbox,
            streams,
            ..
        } = self;
        let deadline = state.deadline.as_ref().map(|(at, _)| *at);
        let exited = state.evidence.exit.is_some();
        // Once is enough: the rest of the time is for what it sent before.
        let killed = matches!(state.evidence.verdict, Some(Verdict::Kill(_)));
        let overdue = state.calls.next_deadline().filter(|_| !killed && !exited);
        // What it sent before it ended is bounded by what a socket holds.
        let messages = state.message_pace.closed_until();
        let read_from = messages
            .max(state.result_pace.closed_until())
            .filter(|_| !exited);
        let answer_from = state.call_pace.closed_until();
        let record_from = state.egress_pace.closed_until();
        let listen_from = state.looks.listens_from();
        let look_at = state.looks.due();
        let acts_wait = acts.queue.is_waiting();
        tokio::select! {
            message = async { from(read_from).await; receiver.next().await }, if state.channel_open => Wake::Message(message),
            command = commands.recv(), if state.accepts_commands && !exited => Wake::Command(command),
            status = exit, if !exited => Wake::Exit(status.ok()),
            call = async {
                from(answer_from).await;
                match listener {
                    Some(listener) => listener.next().await,
                    None => std::future::pending().await,
                }
            }, if !exited => Wake::Syscall(call),
            () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => Wake::Deadline,
            () = sleep_until(overdue.unwrap_or_else(Instant::now).into()), if overdue.is_some() => Wake::Tick,
            (id, outcome, used) = acts.over(), if !exited => Wake::Act(id, outcome, used),
            () = outbox.written(), if acts_wait && !exited => Wake::Written,
            () = streams.notified(), if !exited => Wake::Streams,
            report = async { from(record_from).await; egress::next(egress).await }, if !exited => Wake::Egress(report),
            notified = async { from(listen_from).await; cgroup_events.notified().await }, if !exited => Wake::Look(notified),
            () = sleep_until(look_at.into()), if !exited => Wake::Look(Ok(())),
            _ = ticks.tick(), if !state.calls.is_empty() && !killed && !exited => Wake::Tick,
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
                timeout,
                reply,
            } => {
                let time = &self.policy.resources().time;
                let result = self.policy.resources().output.result.value.bytes();
                let terms = Terms {
                    limits: CallLimits {
                        wall_ms: time.call.value.millis(),
                        cpu_ms: time.cpu_per_call.value.millis(),
                    },
                    timeout,
                    result_bytes: result,
                };
                let cpu = self.cgroup.cpu_us().ok();
                state.looks.called();
                if let Some(begun) = state.calls.begin(reply, terms, Instant::now(), cpu) {
                    let Begun { id, limits, window } = begun;
                    if let Some(learn) = &mut self.learn {
                        learn.called(id, Instant::now(), cpu);
                    }
                    let call = EngineMessage::Call {
                        id,
                        function,
                        arguments,
                        limits,
                        window,
                    };
                    if let Err(failure) = self.outbox.push(&call) {
                        state.calls.answer(id, Err(failure));
                    }
                }
            }
            // Taken out before.
            Command::Apply(_) => {}
            Command::Stop => self.stop(state),
        }
    }

    /// Has the shim give up what nobody waits for any more, and ends what it asked for to do it:
    /// programs that run for the call have no more time than it has.
    async fn cancel_given_up(&mut self, state: &mut State) {
        let tell = |id| self.outbox.push(&EngineMessage::Cancel { id }).is_ok();
        for id in state.calls.give_up(Instant::now(), tell) {
            self.give_up_acts(state, id).await;
        }
    }

    /// Lets more be sent of streams that were read.
    async fn grant(&mut self, state: &mut State) {
        for (id, bytes) in state.calls.grants(Instant::now()) {
            // Bounded by what was sent: a shim of ours reads all the time.
            let credit = EngineMessage::Credit { id, bytes };
            if self.outbox.answer(&credit).is_err() && state.evidence.verdict.is_none() {
                let what = "it does not read what it may send".to_owned();
                return self.kill(state, EndReason::Protocol { what }).await;
            }
        }
    }

    fn stop(&mut self, state: &mut State) {
        if state.evidence.verdict.is_none() {
            state.evidence.verdict = Some(Verdict::Stop);
            self.say(&EngineMessage::Shutdown);
            state.deadline = Some((Instant::now() + EXIT_GRACE, EndReason::Stopped));
        }
    }

    pub(super) async fn kill(&mut self, state: &mut State, reason: EndReason) {
        state.killed(reason);
        if self.launcher.kill(&self.id).await.is_err() {
            // Without the launcher there is still the process itself, by the descriptor that
            // names it and no other.
            pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
        }
    }

    /// Tells whoever listens; false where there was no room. Never waits: the clocks go on
    /// whether anybody reads or not.
    pub(super) fn tell(&self, event: PluginEvent) -> bool {
        match &self.events {
            Some(events) => !matches!(events.try_send(event), Err(TrySendError::Full(_))),
            None => true,
        }
    }

    /// Sends one of the few messages that always fit. Where the channel is gone, that is seen by
    /// reading from it.
    pub(super) fn say(&self, message: &EngineMessage) {
        self.outbox.push(message).ok();
    }
}

/// Waits until then, if it is not past.
async fn from(moment: Option<Instant>) {
    // A moment that is past is not worth a turn of the timer.
    if let Some(moment) = moment.filter(|moment| *moment > Instant::now()) {
        sleep_until(moment.into()).await;
    }
}

fn lost() -> EndReason {
    EndReason::ShimLost {
        status: "it closed its channel and went on".to_owned(),
        output: String::new(),
    }
}
