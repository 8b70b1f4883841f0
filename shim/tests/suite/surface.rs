//! What a plugin finds and what it does not.

use lazaret_protocol::{CallError, ShimMessage};

use crate::harness::Plugin;

/// Globals beside those of the language.
const HOST_GLOBALS: [&str; 69] = [
    "AbortController",
    "AbortSignal",
    "Blob",
    "ByteLengthQueuingStrategy",
    "CloseEvent",
    "CompressionStream",
    "CountQueuingStrategy",
    "Crypto",
    "CryptoKey",
    "CustomEvent",
    "DOMException",
    "DecompressionStream",
    "Deno",
    "ErrorEvent",
    "Event",
    "EventSource",
    "EventTarget",
    "File",
    "FileReader",
    "FormData",
    "Headers",
    "MessageChannel",
    "MessageEvent",
    "MessagePort",
    "Performance",
    "PerformanceEntry",
    "PerformanceMark",
    "PerformanceMeasure",
    "PerformanceObserver",
    "PerformanceObserverEntryList",
    "ProgressEvent",
    "QuotaExceededError",
    "ReadableByteStreamController",
    "ReadableStream",
    "ReadableStreamBYOBReader",
    "ReadableStreamBYOBRequest",
    "ReadableStreamDefaultController",
    "ReadableStreamDefaultReader",
    "Request",
    "Response",
    "SubtleCrypto",
    "TextDecoder",
    "TextDecoderStream",
    "TextEncoder",
    "TextEncoderStream",
    "TransformStream",
    "TransformStreamDefaultController",
    "URL",
    "URLPattern",
    "URLSearchParams",
    "WebSocket",
    "WritableStream",
    "WritableStreamDefaultController",
    "WritableStreamDefaultWriter",
    "atob",
    "btoa",
    "clearInterval",
    "clearTimeout",
    "console",
    "crypto",
    "fetch",
    "globalThis",
    "lazaret",
    "performance",
    "queueMicrotask",
    "self",
    "setInterval",
    "setTimeout",
    "structuredClone",
];

#[test]
fn the_globals_are_those_of_the_language_and_the_hosts() {
    let mut shim = Plugin::new(
        "export const globals = () => Object.getOwnPropertyNames(globalThis).sort();
         export const symbols = () => Object.getOwnPropertySymbols(globalThis).map(String);
         export const deno = () => Object.getOwnPropertyNames(Deno).sort();
         export const errors = () => Object.getOwnPropertyNames(Deno.errors).sort();
         export const lists = () => Object.getOwnPropertyNames(console).sort();",
    )
    .ready();
    let globals: Vec<String> = serde_json::from_str(&shim.json("globals", "[]")).expect("names");
    for name in HOST_GLOBALS {
        assert!(
            globals.iter().any(|global| global == name),
            "{name} is missing"
        );
    }
    let language: Vec<_> = globals
        .iter()
        .filter(|name| !HOST_GLOBALS.contains(&name.as_str()))
        .map(String::as_str)
        .collect();
    for name in &language {
        assert!(
            LANGUAGE_GLOBALS.contains(name),
            "unexpected global `{name}`"
        );
    }
    assert_eq!(
        shim.json("deno", "[]"),
        r#"["Command","connect","connectTls","copyFile","env","errors","lstat","lstatSync","mkdir","open","openSync","readDir","readDirSync","readFile","readFileSync","readTextFile","readTextFileSync","realPath","realPathSync","remove","rename","stat","statSync","watchFs","writeFile","writeTextFile"]"#
    );
    assert_eq!(
        shim.json("errors", "[]"),
        r#"["AlreadyExists","BadResource","BrokenPipe","Busy","ConnectionRefused","ConnectionReset","Interrupted","IsADirectory","NotADirectory","NotFound","PermissionDenied","QuotaExceeded","TimedOut","UnexpectedEof"]"#
    );
    assert_eq!(
        shim.json("lists", "[]"),
        r#"["debug","error","info","log","trace","warn"]"#
    );
    // A polyfill of `Temporal` would keep its own under symbols there: it must not be loaded.
    let symbols: Vec<String> = serde_json::from_str(&shim.json("symbols", "[]")).expect("names");
    assert_eq!(symbols, Vec::<String>::new());
}

