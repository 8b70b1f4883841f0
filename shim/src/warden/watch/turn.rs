//! One stretch of JavaScript.

use std::time::{Duration, Instant};

use lazaret_protocol::CallId;

use super::STUCK;

/// The longest that a turn is left to itself: past it the warden listens to the engine. While there
/// are turns it looks this often, so that a turn hardly ever has to wake it.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// What JavaScript is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnKind {
    /// Loading the plugin's modules.
    Load,
    /// Starting a call: all until its function returns.
    Call(CallId),
    /// A round of the event loop.
    Loop,
    /// Telling a call that it was given up: its listeners, and the end of its stream.
    CleanUp,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// By itself.
    Whole,
    /// Interrupted for a call that was given up; the other calls go on.
    CallGivenUp,
    /// Interrupted because it was over a budget that belongs to no call.
    OverBudget,
}

/// One turn under way.
#[derive(Debug)]
pub(super) struct Turn {
    /// What runs.
    pub(super) kind: TurnKind,
    /// When it began.
    pub(super) started: Instant,
    /// The JavaScript thread's CPU clock when it began.
    pub(super) began: Duration,
    /// The calls that pay for a round of the event loop.
    pub(super) payers: Vec<CallId>,
    /// One of them was given up while the turn ran: its code may be what runs.
    pub(super) suspect: bool,
    /// What it had cost when the warden first interrupted it.
    pub(super) interrupted: Option<Duration>,
}

impl Turn {
    /// Interrupting it has been of no use.
    pub(super) fn is_stuck(&self, spent: Duration) -> bool {
        self.interrupted
            .is_some_and(|then| spent.saturating_sub(then) >= STUCK)
    }

    /// Long enough for the warden to listen in its place.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) >= PATIENCE
    }
}
