//! A running plugin, as those who use it hold it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_policy::EffectivePolicy;
use lazaret_protocol::{LogLevel, Payload};
use serde::Serialize;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::apply::{Applied, ApplyError, ApplyRequest};
use super::calls::{CallFailure, Reply};
use super::stream::{Items, Keep, stream};
use crate::container::{Cgroup, Usage};
use crate::event::{EndReason, Violation};
use crate::schema::Contract;

/// Something a plugin did that is not the answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginEvent {
    /// A line for its log; control characters are still in it.
    Log {
        /// When the engine read it, in milliseconds since 1970-01-01 UTC by the host's clock.
        at_unix_ms: u64,
        /// How important.
        level: LogLevel,
        /// The line.
        text: String,
        /// What belongs to it, as the text of a JSON object.
        fields: Option<String>,
        /// Lines dropped before it.
        dropped: u64,
    },
    /// Something outside of its policy, or an event at one of its limits. A flood is cut.
    Violation {
        /// The record.
        violation: Violation,
        /// Records that were counted and not told before it.
        dropped: u64,
    },
    /// A call was given up because nobody read its items.
    Unread {
        /// The function that gave them.
        function: String,
        /// For how long, in milliseconds.
        patience_ms: u64,
    },
}

/// How a plugin ended, and what it left in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// The first violations, a hundred at most; graver ones took the place of lesser ones.
    pub violations: Vec<Violation>,
    /// How many acts were refused in all.
    pub violation_count: u64,
    /// How many events there were at its limits, as far as they were told apart.
    pub limit_event_count: u64,
    /// How many of both were not told when they happened: more than are told in a while, or
    /// whoever listens had no room.
    pub violations_dropped: u64,
    /// Why the last events at its limits could not be read; `None` where they were.
    pub events_unread: Option<String>,
    /// What the plugin is in quarantine for, where it is.
    pub quarantined: Option<String>,
    /// CPU time used, in microseconds, where it could be read.
    pub cpu_us: Option<u64>,
    /// The most memory used, in bytes, where the kernel tells.
    pub memory_peak_bytes: Option<u64>,
    /// Why something of the plugin may be left on the host; `None` where nothing is.
    pub cleanup: Option<String>,
}

/// What the owner task is asked for.
pub(super) enum Command {
    Call {
        function: String,
        arguments: Payload,
        /// How long the caller gives it.
        timeout: Option<Duration>,
        reply: Reply,
    },
    Apply(Box<ApplyRequest>),
    Stop,
}

/// A plugin that is ready for calls. Dropped, it is stopped.
#[derive(Debug)]
pub struct Running {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) end: watch::Receiver<Option<EndReason>>,
    /// Has the task look at its streams.
    pub(super) streams: Arc<Notify>,
    pub(super) task: JoinHandle<Ended>,
    pub(super) functions: Vec<String>,
    /// What its functions take and give, where its manifest says.
    pub(super) contract: Option<Arc<Contract>>,
    /// Functions that it exports and its manifest does not list.
    pub(super) unlisted: Vec<String>,
    pub(super) pid: u32,
    pub(super) cgroup: Cgroup,
}

impl Running {
    /// Names of its functions, sorted: those that its `plugin.yaml` lists, where it lists some, else those that it exports,
    /// by its own word.
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    /// Process id of its shim on the host.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has used so far, by the kernel's word.
    ///
    /// # Errors
    /// Where that cannot be read, as when it has ended.
    pub fn usage(&self) -> std::io::Result<Usage> {
        self.cgroup.usage()
    }

