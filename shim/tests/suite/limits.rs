//! Time limits, cancellation, floods: what a plugin cannot take more of than it was given.

use lazaret_protocol::{
    CallError, CallLimits, EngineMessage, FileLimits, LiveLimits, LogLevel, Payload,
};

use crate::harness::{GENEROUS, Plugin, STATE};

const SHORT_CPU: CallLimits = CallLimits {
    wall_ms: 50_000,
    cpu_ms: 50,
};
const SHORT_WALL: CallLimits = CallLimits {
    wall_ms: 50,
    cpu_ms: 50_000,
};

const SPINNERS: &str = "
    export const spin = () => { for (;;); };
    export const later = async () => { await null; for (;;); };
    export const microtasks = async () => { for (;;) await null; };
    export const microtasksLater = async () => {
      await new Promise((go) => setTimeout(go, 1)); for (;;) await null;
    };
    export const timer = () => new Promise(() => setTimeout(() => { for (;;); }, 1));
    export const stubborn = () => { for (;;) { try { for (;;); } catch {} finally { continue; } } };
    export const pattern = () => /^(a+)+$/.test('a'.repeat(100) + 'b');
    export const sorts = () => { const a = Array.from('x'.repeat(1e4)); for (;;) a.sort(() => 1); };
    export const result = () => ({ toJSON() { for (;;); } });
    export const error = () => { throw { get message() { for (;;); } }; };
    export const never = () => new Promise(() => {});
    export const ok = () => 1;
    export const okLater = async () => { await null; return 2; };";