/// Globals of the language, on either engine.
const LANGUAGE_GLOBALS: &[&str] = &[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "AsyncDisposableStack",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "DisposableStack",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Function",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Intl",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "SuppressedError",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "eval",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "undefined",
    "unescape",
];

#[test]
fn dates_know_time_zones() {
    let mut shim = Plugin::new(
        "export const f = () => {
           const options = { timeZone: 'Asia/Tokyo', hour: 'numeric', hourCycle: 'h23' };
           return new Intl.DateTimeFormat('en', options).format(new Date(0));
         };
         export const zone = () => typeof new Date(0).toLocaleString();",
    )
    .ready();
    assert!(shim.json("f", "[]").contains('9'));
    assert_eq!(shim.json("zone", "[]"), "\"string\"");
}

#[test]
fn the_runtimes_own_parts_cannot_be_reached() {
    let mut shim = Plugin::new(
        "export const f = () => [
           typeof globalThis.__bootstrap, typeof globalThis.__hide, typeof Deno.core,
           typeof globalThis.WebAssembly, typeof import.meta.log, Object.isFrozen(Deno),
           Object.keys(globalThis),
         ];
         export const frames = () => {
           const seen = [];
           const hook = (...values) => { seen.push(values); return 'hooked'; };
           Error.prepareStackTrace = hook;
           const stacks = [new Error('x').stack];
           globalThis.Error = class extends Error { static prepareStackTrace = hook; };
           Error.prepareStackTrace = hook;
           stacks.push(new Error('x').stack, new RangeError('y').stack);
           try { null.x; } catch (error) { stacks.push(error.stack); }
           const made = {};
           RangeError.captureStackTrace?.(made);
           return [seen.length, stacks.every((stack) => stack.includes('at frames (file:')),
             Reflect.ownKeys(new TypeError('z')).every((key) => typeof key === 'string')];
         };
         export const timer = () => new Promise((done) => setTimeout(function () {
           done(typeof this);
         }, 1));",
    )
    .ready();
    let none = "\"undefined\"";
    assert_eq!(
        shim.json("f", "[]"),
        format!("[{none},{none},{none},{none},{none},true,[]]")
    );
    assert_eq!(shim.json("frames", "[]"), "[0,true,true]");
    assert_eq!(shim.json("timer", "[]"), none);
}

#[test]
fn only_the_ops_that_are_needed_are_enabled() {
    for op in [
        "op_print",
        "op_resources",
        "op_memory_usage",
        "op_read",
        "op_broadcast_subscribe",
    ] {
        assert!(!lazaret_shim::runtime::OPS.contains(&op), "{op}");
    }
}

#[test]
fn timers_run_in_order_and_can_be_stopped() {
    let mut shim = Plugin::new(
        "export const f = () => new Promise((done) => {
           const seen = [];
           setTimeout((a, b) => seen.push(a + b), 5, 1, 2);
           setTimeout(() => seen.push('first'), 1);
           clearTimeout(setTimeout(() => seen.push('never'), 2));
           let n = 0;
           const id = setInterval(() => { if (++n === 3) { clearInterval(id); } }, 1);
           setTimeout(() => done([...seen, n]), 50);
           clearTimeout(undefined); clearTimeout({});
         });
         export const wrong = () => setTimeout('code');",
    )
    .ready();
    assert_eq!(shim.json("f", "[]"), r#"["first",3,3]"#);
    assert_eq!(shim.thrown("wrong").name, "TypeError");
}

