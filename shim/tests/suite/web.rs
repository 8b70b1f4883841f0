//! The web platform, as far as no network is needed.

use crate::harness::Plugin;

/// Each function has to return what is beside it, as JSON.
const USES: &[(&str, &str, &str)] = &[
    (
        "url",
        "new URL('../b?c=d#e', 'https://user@Example.com:8443/x/y/z').href",
        r#""https://user@example.com:8443/x/b?c=d#e""#,
    ),
    (
        "search",
        "{ const u = new URL('http://a/?x=1&y=%20'); u.searchParams.append('z', '\u{e9}'); return [u.search, [...u.searchParams.keys()]]; }",
        r#"["?x=1&y=+&z=%C3%A9",["x","y","z"]]"#,
    ),
    (
        "pattern",
        "new URLPattern({ pathname: '/books/:id' }).exec('https://a/books/12').pathname.groups.id",
        r#""12""#,
    ),
    (
        "text",
        "[[...new TextEncoder().encode('\u{e9}\u{1f600}')], new TextDecoder().decode(new Uint8Array([0xc3, 0xa9])), new TextDecoder('latin1').decode(new Uint8Array([0xe9]).buffer)]",
        "[[195,169,240,159,152,128],\"\u{e9}\",\"\u{e9}\"]",
    ),
    (
        "into",
        "{ const bytes = new Uint8Array(3); const { read, written } = new TextEncoder().encodeInto('a\u{e9}b', bytes); return [read, written, [...bytes]]; }",
        "[2,3,[97,195,169]]",
    ),
    (
        "base64",
        "[btoa('hello'), atob('aGVsbG8=')]",
        r#"["aGVsbG8=","hello"]"#,
    ),
    (
        "notBase64",
        "{ try { atob('*'); } catch (error) { return [error.name, error instanceof DOMException]; } }",
        r#"["InvalidCharacterError",true]"#,
    ),
    (
        "events",
        "{ const target = new EventTarget(); const seen = []; target.addEventListener('x', (event) => seen.push(event.type, event.detail), { once: true }); target.dispatchEvent(new CustomEvent('x', { detail: 1 })); target.dispatchEvent(new Event('x')); return seen; }",
        r#"["x",1]"#,
    ),
    (
        "abort",
        "{ const controller = new AbortController(); const any = AbortSignal.any([controller.signal]); controller.abort('why'); try { any.throwIfAborted(); } catch (error) { return [error, any.aborted, AbortSignal.abort().reason.name]; } }",
        r#"["why",true,"AbortError"]"#,
    ),
    (
        "timeout",
        "new Promise((done) => { const signal = AbortSignal.timeout(1); signal.onabort = () => done(signal.reason.name); })",
        r#""TimeoutError""#,
    ),
    (
        "clone",
        "{ const value = { date: new Date(5), map: new Map([[1, new Set(['a'])]]), bytes: new Uint8Array([1, 2]), big: 1n << 70n, re: /x/g }; value.self = value; const copy = structuredClone(value); return [copy !== value, copy.self === copy, copy.date.getTime(), copy.map.get(1).has('a'), [...copy.bytes], `${copy.big}`, copy.re.flags]; }",
        r#"[true,true,5,true,[1,2],"1180591620717411303424","g"]"#,
    ),
    (
        "noClone",
        "{ try { structuredClone(() => {}); } catch (error) { return error.name; } }",
        r#""DataCloneError""#,
    ),
    (
        "moved",
        "{ const buffer = new ArrayBuffer(8); const copy = structuredClone(buffer, { transfer: [buffer] }); return [buffer.byteLength, copy.byteLength]; }",
        "[0,8]",
    ),
    (
        "blob",
        "new Blob(['ab', new Uint8Array([99])], { type: 'text/plain' }).slice(1).text()",
        r#""bc""#,
    ),
    (
        "file",
        "{ const file = new File(['x'], 'a.txt', { lastModified: 7 }); return [file.name, file.size, file.lastModified, file instanceof Blob]; }",
        r#"["a.txt",1,7,true]"#,
    ),
    (
        "reader",
        "new Promise((done) => { const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(new Blob(['hi'])); })",
        r#""data:application/octet-stream;base64,aGk=""#,
    ),
    (
        "streams",
        "{ const upper = new TransformStream({ transform(chunk, to) { to.enqueue(chunk.toUpperCase()); } }); const from = new ReadableStream({ start(to) { to.enqueue('a'); to.enqueue('b'); to.close(); } }); const seen = []; for await (const chunk of from.pipeThrough(upper)) seen.push(chunk); return seen; }",
        r#"["A","B"]"#,
    ),
    (
        "bytes",
        "{ const from = new ReadableStream({ type: 'bytes', pull(to) { to.byobRequest.view[0] = 9; to.byobRequest.respond(1); } }); const { value } = await from.getReader({ mode: 'byob' }).read(new Uint8Array(4)); return [...value]; }",
        "[9]",
    ),
    (
        "compression",
        "{ const sizes = []; for (const format of ['gzip', 'deflate', 'deflate-raw']) { const packed = new Blob(['x'.repeat(10000)]).stream().pipeThrough(new CompressionStream(format)); const bytes = await collect(packed); const back = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)); sizes.push(bytes.length < 100, (await collect(back)).length); } return sizes; async function collect(stream) { const all = []; for await (const chunk of stream) all.push(...chunk); return new Uint8Array(all); } }",
        "[true,10000,true,10000,true,10000]",
    ),
    (
        "decoded",
        "{ const bytes = new ReadableStream({ start(to) { to.enqueue(new Uint8Array([0xc3])); to.enqueue(new Uint8Array([0xa9])); to.close(); } }); let text = ''; for await (const part of bytes.pipeThrough(new TextDecoderStream())) text += part; return text; }",
        "\"\u{e9}\"",
    ),
    (
        "ports",
        "new Promise((done) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = ({ data }) => { port2.close(); done(data); }; port1.postMessage({ a: [1] }); })",
        r#"{"a":[1]}"#,
    ),
    (
        "clock",
        "{ const before = performance.now(); performance.mark('a'); return [performance.now() >= before, performance.getEntriesByName('a').length, performance.timeOrigin > 1e12]; }",
        "[true,1,true]",
    ),
    (
        "random",
        "{ const a = crypto.getRandomValues(new Uint32Array(4)); const id = crypto.randomUUID(); return [a.some((n) => n > 0), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), id !== crypto.randomUUID()]; }",
        "[true,true,true]",
    ),
    (
        "noRandom",
        "[new Float32Array(1), new DataView(new ArrayBuffer(1)), {}, new Uint8Array(65537)].map((array) => { try { crypto.getRandomValues(array); } catch (error) { return error.name; } })",
        r#"["TypeMismatchError","TypeMismatchError","TypeMismatchError","QuotaExceededError"]"#,
    ),
    (
        "digests",
        "{ const hex = async (name) => [...new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode('abc')))].map((byte) => byte.toString(16).padStart(2, '0')).join(''); return [await hex('SHA-1'), (await hex({ name: 'sha-256' })).slice(0, 16), (await hex('SHA-384')).slice(0, 16), (await hex('SHA-512')).slice(0, 16), await hex('MD5').catch((error) => error.name)]; }",
        r#"["a9993e364706816aba3e25717850c26c9cd0d89d","ba7816bf8f01cfea","cb00753f45a35e8b","ddaf35a193617aba","NotSupportedError"]"#,
    ),
    ("itself", "self === globalThis", "true"),
    (
        "replaced",
        "{ globalThis.URL = 1; const { configurable, enumerable, writable } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); return [URL, configurable, enumerable, writable]; }",
        "[1,true,false,true]",
    ),
];

#[test]
fn the_web_platform_works() {
    let mut source = String::new();
    for (name, body, _) in USES {
        let body = match body.starts_with("{ ") {
            true => (*body).to_owned(),
            false => format!("({body})"),
        };
        source += &format!("export const {name} = async () => {body};\n");
    }
    let mut shim = Plugin::new(&source).ready();
    let mut wrong = Vec::new();
    for (name, _, expected) in USES {
        let found = shim.call(name, "[]");
        if found != Ok(lazaret_protocol::Payload::Json((*expected).to_owned())) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
