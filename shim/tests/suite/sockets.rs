//! Connections of bytes, through a broker of the test's own.

use lazaret_protocol::{CallError, HttpsEndpoint, Payload, ShimMessage};

use crate::fetch::broker::Broker;
use crate::harness::{Plugin, Shim};

fn plugin(broker: &Broker, source: &str) -> Shim {
    let mut plugin = Plugin::new(source);
    plugin.egress = Some(broker.egress(Vec::new()));
    plugin.ready()
}

#[test]
fn bytes_go_to_a_host_and_back_until_either_end_is_closed() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "const text = (bytes) => new TextDecoder().decode(bytes);
         const bytes = (text) => new TextEncoder().encode(text);
         export const echo = async () => {
           const conn = await Deno.connect({ hostname: 'A.example', port: 7 });
           const written = await conn.write(bytes('hello'));
           const space = new Uint8Array(100);
           const read = await conn.read(space.subarray(10));
           const placed = [text(space.subarray(0, 10)) === '\\0'.repeat(10), text(space.subarray(10, 15)), space[15]];
           await conn.closeWrite();
           let rest = '', length;
           while ((length = await conn.read(space)) !== null) rest += text(space.subarray(0, length));
           conn.close();
           conn.ref(); conn.unref();
           return [written, read, placed, rest,
             await conn.read(new Uint8Array(0))];
         };
         // Buffers that are transferred, or shrink, while something is under way.
         export const taken = async () => {
           const conn = await Deno.connect({ hostname: 'a.example', port: 7 });
           const sent = bytes('hello');
           const written = conn.write(sent);
           structuredClone(sent.buffer, { transfer: [sent.buffer] });
           const gone = new Uint8Array(100);
           const nothing = conn.read(gone).catch((error) => error.name);
           structuredClone(gone.buffer, { transfer: [gone.buffer] });
           const seen = [await written, await nothing];
           const space = new Uint8Array(2);
           seen.push(await conn.read(space), text(space));
           await conn.closeWrite();
           let rest = '';
           for await (const part of conn.readable) rest += text(part);
           return [...seen, rest];
         };
         export const streams = async () => {
           const conn = await Deno.connect({ transport: 'tcp', hostname: 'a.example', port: 7 });
           const writer = conn.writable.getWriter();
           const sent = new Uint8Array(300_000).fill(120);
           writer.write(sent);
           let all = 0;
           for await (const part of conn.readable) {
             all += part.length;
             if (all === sent.length) await conn.closeWrite();
           }
           return [all, await conn.write(bytes('x')).catch((error) => error.name)];
         };
         export const closed = async () => {
           const conn = await Deno.connect({ hostname: 'a.example', port: 7 });
           const read = conn.read(new Uint8Array(1)).catch((error) => error.name);
           conn.close();
           const again = () => { try { conn.close(); } catch (error) { return error.name; } };
           const { localAddr, remoteAddr } = conn;
           return [await read, again(), localAddr.transport, localAddr.port, remoteAddr.hostname, remoteAddr.port];
         };
         export const disposed = async () => {
           const conn = await Deno.connect({ hostname: 'a.example', port: 7 });
           conn[Symbol.dispose]();
           conn[Symbol.dispose]();
           return conn.read(new Uint8Array(1)).catch((error) => error.name);
         };",
    );
    assert_eq!(
        shim.json("echo", "[]"),
        r#"[5,5,[true,"hello",0],"the end",0]"#
    );
    assert_eq!(
        shim.json("taken", "[]"),
        r#"[5,"TypeError",2,"he","llothe end"]"#
    );
    assert_eq!(shim.json("streams", "[]"), r#"[300007,"BadResource"]"#);
    assert_eq!(
        shim.json("closed", "[]"),
        r#"["Interrupted","BadResource","tcp",0,"a.example",7]"#
    );
    assert_eq!(shim.json("disposed", "[]"), "\"BadResource\"");
}

