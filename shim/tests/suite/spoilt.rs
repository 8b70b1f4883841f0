//! A plugin that changes promises of the language, and the shim that waits for them.

use lazaret_protocol::{ActResult, CallError, CallLimits, EngineMessage, Payload, ShimMessage};

use crate::harness::{GENEROUS, Plugin, Shim};

const MAIN: &str = r#"
    const { defineProperty, getOwnPropertyNames } = Object;
    const { then } = Promise.prototype;
    let release;
    export const held = () => new Promise((resolve) => { release = resolve; });
    export const free = () => { release("held"); };
    export const plain = () => "plain";
    export const waits = async () => { await null; return "waited"; };
    export const fails = async () => { await null; throw new RangeError("failed"); };
    export const stands = () => ({ then: (resolve) => resolve("stood") });
    export const write = () => Deno.writeTextFile("/srv/a", "x");
    export const spoil = (how) => {
        const spoilt = {
            throws: () => { throw new Error("spoilt"); },
            nothing: () => undefined,
            swallows: () => new Promise(() => {}),
        }[how];
        for (const object of [Promise, Promise.prototype]) {
            for (const key of getOwnPropertyNames(object)) {
                try { object[key] = spoilt; } catch {}
            }
        }
        // The binding to QuickJS keeps the two functions of a promise there.
        for (const key of ["__v8qjs_resolve", "__v8qjs_reject"]) {
            defineProperty(Object.prototype, key, { get: () => spoilt, set: spoilt });
        }
    };
    export const mend = () => { Promise.prototype.then = then; Promise.prototype.constructor = Promise; };
"#;

fn spoilt(shim: &mut Shim, how: &str) {
    let spoilt = shim.call("spoil", &format!("[\"{how}\"]"));
    assert_eq!(spoilt, Ok(Payload::Json("null".into())), "{how}");
}

#[test]
fn a_plugin_that_spoils_promises_is_answered_as_the_engine_settles_them() {
    for how in ["throws", "nothing", "swallows"] {
        let mut shim = Plugin::new(MAIN).ready();
        let held = shim.begin("held", Payload::Json("[]".into()), GENEROUS);
        spoilt(&mut shim, how);
        assert_eq!(shim.json("plain", "[]"), r#""plain""#, "{how}");
        assert_eq!(shim.json("waits", "[]"), r#""waited""#, "{how}");
        assert_eq!(shim.json("stands", "[]"), r#""stood""#, "{how}");
        assert_eq!(shim.thrown("fails").name, "RangeError", "{how}");
        let freeing = shim.begin("free", Payload::Json("[]".into()), GENEROUS);
        let mut answers = [shim.next_reply(), shim.next_reply()];
        answers.sort_by_key(|(id, _)| id.0);
        let text = |text: &str| Ok(Payload::Json(text.into()));
        assert_eq!(answers[0], (held, text(r#""held""#)), "{how}");
        assert_eq!(answers[1], (freeing, text("null")), "{how}");
        assert_eq!(shim.close(), 0, "{how}");
    }
}

/// A call that writes, with its ask granted.
fn written(shim: &mut Shim, limits: CallLimits) -> Result<Payload, CallError> {
    let call = shim.begin("write", Payload::Json("[]".into()), limits);
    loop {
        match shim.next() {
            ShimMessage::Ask { id, .. } => {
                let result = Ok(ActResult::Done);
                shim.send(&EngineMessage::Answer { id, result });
            }
            ShimMessage::Reply { id, result } if id == call => return result,
            other => panic!("neither ask nor reply: {other:?}"),
        }
    }
}

#[test]
fn a_plugin_that_spoils_promises_loses_what_it_awaits_only_while_they_are_spoilt() {
    let short = CallLimits {
        wall_ms: 500,
        ..GENEROUS
    };
    for how in ["throws", "nothing", "swallows"] {
        let mut shim = Plugin::new(MAIN).ready();
        spoilt(&mut shim, how);
        let lost = written(&mut shim, short);
        assert!(lost.is_err(), "{how}: {lost:?}");
        assert_eq!(shim.json("mend", "[]"), "null", "{how}");
        let written = written(&mut shim, GENEROUS);
        assert_eq!(written, Ok(Payload::Json("null".into())), "{how}");
        assert_eq!(shim.close(), 0, "{how}");
    }
}

#[test]
fn a_plugin_that_spoils_promises_as_it_is_loaded_is_ready() {
    for how in ["throws", "nothing", "swallows"] {
        let mut shim = Plugin::new(&format!("{MAIN}\nspoil(\"{how}\"); await null;")).ready();
        assert_eq!(shim.json("waits", "[]"), r#""waited""#, "{how}");
        assert_eq!(shim.close(), 0, "{how}");
    }
}
