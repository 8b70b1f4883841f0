//! What the broker tells of a plugin that is learned from, and the rules that come of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use lazaret::egress::Rules;
use lazaret::egress::decide::{Ask, How, decide};
use lazaret::learn::{Lesson, Tally, write};
use lazaret_policy::{EffectivePolicy, Host, Port, SecurityLevel, SecurityPolicy};

use crate::plugin::{Plugin, endpoints, head, local};
use crate::server;

fn policy(text: &str) -> EffectivePolicy {
    let policy = SecurityPolicy::parse("policy.yaml", text).unwrap();
    EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
}

/// The rules of the policy learned from what was told, under a policy with this body.
fn learned(body: &str, tally: &Tally) -> (String, Rules) {
    let held = policy(&format!(
        "apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}"
    ));
    let text = write(&Lesson {
        plugin: "fetches",
        calls: 1,
        policy: &held,
        seen: &tally.observations(),
        real: &|path| Some(path.to_owned()),
    })
    .unwrap();
    let rules = Rules::of(&policy(&text));
    (text, rules)
}

#[test]
fn requests_in_the_clear_are_learned_by_method_path_and_kind_of_address() {
    let (server, _heard) = server::http();
    let body = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let plugin = Plugin::with(&body);
    let tally = Arc::new(Tally::default());
    plugin.handle().learn(Arc::clone(&tally));
    let port = server.port();
    for path in ["/v1/x?y=z", "/v1/x"] {
        let mut stream = plugin.socket();
        let request =
            format!("GET http://a.example:{port}{path} HTTP/1.1\r\nhost: a.example:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 200 OK"));
    }
    let (_, refused) = plugin.ask("b.example", port);
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");

    let seen = tally.observations().requests;
    let told: Vec<_> = seen
        .iter()
        .map(|(request, times)| {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            let (method, path) = (part(&request.method), part(&request.path));
            let addresses = part(&request.addresses);
            format!(
                "{} {} {method} {path} {addresses} {times}",
                request.host, request.protocol
            )
        })
        .collect();
    assert_eq!(told, ["a.example http GET /v1/x loopback 2"]);

    // As the plugin's task does at its end.
    tally.used(&format!("network:connect:a.example:{port}"), 2);
    let (text, rules) = learned(&body, &tally);
    let host: Host = "a.example".parse().unwrap();
    let port: Port = port.to_string().parse().unwrap();
    let may = |how| {
        decide(
            &rules,
            &Ask {
                host: &host,
                port,
                how,
            },
        )
        .is_ok()
    };
    let request = |method, path| How::Request { method, path };
    assert!(may(request("GET", "/v1/x")), "{text}");
    assert!(!may(request("POST", "/v1/x")), "{text}");
    assert!(!may(request("GET", "/v1/y")), "{text}");
    assert!(!may(How::Connect), "{text}");
    assert!(text.contains("addresses: [loopback]"), "{text}");
}

#[test]
fn a_connection_is_learned_as_it_was_granted() {
    let server = server::echo();
    let body = endpoints(&[local("*.shop.example", server, "protocol: tcp")]);
    let plugin = Plugin::with(&body);
    let tally = Arc::new(Tally::default());
    plugin.handle().learn(Arc::clone(&tally));
    drop(plugin.connect("a.shop.example", server));
    let seen = tally.observations().requests;
    assert_eq!(seen.values().collect::<Vec<_>>(), [&1]);
    let port = server.port();
    tally.used(&format!("network:connect:a.shop.example:{port}"), 1);
    let (text, rules) = learned(&body, &tally);
    let port: Port = port.to_string().parse().unwrap();
    let may = |host: &str| {
        let host: Host = host.parse().unwrap();
        let how = How::Connect;
        decide(
            &rules,
            &Ask {
                host: &host,
                port,
                how,
            },
        )
        .is_ok()
    };
    assert!(may("a.shop.example") && !may("b.shop.example"), "{text}");
}

#[test]
fn nothing_is_told_where_nothing_is_to_be_learned() {
    let server = server::echo();
    let body = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let plugin = Plugin::with(&body);
    drop(plugin.connect("a.example", server));
    let tally = Arc::new(Tally::default());
    plugin.handle().learn(Arc::clone(&tally));
    assert_eq!(tally.observations().requests, BTreeMap::new());
}
