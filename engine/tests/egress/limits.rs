//! Limits of the network, and many connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use lazaret::egress::Deadlines;
use tokio::sync::mpsc;

use crate::plugin::{
    Plugin, echoed, endpoints, ends, everybody_is_local, head, local, refusal_in, rules,
};
use crate::server;

const ANY: &str = "protocol: tcp";

fn limited(limits: &str, endpoint: &str) -> String {
    format!("network: {{ limits: {{ {limits} }}, endpoints: [ {endpoint} ] }}\n")
}

#[test]
fn no_more_connections_are_open_than_may_be() {
    let server = server::echo();
    let policy = limited("connections: 2", &local("a.example", server, ANY));
    let mut plugin = Plugin::with(&policy);
    let first = plugin.connect("a.example", server);
    let mut second = plugin.connect("a.example", server);
    let told = plugin.refusal("a.example", server.port());
    assert_eq!(told, "`network.limits.connections` of 2 at a time are open");
    assert_eq!(echoed(&mut second, "open"), "open\n");
    first.shutdown(Shutdown::Write).unwrap();
    ends(first);
    // Its place is free as soon as the broker has seen the end.
    while !plugin.ask("a.example", server.port()).1.contains(" 200 ") {
        plugin.report();
    }
}

#[test]
fn a_life_has_so_many_bytes_each_way_and_no_more() {
    let server = server::echo();
    let sink = server::serve(ends);
    let source = server::serve(|mut stream| while stream.write_all(&[1; 4096]).is_ok() {});
    for (limits, server, way) in [
        ("sent: 64KiB", sink, "sent"),
        ("received: 64KiB", source, "received"),
    ] {
        let policy = limited(limits, &local("a.example", server, ANY));
        let mut plugin = Plugin::with(&policy);
        let mut stream = plugin.connect("a.example", server);
        let mut reader = stream.try_clone().unwrap();
        if way == "sent" {
            while stream.write_all(&[0; 4096]).is_ok() {}
        }
        let mut received = Vec::new();
        reader.read_to_end(&mut received).ok();
        let told = plugin.report().refusal.to_string();
        assert_eq!(
            told,
            format!("`network.limits.{way}` of 65536 bytes is used up")
        );
        let counts = plugin.handle().counts();
        assert!(
            counts[0].sent <= 65536 && counts[0].received <= 65536,
            "{counts:?}"
        );
        assert!(received.len() <= 65536);
    }
    // The twin: all that may go goes.
    let policy = limited(
        "sent: 64KiB, received: 64KiB",
        &local("a.example", server, ANY),
    );
    let plugin = Plugin::with(&policy);
    let mut stream = plugin.connect("a.example", server);
    stream.write_all(&[3; 65536]).unwrap();
    let mut back = vec![0; 65536];
    stream.read_exact(&mut back).unwrap();
    assert!(back.iter().all(|byte| *byte == 3));
}

#[test]
fn many_connections_move_no_more_together_than_one_does() {
    let source = server::serve(|mut stream| while stream.write_all(&[1; 65536]).is_ok() {});
    let policy = limited("received: 1MiB", &local("a.example", source, ANY));
    let plugin = Plugin::with(&policy);
    let mut streams: Vec<_> = (0..16)
        .map(|_| plugin.connect("a.example", source))
        .collect();
    // All have begun, and stand still as nobody reads on.
    let mut received = 0;
    for stream in &mut streams {
        received += stream.read(&mut [0]).unwrap_or_default();
    }
    for mut stream in streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        received += rest.len();
    }
    assert_eq!(received, 1 << 20);
}

#[test]
fn plain_http_is_held_to_the_same_bytes() {
    let server = server::serve(|mut stream| {
        drop(head(&mut stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let policy = limited(
        "received: 64KiB",
        &local("a.example", server, "protocol: http"),
    );
    let mut plugin = Plugin::with(&policy);
    let port = server.port();
    let request =
        format!("GET http://a.example:{port}/ HTTP/1.1\r\nhost: a.example:{port}\r\n\r\n");
    let mut stream = plugin.socket();
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).ok();
    assert!(received.len() < 70_000, "{}", received.len());
    let told = plugin.report().refusal.to_string();
    assert_eq!(told, "`network.limits.received` of 65536 bytes is used up");
}

#[test]
fn a_plugin_with_all_the_connections_it_gets_leaves_some_to_its_neighbours() {
    let server = server::echo();
    let (raw, plain) = ("a.example", "b.example");
    let policy = endpoints(&[
        local(raw, server, ANY),
        local(plain, server, "protocol: http"),
    ]);
    let deadlines = Deadlines::default();
    let mut greedy = Plugin::with_descriptors(&policy, everybody_is_local(), deadlines, 64);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("neighbour.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (sender, _reports) = mpsc::channel(1);
    let _neighbour = greedy
        .broker
        .serve(listener, rules(&policy), sender, None)
        .unwrap();
    let mut open = Vec::new();
    let told = loop {
        let (stream, head) = greedy.ask(raw, server.port());
        if !head.starts_with("HTTP/1.1 200 ") {
            break head;
        }
        open.push(stream);
    };
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(
        told.contains("lazaret-unreachable: the plugins of this engine"),
        "{told}"
    );
    // Half of them are its own, six for each connection.
    assert_eq!(open.len(), 5);
    let port = server.port();
    let request = format!("GET http://{plain}:{port}/ HTTP/1.1\r\nhost: {plain}:{port}\r\n\r\n");
    let mut stream = greedy.socket();
    stream.write_all(request.as_bytes()).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 503 "));
    drop(stream);
    // Who only connects takes no more than that either, and waits.
    let idle: Vec<_> = (0..60).map(|_| greedy.socket()).collect();
    let mut theirs = UnixStream::connect(&path).unwrap();
    write!(theirs, "CONNECT {raw}:{port} HTTP/1.1\r\n\r\n").unwrap();
    assert!(head(&mut theirs).starts_with("HTTP/1.1 200 "));
    assert_eq!(echoed(&mut theirs, "here"), "here\n");
    assert_eq!(echoed(&mut open[0], "still here"), "still here\n");
    drop(idle);
    drop(open);
    // It is no violation, and there is room as soon as the broker has seen the ends.
    while !greedy.ask(raw, port).1.starts_with("HTTP/1.1 200 ") {}
    assert!(greedy.reports.try_recv().is_err());
}

#[test]
fn ten_thousand_connects_leave_nothing_behind() {
    let server = server::echo();
    let mut plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    for number in 0..10_000_u32 {
        let mut stream = plugin.socket();
        match number % 4 {
            // Gone before a word, in the middle of one, and without a look at the answer.
            0 => {}
            1 => stream.write_all(b"CONNECT a.exa").unwrap(),
            2 => stream
                .write_all(b"CONNECT b.example:1 HTTP/1.1\r\n\r\n")
                .unwrap(),
            _ => assert!(refusal_in(&plugin.ask("b.example", 1).1).starts_with("network:")),
        }
        while plugin.reports.try_recv().is_ok() {}
    }
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "well"), "well\n");
}