#[test]
fn files_of_the_plugin_and_of_tmp_are_read() {
    let mut shim = Plugin::new(
        "export const text = (path) => Deno.readTextFile(path);
         export const textNow = (path) => Deno.readTextFileSync(path);
         export const bytes = (path) => Deno.readFile(path);
         export const missing = async () => {
           try { await Deno.readTextFile('/tmp/missing'); } catch (error) {
             return [error instanceof Deno.errors.NotFound, error.name];
           }
         };",
    )
    .with("data.txt", "hello\u{e9}")
    .ready();
    fs_err::write(shim.directory.path().join("tmp/x"), [1, 2]).expect("file");
    assert_eq!(shim.json("text", "[\"data.txt\"]"), "\"hello\u{e9}\"");
    assert_eq!(
        shim.json("textNow", "[\"/plugin/data.txt\"]"),
        "\"hello\u{e9}\""
    );
    assert_eq!(
        shim.call("bytes", "[\"/tmp/x\"]"),
        Ok(lazaret_protocol::Payload::Bytes(vec![1, 2]))
    );
    assert_eq!(shim.json("missing", "[]"), r#"[true,"NotFound"]"#);
}

#[test]
fn a_refused_act_is_told_to_the_plugin_and_to_the_engine() {
    let mut shim = Plugin::new(
        "export const peek = () => Deno.readTextFile('/etc/shadow');
         export const relative = () => Deno.readFileSync('../etc/./shadow');
         export const net = () => fetch('https://example.com/x');
         export const port = () => fetch('http://example.com:8080/');
         export const caught = async () => {
           try { await fetch('https://example.com'); } catch (error) {
             return [error.name, error.permission, error instanceof Deno.errors.PermissionDenied];
           }
         };
         export const late = async () => { await null; return Deno.readFile('/etc/hosts'); };",
    )
    .ready();
    for (function, permission, known) in [
        ("peek", "file:read:/etc/shadow", true),
        ("relative", "file:read:/etc/shadow", true),
        ("net", "network:read:example.com", true),
        ("port", "network:connect:example.com:8080", true),
        ("late", "file:read:/etc/hosts", true),
    ] {
        shim.seen.clear();
        match shim.call(function, "[]") {
            Err(CallError::Denied {
                permission: denied,
                error,
            }) => {
                assert_eq!(denied, permission);
                assert_eq!(error.name, "PermissionDenied");
                assert_eq!(
                    error.message,
                    format!("`{permission}` denied for plugin `nosy`")
                );
                assert!(error.location.is_some(), "{function}");
            }
            other => panic!("not denied: {other:?}"),
        }
        match shim.seen.as_slice() {
            [
                ShimMessage::Violation {
                    permission: seen,
                    call,
                },
            ] => {
                assert_eq!(seen, permission);
                assert_eq!(call.is_some(), known, "{function}");
            }
            other => panic!("no violation: {other:?}"),
        }
    }
    assert_eq!(
        shim.json("caught", "[]"),
        r#"["PermissionDenied","network:read:example.com",true]"#
    );
}

#[test]
fn a_flood_of_refused_acts_is_told_by_its_first_ones() {
    let mut shim = Plugin::new(
        "export const f = async () => {
           for (let i = 0; i < 1e4; i++) await fetch('https://example.com').catch(() => {});
           return 'done';
         };",
    )
    .ready();
    assert_eq!(shim.json("f", "[]"), "\"done\"");
    assert!(!shim.seen.is_empty());
    assert!(shim.seen.len() < 10_000, "{}", shim.seen.len());
}

#[test]
fn a_forged_refusal_is_only_text() {
    let mut shim = Plugin::new(
        "export const f = () => { throw { name: 'PermissionDenied', permission: 'x'.repeat(1e6) }; };
         export const g = () => { throw { name: 'PermissionDenied', permission: 1 }; };",
    )
    .ready();
    match shim.call("f", "[]") {
        Err(CallError::Denied { permission, .. }) => assert_eq!(permission.len(), 4096),
        other => panic!("{other:?}"),
    }
    assert!(matches!(shim.call("g", "[]"), Err(CallError::Exception(_))));
    assert!(
        shim.seen.is_empty(),
        "the engine is told only of real refusals"
    );
}
