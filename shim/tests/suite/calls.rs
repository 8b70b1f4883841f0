//! Calls: arguments, results, errors, many at a time.

use lazaret_protocol::{CallError, EngineMessage, Given, Payload};

use crate::harness::{GENEROUS, Plugin};

#[test]
fn the_exported_functions_are_named_sorted() {
    let mut shim = Plugin::new(
        "export function b() {} export const a = () => {}; export const n = 1;
         export class C {} export default function () {}",
    )
    .start();
    let message = shim.next();
    let functions = ["C", "a", "b", "default"].map(str::to_owned).to_vec();
    assert_eq!(message, lazaret_protocol::ShimMessage::Ready { functions });
}

#[test]
fn arguments_and_results_travel_as_json() {
    let mut shim = Plugin::new(
        "export const count = (...values) => values.length;
         export const echo = (value) => value;
         export const nothing = () => {};
         export default (a, b) => a + b;",
    )
    .ready();
    assert_eq!(
        shim.json("echo", r#"{"a":[1,null,"\u00e9"]}"#),
        "{\"a\":[1,null,\"\u{e9}\"]}"
    );
    assert_eq!(shim.json("echo", "\"text\""), "\"text\"");
    assert_eq!(shim.json("count", "[1,[2],3]"), "3");
    assert_eq!(shim.json("count", "[]"), "0");
    assert_eq!(shim.json("count", "{}"), "1");
    assert_eq!(shim.json("default", "[1,2]"), "3");
    assert_eq!(shim.json("nothing", "[]"), "null");
}

#[test]
fn async_functions_and_thenables_are_awaited() {
    let mut shim = Plugin::new(
        "export async function later(value) {
           await new Promise((resolve) => setTimeout(resolve, 1));
           return value;
         }
         export const thenable = () => ({ then(resolve) { resolve(7); } });
         export const chained = async () => (await later(1)) + 1;",
    )
    .ready();
    assert_eq!(shim.json("later", "[5]"), "5");
    assert_eq!(shim.json("thenable", "[]"), "7");
    assert_eq!(shim.json("chained", "[]"), "2");
}

#[test]
fn bytes_go_in_and_come_out_as_bytes() {
    let mut shim = Plugin::new(
        "export const reverse = (bytes) => {
           if (!(bytes instanceof Uint8Array)) throw new TypeError('no bytes');
           return bytes.reverse();
         };
         export const buffer = () => new Uint8Array([1, 2, 3]).buffer;
         export const part = () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
         export const empty = () => new Uint8Array(0);",
    )
    .ready();
    shim.begin("reverse", Payload::Bytes(vec![1, 2, 255]), GENEROUS);
    assert_eq!(shim.next_reply().1, Ok(Payload::Bytes(vec![255, 2, 1])));
    shim.begin("reverse", Payload::Bytes(Vec::new()), GENEROUS);
    assert_eq!(shim.next_reply().1, Ok(Payload::Bytes(Vec::new())));
    assert_eq!(shim.call("buffer", "[]"), Ok(Payload::Bytes(vec![1, 2, 3])));
    assert_eq!(shim.call("part", "[]"), Ok(Payload::Bytes(vec![2, 3])));
    assert_eq!(shim.call("empty", "[]"), Ok(Payload::Bytes(Vec::new())));
}

#[test]
fn a_throw_and_a_rejection_say_name_message_stack_and_place() {
    let mut shim = Plugin::new(
        "export function sync() {\n  throw new RangeError('too far');\n}\n
         export async function rejects() { await null; throw new TypeError('later'); }",
    )
    .ready();
    let error = shim.thrown("sync");
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("RangeError", "too far")
    );
    assert!(
        error.stack.contains("at sync (file:///plugin/main.js:2:"),
        "{}",
        error.stack
    );
    assert!(error.location.expect("location").starts_with("main.js:2:"));
    let error = shim.thrown("rejects");
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("TypeError", "later")
    );
    assert_eq!(shim.close(), 0);
}

#[test]
fn an_unknown_function_is_answered_with_the_known_ones() {
    let mut shim = Plugin::new("export const forecast = () => 1; export const x = 1;").ready();
    let functions = vec!["forecast".to_owned()];
    for name in ["forcast", "x", "toString", "__proto__", ""] {
        assert_eq!(
            shim.call(name, "[]"),
            Err(CallError::NoSuchFunction {
                functions: functions.clone()
            })
        );
    }
}

