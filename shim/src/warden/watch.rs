//! Which call is over which limit: decisions only, time comes in as arguments.
//!
//! JavaScript runs in *turns*: loading the plugin, starting one call, or one round of the event
//! loop. CPU time of a turn that starts a call is that call's; CPU time of a round of the event
//! loop is shared equally among the calls in flight when it began, since nothing tells whose
//! continuation ran.
//!
//! ```text
//!   begin call ──▶ in flight ──finish──▶ answered by the JavaScript thread
//!                      └──────tick────▶ answered by the warden (a limit, a cancellation)
//! ```
//!
//! Whoever takes a call out of the map answers it, so each is answered once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazaret_protocol::{CallError, CallId, CallLimits};

mod turn;

use turn::{PATIENCE, Turn};
pub use turn::{TurnEnd, TurnKind};

/// How much CPU time a round of the event loop may still take after one of its calls was given
/// up, and how long the warden waits before it repeats an interruption.
const GRACE: Duration = Duration::from_millis(10);

/// How much CPU time a turn may take after it was interrupted. What the engine has built in is not
/// all to be interrupted: a plugin that is in there would never answer again.
const STUCK: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Call {
    deadline: Option<Instant>,
    limits: CallLimits,
    used: Duration,
    /// Since when it can do nothing but wait for whoever reads its stream.
    waits: Option<Instant>,
}

impl Call {
    /// Its deadline, while its time runs.
    fn due(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.waits.is_none())
    }

    fn left(&self) -> Duration {
        Duration::from_millis(self.limits.cpu_ms).saturating_sub(self.used)
    }
}

/// Limits that belong to no call.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// CPU time for loading the plugin.
    pub load: Duration,
    /// CPU time of one round of the event loop that no call pays for.
    pub background: Duration,
}

/// What to do now.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Calls to answer.
    pub ended: Vec<(CallId, CallError)>,
    /// Interrupt what JavaScript is doing.
    pub interrupt: bool,
    /// It was interrupted and does not stop: nothing is to be had from it any more.
    pub stuck: bool,
    /// Listen to the engine: the turn under way lasts.
    pub listen: bool,
    /// Look again after this long, `None` when nothing can run out.
    pub again: Option<Duration>,
}

/// The calls in flight and the turn under way.
#[derive(Debug)]
pub struct Watch {
    calls: BTreeMap<CallId, Call>,
    turn: Option<Turn>,
    budgets: Budgets,
    load_used: Duration,
    /// Turns have begun since the warden looked last.
    active: bool,
    /// When the warden looks next.
    looks_at: Option<Instant>,
}

impl Watch {
    /// Nothing in flight.
    #[must_use]
    pub fn new(budgets: Budgets) -> Self {
        Self {
            calls: BTreeMap::new(),
            turn: None,
            budgets,
            load_used: Duration::ZERO,
            active: false,
            looks_at: None,
        }
    }

    /// A call has arrived. False if its id is in flight already.
    pub fn begin_call(&mut self, id: CallId, limits: CallLimits, now: Instant) -> bool {
        let call = Call {
            deadline: now.checked_add(Duration::from_millis(limits.wall_ms)),
            limits,
            used: Duration::ZERO,
            waits: None,
        };
        !self.calls.contains_key(&id) && self.calls.insert(id, call).is_none()
    }

    /// The JavaScript thread has a result. False if the call was answered by the warden.
    pub fn finish_call(&mut self, id: CallId) -> bool {
        self.calls.remove(&id).is_some()
    }

