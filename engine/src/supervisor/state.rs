//! What the task that owns a plugin knows of it.

use std::time::Instant;

use lazaret_policy::EffectivePolicy;

use super::calls::Calls;
use super::log_limit::LogLimit;
use super::looks::Looks;
use super::pace::Pace;
use super::records::Records;
use crate::event::{EndReason, Evidence, Verdict};

/// How far the plugin has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Verifying,
    Ready,
}

/// What the task knows.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) calls: Calls,
    pub(super) evidence: Evidence,
    pub(super) log: LogLimit,
    pub(super) records: Records,
    pub(super) looks: Looks,
    /// How fast reported system calls are answered.
    pub(super) call_pace: Pace,
    /// How fast the broker's refusals are recorded.
    pub(super) egress_pace: Pace,
    /// How fast messages that are no replies are read; while it is closed, none is.
    pub(super) message_pace: Pace,
    /// How fast results are read, by their bytes.
    pub(super) result_pace: Pace,
    /// Lines that whoever listens had no room for.
    pub(super) unheard: u64,
    pub(super) channel_open: bool,
    /// The next moment something must have happened: readiness, or an exit.
    pub(super) deadline: Option<(Instant, EndReason)>,
    pub(super) accepts_commands: bool,
}

impl State {
    /// Of a plugin that is just being started.
    pub(super) fn new(policy: &EffectivePolicy, now: Instant) -> Self {
        let startup = policy.resources().time.startup.value;
        let log = policy.resources().output.log.value.bytes();
        Self {
            phase: Phase::Starting,
            calls: Calls::default(),
            evidence: Evidence {
                memory_limit: policy.resources().memory.max.value.bytes(),
                ..Evidence::default()
            },
            log: LogLimit::new(log, now),
            records: Records::new(now),
            looks: Looks::new(now),
            call_pace: Pace::of_calls(now),
            egress_pace: Pace::of_calls(now),
            message_pace: Pace::of_messages(log, now),
            result_pace: Pace::of_results(now),
            unheard: 0,
            channel_open: true,
            deadline: Some((
                now + startup.duration(),
                EndReason::StartupTimeout {
                    limit_ms: startup.millis(),
                },
            )),
            accepts_commands: true,
        }
    }

    /// Has the process exit until then, or be ended for this. What is due sooner stays.
    pub(super) fn exits_until(&mut self, then: Instant, reason: EndReason) {
        if self.deadline.as_ref().is_none_or(|(due, _)| then < *due) {
            self.deadline = Some((then, reason));
        }
    }

    /// Notes that the engine ends the plugin for this, unless it does so already.
    pub(super) fn killed(&mut self, reason: EndReason) {
        match &self.evidence.verdict {
            Some(Verdict::Kill(_)) => {}
            None | Some(Verdict::Stop) => self.evidence.verdict = Some(Verdict::Kill(reason)),
        }
        // Nothing is due but the exit. After it the deadline bounds how long what the process
        // sent before is read.
        if self.evidence.exit.is_none() {
            self.deadline = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazaret_launcher_wire::ExitStatus;
    use lazaret_policy::SecurityLevel;

    use super::*;

    fn state(now: Instant) -> State {
        State::new(&EffectivePolicy::of(SecurityLevel::Standard), now)
    }

    fn broken() -> EndReason {
        EndReason::Protocol {
            what: "a rule".into(),
        }
    }

    #[test]
    fn reading_what_an_ended_process_sent_stays_bounded_whatever_it_sent() {
        let now = Instant::now();
        let mut state = state(now);
        state.killed(broken());
        assert_eq!(state.deadline, None, "an exit is waited for");
        state.evidence.exit = Some(ExitStatus::Code(0));
        state.deadline = Some((now, EndReason::Stopped));
        state.killed(broken());
        assert_eq!(state.deadline, Some((now, EndReason::Stopped)));
        assert_eq!(state.evidence.verdict, Some(Verdict::Kill(broken())));
    }

    #[test]
    fn a_deadline_is_brought_forward_and_not_put_off() {
        let now = Instant::now();
        let mut state = state(now);
        let soon = now + Duration::from_millis(1);
        state.exits_until(soon, broken());
        assert_eq!(state.deadline, Some((soon, broken())));
        state.exits_until(soon + Duration::from_secs(1), EndReason::Stopped);
        assert_eq!(state.deadline, Some((soon, broken())));
    }
}