#[test]
fn arguments_that_are_no_json_are_refused() {
    let mut shim = Plugin::new("export const f = () => 1;").ready();
    for text in ["", "{", "[1,]", "undefined", "{a:1}", "1 2"] {
        let result = shim.call("f", text);
        assert!(
            matches!(result, Err(CallError::InvalidArguments { .. })),
            "{text}: {result:?}"
        );
    }
    assert_eq!(shim.json("f", "[]"), "1");
}

#[test]
fn deeply_nested_arguments_are_an_error_and_no_crash() {
    let mut shim = Plugin::new("export const f = () => 1;").ready();
    let text = "[".repeat(1_000_000);
    assert!(matches!(
        shim.call("f", &text),
        Err(CallError::InvalidArguments { .. })
    ));
    assert_eq!(shim.json("f", "[]"), "1");
}

#[test]
fn results_that_are_no_json_are_refused() {
    let mut shim = Plugin::new(
        "export const cycle = () => { const a = {}; a.a = a; return a; };
         export const bigint = () => 1n;
         export const func = () => () => 1;
         export const symbol = () => Symbol('s');
         export const vanishes = () => ({ toJSON: () => undefined });
         export const f = () => 1;",
    )
    .ready();
    for name in ["cycle", "bigint", "func", "symbol", "vanishes"] {
        let result = shim.call(name, "[]");
        assert!(
            matches!(result, Err(CallError::InvalidResult { .. })),
            "{name}: {result:?}"
        );
    }
    assert_eq!(shim.json("f", "[]"), "1");
}

#[test]
fn a_result_over_the_limit_is_not_sent() {
    let mut shim = Plugin::new(
        "export const text = (n) => 'x'.repeat(n); export const bytes = (n) => new Uint8Array(n);",
    )
    .ready();
    assert_eq!(shim.json("text", "[999998]").len(), 1_000_000);
    let limit = 1_000_000;
    assert_eq!(
        shim.call("text", "[999999]"),
        Err(CallError::ResultTooLarge {
            bytes: 1_000_001,
            limit
        })
    );
    assert_eq!(
        shim.call("bytes", "[1000001]"),
        Err(CallError::ResultTooLarge {
            bytes: 1_000_001,
            limit
        })
    );
}

#[test]
fn many_calls_in_flight_are_each_answered_once() {
    let mut shim = Plugin::new(
        "export const wait = (n) => new Promise((done) => setTimeout(() => done(n), (n * 7) % 20));",
    )
    .ready();
    let mut waiting = std::collections::BTreeMap::new();
    for n in 0..200 {
        let id = shim.begin("wait", Payload::Json(format!("[{n}]")), GENEROUS);
        waiting.insert(id, n);
    }
    while !waiting.is_empty() {
        let (id, result) = shim.next_reply();
        let n = waiting.remove(&id).expect("answered once");
        assert_eq!(result, Ok(Payload::Json(n.to_string())));
    }
}

#[test]
fn changed_globals_do_not_change_how_calls_are_answered() {
    let mut shim = Plugin::new(
        "const bad = () => { throw new Error('polluted'); };
         JSON.parse = JSON.stringify = bad;
         Array.prototype[Symbol.iterator] = bad;
         Array.prototype.push = Array.prototype.map = Array.prototype.join = bad;
         Promise.prototype.then = Promise.prototype.catch = Promise.resolve = bad;
         Error.prepareStackTrace = () => 'polluted';
         Object.defineProperty(Object.prototype, 'value', { get: bad, configurable: true });
         Object.keys = Object.defineProperty = Reflect.apply = Function.prototype.call = bad;
         export const echo = (...values) => ({ n: values.length });
         export const later = async (value) => { await null; return value; };
         export const throws = () => { throw new TypeError('mine'); };
         export const says = () => { console.log({ a: 1 }); };",
    )
    .ready();
    assert_eq!(shim.json("echo", "[1,2]"), r#"{"n":2}"#);
    assert_eq!(shim.json("later", "[[3]]"), "[3]");
    let error = shim.thrown("throws");
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("TypeError", "mine")
    );
    shim.json("says", "[]");
    assert_eq!(shim.lines()[0].1, "{ a: 1 }");
}