#[test]
fn an_endless_loop_is_interrupted_and_the_next_call_works() {
    let mut shim = Plugin::new(SPINNERS).ready();
    for name in [
        "spin",
        "later",
        "microtasks",
        "microtasksLater",
        "timer",
        "stubborn",
        "pattern",
        "sorts",
        "result",
        "error",
    ] {
        let result = shim.call_within(name, "[]", SHORT_CPU);
        assert_eq!(result, Err(CallError::CpuTime { limit_ms: 50 }), "{name}");
        assert_eq!(shim.json("ok", "[]"), "1", "after {name}");
        assert_eq!(shim.json("okLater", "[]"), "2", "after {name}");
    }
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_loop_past_its_wall_time_is_interrupted() {
    let mut shim = Plugin::new(SPINNERS).ready();
    for name in ["spin", "later", "timer"] {
        let result = shim.call_within(name, "[]", SHORT_WALL);
        assert_eq!(result, Err(CallError::WallTime { limit_ms: 50 }), "{name}");
        assert_eq!(shim.json("ok", "[]"), "1", "after {name}");
    }
}

#[test]
fn a_promise_that_never_settles_ends_at_its_wall_time() {
    let mut shim = Plugin::new(SPINNERS).ready();
    let result = shim.call_within("never", "[]", SHORT_WALL);
    assert_eq!(result, Err(CallError::WallTime { limit_ms: 50 }));
    assert_eq!(shim.json("ok", "[]"), "1");
}

#[test]
fn other_calls_in_flight_survive_an_interruption() {
    let mut shim = Plugin::new(
        "export const wait = (n) => new Promise((done) => setTimeout(() => done(n), 200));
         export const spin = () => { for (;;); };",
    )
    .ready();
    let first = shim.begin("wait", Payload::Json("[1]".to_owned()), GENEROUS);
    let spin = shim.begin("spin", Payload::Json("[]".to_owned()), SHORT_CPU);
    let second = shim.begin("wait", Payload::Json("[2]".to_owned()), GENEROUS);
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..3 {
        let (id, result) = shim.next_reply();
        answers.insert(id, result);
    }
    assert_eq!(answers[&spin], Err(CallError::CpuTime { limit_ms: 50 }));
    assert_eq!(answers[&first], Ok(Payload::Json("1".to_owned())));
    assert_eq!(answers[&second], Ok(Payload::Json("2".to_owned())));
}

#[test]
fn a_result_that_spins_does_not_harm_one_that_settles_with_it() {
    let mut shim = Plugin::new(
        "let open; const gate = new Promise((go) => { open = go; });
         export const spins = async () => { await gate; return { toJSON() { for (;;); } }; };
         export const plain = async () => { await gate; return { a: [1, { b: 2 }] }; };
         export const go = () => { setTimeout(open, 1); };",
    )
    .ready();
    let arguments = || Payload::Json("[]".to_owned());
    let spins = shim.begin("spins", arguments(), SHORT_CPU);
    let plain = shim.begin("plain", arguments(), GENEROUS);
    let go = shim.begin("go", arguments(), GENEROUS);
    assert_eq!(shim.next_reply().0, go);
    let spinning = Err(CallError::CpuTime { limit_ms: 50 });
    assert_eq!(shim.next_reply(), (spins, spinning));
    let text = r#"{"a":[1,{"b":2}]}"#.to_owned();
    assert_eq!(shim.next_reply(), (plain, Ok(Payload::Json(text))));
}

#[test]
fn a_cancelled_call_is_answered_once_and_stopped() {
    let mut shim = Plugin::new(SPINNERS).ready();
    for name in ["never", "spin", "later"] {
        let id = shim.begin(name, Payload::Json("[]".to_owned()), GENEROUS);
        shim.send(&EngineMessage::Cancel { id });
        assert_eq!(shim.next_reply(), (id, Err(CallError::Cancelled)), "{name}");
        assert_eq!(shim.json("ok", "[]"), "1", "after {name}");
    }
    let id = shim.begin("ok", Payload::Json("[]".to_owned()), GENEROUS);
    assert_eq!(shim.next_reply().0, id);
    shim.send(&EngineMessage::Cancel { id });
    assert_eq!(shim.json("ok", "[]"), "1");
}

#[test]
fn interruptions_and_calls_that_end_by_themselves_do_not_mix() {
    let mut shim = Plugin::new(
        "export const spin = () => { for (;;); };
         export const work = () => { let n = 0; for (let i = 0; i < 20000; i++) n += i; return n; };",
    )
    .ready();
    for _ in 0..30 {
        let tight = CallLimits {
            wall_ms: 50_000,
            cpu_ms: 2,
        };
        let spin = shim.begin("spin", Payload::Json("[]".to_owned()), tight);
        let work = shim.begin("work", Payload::Json("[]".to_owned()), GENEROUS);
        assert_eq!(
            shim.next_reply(),
            (spin, Err(CallError::CpuTime { limit_ms: 2 }))
        );
        assert_eq!(
            shim.next_reply(),
            (work, Ok(Payload::Json("199990000".to_owned())))
        );
    }
}

#[test]
fn loading_has_a_limit_of_its_own() {
    for code in ["for (;;);", "await null; for (;;);"] {
        let mut plugin = Plugin::new(code);
        plugin.startup_ms = 50;
        assert_eq!(plugin.crash().name, "Interrupted");
    }
}

#[test]
fn a_loop_outside_of_any_call_ends_the_plugin() {
    let mut plugin =
        Plugin::new("export const arm = () => { setTimeout(() => { for (;;); }, 1); };");
    plugin.background_ms = 50;
    let mut shim = plugin.ready();
    shim.json("arm", "[]");
    assert_eq!(shim.next_crash().name, "Interrupted");
    assert_eq!(shim.exit_code(), 1);
}

#[test]
fn an_error_nobody_catches_ends_the_plugin() {
    for body in [
        "Promise.reject(new TypeError('unseen'))",
        "setTimeout(() => { throw new TypeError('unseen'); }, 1)",
        "queueMicrotask(() => { throw new TypeError('unseen'); })",
    ] {
        let mut shim = Plugin::new(&format!("export const f = () => {{ {body}; }};")).ready();
        shim.json("f", "[]");
        let error = shim.next_crash();
        assert_eq!(
            (error.name.as_str(), error.message.as_str()),
            ("TypeError", "unseen"),
            "{body}"
        );
        assert!(
            error
                .location
                .is_some_and(|place| place.starts_with("main.js:1:")),
            "{body}"
        );
        assert_eq!(shim.exit_code(), 1);
    }
}

#[test]
fn console_lines_come_with_their_level() {
    let mut shim = Plugin::new(
        "export const f = () => {
           console.debug('d', 1); console.log('l', { a: [1, 'x'] }); console.info('i');
           console.warn('w'); console.error('e');
         };",
    )
    .ready();
    shim.json("f", "[]");
    assert_eq!(
        shim.lines(),
        [
            (LogLevel::Debug, "d 1", 0),
            (LogLevel::Info, "l { a: [ 1, \"x\" ] }", 0),
            (LogLevel::Info, "i", 0),
            (LogLevel::Warn, "w", 0),
            (LogLevel::Error, "e", 0),
        ]
    );
}

