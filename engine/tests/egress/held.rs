//! Whom a connection belongs to, whom a rule names, over which kind of address, and how fast.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::dns::addresses;
use crate::plugin::{Plugin, echoed, endpoints, head, local, refusal_in, rules};
use crate::server;

const ANY: &str = "protocol: tcp";

#[test]
fn who_speaks_on_a_socket_has_the_leave_of_that_plugin_alone() {
    let server = server::echo();
    let [a, b] = ["a.example", "b.example"].map(|host| local(host, server, ANY));
    let mut plugin = Plugin::with(&endpoints(&[a]));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.sock");
    let (sender, mut reports) = mpsc::channel(4);
    let other = plugin.broker.serve(
        UnixListener::bind(&path).unwrap(),
        rules(&endpoints(&[b])),
        sender,
        None,
    );
    let other = other.unwrap();
    let port = server.port();
    let ask = |host: &str| {
        let mut stream = UnixStream::connect(&path).unwrap();
        // Nothing that is said says who speaks.
        write!(
            stream,
            "CONNECT {host}:{port} HTTP/1.1\r\nproxy-authorization: Basic YTph\r\n\r\n"
        )
        .unwrap();
        let head = head(&mut stream);
        (stream, head)
    };
    let (mut theirs, head) = ask("b.example");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(echoed(&mut theirs, "theirs"), "theirs\n");
    let mut ours = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut ours, "ours"), "ours\n");
    let missing = |host: &str| format!("network:connect:{host}:{port}");
    assert_eq!(refusal_in(&ask("a.example").1), missing("a.example"));
    let told = reports.blocking_recv().unwrap().refusal.to_string();
    assert_eq!(told, missing("a.example"));
    assert_eq!(plugin.refusal("b.example", port), missing("b.example"));
    assert!(plugin.reports.try_recv().is_err() && reports.try_recv().is_err());
    for (handle, granted) in [(plugin.handle(), "a.example"), (&other, "b.example")] {
        for count in handle.counts() {
            let is_granted = count.host == granted;
            assert_eq!(count.connections, u64::from(is_granted), "{count:?}");
            assert_eq!(count.refused, u64::from(!is_granted), "{count:?}");
        }
    }
}

#[test]
fn a_wildcard_reaches_names_below_it_and_the_name_itself_only_where_that_is_written() {
    let server = server::echo();
    for (pattern, reached, refused) in [
        (
            "*.example.com",
            &["a.example.com", "b.a.example.com"][..],
            &["example.com", "badexample.com", "a.example.com.example"][..],
        ),
        (
            ".example.com",
            &["example.com", "a.example.com", "b.a.example.com"],
            &["badexample.com", "com", "example.com.example"],
        ),
        ("example.com", &["example.com"], &["a.example.com"]),
    ] {
        let mut plugin = Plugin::with(&endpoints(&[local(pattern, server, ANY)]));
        for host in reached {
            let mut stream = plugin.connect(host, server);
            assert_eq!(echoed(&mut stream, host).trim(), *host, "{pattern}");
        }
        for host in refused {
            let missing = format!("network:connect:{host}:{}", server.port());
            assert_eq!(plugin.refusal(host, server.port()), missing, "{pattern}");
        }
    }
}

#[test]
fn hosts_are_reached_by_ipv6_also_where_ipv4_leads_to_nobody() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Nobody else gets this port of the other kind meanwhile; nobody listens.
    let _taken = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .map(|socket| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        rustix::net::bind(&socket, &address).map(|()| socket)
    });
    let server = server::on(listener);
    let policy = endpoints(&[local("a.example", server, ANY)]);
    for answer in [&["::1"][..], &["127.0.0.1", "::1"]] {
        let plugin = Plugin::with_dns(&policy, move |_, _| addresses(answer));
        let mut stream = plugin.connect("a.example", server);
        assert_eq!(echoed(&mut stream, "six"), "six\n");
    }
    let public = endpoints(&[format!(
        "{{ host: a.example, port: {port}, protocol: tcp }}"
    )]);
    let mut plugin = Plugin::with_dns(&public, |_, _| addresses(&["::1"]));
    let told = plugin.refusal("a.example", port);
    assert!(told.contains("class `loopback`"), "{told}");
}

#[test]
fn bytes_beyond_a_second_of_the_bandwidth_wait_however_many_connections_carry_them() {
    let source = server::serve(|mut stream| while stream.write_all(&[1; 4096]).is_ok() {});
    let http = server::serve(|mut stream| {
        drop(head(&mut stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let policy = format!(
        "network: {{ limits: {{ bandwidth: 1MiB }}, endpoints: [ {}, {} ] }}\n",
        local("a.example", source, ANY),
        local("b.example", http, "protocol: http")
    );
    let port = http.port();
    let plugin = Plugin::with(&policy);
    let began = Instant::now();
    let mut plain = plugin.socket();
    write!(
        plain,
        "GET http://b.example:{port}/ HTTP/1.1\r\nhost: b.example:{port}\r\n\r\n"
    )
    .unwrap();
    let mut streams = vec![
        plain,
        plugin.connect("a.example", source),
        plugin.connect("a.example", source),
    ];
    // A second's worth goes at once, and what each connection had read when it was told to wait.
    let mut bytes = vec![0; 4096];
    let mut received = 0;
    while received < 5 << 19 {
        for stream in &mut streams {
            received += stream.read(&mut bytes).unwrap();
        }
    }
    assert!(
        began.elapsed() > Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
}