#[test]
fn tls_is_spoken_with_the_host_that_was_asked_for_and_whom_the_plugin_trusts() {
    let broker = Broker::start();
    let source = "export const f = async (hostname, caCerts, more) => {
          try {
            using conn = await Deno.connectTls({ hostname, port: 8443, caCerts, ...more });
            await conn.write(new TextEncoder().encode('hello\\n'));
            const space = new Uint8Array(100);
            const read = await conn.read(space);
            return [new TextDecoder().decode(space.subarray(0, read)), (await conn.handshake()).alpnProtocol];
          } catch (error) { return [error.name, error.message]; }
        };";
    let source = source.replace("using conn", "const conn");
    let mut shim = plugin(&broker, &source);
    assert_eq!(shim.json("f", r#"["a.example"]"#), r#"["hello\n",null]"#);
    let told = shim.json("f", r#"["other.example"]"#);
    assert!(told.contains("TLS failed"), "{told}");
    let told = shim.json(
        "f",
        r#"["a.example", [], {"unsafelyDisableHostnameVerification": true}]"#,
    );
    assert!(told.contains("is not known here"), "{told}");
    // The authority is the plugin's own word.
    let mut plugin = Plugin::new(&source);
    let mut egress = broker.egress(Vec::new());
    egress.authorities.clear();
    plugin.egress = Some(egress);
    let mut shim = plugin.ready();
    let told = shim.json("f", r#"["a.example"]"#);
    assert!(told.contains("TLS failed"), "{told}");
    let own = serde_json::to_string(broker.certificate()).expect("a text");
    let told = shim.json("f", &format!(r#"["a.example", [{own}]]"#));
    assert_eq!(told, r#"["hello\n",null]"#);
    let told = shim.json("f", r#"["a.example", ["-----BEGIN CERTIFICATE-----\nx"]]"#);
    assert!(told.contains("certificates to trust"), "{told}");
}

const CAUGHT: &str = "
    export const f = (hostname, port, how = 'connect') => Deno[how]({ hostname, port });
    export const caught = async (options, how = 'connect') => {
      try { await Deno[how](options); } catch (error) { return [error.name, error.message]; }
    };";

#[test]
fn what_is_not_granted_is_refused_by_name_and_who_is_not_there_with_the_reason() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, CAUGHT);
    let denied = |answer: Result<Payload, CallError>, expected: &str| match answer {
        Err(CallError::Denied { permission, error }) => {
            assert_eq!(
                (permission.as_str(), error.name.as_str()),
                (expected, "PermissionDenied")
            );
        }
        other => panic!("{other:?}"),
    };
    for how in ["connect", "connectTls"] {
        let asked = format!(r#"["denied.example", 443, "{how}"]"#);
        denied(shim.call("f", &asked), "network:read:denied.example");
        let asked = format!(r#"[{{"hostname":"private.example","port":5432}}, "{how}"]"#);
        assert_eq!(
            shim.json("caught", &asked),
            r#"["TypeError","connection refused by the policy: 10.0.0.1 is private"]"#
        );
        let asked = format!(r#"[{{"hostname":"gone.example","port":5432}}, "{how}"]"#);
        assert_eq!(
            shim.json("caught", &asked),
            r#"["ConnectionRefused","nobody listens"]"#
        );
    }
    for options in [
        r#"{"hostname":"a.example/x","port":7}"#,
        r#"{"hostname":"a.example\r\nx: y","port":7}"#,
        r#"{"hostname":"u@a.example","port":7}"#,
        r#"{"hostname":"a.example","port":0}"#,
        r#"{"hostname":"a.example","port":65543}"#,
        r#"{"hostname":"a.example"}"#,
        r#"{"hostname":"a.example","port":7,"transport":"unix"}"#,
    ] {
        let told = shim.json("caught", &format!("[{options}]"));
        assert!(told.starts_with("[\"TypeError\","), "{options}: {told}");
    }
    assert!(shim.seen.is_empty(), "the broker tells the engine itself");
    // Without a way out the shim says so by itself.
    let mut shim = Plugin::new(CAUGHT).ready();
    for how in ["connect", "connectTls"] {
        let asked = format!(r#"["Db.example", 5432, "{how}"]"#);
        denied(shim.call("f", &asked), "network:connect:db.example:5432");
    }
    assert!(matches!(
        shim.seen.as_slice(),
        [ShimMessage::Violation { .. }, ShimMessage::Violation { .. }]
    ));
}

#[test]
fn where_methods_or_paths_are_named_nothing_else_is_said() {
    let broker = Broker::start();
    let mut plugin = Plugin::new(CAUGHT);
    let rule = |host: &str, paths: Option<&str>| HttpsEndpoint {
        host: host.to_owned(),
        port: 8443,
        methods: None,
        paths: paths.map(|path| vec![path.to_owned()]),
    };
    let rules = vec![
        rule("*.example", Some("/v1/*")),
        rule("b.example", Some("/v1/*")),
        rule("a.example", None),
    ];
    plugin.egress = Some(broker.egress(rules));
    let mut shim = plugin.ready();
    let mut ask = |host: &str| {
        let asked = format!(r#"[{{"hostname":"{host}","port":8443}}, "connectTls"]"#);
        shim.json("caught", &asked)
    };
    assert_eq!(ask("a.example"), "null");
    let told = ask("b.example");
    assert!(told.contains("network:connect:b.example:8443"), "{told}");
    assert_eq!(shim.seen.len(), 1);
}

#[test]
fn connections_are_counted_with_those_of_fetch_and_outlive_the_call_they_began_in() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "const all = [];
         export const open = async (count) => {
           for (let i = 0; i < count; i++) all.push(await Deno.connect({ hostname: 'a.example', port: 7 }));
         };
         export const refused = () => open(1).catch((error) => [error.name, error.message]);
         export const fetched = () => fetch('http://a.example/echo').then(
           (answer) => answer.status, (error) => error.message);
         export const said = async () => {
           await all[0].write(new Uint8Array([1, 2, 3]));
           return await all[0].read(new Uint8Array(10));
         };
         export const close = () => { for (const conn of all.splice(0)) conn.close(); };",
    );
    shim.json("open", "[256]");
    let most = "more than 256 connections at once";
    assert_eq!(
        shim.json("refused", "[]"),
        format!("[\"TypeError\",\"{most}\"]")
    );
    assert_eq!(shim.json("fetched", "[]"), format!("\"{most}\""));
    assert_eq!(shim.json("said", "[]"), "3");
    shim.json("close", "[]");
    shim.json("open", "[1]");
    assert_eq!(shim.json("fetched", "[]"), "200");
}
