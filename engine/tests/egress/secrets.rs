//! Secrets that a plugin has a placeholder of: where they are put in, and where not.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::ended::{ENDED, asks, get, https, inside};
use crate::plugin::{Plugin, endpoints, ends, head, local, refusal_in, rules, secrets, secrets_of};
use crate::server;
use crate::tls::{Authority, over, serve_tls, trusts};
use crate::upgrade::{CHANGES, KEY, accept};

/// Two secrets for hosts below a domain, and what they are.
const SECRETS: &str = "secrets:\n  \
    - { name: key, hosts: [a.example.com], from: { env: VALUE_OF_KEY } }\n  \
    - { name: token, hosts: ['*.example.com'], from: { env: VALUE_OF_TOKEN } }\n";

fn plain(host: &str, server: SocketAddr, path: &str, fields: &str) -> String {
    let target = format!("http://{host}:{}{path}", server.port());
    get(host, server, path, fields).replacen(path, &target, 1)
}

#[test]
fn a_secret_goes_to_its_hosts_in_fields_and_targets_and_nowhere_else() {
    let (server, heard, trusted) = https(&["a.example.com", "b.example.com"]);
    let list = ["a.example.com", "b.example.com", "*.example.com"];
    let policy = endpoints(&list.map(|host| local(host, server, ENDED)));
    let kept = secrets(&format!("{policy}{SECRETS}"));
    let [key, token] = [0, 1].map(|at: usize| kept[at].placeholder.clone());
    let mut plugin = Plugin::kept_from(&policy, &kept, &trusted);

    let mut stream = inside(&plugin, "a.example.com", server);
    let basic = BASE64.encode(format!("user:{token}"));
    let fields = format!(
        "x-key: {key}\r\nauthorization: Basic {basic}\r\ncontent-length: {}\r\n",
        key.len()
    );
    let path = format!("/v1/{key}?t={token}");
    let request = get("a.example.com", server, &path, &fields) + &key;
    let (_, line) = asks(&mut stream, &request);
    assert_eq!(line, "GET /v1/VALUE_OF_KEY?t=VALUE_OF_TOKEN HTTP/1.1");
    let told = heard.recv().unwrap();
    assert!(
        told.head.contains("x-key: VALUE_OF_KEY\r\n"),
        "{}",
        told.head
    );
    let basic = BASE64.encode("user:VALUE_OF_TOKEN");
    assert!(
        told.head
            .contains(&format!("authorization: Basic {basic}\r\n")),
        "{}",
        told.head
    );
    assert_eq!(told.body, key.as_bytes());

    // The second request of a connection is judged as the first one was, and so is another host's.
    let mut other = inside(&plugin, "b.example.com", server);
    let fields = format!("x-token: {token}\r\n");
    asks(&mut other, &get("b.example.com", server, "/", &fields));
    assert!(
        heard
            .recv()
            .unwrap()
            .head
            .contains("x-token: VALUE_OF_TOKEN")
    );
    let basic = BASE64.encode(format!("{key}:"));
    for (path, fields) in [
        ("/", format!("x-key: {key}\r\n")),
        ("/", format!("authorization: Basic {basic}\r\n")),
        (&*format!("/{key}"), String::new()),
        (&*format!("/?q={key}"), String::new()),
    ] {
        let (head, _) = asks(&mut other, &get("b.example.com", server, path, &fields));
        assert_eq!(refusal_in(&head), "the secret `key` may not go there");
        let report = plugin.report();
        let shown = format!("{report:?}");
        assert!(
            shown.contains("`key`") && shown.contains("b.example.com"),
            "{shown}"
        );
        assert!(!shown.contains("VALUE") && !shown.contains(&key), "{shown}");
    }
    assert!(heard.try_recv().is_err());
    assert_eq!(
        asks(&mut other, &get("b.example.com", server, "/", "")).1,
        "GET / HTTP/1.1"
    );
}

#[test]
fn a_secret_goes_in_the_clear_where_that_is_granted() {
    let (server, heard) = server::http();
    let (raw, raw_heard) = server::http();
    let policy = endpoints(&[
        local("a.example.com", server, "protocol: http"),
        local("*.example.com", server, "protocol: http"),
        local("a.example.com", raw, "protocol: tcp"),
    ]);
    let kept = secrets(&format!("{policy}{SECRETS}"));
    let key = kept[0].placeholder.clone();
    let mut plugin = Plugin::kept_from(&policy, &kept, "");
    let mut stream = plugin.socket();
    let fields = format!("authorization: Bearer {key}\r\n");
    asks(&mut stream, &plain("a.example.com", server, "/", &fields));
    assert!(
        heard
            .recv()
            .unwrap()
            .head
            .contains("authorization: Bearer VALUE_OF_KEY\r\n")
    );
    let (head, _) = asks(&mut stream, &plain("b.example.com", server, "/", &fields));
    assert_eq!(refusal_in(&head), "the secret `key` may not go there");
    plugin.report();
    // Where any bytes are granted nobody said that requests are to be read.
    let (head, _) = asks(&mut stream, &plain("a.example.com", raw, "/", &fields));
    assert!(refusal_in(&head).starts_with("secrets go only where"));
    plugin.report();
    let (_, line) = asks(&mut stream, &plain("a.example.com", raw, "/", ""));
    assert_eq!(line, "GET / HTTP/1.1");
    assert!(!raw_heard.recv().unwrap().head.contains("lazaret"));
}