    /// The call waits for its answer still.
    #[must_use]
    pub fn in_flight(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    /// How long a call that waits for its answer may still take.
    #[must_use]
    pub fn left(&self, id: CallId, now: Instant) -> Option<Duration> {
        let call = self.calls.get(&id)?;
        Some(match call.deadline {
            Some(deadline) => deadline.saturating_duration_since(call.waits.unwrap_or(now)),
            None => Duration::from_millis(call.limits.wall_ms),
        })
    }

    /// The call's stream has no credit: its time does not run. The engine, which gives credit, sees
    /// to it that this does not last for ever.
    pub fn await_reader(&mut self, id: CallId, now: Instant) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.waits.get_or_insert(now);
        }
    }

    /// There is credit again: its time runs.
    pub fn go_on(&mut self, id: CallId, now: Instant) {
        if let Some(call) = self.calls.get_mut(&id)
            && let Some(since) = call.waits.take()
        {
            let waited = now.saturating_duration_since(since);
            call.deadline = call
                .deadline
                .and_then(|deadline| deadline.checked_add(waited));
        }
    }

    /// The engine gives up on a call. Its error, unless it was answered already.
    pub fn cancel_call(&mut self, id: CallId) -> Option<CallError> {
        self.give_up(id).then_some(CallError::Cancelled)
    }

    /// Another limit for rounds of the event loop that no call pays for; the one under way too.
    pub fn set_background(&mut self, background: Duration) {
        self.budgets.background = background;
    }

    /// JavaScript starts to run. `cpu` is the JavaScript thread's clock. True if the warden would
    /// look too late to hold the turn, or a call that has arrived, to its limits and must be told
    /// to look now.
    pub fn begin_turn(&mut self, kind: TurnKind, cpu: Duration, now: Instant) -> bool {
        let payers = match kind {
            TurnKind::Loop => self.calls.keys().copied().collect(),
            TurnKind::Load | TurnKind::Call(_) | TurnKind::CleanUp => Vec::new(),
        };
        self.turn = Some(Turn {
            kind,
            started: now,
            began: cpu,
            payers,
            suspect: false,
            interrupted: None,
        });
        self.active = true;
        let wanted = self.next_look(now, Duration::ZERO).map(|wait| now + wait);
        match (self.looks_at, wanted) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(looks), Some(wanted)) => looks > wanted,
        }
    }

    /// JavaScript has stopped. Tells whether it was interrupted, and for whom.
    pub fn end_turn(&mut self, cpu: Duration) -> TurnEnd {
        let Some(turn) = self.turn.take() else {
            return TurnEnd::Whole;
        };
        let spent = cpu.saturating_sub(turn.began);
        match turn.kind {
            TurnKind::Load => self.load_used += spent,
            TurnKind::Call(id) => self.charge(&[id], spent),
            TurnKind::CleanUp => {}
            TurnKind::Loop => self.charge(&turn.payers, share(spent, turn.payers.len())),
        }
        match turn.kind {
            _ if turn.interrupted.is_none() => TurnEnd::Whole,
            TurnKind::Loop if turn.payers.is_empty() => TurnEnd::OverBudget,
            TurnKind::Load | TurnKind::CleanUp => TurnEnd::OverBudget,
            TurnKind::Loop | TurnKind::Call(_) => TurnEnd::CallGivenUp,
        }
    }

    /// Compares everything with its limits.
    pub fn tick(&mut self, now: Instant, cpu: Duration) -> Verdict {
        let mut verdict = Verdict::default();
        let spent = self
            .turn
            .as_ref()
            .map_or(Duration::ZERO, |turn| cpu.saturating_sub(turn.began));
        for (id, error) in self.over_limits(now, spent) {
            self.give_up(id);
            verdict.ended.push((id, error));
        }
        verdict.interrupt = self.judge_turn(spent);
        verdict.stuck = self.turn.as_ref().is_some_and(|turn| turn.is_stuck(spent));
        verdict.listen = self.turn.as_ref().is_some_and(|turn| turn.lasts(now));
        verdict.again = self.next_look(now, spent);
        self.active = false;
        self.looks_at = verdict.again.map(|again| now + again);
        verdict
    }

    /// Calls past a limit, with the limit.
    fn over_limits(&self, now: Instant, spent: Duration) -> Vec<(CallId, CallError)> {
        self.calls
            .iter()
            .filter_map(|(id, call)| {
                let CallLimits { wall_ms, cpu_ms } = call.limits;
                if self.running_cost(*id, spent) >= call.left() && self.pays(*id) {
                    Some((*id, CallError::CpuTime { limit_ms: cpu_ms }))
                } else if call.due().is_some_and(|deadline| deadline <= now) {
                    Some((*id, CallError::WallTime { limit_ms: wall_ms }))
                } else {
                    None
                }
            })
            .collect()
    }

    /// Whether the turn under way must be interrupted.
    fn judge_turn(&mut self, spent: Duration) -> bool {
        let load_left = self.budgets.load.saturating_sub(self.load_used);
        let background = self.budgets.background;
        let Some(turn) = &mut self.turn else {
            return false;
        };
        // An interruption is repeated until the turn ends: an exception being turned into text
        // can lift it.
        let interrupt = match turn.kind {
            TurnKind::Load => spent >= load_left,
            TurnKind::Call(id) => !self.calls.contains_key(&id),
            TurnKind::CleanUp => spent >= background,
            TurnKind::Loop if turn.payers.is_empty() => spent >= background,
            TurnKind::Loop => {
                let all_gone = !turn.payers.iter().any(|id| self.calls.contains_key(id));
                turn.suspect && (spent >= GRACE || all_gone)
            }
        };
        if interrupt {
            turn.interrupted.get_or_insert(spent);
        }
        turn.interrupted.is_some()
    }

    /// CPU time never runs faster than the clock, so nothing runs out before this.
    fn next_look(&self, now: Instant, spent: Duration) -> Option<Duration> {
        let calls = self.calls.iter().flat_map(|(id, call)| {
            let wall = call
                .due()
                .map(|deadline| deadline.saturating_duration_since(now));
            let cpu = call.left().saturating_sub(self.running_cost(*id, spent));
            wall.into_iter().chain([cpu])
        });
        let turn = self.turn.as_ref().and_then(|turn| match turn.kind {
            _ if turn.interrupted.is_some() => Some(GRACE),
            TurnKind::Load => {
                let left = self.budgets.load.saturating_sub(self.load_used);
                Some(left.saturating_sub(spent))
            }
            TurnKind::CleanUp => Some(self.budgets.background.saturating_sub(spent)),
            TurnKind::Loop if turn.payers.is_empty() => {
                Some(self.budgets.background.saturating_sub(spent))
            }
            TurnKind::Loop if turn.suspect => Some(GRACE.saturating_sub(spent)),
            TurnKind::Loop | TurnKind::Call(_) => None,
        });
        let listen = match &self.turn {
            Some(turn) if !turn.lasts(now) => Some((turn.started + PATIENCE) - now),
            None if self.active => Some(PATIENCE),
            _ => None,
        };
        let soonest = calls.chain(turn).chain(listen).min()?;
        Some(soonest.max(Duration::from_millis(1)))
    }

    fn give_up(&mut self, id: CallId) -> bool {
        if let Some(turn) = &mut self.turn
            && turn.payers.contains(&id)
        {
            turn.suspect = true;
        }
        self.calls.remove(&id).is_some()
    }

    fn pays(&self, id: CallId) -> bool {
        self.turn.as_ref().is_some_and(|turn| match turn.kind {
            TurnKind::Call(running) => running == id,
            TurnKind::Loop => turn.payers.contains(&id),
            TurnKind::Load | TurnKind::CleanUp => false,
        })
    }

    /// What the turn under way has cost this call so far.
    fn running_cost(&self, id: CallId, spent: Duration) -> Duration {
        match &self.turn {
            Some(turn) if self.pays(id) => match turn.kind {
                TurnKind::Loop => share(spent, turn.payers.len()),
                TurnKind::Call(_) | TurnKind::Load | TurnKind::CleanUp => spent,
            },
            _ => Duration::ZERO,
        }
    }

    fn charge(&mut self, payers: &[CallId], amount: Duration) {
        for id in payers {
            if let Some(call) = self.calls.get_mut(id) {
                call.used += amount;
            }
        }
    }
}

fn share(spent: Duration, payers: usize) -> Duration {
    spent / u32::try_from(payers.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
