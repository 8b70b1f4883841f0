//! What is taken back while a connection waits: nobody is connected to, and nobody hears a word.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use lazaret::secrets::Handout;
use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use crate::dns::{Dns, addresses};
use crate::ended::{ENDED, get, https, inside};
use crate::plugin::{Plugin, endpoints, head, local, refusal_in, rules, secrets};
use crate::server;
use crate::tls::Authority;

const HOST: &str = "a.example.com";

/// A name server that answers once its door is open, and says when it is asked.
fn slow() -> (Dns, Receiver<()>, Sender<()>) {
    let (asked, is_asked) = channel();
    let (door, closed) = channel();
    let dns = Dns::start(move |_, _| {
        asked.send(()).ok();
        closed.recv().ok();
        addresses(&["127.0.0.1"])
    });
    (dns, is_asked, door)
}

/// Somebody to whom nobody may connect.
fn nobody() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn in_the_clear(server: SocketAddr, fields: &str) -> String {
    let target = format!("GET http://{HOST}:{}/ ", server.port());
    get(HOST, server, "/", fields).replace("GET / ", &target)
}

fn key(policy: &str) -> Vec<Arc<Handout>> {
    let body = format!("secrets: [ {{ name: key, hosts: [{HOST}], from: {{ env: VALUE }} }} ]\n");
    secrets(&format!("{policy}{body}"))
}

#[test]
fn who_was_taken_back_while_the_name_is_resolved_is_not_connected_to() {
    let (listener, server) = nobody();
    let connect = format!("CONNECT {HOST}:{0} HTTP/1.1\r\n\r\n", server.port());
    for (protocol, request, now) in [
        ("protocol: tcp", connect.clone(), "protocol: https"),
        ("protocol: https", connect, ENDED),
        (
            "protocol: http",
            in_the_clear(server, ""),
            "protocol: http, methods: [POST]",
        ),
        ("protocol: http", in_the_clear(server, ""), "protocol: tcp"),
    ] {
        for now in [None, Some(now)] {
            let (dns, is_asked, door) = slow();
            let policy = endpoints(&[local(HOST, server, protocol)]);
            let mut plugin = Plugin::kept_with(&policy, &[], "", dns);
            let mut stream = plugin.socket();
            stream.write_all(request.as_bytes()).unwrap();
            is_asked.recv().unwrap();
            let now = now.map_or("level: standard\n".to_owned(), |now| {
                endpoints(&[local(HOST, server, now)])
            });
            plugin.handle().set(rules(&now));
            drop(door);
            let told = refusal_in(&head(&mut stream));
            assert_eq!(plugin.report().refusal.to_string(), told);
            assert!(listener.accept().is_err(), "{protocol} {now}");
        }
    }
}

#[test]
fn who_was_not_taken_back_is_connected_to_after_all() {
    let (server, heard) = server::http();
    let (dns, is_asked, door) = slow();
    let policy = endpoints(&[local(HOST, server, "protocol: http")]);
    let plugin = Plugin::kept_with(&policy, &[], "", dns);
    let mut stream = plugin.socket();
    stream
        .write_all(in_the_clear(server, "").as_bytes())
        .unwrap();
    is_asked.recv().unwrap();
    let narrow = local(HOST, server, "protocol: http, methods: [GET]");
    plugin.handle().set(rules(&endpoints(&[narrow])));
    drop(door);
    assert!(head(&mut stream).starts_with("HTTP/1.1 200 "));
    heard.recv().unwrap();
}

#[test]
fn a_secret_that_was_taken_away_while_a_request_waits_is_not_in_it() {
    let (server, heard) = server::http();
    let policy = endpoints(&[local(HOST, server, "protocol: http")]);
    let kept = key(&policy);
    for (left, value) in [(&kept[..], "VALUE"), (&[], &*kept[0].placeholder)] {
        let (dns, is_asked, door) = slow();
        let plugin = Plugin::kept_with(&policy, &kept, "", dns);
        let mut stream = plugin.socket();
        let fields = format!("x-key: {}\r\n", kept[0].placeholder);
        stream
            .write_all(in_the_clear(server, &fields).as_bytes())
            .unwrap();
        is_asked.recv().unwrap();
        let mut rules = rules(&policy);
        rules.secrets = left.to_vec();
        plugin.handle().set(rules);
        drop(door);
        head(&mut stream);
        let head = heard.recv().unwrap().head;
        assert!(head.contains(&format!("x-key: {value}\r\n")), "{head}");
    }
}

