//! The calls under way, and when to give up on the shim that should answer them. Pure: time and
//! CPU figures are arguments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazaret_protocol::{CallError, CallId, CallLimits, Credit, Payload};
use tokio::sync::oneshot;

use super::stream::{Feed, READER_PATIENCE, STREAM_WINDOW};
use crate::event::EndReason;
use crate::schema::Unfit;

/// How many calls one plugin may have under way.
pub const MAX_CALLS_IN_FLIGHT: usize = 256;

/// How long after its limit a call may still be answered by the shim's own watchdog.
const GRACE: Duration = Duration::from_secs(1);

/// [`READER_PATIENCE`] as it is told.
pub(super) const READER_PATIENCE_MS: u64 = READER_PATIENCE.as_secs() * 1000;

/// What each stand of a stream adds to its call's time besides its length: the word that it may go on
/// takes so long to the shim, at most, and its next item so long back.
const WAY: Duration = Duration::from_millis(20);

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum CallFailure {
    /// The plugin's shim answered with an error; the plugin goes on.
    Call(CallError),
    /// The caller's own deadline was over, sooner than the policy's limit; the plugin goes on.
    Deadline {
        /// How long the caller gave it, in milliseconds.
        limit_ms: u64,
    },
    /// Whoever reads its items took none for so long while the plugin waited for that; the plugin
    /// goes on.
    Unread {
        /// [`READER_PATIENCE`], in milliseconds.
        patience_ms: u64,
    },
    /// The plugin ended first.
    Ended(EndReason),
    /// Too many calls are under way.
    Busy {
        /// [`MAX_CALLS_IN_FLIGHT`].
        limit: usize,
    },
    /// Too much waits to be read by the plugin's shim.
    Backlog {
        /// Bytes that wait.
        bytes: usize,
        /// The most that may.
        limit: usize,
    },
    /// The call is larger than a frame may be.
    TooLarge {
        /// What the encoder said.
        message: String,
    },
    /// The plugin's `plugin.yaml` lists functions, and not this one. The plugin was not asked.
    Unlisted {
        /// Whether the plugin has one of that name all the same.
        exported: bool,
        /// Those that it lists.
        listed: Vec<String>,
    },
    /// The arguments are not what its `plugin.yaml` says. The plugin was not asked.
    Arguments(Unfit),
    /// The result is not what its `plugin.yaml` says.
    Result(Unfit),
}

/// Where a result goes.
pub(super) enum Reply {
    /// In one piece.
    Whole(oneshot::Sender<Result<Payload, CallFailure>>),
    /// In items.
    Stream(Feed),
}

impl Reply {
    fn send(self, result: Result<Payload, CallFailure>) {
        // Whoever asked may have gone away.
        match self {
            Self::Whole(reply) => drop(reply.send(result)),
            Self::Stream(feed) => {
                let end = result.map(|payload| feed.item(payload));
                feed.end(end);
            }
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Whole(reply) => reply.is_closed(),
            Self::Stream(feed) => feed.is_closed(),
        }
    }
}

/// The terms of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The policy's limits.
    pub(super) limits: CallLimits,
    /// How long the caller gives it, whoever takes that time.
    pub(super) timeout: Option<Duration>,
    /// The largest result it may have, and the most that all items of a stream may cost.
    pub(super) result_bytes: u64,
}

/// What the shim is told of a call that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) id: CallId,
    pub(super) limits: CallLimits,
    pub(super) window: Option<u64>,
}

struct Call {
    /// Gone where it was answered and the shim has still to say something.
    reply: Option<Reply>,
    /// When the plugin is ended for it; later by each time that its stream stood still.
    wall: Instant,
    limits: CallLimits,
    /// The caller's deadline, where it may come sooner than the policy's limit.
    deadline: Option<Deadline>,
    /// What may be sent of a stream, where one is taken.
    credit: Option<Credit>,
    /// Its stream stands still until some of it is read.
    stand: Option<Stand>,
    /// The largest result it may have.
    result_bytes: u64,
    cpu_at_start_us: u64,
    /// The CPU time, in milliseconds, of this call and all that were under way at any time beside it: what
    /// their sum may come to.
    shared_cpu_ms: u64,
    cancelled: bool,
}