    /// Calls an exported function; many may be under way. A call given up on (its future is
    /// dropped) is cancelled in the plugin. Where its `plugin.yaml` lists functions, others are
    /// refused, and arguments and results are held against the schemas there.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn call(&self, function: &str, arguments: Payload) -> Result<Payload, CallFailure> {
        self.call_within(function, arguments, None).await
    }

    /// The same, for so long at most; the policy's limit holds as well.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn call_within(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Payload, CallFailure> {
        let began = Instant::now();
        let arguments = within(timeout, began, self.checked(function, arguments)).await?;
        let left = left(timeout, began);
        let result = match self.ask(function, arguments, left).await {
            // It was given what the check left.
            Err(CallFailure::Deadline { .. }) if timeout.is_some() => return Err(late(timeout)),
            result => result?,
        };
        let Some(contract) = &self.contract else {
            return Ok(result);
        };
        let result = async {
            let result = contract.result(function, result).await;
            result.map_err(CallFailure::Result)
        };
        within(timeout, began, result).await
    }

    /// The arguments, where the plugin lists the function and they are what it says.
    async fn checked(&self, function: &str, arguments: Payload) -> Result<Payload, CallFailure> {
        let Some(contract) = &self.contract else {
            return Ok(arguments);
        };
        if !contract.lists(function) {
            return Err(CallFailure::Unlisted {
                exported: self.unlisted.iter().any(|name| name == function),
                listed: self.functions.clone(),
            });
        }
        let arguments = contract.arguments(function, arguments).await;
        arguments.map_err(CallFailure::Arguments)
    }

    async fn ask(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Payload, CallFailure> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Call {
            function: function.to_owned(),
            arguments,
            timeout,
            reply: Reply::Whole(reply),
        };
        if self.commands.send(command).await.is_err() {
            return Err(CallFailure::Ended(self.reason().await));
        }
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(CallFailure::Ended(self.reason().await)),
        }
    }

    /// Calls a function whose result comes in items, as it gives them: a `ReadableStream`, a
    /// generator. It gives no more of them than are read; what all cost together is held to the
    /// largest result. While it waits for them to be read the policy's time does not run, and the
    /// caller's does; where nobody reads any for [`READER_PATIENCE`](super::READER_PATIENCE), the call
    /// is given up. Dropped, the items give their call up.
    ///
    /// # Errors
    /// [`CallFailure`], where the plugin was not asked; others come as the last item.
    pub async fn call_stream(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
    ) -> Result<Items, CallFailure> {
        self.call_stream_with(function, arguments, timeout, None)
            .await
    }

    /// The same, with something that is held as long as the call.
    pub(crate) async fn call_stream_with(
        &self,
        function: &str,
        arguments: Payload,
        timeout: Option<Duration>,
        keep: Option<Keep>,
    ) -> Result<Items, CallFailure> {
        let began = Instant::now();
        let arguments = within(timeout, began, self.checked(function, arguments)).await?;
        let given = timeout;
        // What the check left; whoever reads is told what was given.
        let timeout = left(timeout, began);
        let (wake, end) = (Arc::clone(&self.streams), self.end.clone());
        let (feed, items) = stream(function, wake, end, keep);
        let command = Command::Call {
            function: function.to_owned(),
            arguments,
            timeout,
            reply: Reply::Stream(feed),
        };
        if self.commands.send(command).await.is_err() {
            // What the items then tell.
            self.reason().await;
        }
        let items = items.given(given);
        Ok(match &self.contract {
            Some(contract) => items.held_to(Arc::clone(contract), function.to_owned()),
            None => items,
        })
    }

    /// Holds it to another policy from here on, on every layer or on none. What can only be held
    /// by a new container is refused, with the changes in question. Calls under way keep the times
    /// they began with; none is lost.
    ///
    /// # Errors
    /// [`ApplyError`]; the policy before holds then.
    pub async fn apply(&self, policy: EffectivePolicy) -> Result<Applied, ApplyError> {
        let (reply, answer) = oneshot::channel();
        let request = Box::new(ApplyRequest {
            policy,
            asked: Instant::now(),
            reply,
        });
        if self.commands.send(Command::Apply(request)).await.is_ok()
            && let Ok(result) = answer.await
        {
            return result;
        }
        Err(ApplyError::Ended(self.reason().await))
    }

    /// Waits until it has ended, and tells why.
    pub fn until_ended(&self) -> impl Future<Output = EndReason> + Send + use<> {
        reason(self.end.clone())
    }

    /// Asks it to stop, whoever holds it. Does not keep it running.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.commands.downgrade())
    }

    /// Asks it to stop and waits until everything of it is gone.
    pub async fn stop(self) -> Ended {
        self.stopper().stop().await;
        self.ended().await
    }

    /// Waits until it has ended and everything of it is gone.
    pub async fn ended(self) -> Ended {
        let Self { commands, task, .. } = self;
        let ended = task.await.unwrap_or_else(|panic| {
            let what = format!("the engine's task for the plugin failed: {panic}");
            Ended {
                reason: EndReason::Engine { what: what.clone() },
                violations: Vec::new(),
                violation_count: 0,
                limit_event_count: 0,
                violations_dropped: 0,
                events_unread: Some(what.clone()),
                quarantined: None,
                cpu_us: None,
                memory_peak_bytes: None,
                cleanup: Some("the engine's task for the plugin failed".to_owned()),
            }
        });
        drop(commands);
        ended
    }

    async fn reason(&self) -> EndReason {
        reason(self.end.clone()).await
    }
}

