//! Who hears the engine: it is heard whatever the plugin is doing.

use lazaret_protocol::{CallError, CallId, CallLimits, EngineMessage, Payload, ShimMessage};

use crate::harness::{GENEROUS, Plugin, Shim};

const PLUGIN: &str = "
    export const spin = () => { console.log('spinning'); for (;;); };
    export const storm = () => { const again = () => setTimeout(again, 0); again(); };
    export const never = () => new Promise(() => {});
    export const work = () => { let n = 0; for (let i = 0; i < 1e5; i++) n += i; return n; };
    export const wait = (n) => new Promise((done) => setTimeout(() => done(n), n % 10));
    export const big = () => 'x'.repeat(900000);
    export const echo = (value) => value;";

fn begin(shim: &mut Shim, function: &str) -> CallId {
    shim.begin(function, Payload::Json("[]".to_owned()), GENEROUS)
}

/// A plugin in the midst of a loop that never ends.
fn spinning() -> (Shim, CallId) {
    let mut shim = Plugin::new(PLUGIN).ready();
    let id = begin(&mut shim, "spin");
    let message = shim.next();
    assert!(matches!(message, ShimMessage::Log { .. }), "{message:?}");
    (shim, id)
}

#[test]
fn a_shutdown_is_heard_during_an_endless_loop() {
    let (mut shim, _) = spinning();
    shim.send(&EngineMessage::Shutdown);
    assert_eq!(shim.exit_code(), 0);
}

#[test]
fn the_engines_end_is_seen_during_an_endless_loop() {
    let (shim, _) = spinning();
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_cancellation_is_heard_during_an_endless_loop() {
    let (mut shim, id) = spinning();
    shim.send(&EngineMessage::Cancel { id });
    assert_eq!(shim.next_reply(), (id, Err(CallError::Cancelled)));
    assert_eq!(shim.json("echo", "[1]"), "1");
}

#[test]
fn a_call_that_waits_behind_an_endless_loop_has_its_deadline() {
    let (mut shim, spin) = spinning();
    let limits = CallLimits {
        wall_ms: 50,
        cpu_ms: 50_000,
    };
    let late = shim.begin("echo", Payload::Json("[1]".to_owned()), limits);
    let over = Err(CallError::WallTime { limit_ms: 50 });
    assert_eq!(shim.next_reply(), (late, over));
    shim.send(&EngineMessage::Cancel { id: spin });
    assert_eq!(shim.next_reply(), (spin, Err(CallError::Cancelled)));
}

#[test]
fn a_cancellation_overtakes_its_call() {
    let (mut shim, spin) = spinning();
    let waiting = begin(&mut shim, "spin");
    shim.send(&EngineMessage::Cancel { id: waiting });
    assert_eq!(shim.next_reply(), (waiting, Err(CallError::Cancelled)));
    let next = begin(&mut shim, "work");
    shim.send(&EngineMessage::Cancel { id: spin });
    assert_eq!(shim.next_reply(), (spin, Err(CallError::Cancelled)));
    let (id, result) = shim.next_reply();
    assert_eq!(id, next);
    result.expect("the loop that was cancelled first never began");
}

#[test]
fn the_engine_is_heard_while_timers_never_stop() {
    let mut shim = Plugin::new(PLUGIN).ready();
    shim.json("storm", "[]");
    assert_eq!(shim.json("echo", "[1]"), "1");
    let id = begin(&mut shim, "never");
    shim.send(&EngineMessage::Cancel { id });
    assert_eq!(shim.next_reply(), (id, Err(CallError::Cancelled)));
    shim.send(&EngineMessage::Shutdown);
    assert_eq!(shim.exit_code(), 0);
}

#[test]
fn a_shutdown_is_heard_while_the_engine_reads_nothing() {
    let mut shim = Plugin::new(PLUGIN).ready();
    for _ in 0..60 {
        begin(&mut shim, "big");
    }
    shim.send(&EngineMessage::Shutdown);
    assert_eq!(shim.exit_code(), 0);
}

#[test]
fn a_shutdown_is_heard_while_a_plugin_loads() {
    for code in [
        "for (;;);",
        "await new Promise((go) => setTimeout(go, 1e8));",
    ] {
        let mut shim = Plugin::new(code).start();
        shim.send(&EngineMessage::Shutdown);
        assert_eq!(shim.exit_code(), 0, "{code}");
    }
}

#[test]
fn a_short_deadline_holds_after_a_long_rest() {
    let mut shim = Plugin::new(PLUGIN).ready();
    for limit_ms in [1, 5, 30] {
        let limits = CallLimits {
            wall_ms: limit_ms,
            cpu_ms: 50_000,
        };
        let result = shim.call_within("never", "[]", limits);
        assert_eq!(result, Err(CallError::WallTime { limit_ms }));
    }
}

#[test]
fn bursts_of_calls_of_all_kinds_are_each_answered_once() {
    let mut shim = Plugin::new(PLUGIN).ready();
    let mut waiting = std::collections::BTreeMap::new();
    for burst in 0..20_u64 {
        for n in 0..50_u64 {
            let (function, json, expected) = match n % 5 {
                0 => ("work", "[]".to_owned(), Some("4999950000".to_owned())),
                1 | 2 => ("wait", format!("[{n}]"), Some(n.to_string())),
                3 => ("never", "[]".to_owned(), None),
                _ => (
                    "echo",
                    format!("[[{burst},{n}]]"),
                    Some(format!("[{burst},{n}]")),
                ),
            };
            let id = shim.begin(function, Payload::Json(json), GENEROUS);
            if expected.is_none() {
                shim.send(&EngineMessage::Cancel { id });
            }
            waiting.insert(id, expected);
        }
        // Some bursts run into each other.
        while waiting.len() > (burst % 3) as usize * 20 {
            let (id, result) = shim.next_reply();
            let expected = waiting.remove(&id).expect("answered once");
            let expected =
                expected.map_or(Err(CallError::Cancelled), |text| Ok(Payload::Json(text)));
            assert_eq!(result, expected);
        }
    }
    while !waiting.is_empty() {
        let (id, _) = shim.next_reply();
        waiting.remove(&id).expect("answered once");
    }
    assert_eq!(shim.close(), 0);
}