struct Deadline {
    due: Instant,
    limit_ms: u64,
}

/// A stream without credit: the plugin can do nothing for it, and its time does not run.
struct Stand {
    since: Instant,
    /// When something of it was read last.
    read_at: Instant,
    /// What was read and not granted anew, then.
    read: u64,
}

impl Stand {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            read_at: now,
            read: 0,
        }
    }
}

impl Call {
    /// When the caller is answered whatever the shim does. It may be about to answer, unless its
    /// stream stands still.
    fn answered(&self) -> Option<Instant> {
        let due = self.deadline.as_ref()?.due;
        Some(if self.stand.is_some() {
            due
        } else {
            due + GRACE
        })
    }

    /// Its time runs again.
    fn go_on(&mut self, now: Instant) {
        if let Some(stand) = self.stand.take() {
            self.wall += now.saturating_duration_since(stand.since) + WAY;
        }
    }

    /// Whether nobody has read anything of a stream that stands still for too long.
    fn is_unread(&mut self, now: Instant) -> bool {
        let (Some(stand), Some(Reply::Stream(feed))) = (&mut self.stand, &self.reply) else {
            return false;
        };
        let read = feed.read();
        if read != stand.read {
            (stand.read, stand.read_at) = (read, now);
        }
        now.saturating_duration_since(stand.read_at) >= READER_PATIENCE
    }
}

/// The calls under way.
#[derive(Default)]
pub(super) struct Calls {
    last: u64,
    calls: BTreeMap<CallId, Call>,
}

impl Calls {
    /// Takes a call in and names it. The figure is the container's CPU time so far.
    pub(super) fn begin(
        &mut self,
        reply: Reply,
        terms: Terms,
        now: Instant,
        cpu_us: Option<u64>,
    ) -> Option<Begun> {
        if self.calls.len() >= MAX_CALLS_IN_FLIGHT {
            reply.send(Err(CallFailure::Busy {
                limit: MAX_CALLS_IN_FLIGHT,
            }));
            return None;
        }
        self.last += 1;
        let id = CallId(self.last);
        let limits = terms.limits;
        let wall = now + Duration::from_millis(limits.wall_ms) + GRACE;
        let window = matches!(reply, Reply::Stream(_)).then_some(STREAM_WINDOW);
        // The policy's limit may come later than it says where a stream stands still.
        let timeout_ms = terms
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
            .filter(|timeout| *timeout < limits.wall_ms || window.is_some());
        let wall_ms = timeout_ms.map_or(limits.wall_ms, |timeout| timeout.min(limits.wall_ms));
        let mut shared_cpu_ms = limits.cpu_ms;
        for call in self.calls.values_mut() {
            shared_cpu_ms = shared_cpu_ms.saturating_add(call.limits.cpu_ms);
            call.shared_cpu_ms = call.shared_cpu_ms.saturating_add(limits.cpu_ms);
        }
        self.calls.insert(
            id,
            Call {
                reply: Some(reply),
                wall,
                limits,
                deadline: timeout_ms.and_then(|limit_ms| {
                    let due = now.checked_add(Duration::from_millis(limit_ms))?;
                    Some(Deadline { due, limit_ms })
                }),
                credit: window.map(Credit::new),
                stand: None,
                result_bytes: terms.result_bytes,
                // Not read: counted from the container's start, never for nothing.
                cpu_at_start_us: cpu_us.unwrap_or(0),
                shared_cpu_ms,
                cancelled: false,
            },
        );
        Some(Begun {
            id,
            limits: CallLimits { wall_ms, ..limits },
            window,
        })
    }

