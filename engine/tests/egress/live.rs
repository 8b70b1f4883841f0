//! Rules that change while connections are open.

use std::os::unix::net::UnixListener;

use tokio::sync::mpsc;

use crate::plugin::{Plugin, echoed, endpoints, ends, local, rules};
use crate::server;

const ANY: &str = "protocol: tcp";

#[test]
fn what_new_rules_forbid_is_closed_and_what_they_grant_goes_on() {
    let server = server::echo();
    let [a, b] = ["a.example", "b.example"].map(|host| local(host, server, ANY));
    let mut plugin = Plugin::with(&endpoints(&[a.clone(), b]));
    let mut kept = plugin.connect("a.example", server);
    let mut closed = plugin.connect("b.example", server);
    assert_eq!(echoed(&mut closed, "open"), "open\n");
    plugin.handle().set(rules(&endpoints(&[a])));
    ends(closed);
    assert_eq!(echoed(&mut kept, "kept"), "kept\n");
    let missing = format!("network:connect:b.example:{}", server.port());
    assert_eq!(plugin.refusal("b.example", server.port()), missing);
    plugin.connect("a.example", server);
}

#[test]
fn a_connection_is_closed_that_new_rules_would_hold_to_more() {
    let server = server::echo();
    for narrower in [
        local("a.example.com", server, "protocol: https"),
        local("a.example.com", server, "protocol: http"),
        format!(
            "{{ host: a.example.com, port: {}, protocol: tcp }}",
            server.port()
        ),
        // Anything to public addresses, and TLS to the one it is connected to.
        format!(
            "{{ host: a.example.com, port: {}, protocol: tcp }}, {}",
            server.port(),
            local("*.example.com", server, "protocol: https")
        ),
    ] {
        let plugin = Plugin::with(&endpoints(&[local("a.example.com", server, ANY)]));
        let stream = plugin.connect("a.example.com", server);
        plugin.handle().set(rules(&endpoints(&[narrower])));
        ends(stream);
    }
}

#[test]
fn what_new_rules_grant_is_open_at_once() {
    let server = server::echo();
    let mut plugin = Plugin::with("level: standard\n");
    plugin.refusal("a.example", server.port());
    plugin
        .handle()
        .set(rules(&endpoints(&[local("a.example", server, ANY)])));
    plugin.connect("a.example", server);
}

#[test]
fn a_plugin_that_ends_is_closed_and_another_is_not() {
    let server = server::echo();
    let policy = endpoints(&[local("a.example", server, ANY)]);
    let mut plugin = Plugin::with(&policy);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (sender, _reports) = mpsc::channel(1);
    let other = plugin
        .broker
        .serve(listener, rules(&policy), sender, None)
        .unwrap();
    let mut stays = plugin.connect("a.example", server);
    // The same words on the socket of the other one.
    let mut theirs = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let ask = format!("CONNECT a.example:{} HTTP/1.1\r\n\r\n", server.port());
    std::io::Write::write_all(&mut theirs, ask.as_bytes()).unwrap();
    crate::plugin::head(&mut theirs);
    drop(other);
    ends(theirs);
    assert_eq!(echoed(&mut stays, "here"), "here\n");
    drop(plugin.handle.take());
    ends(stays);
}

#[test]
fn what_is_observed_is_told_and_counted_and_goes_no_further_than_public_addresses() {
    for (mode, told) in [("audit", true), ("learn", false)] {
        let policy =
            format!("network: {{ mode: {mode} }}\nobserve: [ 'network:connect:a.example:4444' ]\n");
        let mut plugin = Plugin::with(&policy);
        let (_, head) = plugin.ask("a.example", 4444);
        assert!(head.contains("class `loopback`"), "{head}");
        if told {
            let report = plugin.report();
            assert!(report.let_through);
            assert_eq!(report.refusal.to_string(), "network:connect:a.example:4444");
        }
        assert!(!plugin.report().let_through);
        let count = plugin.handle().counts().remove(0);
        assert_eq!((count.observed, count.refused), (1, 1));
        plugin.refusal("a.example", 4445);
    }
}
