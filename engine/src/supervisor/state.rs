//! What the task that owns a plugin knows of it.

use std::time::Instant;

use lazaret_policy::EffectivePolicy;

use super::calls::Calls;
use super::log_limit::LogLimit;
use super::looks::Looks;
use super::pace::Pace;
use super::records::Records;
use crate::event::{EndReason, Evidence};

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
    /// How fast messages that are no replies are read; while it is closed, none is.
    pub(super) message_pace: Pace,
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
            message_pace: Pace::of_messages(log, now),
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
}
