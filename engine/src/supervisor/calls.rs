//! The calls under way, and when to give up on the shim that should answer them. Pure: time and
//! CPU figures are arguments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazaret_protocol::{CallError, CallId, CallLimits, Credit, Payload};
use tokio::sync::oneshot;

use super::stream::{Feed, STREAM_WINDOW};
use crate::event::EndReason;
use crate::schema::Unfit;

/// How many calls one plugin may have under way.
pub const MAX_CALLS_IN_FLIGHT: usize = 256;

/// How long after its limit a call may still be answered by the shim's own watchdog.
const GRACE: Duration = Duration::from_secs(1);

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
    /// How long the caller gives it.
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
    wall: Instant,
    limits: CallLimits,
    /// The caller's deadline, where it is sooner than the policy's limit.
    deadline: Option<Deadline>,
    /// What may be sent of a stream, where one is taken.
    credit: Option<Credit>,
    /// The largest result it may have.
    result_bytes: u64,
    cpu_at_start_us: u64,
    /// The most calls that shared the CPU with this one.
    company: u64,
    cancelled: bool,
}

struct Deadline {
    /// When the caller is answered whatever the shim does.
    answered: Instant,
    limit_ms: u64,
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
        let timeout_ms = terms
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
            .filter(|timeout| *timeout < limits.wall_ms);
        let wall_ms = timeout_ms.unwrap_or(limits.wall_ms);
        let window = matches!(reply, Reply::Stream(_)).then_some(STREAM_WINDOW);
        self.calls.insert(
            id,
            Call {
                reply: Some(reply),
                wall,
                limits,
                deadline: timeout_ms.map(|limit_ms| Deadline {
                    answered: now + Duration::from_millis(limit_ms) + GRACE,
                    limit_ms,
                }),
                credit: window.map(Credit::new),
                result_bytes: terms.result_bytes,
                // Not read: counted from the container's start, never for nothing.
                cpu_at_start_us: cpu_us.unwrap_or(0),
                company: 1,
                cancelled: false,
            },
        );
        let company = self.calls.len() as u64;
        for call in self.calls.values_mut() {
            call.company = call.company.max(company);
        }
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
            (Err(CallFailure::Call(CallError::WallTime { .. })), Some(deadline)) => {
                Err(CallFailure::Deadline {
                    limit_ms: deadline.limit_ms,
                })
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
    pub(super) fn item(&mut self, id: CallId, item: Payload) -> Result<(), String> {
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
    pub(super) fn grants(&mut self) -> Vec<(CallId, u64)> {
        let mut grants = Vec::new();
        for (id, call) in &mut self.calls {
            if let (Some(Reply::Stream(feed)), Some(credit)) = (&call.reply, &mut call.credit)
                && let Some(bytes) = feed.to_grant()
            {
                credit.grant(bytes);
                grants.push((*id, bytes));
            }
        }
        grants
    }

    /// Answers the calls whose caller's deadline is over and that the shim did not end. They stay
    /// under way, given up, until it does or the policy's limit is over.
    pub(super) fn answer_late(&mut self, now: Instant) {
        for call in self.calls.values_mut() {
            if let Some(deadline) = &call.deadline
                && deadline.answered <= now
                && let Some(reply) = call.reply.take()
            {
                reply.send(Err(CallFailure::Deadline {
                    limit_ms: deadline.limit_ms,
                }));
            }
        }
    }

    /// Has the shim told of calls nobody waits for any more, each once: until there is room for it,
    /// which is what `tell` says, it is tried again. They stay under way until it answers.
    pub(super) fn give_up(&mut self, mut tell: impl FnMut(CallId) -> bool) {
        let gone =
            |call: &Call| call.reply.as_ref().is_none_or(Reply::is_closed) && !call.cancelled;
        for (id, call) in self.calls.iter_mut().filter(|(_, call)| gone(call)) {
            call.cancelled = tell(*id);
        }
    }

    /// Whether this call is under way.
    pub(super) fn holds(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    /// Whether any call is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The next moment at which a call is overdue, or its caller to be answered.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let soonest = |call: &Call| match &call.deadline {
            Some(deadline) if call.reply.is_some() => deadline.answered.min(call.wall),
            _ => call.wall,
        };
        self.calls.values().map(soonest).min()
    }

    /// Why the plugin has to be ended now: a call the shim should have ended and did not.
    pub(super) fn overdue(&self, now: Instant, cpu_us: u64) -> Option<EndReason> {
        self.calls.values().find_map(|call| {
            let limits = call.limits;
            let cpu = cpu_us.saturating_sub(call.cpu_at_start_us);
            // The shim shares CPU time out among the calls; from outside only the sum is seen.
            let cpu_limit_us = (limits.cpu_ms.saturating_mul(1000))
                .saturating_mul(call.company)
                .saturating_add(GRACE.as_micros() as u64);
            if cpu > cpu_limit_us {
                Some(EndReason::CpuTime {
                    limit_ms: limits.cpu_ms,
                })
            } else if now >= call.wall {
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