/// What is left of a caller's time, of which less than a millisecond counts as nothing.
fn left(timeout: Option<Duration>, began: Instant) -> Option<Duration> {
    let spent = began.elapsed().as_millis();
    let spent = Duration::from_millis(u64::try_from(spent).unwrap_or(u64::MAX));
    timeout.map(|timeout| timeout.saturating_sub(spent))
}

/// What is said when a caller's time is over.
pub(super) fn late(timeout: Option<Duration>) -> CallFailure {
    let limit = timeout.unwrap_or_default().as_millis();
    CallFailure::Deadline {
        limit_ms: u64::try_from(limit).unwrap_or(u64::MAX),
    }
}

/// Does a part of a call in what is left of the caller's time. What is done at once is never late.
pub(super) async fn within<T>(
    timeout: Option<Duration>,
    began: Instant,
    part: impl Future<Output = Result<T, CallFailure>>,
) -> Result<T, CallFailure> {
    match left(timeout, began) {
        Some(left) => match tokio::time::timeout(left, part).await {
            Ok(done) => done,
            Err(_) => Err(late(timeout)),
        },
        None => part.await,
    }
}

/// Asks a plugin to stop.
#[derive(Clone, Debug)]
pub struct Stopper(mpsc::WeakSender<Command>);

impl Stopper {
    /// Asks; it stops soon, and calls under way are told of the end.
    pub async fn stop(&self) {
        if let Some(commands) = self.0.upgrade() {
            // Closed: it has ended already.
            drop(commands.send(Command::Stop).await);
        }
    }
}

async fn reason(mut end: watch::Receiver<Option<EndReason>>) -> EndReason {
    let ended = end.wait_for(Option::is_some).await;
    match ended.map(|reason| reason.clone()) {
        Ok(Some(reason)) => reason,
        _ => EndReason::Engine {
            what: "the engine's task for the plugin failed".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_besides_the_call_is_held_to_the_callers_time() {
        let limit = Some(Duration::from_millis(20));
        let began = Instant::now();
        let never = std::future::pending::<Result<(), CallFailure>>();
        let late = CallFailure::Deadline { limit_ms: 20 };
        assert_eq!(within(limit, began, never).await, Err(late));
        assert_eq!(left(limit, began), Some(Duration::ZERO));
        // What is there at once is given.
        let there = within(limit, began, std::future::ready(Ok(7))).await;
        assert_eq!(there, Ok(7));
        let there = within(None, began, std::future::ready(Ok(7))).await;
        assert_eq!(there, Ok(7));
    }
}
