//! What the shim says, and what comes of it.

use std::time::Instant;

use lazaret_protocol::{CallId, EngineMessage, LogLevel, PROTOCOL_VERSION, Payload, ShimMessage};

use super::calls::CallFailure;
use super::running::PluginEvent;
use super::state::{Phase, State};
use super::task::{EXIT_GRACE, Task};
use super::violations::unix_milliseconds;
use crate::bundle;
use crate::channel::ChannelError;
use crate::container::check_process;
use crate::event::{Act, EndReason, Verdict, Witness};

/// What an item of a stream counts at least, in bytes of results: handing it on costs the engine some
/// microseconds.
const LEAST_ITEM_BYTES: u64 = 1024;

impl Task {
    pub(super) async fn on_message(&mut self, state: &mut State, message: ShimMessage) {
        let what = name_of(&message);
        let paced = match &message {
            ShimMessage::Reply { .. } | ShimMessage::StreamEnd { .. } => false,
            // Like results, by their bytes.
            ShimMessage::Item { item, .. } => {
                let bytes = item.bytes().max(LEAST_ITEM_BYTES);
                state.result_pace.count_result(bytes, Instant::now());
                false
            }
            _ => true,
        };
        if paced {
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
                        let given = std::mem::take(&mut self.given);
                        self.say(&EngineMessage::Hello {
                            version: PROTOCOL_VERSION,
                            given,
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
                    fields,
                    text,
                    dropped,
                },
            ) => self.on_log(state, level, (text, fields), dropped),
            (Phase::Verifying | Phase::Ready, ShimMessage::Measured { measures }) => {
                self.metrics.take(measures);
            }
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
            (
                Phase::Ready,
                ShimMessage::Reply { .. }
                | ShimMessage::Item { .. }
                | ShimMessage::StreamEnd { .. },
            ) if matches!(state.evidence.verdict, Some(Verdict::Kill(_))) => {}
            (Phase::Ready, ShimMessage::Item { id, item }) => {
                if let Err(what) = state.calls.item(id, item, Instant::now()) {
                    self.kill(state, EndReason::Protocol { what }).await;
                }
            }
            (Phase::Ready, ShimMessage::StreamEnd { id }) => {
                let bytes = state.calls.streamed(id);
                match state.calls.end_stream(id) {
                    Ok(()) => {
                        self.learn_answered(id, bytes);
                        self.give_up_acts(state, id).await;
                    }
                    Err(what) => self.kill(state, EndReason::Protocol { what }).await,
                }
            }
            (Phase::Ready, ShimMessage::Reply { id, result }) => {
                // That of the call, which may have begun under another policy.
                let limit = state.calls.result_bytes(id).unwrap_or(u64::MAX);
                let bytes = result.as_ref().map_or(0, Payload::bytes);
                state.result_pace.count_result(bytes, Instant::now());
                if bytes > limit {
                    let what = format!("a result of {bytes} bytes, with a limit of {limit}");
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                let streamed = state.calls.streamed(id);
                if result.is_ok() && streamed > 0 {
                    let what = format!("a result of call {} after items of it", id.0);
                    return self.kill(state, EndReason::Protocol { what }).await;
                }
                self.learn_answered(id, bytes.max(streamed));
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

    /// A call was answered, with so many bytes.
    fn learn_answered(&mut self, id: CallId, bytes: u64) {
        if let Some(learn) = &mut self.learn {
            learn.answered(id, Instant::now(), self.cgroup.usage().ok(), bytes);
        }
    }

    fn on_log(
        &mut self,
        state: &mut State,
        level: LogLevel,
        (mut text, fields): (String, Option<String>),
        dropped: u64,
    ) {
        if level < bundle::log_level(&self.policy) {
            return;
        }
        if let Some(learn) = &mut self.learn {
            learn.logged(text.len(), Instant::now());
        }
        let longest = self.policy.resources().output.line.value.bytes();
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        text.truncate(text.floor_char_boundary(longest));
        // Whoever listens may keep it for long; what was cut off is not kept with it.
        text.shrink_to_fit();
        let room = longest - text.len();
        let fields = fields.filter(|fields| fields.len() <= room && is_object(fields));
        let bytes = text.len() + fields.as_ref().map_or(0, String::len);
        let dropped = dropped.saturating_add(std::mem::take(&mut state.unheard));
        if let Some(dropped) = state.log.admit(bytes, dropped, Instant::now()) {
            let line = PluginEvent::Log {
                at_unix_ms: unix_milliseconds(),
                level,
                text,
                fields,
                dropped,
            };
            if !self.tell(line) {
                state.unheard = dropped.saturating_add(1);
            }
        }
    }
}

/// What adding a measure up costs, as bytes of text.
const MEASURE_BYTES: usize = 4096;

/// Whether it is the JSON of an object that is not too deep for whoever takes the log apart.
fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// Bytes of the text that anybody may put into the message.
fn text_bytes(message: &ShimMessage) -> usize {
    match message {
        ShimMessage::Log { text, fields, .. } => {
            text.len() + fields.as_ref().map_or(0, String::len)
        }
        ShimMessage::Measured { measures } => measures
            .iter()
            .map(|measure| MEASURE_BYTES + measure.series.bytes())
            .sum(),
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
        | ShimMessage::Item { .. }
        | ShimMessage::StreamEnd { .. }
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
        ShimMessage::Measured { .. } => "measures",
        ShimMessage::Violation { .. } => "violation",
        ShimMessage::Used { .. } => "used permission",
        ShimMessage::Crash { .. } => "crash",
        ShimMessage::Ask { .. } => "ask",
        ShimMessage::Item { .. } => "item",
        ShimMessage::StreamEnd { .. } => "end of a stream",
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::Difference;

    use super::*;

    #[test]
    fn a_message_of_measures_costs_as_much_as_adding_them_up() {
        let measure = lazaret_protocol::Measure {
            series: lazaret_protocol::Series {
                name: "m".to_owned(),
                labels: vec![("a".to_owned(), "bc".to_owned())],
            },
            change: lazaret_protocol::MeasureChange::Counter(1.0),
        };
        let measures = vec![measure; 256];
        let bytes = text_bytes(&ShimMessage::Measured { measures });
        assert_eq!(bytes, 256 * (MEASURE_BYTES + 4));
    }

    #[test]
    fn fields_are_an_object_of_json_and_nothing_else() {
        for fields in ["{}", r#"{"a": [1, {"b": null}]}"#] {
            assert!(is_object(fields), "{fields}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        for wrong in ["", "1", "[]", "{", "{} {}", r#"{"a"}"#, "null", &deep] {
            assert!(!is_object(wrong), "{wrong}");
        }
    }

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
