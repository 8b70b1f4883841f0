//! What the plugin asks the engine to do: taken in, decided, answered.

use std::time::Instant;

use lazaret_policy::Mode;
use lazaret_protocol::{
    Act as Asked, ActError, ActResult, AskId, CallId, EngineMessage, Payload, Window,
};

use super::state::State;
use super::task::Task;
use crate::acts::{self, Decided, Outcome, Used};
use crate::event::{Act, EndReason, Witness};

/// What an answer counts at least, in bytes of results: as an item of a stream does.
const LEAST_BYTES: u64 = 1024;

impl Task {
    /// The shim asks for something.
    pub(super) async fn on_ask(
        &mut self,
        state: &mut State,
        id: AskId,
        call: Option<CallId>,
        act: Asked,
    ) {
        if self.acts.queue.holds(id) {
            let what = format!("an ask of the number {}, which is under way", id.0);
            return self.kill(state, EndReason::Protocol { what }).await;
        }
        if call.is_some_and(|call| !state.calls.holds(call)) {
            return self.answer(state, id, Err(acts::given_up())).await;
        }
        match self.acts.queue.take(id, call, act) {
            Ok(()) => self.start_acts(state).await,
            Err(error) => self.answer(state, id, Err(error)).await,
        }
    }

    /// Begins all acts whose turn has come and whose answers have room. Decided here and not when they
    /// were asked for: the policy may be another by now.
    pub(super) async fn start_acts(&mut self, state: &mut State) {
        while !is_over(state)
            && self.outbox.takes_answers()
            && let Some(ask) = self.acts.queue.next()
        {
            match acts::decide(&ask.act, &self.policy) {
                Decided::Allowed(permissions) => {
                    for (permission, observed) in permissions {
                        self.used(state, &permission.to_string(), observed);
                    }
                    if let Some(learn) = &self.learn {
                        learn.asked(&self.policy, &ask.act);
                    }
                    self.acts.start(ask);
                }
                Decided::Denied(permission) => {
                    self.acts.queue.over(ask.id);
                    let act = Act::refused(permission.clone());
                    self.on_violation(state, act, Witness::Engine).await;
                    let denied = ActError::Denied { permission };
                    self.answer(state, ask.id, Err(denied)).await;
                }
            }
        }
    }

    /// A permission is used: counted where that is to be learned, recorded where it is let through
    /// and not granted.
    fn used(&mut self, state: &mut State, permission: &str, observed: Option<Mode>) {
        if let Some(learn) = &self.learn {
            learn.tally().used(permission, 1);
        }
        if observed == Some(Mode::Audit) {
            let act = Act::refused(permission.to_owned());
            self.let_through(state, act, Witness::Engine);
        }
    }

    /// An act is over.
    pub(super) async fn on_act(
        &mut self,
        state: &mut State,
        id: AskId,
        outcome: Outcome,
        used: Used,
    ) {
        if !is_over(state) {
            for (permission, observed) in used {
                self.used(state, &permission.to_string(), observed);
            }
        }
        // What could be decided only when it was looked at.
        if let Err(ActError::Denied { permission }) = &outcome
            && !is_over(state)
        {
            let act = Act::refused(permission.clone());
            self.on_violation(state, act, Witness::Engine).await;
        }
        self.answer(state, id, outcome).await;
        self.start_acts(state).await;
    }

    /// Gives up what was asked for a call that is over.
    pub(super) async fn give_up_acts(&mut self, state: &mut State, call: CallId) {
        for id in self.acts.give_up(call) {
            self.answer(state, id, Err(acts::given_up())).await;
        }
    }

    async fn answer(&mut self, state: &mut State, id: AskId, result: Outcome) {
        if is_over(state) {
            return;
        }
        state
            .result_pace
            .count_result(bytes_of(&result), Instant::now());
        // A shim of ours reads all the time: one that leaves its answers lying is none.
        if self
            .outbox
            .answer(&EngineMessage::Answer { id, result })
            .is_err()
        {
            let what = "it does not read the answers to what it asks for".to_owned();
            self.kill(state, EndReason::Protocol { what }).await;
        }
    }
}

/// About how much there is to hand on.
fn bytes_of(outcome: &Outcome) -> u64 {
    let bytes = match outcome {
        Ok(ActResult::Ran { stdout, stderr, .. }) => (stdout.len() + stderr.len()) as u64,
        Ok(ActResult::Value(value)) => value.as_ref().map_or(0, Payload::bytes),
        Ok(ActResult::Entries { entries, .. }) => entries
            .iter()
            .map(|entry| entry.key.len() as u64 + entry.value.bytes())
            .sum(),
        Ok(ActResult::Windows(windows)) => windows.iter().map(Window::bytes).sum::<usize>() as u64,
        Ok(ActResult::Done | ActResult::Found(_)) | Err(_) => 0,
    };
    bytes.max(LEAST_BYTES)
}

/// Whether nothing is done for the plugin any more: it has ended, or is to.
fn is_over(state: &State) -> bool {
    state.evidence.exit.is_some() || state.evidence.verdict.is_some()
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::KvEntry;

    use super::*;

    #[test]
    fn an_answer_counts_all_that_it_carries() {
        let value = || Payload::Bytes(vec![0; 1 << 20]);
        let entry = KvEntry {
            key: "key".to_owned(),
            value: value(),
        };
        let entries = ActResult::Entries {
            entries: vec![entry.clone(), entry],
            more: false,
        };
        assert_eq!(bytes_of(&Ok(ActResult::Value(Some(value())))), 1 << 20);
        assert_eq!(bytes_of(&Ok(entries)), 2 * ((1 << 20) + 3));
        assert_eq!(bytes_of(&Ok(ActResult::Done)), LEAST_BYTES);
    }
}