    /// The largest result a call may have; `None` where there is no such call under way.
    pub(super) fn result_bytes(&self, id: CallId) -> Option<u64> {
        self.calls.get(&id).map(|call| call.result_bytes)
    }

    /// Lets calls under way have results of this size as well: the shim may have begun to hold
    /// them to it or not.
    pub(super) fn allow_results(&mut self, bytes: u64) {
        for call in self.calls.values_mut() {
            call.result_bytes = call.result_bytes.max(bytes);
        }
    }

    /// Answers a call; false where there is no such call under way.
    pub(super) fn answer(&mut self, id: CallId, result: Result<Payload, CallFailure>) -> bool {
        let Some(call) = self.calls.remove(&id) else {
            return false;
        };
        let result = match (result, &call.deadline) {
            // The shim knows only the sooner of the two.
            (Err(CallFailure::Call(CallError::WallTime { .. })), Some(deadline))
                if deadline.limit_ms < call.limits.wall_ms =>
            {
                Err(CallFailure::Deadline {
                    limit_ms: deadline.limit_ms,
                })
            }
            // What the limit was is not for the shim to say.
            (Err(CallFailure::Call(CallError::WallTime { .. })), _) => {
                let limit_ms = call.limits.wall_ms;
                Err(CallFailure::Call(CallError::WallTime { limit_ms }))
            }
            (Err(CallFailure::Call(CallError::CpuTime { .. })), _) => {
                let limit_ms = call.limits.cpu_ms;
                Err(CallFailure::Call(CallError::CpuTime { limit_ms }))
            }
            (result, _) => result,
        };
        if let Some(reply) = call.reply {
            reply.send(result);
        }
        true
    }

    /// Hands an item of a stream on.
    ///
    /// # Errors
    /// The rule of the channel it breaks.
    pub(super) fn item(&mut self, id: CallId, item: Payload, now: Instant) -> Result<(), String> {
        let name = id.0;
        let Some(call) = self.calls.get_mut(&id) else {
            return Err(format!("an item of call {name}, which is not under way"));
        };
        let Some(credit) = &mut call.credit else {
            return Err(format!("an item of call {name}, which takes no stream"));
        };
        if !credit.spend(&item) {
            return Err(format!("an item of call {name} beyond its credit"));
        }
        let (spent, limit) = (credit.spent(), call.result_bytes);
        if spent > limit {
            return Err(format!("items of {spent} bytes, with a limit of {limit}"));
        }
        // Where nobody reads, its time goes on: it was told to end.
        if !credit.has_room() && !call.cancelled {
            call.stand = Some(Stand::new(now));
        }
        if let Some(Reply::Stream(feed)) = &call.reply {
            feed.item(item);
        }
        Ok(())
    }

    /// The end of a stream, which answers its call.
    ///
    /// # Errors
    /// The rule of the channel it breaks.
    pub(super) fn end_stream(&mut self, id: CallId) -> Result<(), String> {
        let name = id.0;
        match self.calls.get(&id).map(|call| &call.credit) {
            None => Err(format!("an end of call {name}, which is not under way")),
            Some(None) => Err(format!("an end of call {name}, which takes no stream")),
            Some(Some(_)) => {
                let call = self.calls.remove(&id);
                if let Some(Reply::Stream(feed)) = call.and_then(|call| call.reply) {
                    feed.end(Ok(()));
                }
                Ok(())
            }
        }
    }

    /// What the items of a call have cost so far, in bytes.
    pub(super) fn streamed(&self, id: CallId) -> u64 {
        let credit = self.calls.get(&id).and_then(|call| call.credit);
        credit.map_or(0, |credit| credit.spent())
    }

