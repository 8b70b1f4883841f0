//! What the shim says, and what comes of it.

use std::time::Instant;

use lazaret_protocol::{EngineMessage, LogLevel, PROTOCOL_VERSION, Payload, ShimMessage};

use super::calls::CallFailure;
use super::running::PluginEvent;
use super::state::{Phase, State};
use super::task::{EXIT_GRACE, Task};
use crate::channel::ChannelError;
use crate::container::check_process;
use crate::event::{Act, EndReason, Verdict, Witness};

impl Task {
    pub(super) async fn on_message(&mut self, state: &mut State, message: ShimMessage) {
        let what = name_of(&message);
        if !matches!(message, ShimMessage::Reply { .. }) {
            state
                .message_pace
                .count(text_bytes(&message), Instant::now());
        }
        match (state.phase, message) {
            (Phase::Starting, ShimMessage::Hello { version, .. }) => {
                if version != PROTOCOL_VERSION {
                    let what = ChannelError::Version { found: version }.to_string();
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                match check_process(self.pid, self.first_host_id) {
                    Ok(differences) if differences.is_empty() => {
                        state.phase = Phase::Verifying;
                        self.say(&EngineMessage::Hello {
                            version: PROTOCOL_VERSION,
                        });
                    }
                    Ok(differences) => {
                        let differences = differences
                            .iter()
                            .map(|difference| crate::event::ReadBackDifference {
                                what: difference.what.to_owned(),
                                expected: difference.expected.clone(),
                                found: difference.found.clone(),
                            })
                            .collect();
                        self.kill(state, EndReason::ReadBack { differences }).await;
                    }
                    // It ended meanwhile; its exit says why.
                    Err(_) => {}
                }
            }
            (Phase::Verifying, ShimMessage::Ready { functions })
                if state.evidence.refused.is_none() =>
            {
                state.phase = Phase::Ready;
                if let Some(learn) = &self.learn {
                    learn.ready(Instant::now());
                }
                // A stop that is under way keeps its deadline.
                if state.evidence.verdict.is_none() {
                    state.deadline = None;
                }
                if let Some(ready) = self.ready.take() {
                    // Nobody waits any more: the closed command channel stops the plugin.
                    drop(ready.send(functions));
                }
            }
            (Phase::Verifying, ShimMessage::Refused { differences })
                if state.evidence.refused.is_none() =>
            {
                // It is the last message; the exit is not waited for longer than that.
                let reason = EndReason::ReadBack {
                    differences: differences.iter().map(Into::into).collect(),
                };
                state.exits_until(Instant::now() + EXIT_GRACE, reason);
                state.evidence.refused = Some(differences);
            }
            (Phase::Verifying | Phase::Ready, ShimMessage::Crash { error }) => {
                state.evidence.crash.get_or_insert(error);
            }
            (
                Phase::Verifying | Phase::Ready,
                ShimMessage::Log {
                    level,
                    text,
                    dropped,
                },
            ) => self.on_log(state, level, text, dropped),
            (Phase::Verifying | Phase::Ready, ShimMessage::Violation { permission, .. }) => {
                let act = Act::refused(permission);
                self.on_violation(state, act, Witness::Shim).await;
            }
            (Phase::Verifying | Phase::Ready, ShimMessage::Ask { id, call, act }) => {
                self.on_ask(state, id, call, act).await;
            }
            // Nobody else is asked to tell, or to count.
            (Phase::Verifying | Phase::Ready, ShimMessage::Used { permission, times })
                if self.learn.is_some() =>
            {
                if let Some(learn) = &self.learn {
                    learn.told(&self.policy, &permission, times);
                }
            }
            (Phase::Verifying | Phase::Ready, ShimMessage::Metrics(figures)) => {
                state.evidence.heap = Some(figures.heap_used);
            }
            // Its call is told of the end instead, whichever of the two was sooner.
            (Phase::Ready, ShimMessage::Reply { .. })
                if matches!(state.evidence.verdict, Some(Verdict::Kill(_))) => {}
            (Phase::Ready, ShimMessage::Reply { id, result }) => {
                // That of the call, which may have begun under another policy.
                let limit = state.calls.result_bytes(id).unwrap_or(u64::MAX);
                let bytes = result.as_ref().map_or(0, payload_bytes);
                state.result_pace.count_result(bytes, Instant::now());
                if bytes > limit {
                    let what = format!("a result of {bytes} bytes, with a limit of {limit}");
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                if let Some(learn) = &mut self.learn {
                    learn.answered(id, Instant::now(), self.cgroup.usage().ok(), bytes);
                }
                if state.calls.answer(id, result.map_err(CallFailure::Call)) {
                    self.give_up_acts(state, id).await;
                } else {
                    let what = format!("a reply to call {}, which is not under way", id.0);
                    self.kill(state, EndReason::Protocol { what }).await;
                }
            }
            (phase, _) => {
                let when = match phase {
                    Phase::Starting => "before the hello",
                    Phase::Verifying => "before the plugin was ready",
                    Phase::Ready => "after the plugin was ready",
                };
                let what = ChannelError::OutOfTurn {
                    message: what,
                    when,
                }
                .to_string();
                self.kill(state, EndReason::Protocol { what }).await;
            }
        }
    }

    fn on_log(&mut self, state: &mut State, level: LogLevel, mut text: String, dropped: u64) {
        if let Some(learn) = &mut self.learn {
            learn.logged(text.len(), Instant::now());
        }
        let longest = self.policy.resources().output.line.value.bytes();
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        text.truncate(text.floor_char_boundary(longest));
        // Whoever listens may keep it for long; what was cut off is not kept with it.
        text.shrink_to_fit();
        let dropped = dropped.saturating_add(std::mem::take(&mut state.unheard));
        if let Some(dropped) = state.log.admit(text.len(), dropped, Instant::now()) {
            let line = PluginEvent::Log {
                level,
                text,
                dropped,
            };
            if !self.tell(line) {
                state.unheard = dropped.saturating_add(1);
            }
        }
    }
}

fn payload_bytes(payload: &Payload) -> u64 {
    match payload {
        Payload::Json(text) => text.len() as u64,
        Payload::Bytes(bytes) => bytes.len() as u64,
    }
}

/// Bytes of the text that anybody may put into the message.
fn text_bytes(message: &ShimMessage) -> usize {
    match message {
        ShimMessage::Log { text, .. } => text.len(),
        ShimMessage::Violation { permission, .. } | ShimMessage::Used { permission, .. } => {
            permission.len()
        }
        ShimMessage::Crash { error } => error.name.len() + error.message.len() + error.stack.len(),
        ShimMessage::Refused { differences } => differences
            .iter()
            .map(|part| part.what.len() + part.expected.len() + part.found.len())
            .sum(),
        ShimMessage::Ask { act, .. } => act.bytes(),
        ShimMessage::Hello { .. }
        | ShimMessage::Ready { .. }
        | ShimMessage::Reply { .. }
        | ShimMessage::Metrics(_) => 0,
    }
}

fn name_of(message: &ShimMessage) -> &'static str {
    match message {
        ShimMessage::Hello { .. } => "hello",
        ShimMessage::Refused { .. } => "refused",
        ShimMessage::Ready { .. } => "ready",
        ShimMessage::Reply { .. } => "reply",
        ShimMessage::Log { .. } => "log",
        ShimMessage::Metrics(_) => "metrics",
        ShimMessage::Violation { .. } => "violation",
        ShimMessage::Used { .. } => "used permission",
        ShimMessage::Crash { .. } => "crash",
        ShimMessage::Ask { .. } => "ask",
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::Difference;

    use super::*;

    #[test]
    fn the_text_of_a_refusal_costs_like_any_other() {
        let part = || "x".repeat(100);
        let difference = Difference {
            what: part(),
            expected: part(),
            found: part(),
        };
        let differences = vec![difference; 3];
        assert_eq!(text_bytes(&ShimMessage::Refused { differences }), 900);
    }
}