#[test]
fn a_console_flood_is_cut_and_dropped() {
    let mut plugin = Plugin::new(
        "export const line = () => { console.log('x'.repeat(1e8)); };
         export const flood = () => { for (let i = 0; i < 1e5; i++) console.log('line'); };",
    );
    plugin.log_line_bytes = 100;
    plugin.log_bytes_per_second = 1000;
    let mut shim = plugin.ready();
    shim.json("line", "[]");
    assert_eq!(shim.lines()[0].1, "x".repeat(100));
    shim.json("flood", "[]");
    // A second's worth at the start and what is gained while it runs: never near what was said.
    assert!(shim.lines().len() < 10_000, "{}", shim.lines().len());
}

#[test]
fn other_limits_hold_from_the_next_call_on() {
    let mut shim = Plugin::new(
        "export const result = (bytes) => 'x'.repeat(bytes);
         export const line = () => { console.log('abcdef'); };",
    )
    .ready();
    shim.json("result", "[100]");
    let mut limits = LiveLimits {
        files: FileLimits {
            ignore: Vec::new(),
            read_bytes: 1000,
        },
        log_line_bytes: 3,
        log_bytes_per_second: 100_000,
        result_bytes: 50,
        background_ms: 1000,
        https: Vec::new(),
        connections: 64,
        state: STATE,
    };
    shim.send(&EngineMessage::Limits(limits.clone()));
    match shim.call_within("result", "[100]", GENEROUS) {
        Err(CallError::ResultTooLarge { limit: 50, .. }) => {}
        other => panic!("{other:?}"),
    }
    shim.json("line", "[]");
    (limits.log_line_bytes, limits.result_bytes) = (100, 1000);
    shim.send(&EngineMessage::Limits(limits));
    shim.json("result", "[100]");
    shim.json("line", "[]");
    let lines = shim.lines();
    let lines: Vec<&str> = lines.iter().map(|line| line.1).collect();
    assert_eq!(lines, ["abc", "abcdef"]);
}

#[test]
fn nothing_that_is_shown_on_the_console_can_hurt() {
    let mut shim = Plugin::new(
        "const cycle = { a: 1 }; cycle.me = cycle;
         const deep = () => { let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; return a; };
         export const f = () => {
           console.log({ get x() { throw 1; } }, new Proxy({}, { get() { throw 1; } }));
           console.log(cycle, deep());
           console.log(new Array(1e7), new Uint8Array(5), Symbol('s'), 1n, -0, null, undefined);
           console.log(new TypeError('shown'), () => 1, Object.create(null));
           const strange = new Error('e'); strange.name = Symbol(); strange.stack = {};
           console.log(strange);
         };",
    )
    .ready();
    shim.json("f", "[]");
    let lines = shim.lines();
    assert_eq!(lines[0].1, "{ x: [Getter] } [Proxy]");
    assert!(
        lines[1].1.starts_with("{ a: 1, me: [Circular] } { a: { a:"),
        "{}",
        lines[1].1
    );
    assert!(
        lines[2]
            .1
            .ends_with("Uint8Array(5) Symbol(s) 1n -0 null undefined"),
        "{}",
        lines[2].1
    );
    assert!(lines[3].1.starts_with("TypeError: shown"), "{}", lines[3].1);
    assert_eq!(lines[4].1, "Error: e");
}

#[test]
fn a_built_in_function_that_is_not_to_be_interrupted_ends_the_plugin() {
    let mut shim = Plugin::new(
        "export const f = () => 'a'.repeat(2e5).indexOf('a'.repeat(1e5) + 'b' + 'a'.repeat(5e4));",
    )
    .ready();
    let limits = CallLimits {
        wall_ms: 50_000,
        cpu_ms: 50,
    };
    match shim.call_within("f", "[]", limits) {
        // V8 knows better ways to look for a text.
        Ok(_) if cfg!(feature = "v8") => return,
        Err(CallError::CpuTime { limit_ms: 50 }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(shim.next_crash().name, "Interrupted");
    assert_eq!(shim.exit_code(), 1);
}

/// Limits that nothing here comes near.
pub(crate) fn generous() -> LiveLimits {
    LiveLimits {
        log_line_bytes: 1000,
        log_bytes_per_second: 100_000,
        result_bytes: 1_000_000,
        background_ms: 50_000,
        https: Vec::new(),
        connections: 64,
        files: FileLimits {
            ignore: Vec::new(),
            read_bytes: 1_000_000,
        },
        state: STATE,
    }
}
