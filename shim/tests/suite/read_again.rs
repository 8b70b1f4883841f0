//! Scripts that cannot be read when they are first looked at, and are read later.

use super::harness::Plugin;

/// What is looked at, and what it does when it is there, each giving `true`.
const CASES: &[(&str, &str)] = &[
    ("DOMException", "new DOMException('a').code === 0"),
    (
        "MessagePort",
        "sent(new MessageChannel().port1) instanceof MessagePort",
    ),
    ("Request", "new Request('http://a/').method === 'GET'"),
    ("SubtleCrypto", "crypto.subtle instanceof SubtleCrypto"),
    ("URL", "new URL('a', 'http://b/').href === 'http://b/a'"),
    ("WebSocket", "WebSocket.OPEN === 1"),
    ("lazaret.log", "lazaret.log.info('a') === undefined"),
    ("performance", "performance.now() > 0"),
];

/// The same of what is no script of ours on V8, which has it itself.
const ON_QUICKJS: &[(&str, &str)] = &[
    (
        "Intl.ListFormat",
        "new Intl.ListFormat('en').format(['a', 'b']) === 'a and b'",
    ),
    (
        "(1234.5).toLocaleString()",
        "(1234.5).toLocaleString() === '1,234.5'",
    ),
];

#[test]
fn what_the_stack_had_no_room_for_is_there_when_it_has() {
    let more = match cfg!(feature = "quickjs") {
        true => ON_QUICKJS,
        false => &[],
    };
    for (looked_at, does) in CASES.iter().chain(more) {
        let mut shim = Plugin::new(&format!(
            "const sent = (value) => structuredClone(value, {{ transfer: [value] }});
             // At the end of the stack, then a little further from it each time until it is there.
             let failed = 0;
             function deeper() {{
               try {{ return deeper(); }} catch {{}}
               failed++;
               return {looked_at};
             }}
             export const look = () => {{ Error.stackTraceLimit = 0; deeper(); return failed > 1; }};
             export const use = () => {does};"
        ))
        .ready();
        assert_eq!(shim.json("look", "[]"), "true", "{looked_at}");
        assert_eq!(shim.json("use", "[]"), "true", "{does}");
    }
}

#[test]
fn a_script_that_failed_half_way_is_read_again() {
    let mut shim = Plugin::new(
        "const sent = (value) => structuredClone(value, { transfer: [value] });
         // Set by the script near its end, when it has told how streams are passed on.
         const key = 'async_sequence<any>';
         export const fails = () => {
           const set = () => { throw new RangeError('spoilt'); };
           Object.defineProperty(Object.prototype, key, { configurable: true, set });
           return ReadableStream;
         };
         export const works = () => {
           delete Object.prototype[key];
           return [ReadableStream, WritableStream, TransformStream]
             .map((kind) => sent(new kind()) instanceof kind);
         };",
    )
    .ready();
    for _ in 0..2 {
        let message = shim.thrown("fails").message;
        assert!(message.contains("spoilt"), "{message}");
    }
    assert_eq!(shim.json("works", "[]"), "[true,true,true]");
}

#[test]
fn what_is_made_when_it_is_first_looked_at_is_there_where_all_is_frozen() {
    let mut shim = Plugin::new(
        "Object.freeze(Intl);
         Object.freeze(globalThis);
         export const f = () => [
           new Intl.NumberFormat('en').format(1234.5), Intl.NumberFormat === Intl.NumberFormat,
           new URL('http://a').href, URL === URL, lazaret === lazaret, atob('YQ=='),
         ];
         export const set = () => { atob = 1; };",
    )
    .ready();
    assert_eq!(
        shim.json("f", "[]"),
        r#"["1,234.5",true,"http://a/",true,true,"a"]"#
    );
    assert_eq!(shim.thrown("set").name, "TypeError");
}
