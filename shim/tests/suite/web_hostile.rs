//! What a plugin does to the web platform to get at memory that is not its own, or to bring the
//! shim down. Each ends in an error or in a harmless answer, and the shim goes on.

use lazaret_protocol::{CallError, Payload};

use crate::harness::Plugin;

/// Everything of the platform that takes bytes, as functions of one value; each gives what it made
/// of them, as text.
const TAKERS: &str = "
    const getter = (object, name) => Object.getOwnPropertyDescriptor(object, name).get;
    const lengths = [
      getter(ArrayBuffer.prototype, 'byteLength'),
      getter(DataView.prototype, 'byteLength'),
      getter(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength'),
    ];
    const sizeOf = (value) => {
      for (const length of lengths) {
        try { return `${Reflect.apply(length, value, [])}`; } catch {}
      }
      return 'no buffer';
    };
    const collect = async (stream) => {
      const parts = [];
      for await (const part of stream) parts.push(...part);
      return parts.join();
    };
    const through = async (transform, value) => {
      const read = collect(transform.readable);
      const writer = transform.writable.getWriter();
      const wrote = writer.write(value).then(() => writer.close());
      return (await Promise.all([read, wrote]))[0];
    };
    const takers = {
      decode: (value) => new TextDecoder().decode(value),
      latin1: (value) => new TextDecoder('latin1').decode(value),
      utf16: (value) => new TextDecoder('utf-16').decode(value, { stream: true }),
      decodeStream: (value) => through(new TextDecoderStream(), value),
      encodeInto: (value) => JSON.stringify(new TextEncoder().encodeInto('x'.repeat(100), value)),
      blob: (value) => new Blob([value]).text(),
      clone: (value) => sizeOf(structuredClone(value)),
      inside: (value) => sizeOf(structuredClone({ a: [value] }).a[0]),
      move: (value) => sizeOf(structuredClone(value, { transfer: [value.buffer] })),
      port: (value) => new Promise((done, fail) => {
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = ({ data }) => { port2.close(); done(sizeOf(data)); };
        try { port1.postMessage(value); } catch (error) { port2.close(); fail(error); }
      }),
      deflate: (value) => through(new CompressionStream('deflate-raw'), value),
      inflate: (value) => through(new DecompressionStream('deflate-raw'), value),
      byob: async (value) => {
        const from = new ReadableStream({ type: 'bytes', pull(to) {
          to.byobRequest.respond(Math.min(1, to.byobRequest.view.byteLength));
        } });
        return sizeOf((await from.getReader({ mode: 'byob' }).read(value)).value);
      },
      enqueue: (value) => collect(new ReadableStream({ type: 'bytes', start(to) {
        to.enqueue(value);
        to.close();
      } })),
      random: (value) => { crypto.getRandomValues(value); return ''; },
      digest: async (value) => sizeOf(await crypto.subtle.digest('SHA-256', value)),
      search: (value) => new URLSearchParams(value).toString(),
    };
";

/// Values that claim to be longer than they are; none holds more than 8 bytes.
const CLAIMS: &str = "
    const far = { byteLength: 1e6, byteOffset: 64, length: 1e6, buffer: new ArrayBuffer(8) };
    const own = (object, more = far) => {
      for (const key in more) Object.defineProperty(object, key, { value: more[key] });
      return object;
    };
    const tagged = (tag) => ({ ...far, get [Symbol.toStringTag]() { return tag; } });
    const detached = (made) => { made.buffer.transfer(); return own(made); };
    const shrunk = (make) => {
      const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
      const made = make(buffer);
      buffer.resize?.(1);
      return made;
    };
    const claims = {
      fakeView: () => tagged('DataView'),
      fakeBuffer: () => tagged('ArrayBuffer'),
      fakeShared: () => tagged('SharedArrayBuffer'),
      fakeArray: () => tagged('Uint8Array'),
      fakeMap: () => tagged('Map'),
      fakePromise: () => tagged('Promise'),
      inheritsView: () => own(Object.create(DataView.prototype)),
      inheritsArray: () => own(Object.create(Uint8Array.prototype)),
      inheritsBuffer: () => own(Object.create(ArrayBuffer.prototype)),
      view: () => own(new DataView(new ArrayBuffer(8), 2, 4)),
      array: () => own(new Uint8Array(8)),
      buffer: () => own(new ArrayBuffer(8)),
      detachedView: () => detached(new DataView(new ArrayBuffer(8))),
      detachedArray: () => detached(new Uint8Array(8)),
      shrunkView: () => shrunk((buffer) => new DataView(buffer, 4)),
      shrunkArray: () => shrunk((buffer) => new Uint8Array(buffer, 4, 4)),
      shrunkLength: () => shrunk((buffer) => new Uint8Array(buffer)),
      proxy: () => new Proxy(new Uint8Array(8), {}),
      revoked: () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; },
      throwing: () => new Proxy({}, { get() { throw new Error('no'); }, has() { throw 1; } }),
      constructed: () => own(new Uint8Array(8), { constructor: { [Symbol.species]: Object } }),
    };
";