#[test]
fn whatever_is_thrown_comes_back_as_a_bounded_error() {
    let mut shim = Plugin::new(
        "export const text = () => { throw 'just text'; };
         export const nothing = () => { throw undefined; };
         export const symbol = () => { throw Symbol('s'); };
         export const big = () => { throw new Error('x'.repeat(1e6)); };
         export const getters = () => {
           throw { get name() { throw 1; }, get message() { throw 2; }, get stack() { throw 3; } };
         };
         export const proxy = () => { throw new Proxy({}, { get() { throw 1; } }); };
         export const revoked = () => {
           const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;
         };
         export const objects = () => { throw { name: {}, message: [], stack: 1 }; };
         export const rejects = () => Promise.reject(null);
         export const frozen = () => { throw Object.freeze(Object.create(null)); };
         export const ok = () => 1;",
    )
    .ready();
    assert_eq!(shim.thrown("text").message, "just text");
    assert_eq!(shim.thrown("nothing").message, "undefined");
    assert!(shim.thrown("symbol").message.contains("Symbol(s)"));
    assert_eq!(shim.thrown("big").message.len(), 8 * 1024);
    for name in ["getters", "proxy", "revoked", "objects", "frozen"] {
        assert_eq!(shim.thrown(name).name, "Error", "{name}");
    }
    assert_eq!(shim.thrown("rejects").message, "null");
    assert_eq!(shim.json("ok", "[]"), "1");
}

#[test]
fn endless_recursion_is_an_exception() {
    let mut shim = Plugin::new(
        "export function deep() { return deep() + 1; }
         export const json = () => { let a = []; for (let i = 0; i < 1e6; i++) a = [a]; return a; };
         export const pattern = () => new RegExp('('.repeat(1e6));
         export const ok = () => 1;",
    )
    .ready();
    assert!(shim.call("deep", "[]").is_err());
    assert!(shim.call("json", "[]").is_err());
    assert!(shim.call("pattern", "[]").is_err());
    assert_eq!(shim.json("ok", "[]"), "1");
}

#[test]
fn shutdown_and_a_closed_channel_end_the_shim_well() {
    let mut shim = Plugin::new("export const f = () => 1;").ready();
    shim.send(&EngineMessage::Shutdown);
    assert_eq!(shim.exit_code(), 0);
    assert_eq!(Plugin::new("").ready().close(), 0);
}

#[test]
fn a_message_out_of_turn_ends_the_shim() {
    let mut shim = Plugin::new("export const f = () => 1;").ready();
    shim.send(&EngineMessage::Hello {
        version: 1,
        given: Given::default(),
    });
    assert_eq!(shim.exit_code(), lazaret_shim::exit::PROTOCOL);
}

#[test]
fn only_what_is_a_buffer_is_sent_as_bytes() {
    let mut shim = Plugin::new(
        "const fake = (tag, more) => ({ [Symbol.toStringTag]: tag, buffer: new ArrayBuffer(8), ...more });
         const claims = { byteOffset: 0, byteLength: 64 };
         export const fakes = (tag) => fake(tag, claims);
         export const far = () => fake('DataView', { byteOffset: 2 ** 40, byteLength: 64 });
         export const view = () => new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2);
         export const longer = () => Object.defineProperties(
           new DataView(new ArrayBuffer(2)), { byteLength: { value: 64 }, byteOffset: { value: 8 } });
         export const inherits = () => Object.create(ArrayBuffer.prototype);
         export const detached = () => {
           const array = new Uint8Array(8);
           array.buffer.transfer();
           return array;
         };
         export const resized = () => {
           const buffer = new ArrayBuffer(2, { maxByteLength: 8 });
           const array = new Uint8Array(buffer);
           // QuickJS is left none, see `shim/js/quickjs.js`.
           buffer.resize?.(4);
           return array;
         };
         export const polluted = () => {
           Object.prototype.toString = () => '[object DataView]';
           globalThis.Uint8Array = globalThis.DataView = undefined;
           try { globalThis.Object = undefined; } catch {}
           Reflect.setPrototypeOf(Array.prototype, null);
           return { plain: 1 };
         };",
    )
    .ready();
    for tag in ["DataView", "ArrayBuffer", "SharedArrayBuffer", "Uint8Array"] {
        let text = shim.json("fakes", &format!("[\"{tag}\"]"));
        assert_eq!(text, r#"{"buffer":{},"byteOffset":0,"byteLength":64}"#);
    }
    assert!(shim.json("far", "[]").contains("1099511627776"));
    assert_eq!(shim.call("view", "[]"), Ok(Payload::Bytes(vec![2, 3])));
    assert_eq!(shim.call("longer", "[]"), Ok(Payload::Bytes(vec![0, 0])));
    let resized = if cfg!(feature = "v8") { 4 } else { 2 };
    assert_eq!(
        shim.call("resized", "[]"),
        Ok(Payload::Bytes(vec![0; resized]))
    );
    for function in ["inherits", "detached"] {
        assert!(
            matches!(
                shim.call(function, "[]"),
                Err(CallError::InvalidResult { .. })
            ),
            "{function}"
        );
    }
    assert_eq!(shim.json("polluted", "[]"), r#"{"plain":1}"#);
}
