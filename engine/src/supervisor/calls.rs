//! The calls under way, and when to give up on the shim that should answer them. Pure: time and
//! CPU figures are arguments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazaret_protocol::{CallError, CallId, CallLimits, Payload};
use tokio::sync::oneshot;

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

pub(super) type Reply = oneshot::Sender<Result<Payload, CallFailure>>;

struct Call {
    reply: Reply,
    wall: Instant,
    limits: CallLimits,
    /// The largest result it may have.
    result_bytes: u64,
    cpu_at_start_us: u64,
    /// The most calls that shared the CPU with this one.
    company: u64,
    cancelled: bool,
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
        limits: CallLimits,
        result_bytes: u64,
        now: Instant,
        cpu_us: Option<u64>,
    ) -> Option<CallId> {
        if self.calls.len() >= MAX_CALLS_IN_FLIGHT {
            // Whoever asked may have gone away.
            drop(reply.send(Err(CallFailure::Busy {
                limit: MAX_CALLS_IN_FLIGHT,
            })));
            return None;
        }
        self.last += 1;
        let id = CallId(self.last);
        let wall = now + Duration::from_millis(limits.wall_ms) + GRACE;
        self.calls.insert(
            id,
            Call {
                reply,
                wall,
                limits,
                result_bytes,
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
        Some(id)
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
        match self.calls.remove(&id) {
            Some(call) => {
                drop(call.reply.send(result));
                true
            }
            None => false,
        }
    }

    /// Calls nobody waits for any more and that the shim has not been told to give up. They stay
    /// under way until it answers.
    pub(super) fn given_up(&mut self) -> Vec<CallId> {
        let gone = |call: &Call| call.reply.is_closed() && !call.cancelled;
        let calls = self.calls.iter_mut().filter(|(_, call)| gone(call));
        calls
            .map(|(id, call)| {
                call.cancelled = true;
                *id
            })
            .collect()
    }

    /// Whether this call is under way.
    pub(super) fn holds(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    /// Whether any call is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The next moment at which a call is overdue.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.calls.values().map(|call| call.wall).min()
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
            drop(call.reply.send(Err(CallFailure::Ended(reason.clone()))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CallLimits = CallLimits {
        wall_ms: 10_000,
        cpu_ms: 500,
    };

    fn begin(
        calls: &mut Calls,
        now: Instant,
        cpu_us: u64,
    ) -> (CallId, oneshot::Receiver<Result<Payload, CallFailure>>) {
        let (reply, receiver) = oneshot::channel();
        (
            calls.begin(reply, LIMITS, 100, now, Some(cpu_us)).unwrap(),
            receiver,
        )
    }

    #[test]
    fn a_call_is_overdue_a_grace_after_its_wall_time() {
        let mut calls = Calls::default();
        let start = Instant::now();
        let (_, _receiver) = begin(&mut calls, start, 0);
        let limit = start + Duration::from_millis(LIMITS.wall_ms);
        assert_eq!(calls.overdue(limit, 0), None);
        assert_eq!(
            calls.overdue(limit + GRACE, 0),
            Some(EndReason::WallTime { limit_ms: 10_000 })
        );
        assert_eq!(calls.next_deadline(), Some(limit + GRACE));
    }

    #[test]
    fn cpu_time_counts_from_the_start_of_the_call_and_is_shared() {
        let mut calls = Calls::default();
        let now = Instant::now();
        let (_, _one) = begin(&mut calls, now, 5_000_000);
        assert_eq!(calls.overdue(now, 6_500_000), None);
        assert_eq!(
            calls.overdue(now, 6_500_001),
            Some(EndReason::CpuTime { limit_ms: 500 })
        );
        let (_, _other) = begin(&mut calls, now, 5_000_000);
        assert_eq!(calls.overdue(now, 7_000_000), None);
        assert!(calls.overdue(now, 7_000_001).is_some());
    }

    #[test]
    fn a_call_nobody_waits_for_is_given_up_once_and_may_still_be_answered() {
        let mut calls = Calls::default();
        let (id, receiver) = begin(&mut calls, Instant::now(), 0);
        assert_eq!(calls.given_up(), []);
        drop(receiver);
        assert_eq!(calls.given_up(), [id]);
        assert_eq!(calls.given_up(), []);
        assert!(calls.answer(id, Err(CallFailure::Call(CallError::Cancelled))));
    }

    #[test]
    fn a_start_that_could_not_be_read_counts_from_the_containers() {
        let mut calls = Calls::default();
        let now = Instant::now();
        let (reply, _receiver) = oneshot::channel();
        calls.begin(reply, LIMITS, 100, now, None).unwrap();
        assert!(calls.overdue(now, 1_500_001).is_some());
    }

    #[test]
    fn an_answer_to_no_call_is_noticed() {
        let mut calls = Calls::default();
        let (id, mut receiver) = begin(&mut calls, Instant::now(), 0);
        let payload = Payload::Json("1".into());
        assert!(calls.answer(id, Ok(payload.clone())));
        assert!(!calls.answer(id, Ok(payload.clone())), "answered twice");
        assert_eq!(receiver.try_recv().unwrap(), Ok(payload));
    }

    #[test]
    fn a_call_under_way_may_have_the_larger_of_two_results() {
        let mut calls = Calls::default();
        let (id, _receiver) = begin(&mut calls, Instant::now(), 0);
        calls.allow_results(50);
        assert_eq!(calls.result_bytes(id), Some(100));
        calls.allow_results(150);
        assert_eq!(calls.result_bytes(id), Some(150));
        assert_eq!(calls.result_bytes(CallId(99)), None);
    }

    #[test]
    fn calls_beyond_the_most_are_refused_and_the_rest_told_of_the_end() {
        let mut calls = Calls::default();
        let receivers: Vec<_> = (0..MAX_CALLS_IN_FLIGHT)
            .map(|_| begin(&mut calls, Instant::now(), 0).1)
            .collect();
        let (reply, mut refused) = oneshot::channel();
        assert_eq!(calls.begin(reply, LIMITS, 100, Instant::now(), None), None);
        assert_eq!(
            refused.try_recv().unwrap(),
            Err(CallFailure::Busy {
                limit: MAX_CALLS_IN_FLIGHT
            })
        );
        calls.end(&EndReason::Stopped);
        for mut receiver in receivers {
            assert_eq!(
                receiver.try_recv().unwrap(),
                Err(CallFailure::Ended(EndReason::Stopped))
            );
        }
        assert!(calls.is_empty());
    }
}