/// A server that agrees on TLS once its door is open, says when it is connected to, and then all that it hears.
fn agrees_late() -> (SocketAddr, Receiver<Vec<u8>>, Sender<()>, String) {
    let authority = Authority::new();
    let config = authority.hosts(&[HOST], |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let (says, told) = channel();
    let (door, closed) = channel();
    std::thread::spawn(move || {
        let (stream, _): (TcpStream, _) = listener.accept().unwrap();
        says.send(Vec::new()).unwrap();
        closed.recv().ok();
        let connection = ServerConnection::new(config).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut heard = vec![0; 1024];
        let length = stream.read(&mut heard).unwrap_or_default();
        heard.truncate(length);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok();
        stream.flush().ok();
        says.send(heard).unwrap();
    });
    (server, told, door, authority.pem())
}

#[test]
fn what_is_taken_back_while_tls_is_agreed_on_is_not_sent() {
    for taken in ["method", "secret", "nothing"] {
        let (server, told, door, trusted) = agrees_late();
        let policy = endpoints(&[local(HOST, server, ENDED)]);
        let kept = key(&policy);
        let mut plugin = Plugin::kept_from(&policy, &kept, &trusted);
        let mut stream = inside(&plugin, HOST, server);
        let fields = format!("x-key: {}\r\n", kept[0].placeholder);
        stream
            .write_all(get(HOST, server, "/", &fields).as_bytes())
            .unwrap();
        assert_eq!(told.recv().unwrap(), b"");
        let narrow = local(HOST, server, &format!("{ENDED}, methods: [POST]"));
        let mut now = match taken {
            "method" => rules(&endpoints(&[narrow])),
            _ => rules(&policy),
        };
        if taken != "secret" {
            now.secrets.clone_from(&kept);
        }
        plugin.handle().set(now);
        drop(door);
        let answer = head(&mut stream);
        let heard = String::from_utf8(told.recv().unwrap()).unwrap();
        if taken == "method" {
            let refused = "the policy does not grant method `GET` there";
            assert_eq!(refusal_in(&answer), refused);
            plugin.report();
            assert_eq!(heard, "");
        } else {
            assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
            let with = heard.contains("x-key: VALUE\r\n");
            assert_eq!(with, taken == "nothing", "{heard}");
        }
    }
}

#[test]
fn who_waits_for_its_turn_is_decided_on_by_the_rules_of_that_moment() {
    let (server, _heard, trusted) = https(&[HOST]);
    let list = endpoints(&[local(HOST, server, ENDED)]);
    let slow = list.replace("connects: 10000", "connects: 1");
    let mut plugin = Plugin::kept_from(&slow, &[], &trusted);
    drop(inside(&plugin, HOST, server));
    let mut waits = plugin.socket();
    let connect = format!("CONNECT {HOST}:{} HTTP/1.1\r\n\r\n", server.port());
    waits.write_all(connect.as_bytes()).unwrap();
    plugin.handle().set(rules("level: standard\n"));
    let told = refusal_in(&head(&mut waits));
    assert_eq!(plugin.report().refusal.to_string(), told);
}

#[test]
fn who_hangs_up_while_it_waits_leaves_no_wait_without_end() {
    let server = server::echo();
    let policy = endpoints(&[local(HOST, server, "protocol: tcp")]);
    let policy = policy.replace("connects: 10000", "connects: 2");
    let mut plugin = Plugin::with(&policy);
    let connect = format!("CONNECT {HOST}:{} HTTP/1.1\r\n\r\n", server.port());
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = plugin.socket();
            stream.write_all(connect.as_bytes()).unwrap();
            stream
        })
        .collect();
    let told = plugin.report().refusal.to_string();
    assert!(
        told.contains("`network.limits.connects` of 2 a second"),
        "{told}"
    );
    drop(waiting);
}