#[test]
fn where_the_broker_reads_nothing_a_placeholder_stays_one() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let (raw, raw_heard) = server::http();
    let (seen, _seen) = server::http();
    let policy = endpoints(&[
        local("a.example.com", server, "protocol: https"),
        local("a.example.com", raw, "protocol: tcp"),
        local("a.example.com", seen, "protocol: http"),
        local("*.example.com", seen, "protocol: http"),
    ]);
    let kept = secrets(&format!("{policy}{SECRETS}"));
    let key = kept[0].placeholder.clone();
    let mut plugin = Plugin::kept_from(&policy, &kept, "");
    let fields = format!("x-key: {key}\r\n");
    let tunnel = plugin.connect("a.example.com", server);
    let mut stream = over(tunnel, &Arc::new(trusts(&trusted)), "a.example.com");
    asks(&mut stream, &get("a.example.com", server, "/", &fields));
    let mut stream = plugin.connect("a.example.com", raw);
    asks(&mut stream, &get("a.example.com", raw, "/", &fields));
    for heard in [heard, raw_heard] {
        assert!(
            heard
                .recv()
                .unwrap()
                .head
                .contains(&format!("x-key: {key}\r\n"))
        );
    }
    assert!(plugin.reports.try_recv().is_err());
}

#[test]
fn a_secret_is_put_in_by_the_rules_of_the_moment() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let list = ["a.example.com", "*.example.com"].map(|host| local(host, server, ENDED));
    let policy = endpoints(&list);
    let kept = secrets(&format!("{policy}{SECRETS}"));
    let key = kept[0].placeholder.clone();
    let plugin = Plugin::kept_from(&policy, &kept, &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let request = get("a.example.com", server, "/", &format!("x-key: {key}\r\n"));
    for (kept, value) in [
        (&kept[..], "VALUE_OF_KEY"),
        (&kept[1..], &key),
        (&kept[..], "VALUE_OF_KEY"),
    ] {
        let mut rules = rules(&policy);
        rules.secrets = kept.to_vec();
        plugin.handle().set(rules);
        asks(&mut stream, &request);
        let head = heard.recv().unwrap().head;
        assert!(head.contains(&format!("x-key: {value}\r\n")), "{head}");
    }
}

#[test]
fn a_websocket_begins_with_a_secret_and_its_bytes_are_nobodys_to_look_at() {
    let authority = Authority::new();
    let (sender, heard) = std::sync::mpsc::channel();
    let server = serve_tls(
        authority.hosts(&["a.example.com"], |_| {}),
        move |mut stream| {
            sender.send(head(&mut stream)).ok();
            let answer = CHANGES.replace("ACCEPT", &accept());
            stream
                .write_all(format!("{answer}\r\n\r\n").as_bytes())
                .unwrap();
            let mut line = [0; 5];
            while stream.read_exact(&mut line).is_ok() && stream.write_all(&line).is_ok() {}
        },
    );
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let body = "secrets: [ { name: key, hosts: [a.example.com], from: { env: VALUE } } ]\n";
    let kept = secrets(&format!("{policy}{body}"));
    let key = kept[0].placeholder.clone();
    let plugin = Plugin::kept_from(&policy, &kept, &authority.pem());
    let mut stream = inside(&plugin, "a.example.com", server);
    let fields = format!(
        "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\nx-key: {key}\r\n"
    );
    let (answer, _) = asks(&mut stream, &get("a.example.com", server, "/", &fields));
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(heard.recv().unwrap().contains("x-key: VALUE\r\n"));
    // In pieces of five bytes, the last of which stays where it is.
    stream.write_all(key.as_bytes()).unwrap();
    let mut back = vec![0; key.len() / 5 * 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, key.as_bytes()[..back.len()]);
    plugin.handle().set(rules("level: standard\n"));
    ends(stream);
}

#[test]
fn a_path_is_granted_with_the_secret_in_it_or_not_at_all() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let narrow = format!("{ENDED}, paths: ['/v1/*']");
    let policy = endpoints(&[local("a.example.com", server, &narrow)]);
    let body = "secrets:\n  \
        - { name: plain, hosts: [a.example.com], from: { env: plain } }\n  \
        - { name: up, hosts: [a.example.com], from: { env: dots } }\n";
    let kept = secrets_of(&format!("{policy}{body}"), |name| {
        name.replace("dots", "../..")
    });
    let mut plugin = Plugin::kept_from(&policy, &kept, &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let path = |at: usize| format!("/v1/{}/x", kept[at].placeholder);
    let (_, line) = asks(&mut stream, &get("a.example.com", server, &path(0), ""));
    assert_eq!(line, "GET /v1/plain/x HTTP/1.1");
    let (head, _) = asks(&mut stream, &get("a.example.com", server, &path(1), ""));
    let told = "the policy does not grant the path with `up` in it";
    assert_eq!(refusal_in(&head), told);
    assert_eq!(plugin.report().refusal.to_string(), told);
    assert_eq!(heard.try_iter().count(), 1);
}