    /// What is to be granted for items that were read.
    pub(super) fn grants(&mut self, now: Instant) -> Vec<(CallId, u64)> {
        let mut grants = Vec::new();
        for (id, call) in &mut self.calls {
            if let (Some(Reply::Stream(feed)), Some(credit)) = (&call.reply, &mut call.credit)
                && let Some(bytes) = feed.to_grant()
            {
                credit.grant(bytes);
                grants.push((*id, bytes));
                if credit.has_room() {
                    call.go_on(now);
                } else if let Some(stand) = &mut call.stand {
                    (stand.read, stand.read_at) = (0, now);
                }
            }
        }
        grants
    }

    /// Answers the calls whose caller's deadline is over and that the shim did not end, and those
    /// whose items nobody reads, the functions of which are returned. They stay under way, given
    /// up, until the shim answers or the policy's limit is over.
    pub(super) fn answer_late(&mut self, now: Instant) -> Vec<String> {
        let mut unread = Vec::new();
        for call in self.calls.values_mut() {
            if let Some(deadline) = &call.deadline
                && call.answered().is_some_and(|answered| answered <= now)
            {
                let limit_ms = deadline.limit_ms;
                if let Some(reply) = call.reply.take() {
                    reply.send(Err(CallFailure::Deadline { limit_ms }));
                }
            } else if call.is_unread(now)
                && let Some(Reply::Stream(feed)) = call.reply.take()
            {
                unread.push(feed.function().to_owned());
                feed.end(Err(CallFailure::Unread {
                    patience_ms: READER_PATIENCE_MS,
                }));
            }
        }
        unread
    }

    /// Has the shim told of calls nobody waits for any more, each once: until there is room for it,
    /// which is what `tell` says, it is tried again. They stay under way until it answers.
    /// Those that were told of are returned.
    pub(super) fn give_up(
        &mut self,
        now: Instant,
        mut tell: impl FnMut(CallId) -> bool,
    ) -> Vec<CallId> {
        let gone =
            |call: &Call| call.reply.as_ref().is_none_or(Reply::is_closed) && !call.cancelled;
        let mut told = Vec::new();
        for (id, call) in self.calls.iter_mut().filter(|(_, call)| gone(call)) {
            // It is the plugin's turn again: to end.
            call.go_on(now);
            call.cancelled = tell(*id);
            if call.cancelled {
                told.push(*id);
            }
        }
        told
    }

    /// Whether this call is under way, and not given up.
    pub(super) fn holds(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| !call.cancelled)
    }

    /// Whether any call is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The next moment at which a call is overdue, or its caller to be answered.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let soonest = |call: &Call| {
            let answered = call.answered().filter(|_| call.reply.is_some());
            let own = match &call.stand {
                Some(stand) => stand.read_at + READER_PATIENCE,
                None => call.wall,
            };
            answered.map_or(own, |answered| answered.min(own))
        };
        self.calls.values().map(soonest).min()
    }

    /// Why the plugin has to be ended now: a call the shim should have ended and did not.
    pub(super) fn overdue(&self, now: Instant, cpu_us: u64) -> Option<EndReason> {
        self.calls.values().find_map(|call| {
            let limits = call.limits;
            let cpu = cpu_us.saturating_sub(call.cpu_at_start_us);
            // The shim shares CPU time out among the calls; from outside only the sum is seen.
            let cpu_limit_us =
                (call.shared_cpu_ms.saturating_mul(1000)).saturating_add(GRACE.as_micros() as u64);
            if cpu > cpu_limit_us {
                Some(EndReason::CpuTime {
                    limit_ms: limits.cpu_ms,
                })
            } else if call.stand.is_none() && now >= call.wall {
                Some(EndReason::WallTime {
                    limit_ms: limits.wall_ms,
                })
            } else {
                None
            }
        })
    }

    /// Answers all that are left.
    pub(super) fn end(&mut self, reason: &EndReason) {
        for (_, call) in std::mem::take(&mut self.calls) {
            if let Some(reply) = call.reply {
                reply.send(Err(CallFailure::Ended(reason.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests;
