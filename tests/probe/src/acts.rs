//! Asking the engine for acts, rightly and wrongly.

use std::sync::atomic::{AtomicU64, Ordering};

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, CallId, EngineMessage, Payload, Presence, ShimMessage,
    WindowAct, WriteMode,
};
use serde_json::{Value, json};

use crate::answer::{number, text};
use crate::channel::{Channel, send};

static LAST: AtomicU64 = AtomicU64::new(0);

/// Does what the function names, if it is one of these.
pub(crate) fn act(channel: &mut Channel, id: CallId, function: &str, arguments: &Value) -> bool {
    let path = text(arguments, "path");
    let result = match function {
        "act_write" => {
            let content = text(arguments, "content").as_bytes().to_vec();
            one(channel, Some(id), write(path, content))
        }
        "act_write_bytes" => {
            let content = vec![b'x'; count(arguments, "bytes")];
            one(channel, Some(id), write(path, content))
        }
        "act_remove" => one(channel, Some(id), remove(path)),
        "act_rename" => {
            let act = Act::Rename {
                from: path.to_owned(),
                to: text(arguments, "to").to_owned(),
            };
            one(channel, Some(id), act)
        }
        "act_run" => {
            let act = Act::Run {
                program: text(arguments, "program").to_owned(),
                arguments: vec![String::new(); count(arguments, "arguments")],
                input: Vec::new(),
            };
            one(channel, Some(id), act)
        }
        "act_close_window" => {
            let window = u32::try_from(number(arguments, "number")).unwrap_or_default();
            let act = WindowAct::Close { id: window };
            one(channel, Some(id), Act::Window(act))
        }
        "act_for_no_call" => one(channel, Some(CallId(id.0 + 1000)), remove(path)),
        "act_long_path" => one(
            channel,
            Some(id),
            remove(&"/a".repeat(count(arguments, "bytes") / 2)),
        ),
        "act_twice" => {
            for _ in 0..2 {
                ask(AskId(u64::MAX), Some(id), write(path, vec![b'x'; 1 << 20]));
            }
            Value::Null
        }
        "act_many" => many(channel, id, path, number(arguments, "count")),
        "act_deaf" => {
            let long = format!("{path}{}", "/a".repeat(1000));
            loop {
                ask(next(), Some(id), remove(&long));
            }
        }
        "act_and_leave" => {
            for number in 0..number(arguments, "count") {
                ask(
                    next(),
                    None,
                    write(&format!("{path}/{number}"), b"x".to_vec()),
                );
            }
            std::process::exit(0);
        }
        "act_after_shutdown" => {
            send(&reply(id, &Value::Null));
            while channel.next() != Some(EngineMessage::Shutdown) {}
            ask(next(), None, write(path, b"x".to_vec()));
            // Until the engine closes the channel or ends the process.
            while channel.next().is_some() {}
            std::process::exit(0);
        }
        _ => return false,
    };
    send(&reply(id, &result));
    true
}

/// Asks so many times before it reads any answer, and counts the answers by kind.
fn many(channel: &mut Channel, id: CallId, path: &str, count: u64) -> Value {
    let acts = (0..count).map(|_| remove(path));
    all(channel, id, acts.collect())
}

/// Asks for all of them before it reads any answer, and counts the answers by kind.
pub(crate) fn all(channel: &mut Channel, id: CallId, acts: Vec<Act>) -> Value {
    let count = acts.len();
    for act in acts {
        ask(next(), Some(id), act);
    }
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..count {
        let Some((_, result)) = answer(channel) else {
            return Value::Null;
        };
        *kinds.entry(kind(&result)).or_default() += 1;
    }
    json!(kinds)
}

pub(crate) fn one(channel: &mut Channel, call: Option<CallId>, act: Act) -> Value {
    let id = next();
    ask(id, call, act);
    match answer(channel) {
        Some((answered, result)) if answered == id => match &result {
            Ok(_) => json!("done"),
            Err(ActError::Denied { permission }) => json!({ "denied": permission }),
            Err(ActError::Limit { what, asked, limit }) => json!({ "limit": [what, asked, limit] }),
            Err(ActError::Failed { message, .. }) => json!({ kind(&result): message }),
        },
        other => json!(format!("{other:?}")),
    }
}

fn kind(result: &Result<ActResult, ActError>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(ActError::Denied { .. }) => "denied".to_owned(),
        Err(ActError::Limit { .. }) => "limit".to_owned(),
        Err(ActError::Failed { failure, .. }) => format!("{failure:?}"),
    }
}

fn answer(channel: &mut Channel) -> Option<(AskId, Result<ActResult, ActError>)> {
    loop {
        match channel.next()? {
            EngineMessage::Answer { id, result } => return Some((id, result)),
            EngineMessage::Shutdown => return None,
            _ => {}
        }
    }
}

fn next() -> AskId {
    AskId(LAST.fetch_add(1, Ordering::Relaxed))
}

fn ask(id: AskId, call: Option<CallId>, act: Act) {
    send(&ShimMessage::Ask { id, call, act });
}

fn write(path: &str, content: Vec<u8>) -> Act {
    Act::Write {
        path: path.to_owned(),
        mode: WriteMode::Replace,
        presence: Presence::Any,
        content,
    }
}

fn remove(path: &str) -> Act {
    Act::Remove {
        path: path.to_owned(),
    }
}

fn count(arguments: &Value, name: &str) -> usize {
    usize::try_from(number(arguments, name)).unwrap_or(0)
}

pub(crate) fn reply(id: CallId, result: &Value) -> ShimMessage {
    ShimMessage::Reply {
        id,
        result: Ok(Payload::Json(result.to_string())),
    }
}