#[test]
fn no_claim_of_a_length_reads_or_writes_other_memory() {
    let pollution = "
        Object.prototype.toString = () => '[object DataView]';
        Object.defineProperty(Object.prototype, 'byteLength', { get: () => 1e6 });
        globalThis.SharedArrayBuffer = class { static [Symbol.hasInstance]() { return true; } };
        try {
          Object.defineProperty(DataView.prototype, 'byteLength', { get: () => 1e6 });
          Object.defineProperty(DataView.prototype, 'byteOffset', { get: () => 64 });
        } catch {}
    ";
    for pollution in ["", pollution] {
        let source = format!(
            "{TAKERS}{CLAIMS}{pollution}
             export const f = async (taker, claim) => {{
               let value;
               try {{ value = claims[claim](); }} catch {{ return 'none'; }}
               try {{ return `${{await takers[taker](value)}}`; }} catch (error) {{ return 'threw'; }}
             }};
             export const names = () => [Object.keys(takers), Object.keys(claims)];"
        );
        let mut shim = Plugin::new(&source).ready();
        let names: (Vec<String>, Vec<String>) =
            serde_json::from_str(&shim.json("names", "[]")).expect("names");
        for taker in &names.0 {
            for claim in &names.1 {
                let arguments = format!("[\"{taker}\",\"{claim}\"]");
                match shim.call("f", &arguments) {
                    Ok(Payload::Json(text)) => {
                        // Not more than 8 bytes as numbers, or the text of a plain object.
                        assert!(text.len() < 400, "{taker} of {claim}: {}", text.len());
                        assert!(!text.contains("1000000"), "{taker} of {claim}: {text}");
                    }
                    other => panic!("{taker} of {claim}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn deep_and_wide_values_end_in_an_error_or_a_copy() {
    let mut shim = Plugin::new(
        "const deep = (levels, wrap) => {
           let value = 1;
           for (let i = 0; i < levels; i++) value = wrap(value);
           return value;
         };
         const wraps = {
           object: (value) => ({ value }),
           array: (value) => [value],
           map: (value) => new Map([[1, value]]),
           set: (value) => new Set([value]),
           error: (value) => new Error('x', { cause: value }),
           proxy: (value) => new Proxy({ value }, {}),
         };
         export const clone = (kind) => {
           try { structuredClone(deep(200000, wraps[kind])); return 'copied'; }
           catch (error) { return 'threw'; }
         };
         export const post = (kind) => {
           const { port1, port2 } = new MessageChannel();
           try { port1.postMessage(deep(200000, wraps[kind])); return 'sent'; }
           catch (error) { return 'threw'; } finally { port1.close(); }
         };
         export const url = () => new URL('a/../'.repeat(100000), 'http://x/').href.length;
         export const search = () => new URLSearchParams('a=b&'.repeat(100000)).size;
         export const pattern = () => {
           try { new URLPattern('(('.repeat(10000)); } catch (error) { return error.name; }
         };
         export const abort = () => {
           let signal = new AbortController().signal;
           for (let i = 0; i < 2000; i++) signal = AbortSignal.any([signal]);
           return signal.aborted;
         };
         export const ok = () => 1;",
    )
    .ready();
    for kind in ["object", "array", "map", "set", "error", "proxy"] {
        for function in ["clone", "post"] {
            let found = shim.call(function, &format!("[\"{kind}\"]"));
            assert!(
                matches!(found, Ok(_) | Err(CallError::Exception(_))),
                "{function} {kind}: {found:?}"
            );
        }
    }
    assert_eq!(shim.json("url", "[]"), "9");
    assert_eq!(shim.json("search", "[]"), "100000");
    assert_eq!(shim.json("pattern", "[]"), "\"TypeError\"");
    assert_eq!(shim.json("abort", "[]"), "false");
    assert_eq!(shim.json("ok", "[]"), "1");
}

#[test]
fn what_a_plugin_changes_does_not_change_the_platform() {
    let mut shim = Plugin::new(
        "Array.prototype.push = Array.prototype.map = () => { throw 'changed'; };
         Object.defineProperty = Reflect.apply = Function.prototype.call = () => { throw 'changed'; };
         Promise.prototype.then = () => { throw 'changed'; };
         Map.prototype.get = WeakMap.prototype.get = () => { throw 'changed'; };
         try { String.prototype.concat = () => 'http://other/'; } catch {}
         Object.prototype.get = () => 'inherited';
         Object.prototype.value = 'inherited';
         globalThis.Symbol = undefined;
         export const f = () => [
           new URL('http://a/?b=c').searchParams.get('b'),
           new TextDecoder().decode(new TextEncoder().encode('x')),
           new AbortController().signal.aborted,
           structuredClone({ a: 1 }).a,
           atob('eA=='),
         ];",
    )
    .ready();
    assert_eq!(shim.json("f", "[]"), r#"["c","x",false,1,"x"]"#);
}

#[test]
fn what_a_listener_throws_ends_the_plugin() {
    let mut shim = Plugin::new(
        "export const f = () => {
           const target = new EventTarget();
           target.addEventListener('x', () => { throw new Error('from the listener'); });
           target.dispatchEvent(new Event('x'));
           return new Promise(() => {});
         };",
    )
    .ready();
    shim.begin(
        "f",
        Payload::Json("[]".to_owned()),
        crate::harness::GENEROUS,
    );
    let error = shim.next_crash();
    assert_eq!(error.message, "from the listener");
}

/// What would write beyond a list of its items' names, were there one so long.
#[cfg(feature = "quickjs")]
#[test]
fn no_buffer_is_longer_than_the_engine_can_count() {
    for made in [
        "new Uint8Array(length)",
        "new Uint8Array(new ArrayBuffer(length))",
        "new Uint8Array(new ArrayBuffer(length, { maxByteLength: length }))",
    ] {
        for length in ["2 ** 31 - 1", "2 ** 31", "2 ** 32 - 1"] {
            let source = format!(
                "export const f = (length) => {{
                   const made = {made};
                   made.name = 1;
                   return structuredClone(made).length;
                 }};
                 export const long = () => f({length});"
            );
            let mut shim = Plugin::new(&source).ready();
            assert_eq!(shim.json("f", "[1000]"), "1000");
            let found = shim.call("long", "[]");
            assert!(matches!(found, Err(CallError::Exception(_))), "{found:?}");
            assert_eq!(shim.close(), 0);
        }
    }
}