#[test]
fn too_many_secrets_and_heads_too_long_go_nowhere() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let body = "secrets: [ { name: key, hosts: [a.example.com], from: { env: KEY } } ]\n";
    let long = "k".repeat(8 * 1024);
    let kept = secrets_of(&format!("{policy}{body}"), |_| long.clone());
    let key = kept[0].placeholder.clone();
    let mut plugin = Plugin::kept_from(&policy, &kept, &trusted);
    let mut stream = inside(&plugin, "a.example.com", server);
    let request = |times: usize| {
        let fields = format!("x-key: {key}\r\n").repeat(times);
        get("a.example.com", server, "/", &fields)
    };
    asks(&mut stream, &request(8));
    assert_eq!(heard.recv().unwrap().head.matches(&long).count(), 8);
    let (head, _) = asks(&mut stream, &request(9));
    assert_eq!(
        refusal_in(&head),
        "the request asks for more than 8 secrets"
    );
    plugin.report();
    let longer = get(
        "a.example.com",
        server,
        "/",
        &format!("x: {}\r\n", "x".repeat(20_000)),
    );
    stream.write_all(longer.as_bytes()).ok();
    ends(stream);
    assert!(heard.try_recv().is_err());
}

#[test]
fn who_is_only_observed_gets_no_secret() {
    for mode in ["audit", "learn"] {
        let (server, _heard) = server::http();
        let policy = endpoints(&[local("*.example.com", server, "protocol: http")]);
        let kept = secrets(&format!(
            "{policy}{}",
            SECRETS.replace("a.example.com", "'*.example.com'")
        ));
        let policy = format!(
            "network: {{ mode: {mode} }}\nobserve: [ 'network:connect:a.example.com:{}' ]\n",
            server.port()
        );
        let mut plugin = Plugin::kept_from(&policy, &kept, "");
        let mut stream = plugin.socket();
        let fields = format!("x-key: {}\r\n", kept[0].placeholder);
        let (head, _) = asks(&mut stream, &plain("a.example.com", server, "/", &fields));
        assert_eq!(refusal_in(&head), "the secret `key` may not go there");
        if mode == "audit" {
            assert!(plugin.report().let_through);
        }
        assert!(!plugin.report().let_through);
        // Without one it is let through, as far as public addresses.
        let (head, _) = asks(&mut stream, &plain("a.example.com", server, "/", ""));
        assert!(refusal_in(&head).contains("class `loopback`"), "{head}");
    }
}

#[test]
fn no_server_is_asked_to_send_a_request_back() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let (clear, clear_heard) = server::http();
    let policy = endpoints(&[
        local("a.example.com", server, ENDED),
        local("a.example.com", clear, "protocol: http"),
    ]);
    let kept = secrets(&format!(
        "{policy}{}",
        SECRETS.replace("*.example.com", "a.example.com")
    ));
    let fields = format!("x-key: {}\r\n", kept[0].placeholder);
    let mut plugin = Plugin::kept_from(&policy, &kept, &trusted);
    let mut within = inside(&plugin, "a.example.com", server);
    let mut socket = plugin.socket();
    let request = get("a.example.com", server, "/", &fields);
    let in_clear = plain("a.example.com", clear, "/", &fields);
    for method in ["TRACE", "TRACK", "track"] {
        let told = format!("no policy grants method `{}`", method.to_uppercase());
        for head in [
            asks(&mut within, &request.replace("GET", method)).0,
            asks(&mut socket, &in_clear.replace("GET", method)).0,
        ] {
            assert_eq!(refusal_in(&head), told);
            assert_eq!(plugin.report().refusal.to_string(), told);
        }
    }
    assert!(heard.try_recv().is_err() && clear_heard.try_recv().is_err());
    asks(&mut within, &request);
    asks(&mut socket, &in_clear);
    for heard in [heard, clear_heard] {
        assert!(heard.recv().unwrap().head.contains("VALUE_OF_KEY"));
    }
}

#[test]
fn no_tunnel_is_asked_for_within_tls_that_the_broker_ends() {
    let (server, heard, trusted) = https(&["a.example.com"]);
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let mut plugin = Plugin::kept_from(&policy, &[], &trusted);
    for target in ["/", "a.example.com:443", "*"] {
        let mut stream = inside(&plugin, "a.example.com", server);
        let request = get("a.example.com", server, target, "").replace("GET", "CONNECT");
        stream.write_all(request.as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 4"), "{target}");
        assert!(!plugin.report().let_through);
    }
    assert!(heard.try_recv().is_err());
}
