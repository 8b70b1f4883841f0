//! `WebSocket` and `EventSource`, through a broker of the test's own.

pub(crate) mod server;

use lazaret_protocol::{HttpsEndpoint, ShimMessage};

use crate::fetch::broker::Broker;
use crate::harness::{Plugin, Shim};

/// Says these things, hears as many, and ends; tells all that happened.
const TALK: &str = "export const talk = (url, say, protocols = []) => new Promise((done) => {
  const seen = [];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    seen.push(`open ${socket.protocol}`);
    for (const one of say) socket.send(typeof one === 'string' ? one : new Uint8Array(one));
  };
  socket.onmessage = ({ data }) => {
    seen.push(typeof data === 'string' ? data : [...new Uint8Array(data)]);
    if (seen.length === say.length + 1) socket.close(4000, 'enough');
  };
  socket.onerror = ({ message, error }) => seen.push(`error ${message}`, error?.permission ?? '');
  socket.onclose = ({ code, reason, wasClean }) => done([...seen, code, reason, wasClean]);
});";

fn plugin(broker: &Broker, source: &str) -> Shim {
    let mut plugin = Plugin::new(source);
    plugin.egress = Some(broker.egress(Vec::new()));
    plugin.ready()
}

#[test]
fn messages_go_both_ways_in_the_clear_and_by_tls() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, TALK);
    for base in [
        "ws://a.example:8080",
        "wss://a.example",
        "https://a.example",
    ] {
        assert_eq!(
            shim.json(
                "talk",
                &format!(r#"["{base}/ws/echo?x=y", ["a", "\u00e9", [1, 2, 255], ""]]"#)
            ),
            r#"["open ","a","é",[1,2,255],"",4000,"enough",true]"#
        );
    }
    assert_eq!(broker.tunnels(), ["a.example:443", "a.example:443"]);
    let told = shim.json(
        "talk",
        r#"["ws://a.example/ws/echo?protocol=b", ["x"], ["a", "b"]]"#,
    );
    assert_eq!(told, r#"["open b","x",4000,"enough",true]"#);
}

#[test]
fn fragments_are_put_together_pings_answered_and_ends_told() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, TALK);
    for (path, told) in [
        ("fragments", r#"["open ","hello",1000,"",true]"#),
        ("ping", r#"["open ","ping",1000,"",true]"#),
        ("close", r#"["open ",4001,"bye",true]"#),
        ("bare", r#"["open ",1005,"",true]"#),
        // No code that there is.
        ("zero", r#"["open ",1002,"Protocol violation",true]"#),
    ] {
        let url = format!(r#"["wss://a.example/ws/{path}", []]"#);
        assert_eq!(shim.json("talk", &url), told, "{path}");
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, TALK);
    for (path, error) in [
        ("masked", "masked"),
        ("reserved", "Reserved bits"),
        ("text", "UTF-8"),
        ("long", "longer than 16777216 bytes"),
        ("endless", "longer than 16777216 bytes"),
        ("cut", "without closing handshake"),
        ("silent", "did not end"),
    ] {
        let say = if path == "silent" { r#"["x"]"# } else { "[]" };
        // That one takes a while to be given up.
        let bases = if path == "silent" {
            &["wss"][..]
        } else {
            &["ws", "wss"]
        };
        for base in bases {
            let told = shim.json(
                "talk",
                &format!(r#"["{base}://a.example/ws/{path}", {say}]"#),
            );
            assert!(
                told.contains("error ") && told.contains(error),
                "{path}: {told}"
            );
        }
    }
    // It goes on.
    let told = shim.json("talk", r#"["wss://a.example/ws/echo", ["x"]]"#);
    assert_eq!(told, r#"["open ","x",4000,"enough",true]"#);
}

#[test]
fn an_answer_that_agrees_to_nothing_is_an_error() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, TALK);
    for (path, error) in [
        ("echo?accept=x", "did not understand"),
        ("echo?extensions=permessage-deflate", "an extension"),
        ("echo?protocol=b", "none of the protocols"),
        ("", "the server answered `200 OK`"),
    ] {
        for base in ["ws", "wss"] {
            let told = shim.json(
                "talk",
                &format!(r#"["{base}://a.example/ws/{path}", ["x"]]"#),
            );
            assert!(told.contains(error), "{path}: {told}");
            assert!(
                told.ends_with(r#"0,"",false]"#) && !told.contains("open"),
                "{told}"
            );
        }
    }
    let asked = r#"["ws://a.example/ws/echo", ["x"], ["a"]]"#;
    assert!(shim.json("talk", asked).contains("none of the protocols"));
}

#[test]
fn large_messages_go_both_ways_and_the_largest_are_refused() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const echo = (url, length, times) => new Promise((done) => {
           const socket = new WebSocket(url);
           socket.binaryType = 'arraybuffer';
           let heard = 0;
           let most = 0;
           socket.onopen = () => {
             const bytes = new Uint8Array(length).fill(7);
             for (let i = 0; i < times; i++) socket.send(bytes);
             most = socket.bufferedAmount;
             bytes.fill(8);
           };
           socket.onmessage = ({ data }) => {
             const bytes = new Uint8Array(data);
             if (bytes.length !== length || bytes[0] !== 7 || bytes.at(-1) !== 7) done('other bytes');
             if (++heard === times) setTimeout(() => done([heard, most, socket.bufferedAmount]), 1);
           };
           socket.onerror = ({ message }) => done(message);
         });
         export const blobs = (url) => new Promise((done) => {
           const socket = new WebSocket(url);
           const seen = [];
           socket.onopen = () => { socket.send(new Blob(['a'])); socket.send('b'); };
           socket.onmessage = async ({ data }) => {
             seen.push(typeof data === 'string' ? data : await data.text());
             if (seen.length === 2) done(seen.sort());
           };
         });",
    );
    for base in ["ws://a.example/ws/echo", "wss://a.example/ws/echo"] {
        let told = shim.json("echo", &format!(r#"["{base}", 500000, 20]"#));
        assert_eq!(told, "[20,10000000,0]");
        let told = shim.json("echo", &format!(r#"["{base}", 16777217, 1]"#));
        assert!(told.contains("16777216 bytes would wait"), "{told}");
    }
    let told = shim.json("blobs", r#"["wss://a.example/ws/echo"]"#);
    assert_eq!(told, r#"["a","b"]"#);
}

#[test]
fn a_server_that_takes_nothing_is_left_when_too_much_waits() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const flood = (url, length) => new Promise((done) => {
           const socket = new WebSocket(url);
           const steps = [];
           socket.onopen = () => {
             const one = new Uint8Array(length);
             const more = () => {
               if (socket.readyState !== WebSocket.OPEN) return;
               socket.send(one);
               steps.push(socket.bufferedAmount);
               setTimeout(more, 0);
             };
             more();
           };
           socket.onerror = ({ message }) => done([message, Math.max(...steps)]);
         });",
    );
    let told = shim.json("flood", r#"["ws://a.example/ws/deaf", 1000000]"#);
    let (message, most): (String, u64) = serde_json::from_str(&told).expect("both");
    assert!(message.contains("would wait to be sent"), "{message}");
    assert!((15 << 20..=16 << 20).contains(&most), "{most}");
}

#[test]
fn what_is_refused_names_the_permission_as_for_fetch() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, TALK);
    for (url, told) in [
        ("wss://denied.example/", "network:read:denied.example"),
        ("ws://denied.example/", "network:connect:denied.example:80"),
        ("wss://private.example/", "10.0.0.1 is private"),
        ("ws://private.example/", "10.0.0.1 is private"),
        ("wss://gone.example/", "nobody listens"),
        ("ws://gone.example/", "nobody listens"),
    ] {
        let seen = shim.json("talk", &format!(r#"["{url}", []]"#));
        assert!(seen.contains(told), "{url}: {seen}");
        assert_eq!(
            seen.contains("PermissionDenied"),
            told.starts_with("network:")
        );
    }
    assert!(shim.seen.is_empty(), "the broker tells the engine itself");

    // Methods and paths of HTTPS are held here.
    let mut plugin = Plugin::new(TALK);
    let rule = HttpsEndpoint {
        host: "a.example".to_owned(),
        port: 443,
        methods: Some(vec!["GET".to_owned()]),
        paths: Some(vec!["/ws/echo".to_owned()]),
    };
    plugin.egress = Some(broker.egress(vec![rule]));
    let mut shim = plugin.ready();
    let told = shim.json("talk", r#"["wss://a.example/ws/echo", ["x"]]"#);
    assert_eq!(told, r#"["open ","x",4000,"enough",true]"#);
    let told = shim.json("talk", r#"["wss://a.example/ws/other", ["x"]]"#);
    assert!(told.contains("network:read:a.example"), "{told}");
    assert!(matches!(
        shim.seen.as_slice(),
        [ShimMessage::Violation { .. }]
    ));
}

#[test]
fn without_a_grant_they_exist_and_are_refused() {
    let source = format!(
        "{TALK}
         export const source = (url) => new Promise((done) => {{
           const source = new EventSource(url);
           source.onerror = ({{ message, error }}) => done([message, error.permission, source.readyState]);
         }});"
    );
    let mut shim = Plugin::new(&source).ready();
    let asked = r#"["wss://a.example/", []]"#;
    assert_eq!(
        shim.json("talk", asked),
        r#"["error PermissionDenied: `network:read:a.example` denied for plugin `nosy`","network:read:a.example",0,"",false]"#
    );
    assert_eq!(
        shim.json("source", r#"["http://a.example:81/"]"#),
        r#"["PermissionDenied: `network:connect:a.example:81` denied for plugin `nosy`","network:connect:a.example:81",2]"#
    );
    let violations = shim.seen.iter();
    let violations = violations.filter(|seen| matches!(seen, ShimMessage::Violation { .. }));
    assert_eq!(violations.count(), 2);
}

#[test]
fn sockets_are_counted_with_requests_and_given_back() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "const opened = (url) => new Promise((done) => {
           const socket = new WebSocket(url);
           socket.onopen = () => done(socket);
           socket.onerror = ({ message }) => done(message);
         });
         const closed = (socket) => new Promise((done) => { socket.onclose = done; socket.close(); });
         export const f = async (url) => {
           const all = [];
           for (let i = 0; i < 256; i++) all.push(await opened(url));
           const beyond = await opened(url);
           await closed(all[0]);
           // Its place is free when the connection is gone.
           let room;
           do {
             await new Promise((go) => setTimeout(go, 1));
             room = await opened(url);
           } while (typeof room === 'string');
           for (const one of [...all.slice(1), room]) await closed(one);
           return [all.every((one) => one instanceof WebSocket), `${beyond}`, room instanceof WebSocket];
         };",
    );
    let told = shim.json("f", r#"["ws://a.example/ws/echo"]"#);
    assert!(
        told.starts_with("[true,") && told.ends_with(",true]"),
        "{told}"
    );
    assert!(told.contains("more than 256 connections at once"), "{told}");
}

#[test]
fn a_socket_that_is_closed_before_it_is_open_waits_for_nobody() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const early = (url) => new Promise((done) => {
           const socket = new WebSocket(url);
           socket.onclose = ({ code }) => done([code, socket.readyState]);
           socket.close();
         });",
    );
    // The first of all has the least number.
    for _ in 0..2 {
        assert_eq!(shim.json("early", r#"["ws://a.example/never"]"#), "[0,3]");
    }
}

#[test]
fn what_waits_goes_to_a_slow_server_before_the_socket_is_closed() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const leave = (url, length) => new Promise((done) => {
           const socket = new WebSocket(url);
           socket.onopen = () => {
             socket.send(new Uint8Array(1));
             socket.send(new Uint8Array(length));
             socket.close(4000, 'enough');
           };
           socket.onerror = ({ message }) => done(message);
           let heard;
           socket.onmessage = ({ data }) => { heard = data; };
           socket.onclose = ({ code, wasClean }) => done([heard, code, wasClean]);
         });",
    );
    // The last message alone takes longer than a server may take nothing.
    let told = shim.json("leave", r#"["ws://a.example/ws/slow", 4000000]"#);
    assert_eq!(told, r#"["4000001",4000,true]"#);
}

#[test]
fn more_header_fields_than_anyone_sends_are_refused() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "const named = (count) => Array.from({ length: count }, (_, i) => [`x-${i}`, 'y']);
         export const asked = (url, count) => fetch(url, { headers: named(count) }).then(
           ({ status }) => status, (error) => error.message);
         export const opened = (url, count) => new Promise((done) => {
           const socket = new WebSocket(url, { headers: Object.fromEntries(named(count)) });
           socket.onopen = () => done('open');
           socket.onerror = ({ message }) => done(message);
         });",
    );
    for (base, function) in [
        ("http://a.example/echo", "asked"),
        ("ws://a.example/ws/echo", "opened"),
    ] {
        let told = shim.json(function, &format!(r#"["{base}", 1025]"#));
        assert!(told.contains("more than 1024 header fields"), "{told}");
        let told = shim.json(function, &format!(r#"["{base}", 50]"#));
        assert!(["200", r#""open""#].contains(&told.as_str()), "{told}");
    }
}

#[test]
fn events_come_and_a_source_asks_again_after_a_while() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const f = (url) => new Promise((done) => {
           const seen = [];
           const source = new EventSource(url);
           let ended;
           source.addEventListener('tick', ({ data, lastEventId }) => seen.push(data, lastEventId));
           source.onerror = () => { ended ??= Date.now(); };
           source.onmessage = ({ data }) => {
             seen.push(data, Date.now() - ended >= 500);
             source.close();
             done([...seen, source.readyState]);
           };
         });
         export const endless = (url) => new Promise((done) => {
           const source = new EventSource(url);
           source.onerror = () => { source.close(); done('left'); };
         });
         export const denied = (url) => new Promise((done) => {
           const source = new EventSource(url);
           source.onerror = ({ message }) => done([message, source.readyState]);
         });",
    );
    assert_eq!(
        shim.json("f", r#"["https://a.example/events"]"#),
        r#"["one\ntwo","1","again after 1",true,2]"#
    );
    for path in ["line", "event"] {
        let url = format!(r#"["http://a.example/events/{path}"]"#);
        assert_eq!(shim.json("endless", &url), r#""left""#);
    }
    let told = shim.json("denied", r#"["https://denied.example/"]"#);
    assert!(
        told.contains("network:read:denied.example") && told.ends_with(",2]"),
        "{told}"
    );
}
