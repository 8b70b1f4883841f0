//! A thousand connections, and peers that do wrong: nothing of them stays.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use lazaret::egress::Deadlines;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::plugin::{PATIENCE, Plugin, echoed, endpoints, ends, everybody_is_local, head, local};
use crate::server;

const ANY: &str = "protocol: tcp";

/// Set in a process that runs one test.
const ALONE: &str = "LAZARET_TEST_ALONE";

/// Whether this process runs the test and no other, so that its descriptors can be counted. If not,
/// one that does is started, and must succeed.
fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(["--exact", test]).env(ALONE, "1");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    false
}

fn descriptors() -> usize {
    fs_err::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until something is so.
fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_thousand_connections_are_open_at_once_and_one_more_is_not() {
    if !alone("many::a_thousand_connections_are_open_at_once_and_one_more_is_not") {
        return;
    }
    let server = server::echo();
    let limits = "connections: 1000, connects: 10000, sent: 1MiB, received: 1MiB";
    let endpoint = local("a.example", server, ANY);
    let mut plugin = Plugin::with(&format!(
        "network: {{ limits: {{ {limits} }}, endpoints: [ {endpoint} ] }}\n"
    ));
    drop(plugin.connect("a.example", server));
    let before = descriptors();
    let mut streams: Vec<_> = (0..1000)
        .map(|_| {
            loop {
                // The first one may not be gone yet.
                let (stream, head) = plugin.ask("a.example", server.port());
                if head.starts_with("HTTP/1.1 200 ") {
                    break stream;
                }
                plugin.report();
            }
        })
        .collect();
    let told = plugin.refusal("a.example", server.port());
    assert_eq!(
        told,
        "`network.limits.connections` of 1000 at a time are open"
    );
    for (number, stream) in streams.iter_mut().enumerate() {
        let line = number.to_string();
        assert_eq!(echoed(stream, &line).trim(), line);
    }
    assert_eq!(plugin.handle().counts()[0].connections, 1001);
    assert!(descriptors() >= before + 3000);
    drop(streams);
    until("descriptors are left open", || descriptors() <= before);
    let mut again = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut again, "again"), "again\n");
}

/// Whether the other end is gone, whatever is still to be read.
fn hung_up(stream: &UnixStream) -> bool {
    let mut ends = [PollFd::new(stream, PollFlags::HUP)];
    poll(&mut ends, Some(&Timespec::default())).unwrap();
    ends[0].revents().contains(PollFlags::HUP)
}

/// A server that sends until nobody takes it, and says so.
fn endless() -> (SocketAddr, std::sync::mpsc::Receiver<()>) {
    let (sender, ended) = std::sync::mpsc::channel();
    let server = server::serve(move |mut stream| {
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
        sender.send(()).ok();
    });
    (server, ended)
}

#[test]
fn a_plugin_that_never_reads_is_closed_in_the_end_whatever_it_speaks() {
    let (raw, raw_ended) = endless();
    let (sender, plain_ended) = std::sync::mpsc::channel();
    let plain = server::serve(move |mut stream| {
        drop(head(&mut stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
        sender.send(()).ok();
    });
    let deadlines = Deadlines {
        idle: Duration::from_millis(300),
        ..Deadlines::default()
    };
    let list = [
        local("a.example", raw, ANY),
        local("b.example", plain, "protocol: http"),
    ];
    let plugin = Plugin::new(&endpoints(&list), everybody_is_local(), deadlines);
    let stream = plugin.connect("a.example", raw);
    raw_ended.recv_timeout(PATIENCE).unwrap();
    until("who takes nothing is kept", || hung_up(&stream));
    let port = plain.port();
    let mut stream = plugin.socket();
    write!(
        stream,
        "GET http://b.example:{port}/ HTTP/1.1\r\nhost: b.example:{port}\r\n\r\n"
    )
    .unwrap();
    plain_ended.recv_timeout(PATIENCE).unwrap();
    until("who takes nothing is kept", || hung_up(&stream));
}

#[test]
fn a_head_that_comes_byte_by_byte_has_no_more_time_than_one_that_does_not() {
    let server = server::echo();
    let deadlines = Deadlines {
        head: Duration::from_millis(500),
        ..Deadlines::default()
    };
    let list = [local("a.example", server, ANY)];
    let plugin = Plugin::new(&endpoints(&list), everybody_is_local(), deadlines);
    for text in [
        format!(
            "CONNECT a.example:{} HTTP/1.1\r\n{}",
            server.port(),
            "x: y\r\n".repeat(90)
        ),
        format!(
            "GET http://a.example/ HTTP/1.1\r\n{}",
            "x: y\r\n".repeat(90)
        ),
    ] {
        let mut stream = plugin.socket();
        let mut sent = 0;
        for byte in text.bytes() {
            if stream.write_all(&[byte]).is_err() {
                break;
            }
            sent += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(sent < text.len(), "nobody ended it");
        ends(stream);
    }
    let mut twin = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut twin, "in time"), "in time\n");
}

#[test]
fn peers_that_do_wrong_take_no_room_for_good() {
    let echo = server::echo();
    let resets = server::serve(|mut stream| {
        // In the middle of an answer.
        stream.read_exact(&mut [0; 4]).ok();
        stream.write_all(&[b'x'; 10_000]).ok();
        let nothing = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
        nothing.unwrap();
    });
    let half = server::serve(|mut stream| {
        // It has ended its side, and waits for the other one.
        stream.shutdown(Shutdown::Write).ok();
        stream.read_to_end(&mut Vec::new()).ok();
    });
    let deadlines = Deadlines {
        head: Duration::from_millis(100),
        idle: Duration::from_millis(300),
        ..Deadlines::default()
    };
    let list = [
        local("a.example", echo, ANY),
        local("r.example", resets, ANY),
        local("h.example", half, ANY),
        local("p.example", resets, "protocol: http"),
    ];
    // Room for five connections of one plugin.
    let policy = endpoints(&list);
    let mut plugin = Plugin::with_descriptors(&policy, everybody_is_local(), deadlines, 64);
    let asked = |host: &str, server: SocketAddr| loop {
        let (stream, head) = plugin.ask(host, server.port());
        if head.starts_with("HTTP/1.1 200 ") {
            break stream;
        }
    };
    for _ in 0..10 {
        let mut reset = asked("r.example", resets);
        reset.write_all(b"more").unwrap();
        ends(reset);
        // Both sides wait for the other to end.
        let waits = asked("h.example", half);
        ends(waits);
        let silent = asked("a.example", echo);
        silent.shutdown(Shutdown::Read).unwrap();
        (&silent).write_all(&[b'x'; 1000]).ok();
        drop(silent);
        let (slow, plain) = (plugin.socket(), plugin.socket());
        (&slow).write_all(b"CONNECT a.exa").unwrap();
        let port = resets.port();
        let request =
            format!("GET http://p.example:{port}/ HTTP/1.1\r\nhost: p.example:{port}\r\n\r\n");
        (&plain).write_all(request.as_bytes()).unwrap();
        ends(slow);
        drop(plain);
    }
    // All of the room is there again.
    let mut open = Vec::new();
    while open.len() < 5 {
        let (stream, head) = plugin.ask("a.example", echo.port());
        if head.starts_with("HTTP/1.1 200 ") {
            open.push((Instant::now(), stream));
        }
        open.retain(|(since, _)| since.elapsed() < deadlines.idle);
    }
    assert!(plugin.reports.try_recv().is_err());
}
