//! TLS that the broker ends: what goes on within it, and to whom.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rcgen::date_time_ymd;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::http::body_after;
use crate::plugin::{Plugin, endpoints, ends, head, local, refusal_in, rules};
use crate::server::{self, Heard};
use crate::tls::{Authority, over, serve_tls, trusts};

/// What the endpoints here are.
pub(crate) const ENDED: &str = "protocol: https, tls: broker";

/// A server of HTTPS for these names, what it hears, and its authority's certificate.
pub(crate) fn https(names: &[&str]) -> (SocketAddr, Receiver<Heard>, String) {
    let authority = Authority::new();
    let (sender, heard) = std::sync::mpsc::channel();
    let config = authority.hosts(names, |_| {});
    let server = serve_tls(config, move |stream| server::answers(stream, &sender));
    (server, heard, authority.pem())
}

/// TLS with whoever ends it, for this host.
pub(crate) fn inside(
    plugin: &Plugin,
    host: &str,
    server: SocketAddr,
) -> StreamOwned<ClientConnection, UnixStream> {
    let trust = trusts(plugin.authority.as_ref().unwrap());
    let (stream, head) = plugin.ask(host, server.port());
    assert!(head.contains("lazaret-tls-end: broker\r\n"), "{head}");
    over(stream, &Arc::new(trust), host)
}

pub(crate) fn get(host: &str, server: SocketAddr, path: &str, fields: &str) -> String {
    let port = server.port();
    format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n{fields}\r\n")
}

/// Asks within TLS, and gives the head of the answer, and the body of one that is no refusal.
pub(crate) fn asks(stream: &mut (impl Read + Write), request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let head = head(stream);
    let body = match head.starts_with("HTTP/1.1 200 ") {
        true => body_after(stream, &head),
        false => String::new(),
    };
    (head, body)
}

#[test]
fn requests_within_are_held_one_by_one_and_go_on_in_tls_of_the_brokers_own() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let narrow = format!("{ENDED}, methods: [GET], paths: ['/v1/*']");
    let policy = endpoints(&[local("a.example.com", server, &narrow)]);
    let mut plugin = Plugin::kept_from(&policy, &[], &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let ask = |path: &str, fields: &str| get("a.example.com", server, path, fields);

    let fields = "accept: */*\r\nconnection: x-mine\r\nx-mine: 1\r\nte: trailers\r\n";
    let (head, body) = asks(&mut stream, &ask("/v1/x?y=z", fields));
    assert_eq!(body, "GET /v1/x?y=z HTTP/1.1");
    // A server must not speak for the broker.
    assert!(
        !head.contains("made up") && !head.contains("timeout=5"),
        "{head}"
    );
    let told = heard.recv().unwrap().head.to_lowercase();
    let host = format!("host: a.example.com:{}\r\n", server.port());
    assert!(
        told.contains(&host) && told.contains("accept: */*"),
        "{told}"
    );
    assert!(!told.contains("x-mine") && !told.contains("te:"), "{told}");

    for (request, reason) in [
        (
            ask("/v2", ""),
            "the policy does not grant the path `/v2` there",
        ),
        (
            ask("/v1/../v2", ""),
            "the policy does not grant the path `/v1/../v2` there",
        ),
        (
            ask("/v1/x", "").replace("GET", "PUT"),
            "the policy does not grant method `PUT` there",
        ),
    ] {
        let (head, _) = asks(&mut stream, &request);
        assert_eq!(refusal_in(&head), reason);
        assert_eq!(plugin.report().refusal.to_string(), reason);
    }
    let body = "POST".len();
    let sends = ask("/v1/last", &format!("content-length: {body}\r\n"));
    assert_eq!(
        asks(&mut stream, &format!("{sends}POST")).1,
        "GET /v1/last HTTP/1.1"
    );
    assert_eq!(heard.recv().unwrap().body, b"POST");
    assert!(heard.try_recv().is_err());

    let count = plugin.handle().counts().remove(0);
    assert_eq!(
        (count.connections, count.requests, count.refused),
        (2, 2, 3)
    );
    assert!(count.sent > 0 && count.received > 0);
}

