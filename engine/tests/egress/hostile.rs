//! What a plugin might say to be taken for another, each with a twin that goes through.

use std::io::Write;
use std::time::Duration;

use lazaret::egress::Deadlines;

use crate::plugin::{Plugin, endpoints, ends, everybody_is_local, head, local, refusal_in};
use crate::server;

#[test]
fn no_request_is_smuggled_behind_another() {
    let (server, heard) = server::http();
    let list = [local(
        "a.example",
        server,
        "protocol: http, paths: [/ok, /twin]",
    )];
    let deadlines = Deadlines {
        head: Duration::from_secs(2),
        ..Deadlines::default()
    };
    let plugin = Plugin::new(&endpoints(&list), everybody_is_local(), deadlines);
    let port = server.port();
    let start = format!("POST http://a.example:{port}/ok HTTP/1.1\r\nhost: a.example:{port}\r\n");
    let hidden = format!("GET /admin HTTP/1.1\r\nhost: a.example:{port}\r\n\r\n");
    let length = hidden.len();
    let mut open = Vec::new();
    for rest in [
        format!("content-length: 0\r\ncontent-length: {length}\r\n\r\n{hidden}"),
        format!("content-length: {length}\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("content-length: 0, {length}\r\n\r\n{hidden}"),
        format!("content-length: +0\r\n\r\n{hidden}"),
        format!("content-length: -1\r\n\r\n{hidden}"),
        format!("content-length: 0x0\r\n\r\n{hidden}"),
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding:\tchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("x: y\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\n0;x=\n{hidden}\r\n\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\n-1\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n{hidden}"),
        format!("expect: 100-continue\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("connection: upgrade\r\nupgrade: h2c\r\n\r\n{hidden}"),
        format!("host: evil.example\r\n\r\n{hidden}"),
        format!("\r\n{hidden}"),
    ] {
        let mut stream = plugin.socket();
        write!(stream, "{start}{rest}").unwrap();
        open.push(stream);
    }
    // Each is answered, and closed when nothing that could be a request follows.
    open.into_iter().for_each(ends);
    let mut stream = plugin.socket();
    write!(stream, "{}\r\n", start.replace("/ok", "/twin")).unwrap();
    let mut lines = Vec::new();
    while lines
        .last()
        .is_none_or(|line: &String| !line.contains("/twin"))
    {
        let request = heard.recv_timeout(crate::plugin::PATIENCE).unwrap();
        lines.push(request.head.lines().next().unwrap().to_owned());
    }
    assert!(
        lines.iter().all(|line| !line.contains("admin")),
        "{lines:?}"
    );
    assert!(head(&mut stream).starts_with("HTTP/1.1 200 "));
}

#[test]
fn heads_without_end_are_refused_and_a_long_one_is_not() {
    let server = server::echo();
    let mut plugin = Plugin::with(&endpoints(&[local("a.example", server, "protocol: tcp")]));
    let port = server.port();
    let start = format!("CONNECT a.example:{port} HTTP/1.1\r\n");
    let fields = |number: usize| "x: y\r\n".repeat(number);
    for text in [
        format!("{start}{}\r\n", fields(101)),
        format!("{start}{}\r\n", fields(5000)),
        format!("{start}x: {}\r\n\r\n", "y".repeat(20_000)),
        format!("CONNECT {}:{port} HTTP/1.1\r\n\r\n", "a".repeat(20_000)),
    ] {
        let told = refusal_in(&plugin.say(text.as_bytes()));
        assert_eq!(plugin.report().refusal.to_string(), told);
    }
    let mut stream = plugin.socket();
    write!(
        stream,
        "{start}{}x: {}\r\n\r\n",
        fields(90),
        "y".repeat(10_000)
    )
    .unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200 "));
    for flood in [fields(101), format!("x: {}\r\n", "y".repeat(40_000))] {
        let text = format!(
            "GET http://a.example:{port}/ HTTP/1.1\r\nhost: a.example:{port}\r\n{flood}\r\n"
        );
        let told = plugin.say(text.as_bytes());
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 4"), "{told}");
    }
}

#[test]
fn an_address_is_no_host_however_it_is_written() {
    let server = server::echo();
    let list = [local("localhost", server, "protocol: tcp")];
    let mut plugin = Plugin::with(&endpoints(&list));
    let port = server.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.1",
        "2130706433",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "::1",
        "127.0.0.1.",
        "localhost.",
        "LOCALHOST.",
        "127%2e0.0.1",
        "a@localhost",
        "１２７.0.0.1",
        "localhost%00",
        "localhost\t",
        "",
    ] {
        let text = format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n");
        refusal_in(&plugin.say(text.as_bytes()));
        plugin.report();
        let text = format!("GET http://{host}:{port}/ HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n");
        let told = plugin.say(text.as_bytes());
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 4"),
            "{host}: {told}"
        );
    }
    assert_eq!(plugin.dns.asked(), 0);
    plugin.connect("localhost", server);
    plugin.connect("LocalHost", server);
}

#[test]
fn what_is_no_request_ends_without_harm() {
    let server = server::echo();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, "protocol: tcp")]));
    let mut bytes = 0x2545_f491_u32;
    for length in 0..300 {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                bytes ^= bytes << 13;
                bytes ^= bytes >> 17;
                bytes ^= bytes << 5;
                bytes as u8
            })
            .collect();
        plugin.say(&noise);
        plugin.say(&[b"CONNECT ", &noise[..], b"\r\n\r\n"].concat());
    }
    plugin.connect("a.example", server);
}
