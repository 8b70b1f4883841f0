//! Connections: bytes there and back, ends and resets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use lazaret::egress::Deadlines;

use crate::plugin::{Plugin, echoed, endpoints, ends, everybody_is_local, head, local};
use crate::server;

const ANY: &str = "protocol: tcp";

#[test]
fn bytes_go_there_and_back_and_are_counted() {
    let server = server::echo();
    let mut plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "hello"), "hello\n");
    stream.shutdown(Shutdown::Write).unwrap();
    ends(stream);
    let counts = plugin.handle().counts();
    let count = &counts[0];
    assert_eq!(
        (count.host.as_str(), count.port),
        ("a.example", server.port())
    );
    assert_eq!((count.connections, count.refused), (1, 0));
    assert_eq!((count.sent, count.received), (6, 6));
    assert!(plugin.reports.try_recv().is_err());
}

#[test]
fn what_comes_with_the_head_goes_through_the_connection() {
    let server = server::counts();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.socket();
    write!(
        stream,
        "CONNECT a.example:{} HTTP/1.1\r\n\r\nearly",
        server.port()
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200 "));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "5 bytes");
}

#[test]
fn much_goes_through_whole() {
    let server = server::echo();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.connect("a.example", server);
    let sent: Vec<u8> = (0..16_u32 << 20)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(
        sent == received,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
}

#[test]
fn who_has_ended_sending_still_hears_the_answer() {
    let server = server::counts();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.connect("a.example", server);
    stream.write_all(b"all there is").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "12 bytes");
}

#[test]
fn a_plugin_that_is_gone_takes_its_connection_along() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let stream = plugin.connect("a.example", server);
    let (mut accepted, _) = listener.accept().unwrap();
    drop(stream);
    assert_eq!(accepted.read(&mut [0]).unwrap(), 0);
    // It sends on: once nobody is there, that fails.
    while accepted.write_all(&[0; 1024]).is_ok() {}
}

#[test]
fn a_server_that_resets_ends_that_connection_and_no_other() {
    let resets = server::serve(|stream| {
        let nothing = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
        nothing.unwrap();
    });
    let server = server::echo();
    let list = [
        local("bad.example", resets, ANY),
        local("a.example", server, ANY),
    ];
    let plugin = Plugin::with(&endpoints(&list));
    let mut good = plugin.connect("a.example", server);
    for _ in 0..10 {
        // It may reset before the broker has said that there is a connection.
        ends(plugin.ask("bad.example", resets.port()).0);
    }
    assert_eq!(echoed(&mut good, "still here"), "still here\n");
}

#[test]
fn an_answer_is_heard_though_the_server_takes_no_more() {
    let server = server::serve(|mut stream| {
        stream.read_exact(&mut [0; 10]).unwrap();
        stream.write_all(b"enough").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        ends(stream);
    });
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.connect("a.example", server);
    stream.write_all(&[7; 1000]).unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"enough");
}

#[test]
fn a_server_that_reads_nothing_stops_its_plugin_and_costs_buffers_only() {
    let (keep, kept) = std::sync::mpsc::channel();
    let server = server::serve(move |stream| keep.send(stream).unwrap());
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, ANY)]));
    let mut stream = plugin.connect("a.example", server);
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut written = 0;
    while let Ok(bytes) = stream.write(&[0; 64 * 1024]) {
        written += bytes;
        assert!(written < 64 << 20, "nobody stops it");
    }
    drop(kept);
}

#[test]
fn who_is_slow_to_say_what_it_wants_is_closed() {
    let server = server::echo();
    let deadlines = Deadlines {
        head: Duration::from_millis(200),
        ..Deadlines::default()
    };
    let list = [
        local("a.example", server, ANY),
        local("tls.example", server, "protocol: https"),
    ];
    let plugin = Plugin::new(&endpoints(&list), everybody_is_local(), deadlines);
    for start in [
        "",
        "CONN",
        "CONNECT a.exam",
        "GET http://a.exa",
        "GET http://a.example/ HTTP/1.1\r\nX: ",
    ] {
        let mut stream = plugin.socket();
        stream.write_all(start.as_bytes()).unwrap();
        ends(stream);
    }
    // Its name is not told in time.
    let (mut stream, head) = plugin.ask("tls.example", server.port());
    assert!(head.starts_with("HTTP/1.1 200 "));
    stream.write_all(&[22, 3, 1]).unwrap();
    ends(stream);
    // The twin: who has said what it wants may be silent as it likes.
    let mut stream = plugin.connect("a.example", server);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(echoed(&mut stream, "late"), "late\n");
}

#[test]
fn a_connection_that_stands_still_is_closed_in_the_end() {
    let server = server::echo();
    let deadlines = Deadlines {
        idle: Duration::from_millis(100),
        ..Deadlines::default()
    };
    let list = [local("a.example", server, ANY)];
    let plugin = Plugin::new(&endpoints(&list), everybody_is_local(), deadlines);
    ends(plugin.connect("a.example", server));
}

#[test]
fn a_host_that_cannot_be_reached_is_no_violation() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut plugin = Plugin::with(&endpoints(&[local("a.example", closed, ANY)]));
    let (_, head) = plugin.ask("a.example", closed.port());
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    assert!(
        head.contains("lazaret-unreachable: failed to connect: connection refused"),
        "{head}"
    );
    assert!(plugin.reports.try_recv().is_err());
}