#[test]
fn a_request_within_is_for_the_host_of_its_connection_alone() {
    let (server, heard, trusted) = https(&["a.example.com", "b.example.com"]);
    let list = ["a.example.com", "b.example.com"].map(|host| local(host, server, ENDED));
    let mut plugin = Plugin::kept_from(&endpoints(&list), &[], &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let port = server.port();
    let fine = get("a.example.com", server, "/", "");
    for request in [
        get("b.example.com", server, "/", ""),
        get(
            "a.example.com",
            server,
            "/",
            &format!("host: a.example.com:{port}\r\n"),
        ),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        fine.replace("GET /", &format!("GET https://a.example.com:{port}/")),
        fine.replace("GET /", "OPTIONS *"),
    ] {
        let (head, _) = asks(&mut stream, &request);
        let told = refusal_in(&head);
        assert_eq!(plugin.report().refusal.to_string(), told, "{request}");
        assert_eq!(asks(&mut stream, &fine).1, "GET / HTTP/1.1");
    }
    let answered = heard
        .try_iter()
        .filter(|one| one.head.starts_with("GET / "));
    assert_eq!(answered.count(), 5);
    // What is no HTTP/1.1 goes nowhere.
    for request in [
        fine.replace("HTTP/1.1", "HTTP/1.0"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: a.example.com\r\nbad header\r\n\r\n".to_owned(),
        fine.replace(
            "\r\n\r\n",
            "\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        ),
    ] {
        let mut stream = inside(&plugin, "a.example.com", server);
        stream.write_all(request.as_bytes()).unwrap();
        ends(&mut stream);
        plugin.report();
    }
    assert!(heard.try_recv().is_err());
    // Nor does TLS for another host.
    let trust = Arc::new(trusts(plugin.authority.as_ref().unwrap()));
    let (front, _) = plugin.ask("a.example.com", port);
    let mut front = over(front, &trust, "b.example.com");
    front.write_all(fine.as_bytes()).ok();
    ends(front);
    let told = plugin.report().refusal.to_string();
    assert_eq!(told, "the TLS client hello names `b.example.com`");
}

#[test]
fn a_server_that_cannot_show_who_it_is_hears_nothing() {
    let [ours, theirs] = [0, 1].map(|_| Authority::new());
    let policy = |server| endpoints(&[local("a.example.com", server, ENDED)]);
    let reach = |config| {
        let (sender, heard) = std::sync::mpsc::channel();
        let server = serve_tls(config, move |stream| server::answers(stream, &sender));
        let mut plugin = Plugin::kept_from(&policy(server), &[], &ours.pem());
        let mut stream = inside(&plugin, "a.example.com", server);
        let (head, body) = asks(&mut stream, &get("a.example.com", server, "/", ""));
        assert!(plugin.reports.try_recv().is_err(), "{head}");
        (head, body, heard.try_recv().is_ok())
    };
    let (_, body, heard) = reach(ours.hosts(&["a.example.com"], |_| {}));
    assert!(body == "GET / HTTP/1.1" && heard);

    let named = ours.hosts(&["a.example.com"], |certificate| {
        let other = rcgen::CertificateParams::new(["b.example.com".to_owned()]).unwrap();
        certificate
            .subject_alt_names
            .extend(other.subject_alt_names);
    });
    let (_, body, _) = reach(named);
    assert_eq!(body, "GET / HTTP/1.1");

    let old = ours.hosts(&["a.example.com"], |certificate| {
        certificate.not_after = date_time_ymd(2020, 1, 1);
    });
    let young = ours.hosts(&["a.example.com"], |certificate| {
        certificate.not_before = date_time_ymd(4000, 1, 1);
    });
    let unknown = theirs.hosts(&["a.example.com"], |_| {});
    for (config, why) in [
        (old, "the server's certificate has expired"),
        (young, "the server's certificate is not valid yet"),
        (unknown, "the server's certificate is"),
        // It has none for the name.
        (
            ours.hosts(&["b.example.com"], |_| {}),
            "no TLS could be agreed on with the server",
        ),
    ] {
        let (head, _, heard) = reach(config);
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        assert!(
            head.contains(&format!("lazaret-unreachable: {why}")),
            "{head}"
        );
        assert!(!heard, "{why}");
    }
    let other = ours.to_all("b.example.com");
    let other = serve_tls(other, |mut stream| ends(&mut stream));
    for (server, why) in [
        (server::echo(), "no TLS could be agreed on with the server"),
        (other, "the server's certificate is for another name"),
    ] {
        let plugin = Plugin::kept_from(&policy(server), &[], &ours.pem());
        let mut stream = inside(&plugin, "a.example.com", server);
        let (head, _) = asks(&mut stream, &get("a.example.com", server, "/", ""));
        assert!(
            head.contains(&format!("lazaret-unreachable: {why}")),
            "{head}"
        );
    }
}

#[test]
fn the_plugin_is_shown_a_certificate_of_its_own_authority_and_nobody_elses() {
    let (server, _heard, trusted) = https(&["a.example.com"]);
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let [plugin, other] = [0, 1].map(|_| Plugin::kept_from(&policy, &[], &trusted));
    for trust in [&trusted, other.authority.as_ref().unwrap()] {
        let (stream, _) = plugin.ask("a.example.com", server.port());
        let mut stream = over(stream, &Arc::new(trusts(trust)), "a.example.com");
        let request = get("a.example.com", server, "/", "");
        stream.write_all(request.as_bytes()).unwrap_err();
    }
    let mut stream = inside(&plugin, "a.example.com", server);
    let (_, body) = asks(&mut stream, &get("a.example.com", server, "/", ""));
    assert_eq!(body, "GET / HTTP/1.1");
}

#[test]
fn other_rules_end_what_they_would_hold_otherwise() {
    let (server, _heard, trusted) = https(&["a.example.com", "b.example.com"]);
    let ended = endpoints(&[local("a.example.com", server, ENDED)]);
    let left = endpoints(&[local("a.example.com", server, "protocol: https")]);
    let mut plugin = Plugin::kept_from(&ended, &[], &trusted);
    let request = get("a.example.com", server, "/", "");
    let mut stream = inside(&plugin, "a.example.com", server);
    assert_eq!(asks(&mut stream, &request).1, "GET / HTTP/1.1");
    // Narrower rules hold from the next request on.
    let narrow = local(
        "a.example.com",
        server,
        &format!("{ENDED}, methods: [POST]"),
    );
    plugin.handle().set(rules(&endpoints(&[narrow])));
    assert!(asks(&mut stream, &request).0.starts_with("HTTP/1.1 403 "));
    plugin.report();

    assert!(plugin.handle().can_end(&rules(&left)));
    plugin.handle().set(rules(&left));
    ends(stream);
    let trust = Arc::new(trusts(&trusted));
    let mut stream = over(
        plugin.connect("a.example.com", server),
        &trust,
        "a.example.com",
    );
    assert_eq!(asks(&mut stream, &request).1, "GET / HTTP/1.1");
    plugin.handle().set(rules(&ended));
    ends(stream);

    // Whom its authority was not made for is for a start anew.
    let more = rules(&endpoints(&[local("b.example.com", server, ENDED)]));
    assert!(!plugin.handle().can_end(&more));
    plugin.handle().set(more);
    let told = plugin.refusal("b.example.com", server.port());
    assert!(told.contains("started anew"), "{told}");
    let mut without = Plugin::with(&ended);
    assert!(!without.handle().can_end(&rules(&ended)));
    let told = without.refusal("a.example.com", server.port());
    assert!(told.contains("started anew"), "{told}");
}

#[test]
fn bytes_within_are_counted_and_end_at_their_limit() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let policy = policy.replace("sent: 1GiB", "sent: 64KiB");
    let mut plugin = Plugin::kept_from(&policy, &[], &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let body = "x".repeat(100 * 1024);
    let fields = format!("content-length: {}\r\n", body.len());
    let request = get("a.example.com", server, "/", &fields) + &body;
    stream.write_all(request.as_bytes()).ok();
    let report = plugin.report();
    assert_eq!(
        report.refusal.to_string(),
        "`network.limits.sent` of 65536 bytes is used up"
    );
    ends(stream);
    assert!(heard.try_recv().is_err());
}
