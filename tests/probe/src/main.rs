//! Takes the shim's place in a container and tries what a plugin must not do, by plain system
//! calls. It greets the engine as the shim does; then every call names an *ask*, and the reply
//! says what the kernel answered: `{"ok": ...}` or `{"errno": "EPERM"}`.
//!
//! Started with arguments it has no engine ([`alone`]).
//!
//! The plugin's `main.js` is never run here. Its first line, as `// probe: silent`, names a way to
//! misbehave before the first call ([`startup`]).

mod acts;
mod alone;
mod answer;
mod attacks;
mod calls;
mod channel;
mod egress;
mod facts;
mod files;
mod filtered;
mod flood;
mod forge;
mod frames;
mod memory;
mod network;
mod processes;
mod stage;
mod startup;
mod state;
mod storm;
mod violate;

use lazaret_protocol::{CallError, CallId, EngineMessage, Payload, ShimMessage};
use serde_json::Value;

use crate::channel::{Channel, send};

/// What may be asked for, and what does it.
type Ask = (&'static str, fn(&Value) -> Value);

/// All asks but those that break the rules of the channel, sorted for `Ready`.
fn asks() -> Vec<Ask> {
    let mut asks: Vec<Ask> = [
        calls::ASKS,
        egress::ASKS,
        facts::ASKS,
        files::ASKS,
        filtered::ASKS,
        flood::ASKS,
        memory::ASKS,
        network::ASKS,
        processes::ASKS,
        storm::ASKS,
        violate::ASKS,
    ]
    .concat();
    asks.extend(attacks::asks());
    asks.sort_by_key(|(name, _)| *name);
    asks
}

fn main() {
    let asks = asks();
    if alone::run(&asks) {
        return;
    }
    let names = asks.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut channel = Channel::default();
    startup::greet(&mut channel, names);
    while let Some(message) = channel.next() {
        match message {
            EngineMessage::Call {
                id,
                function,
                arguments,
                ..
            } => call(&mut channel, &asks, id, &function, &arguments),
            EngineMessage::Shutdown => return,
            EngineMessage::Hello { .. }
            | EngineMessage::Cancel { .. }
            | EngineMessage::Limits(_)
            | EngineMessage::Credit { .. }
            | EngineMessage::Answer { .. } => {}
        }
    }
}

fn call(channel: &mut Channel, asks: &[Ask], id: CallId, function: &str, arguments: &Payload) {
    let arguments = match arguments {
        Payload::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        Payload::Bytes(_) => Value::Null,
    };
    if acts::act(channel, id, function, &arguments) || state::act(channel, id, function, &arguments)
    {
        return;
    }
    if forge::forge(id, function, &arguments) || frames::frames(id, function, &arguments) {
        return;
    }
    let result = match asks.iter().find(|(name, _)| *name == function) {
        Some((_, ask)) => Ok(Payload::Json(ask(&arguments).to_string())),
        None => Err(CallError::NoSuchFunction {
            functions: asks.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }),
    };
    send(&ShimMessage::Reply { id, result });
}
