use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

use super::*;
use crate::egress::class::Class;

/// The terms at public addresses, and what they are let through as.
fn public(leave: Leave) -> (Option<Terms>, Option<Mode>) {
    (leave.terms(Class::Public), leave.observed)
}

/// Leave to speak TLS, to speak anything, and to speak HTTP.
const TLS: (Option<Terms>, Option<Mode>) = (Some(Terms::Tls), None);
const ANY: (Option<Terms>, Option<Mode>) = (Some(Terms::Any), None);

fn rules(body: &str) -> Rules {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
    Rules::of(&EffectivePolicy::of(SecurityLevel::Standard).layer(&policy))
}

fn endpoints(list: &str) -> Rules {
    rules(&format!("network: {{ endpoints: [ {list} ] }}\n"))
}

fn connect(rules: &Rules, name: &str, number: u16) -> Result<Leave, Refusal> {
    let ask = Ask {
        host: &name.parse().unwrap(),
        port: Port::new(number).unwrap(),
        how: How::Connect,
    };
    decide(rules, &ask)
}

fn request(rules: &Rules, method: &str, path: &str) -> Result<Leave, Refusal> {
    let ask = Ask {
        host: &"h.example".parse().unwrap(),
        port: Port::new(80).unwrap(),
        how: How::Request { method, path },
    };
    decide(rules, &ask)
}

#[test]
fn host_and_port_and_protocol_must_all_be_granted() {
    let rules = endpoints(
        "{ host: a.example, port: 443 }, { host: b.example, port: 5432, protocol: tcp }, \
         { host: c.example, port: 80, protocol: http }",
    );
    let leave = |name, port| public(connect(&rules, name, port).unwrap());
    assert_eq!(leave("a.example", 443), TLS);
    assert_eq!(leave("b.example", 5432), ANY);
    for (name, number, permission, reason) in [
        ("a.example", 444, "network:connect:a.example:444", None),
        ("d.example", 443, "network:read:d.example", None),
        ("x.a.example", 443, "network:read:x.a.example", None),
        (
            "c.example",
            80,
            "network:connect:c.example:80",
            Some("the policy grants HTTP in the clear there, not a connection"),
        ),
    ] {
        let refusal = connect(&rules, name, number).unwrap_err();
        assert_eq!(refusal.permission, permission);
        assert_eq!(refusal.reason.as_deref(), reason);
    }
}

#[test]
fn permissions_are_ways_out_as_endpoints_are() {
    let rules = rules(
        "permissions: [ network:read:a.example, network:connect:b.example:22, \
         'network:read:*.example.com', 'network:connect:.example.org:25' ]\n",
    );
    let leave = |name, port| public(connect(&rules, name, port).unwrap());
    assert_eq!(leave("a.example", 443), TLS);
    assert_eq!(leave("b.example", 22), ANY);
    assert!(connect(&rules, "x.example.com", 443).is_ok());
    assert!(connect(&rules, "example.com", 443).is_err());
    assert!(connect(&rules, "example.org", 25).is_ok());
    assert!(connect(&rules, "x.y.example.org", 25).is_ok());
    assert!(connect(&rules, "xexample.org", 25).is_err());
}

#[test]
fn what_is_granted_as_tls_is_not_spoken_to_in_the_clear() {
    let https = endpoints("{ host: h.example, port: 80, protocol: https }");
    let refusal = request(&https, "GET", "/").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the policy grants HTTPS there, not HTTP in the clear"
    );
    let any = endpoints("{ host: h.example, port: 80, protocol: tcp }");
    assert!(request(&any, "GET", "/").is_ok());
}

#[test]
fn several_grants_of_one_host_hold_together_each_on_its_own_terms() {
    let together = |first: &str, second: &str| {
        let list = format!(
            "{{ host: h.example.com, port: 443, {first} }}, {{ host: '*.example.com', port: 443, {second} }}"
        );
        let leave = connect(&endpoints(&list), "h.example.com", 443).unwrap();
        [Class::Public, Class::Private, Class::Loopback].map(|class| leave.terms(class))
    };
    let (tcp, private) = ("protocol: tcp", "addresses: [private]");
    let (tls, any) = (Some(Terms::Tls), Some(Terms::Any));
    assert_eq!(together("", private), [tls, tls, None]);
    assert_eq!(together("", tcp), [any, None, None]);
    // Neither grants raw bytes to private addresses.
    assert_eq!(together(tcp, private), [any, tls, None]);
    assert_eq!(
        together(tcp, "addresses: [public, private]"),
        [any, tls, None]
    );
    assert_eq!(
        together("", "protocol: tcp, addresses: [private]"),
        [tls, any, None]
    );
}

/// A request to `h.example.com` within TLS that the broker ends.
fn within(rules: &Rules, method: &str, path: &str) -> Result<Leave, Refusal> {
    let ask = Ask {
        host: &"h.example.com".parse().unwrap(),
        port: Port::HTTPS,
        how: How::Ended { method, path },
    };
    decide(rules, &ask)
}

#[test]
fn where_the_broker_ends_tls_requests_are_held_one_by_one() {
    let rules = endpoints(
        "{ host: h.example.com, port: 443, tls: broker, methods: [GET], paths: ['/v1/*'] }, \
         { host: '*.example.com', port: 443, methods: [POST], addresses: [private] }",
    );
    let leave = connect(&rules, "h.example.com", 443).unwrap();
    assert!(leave.is_ended());
    assert!(!connect(&rules, "g.example.com", 443).unwrap().is_ended());
    let leave = within(&rules, "GET", "/v1/x").unwrap();
    assert_eq!(leave.terms(Class::Public), Some(Terms::Ended));
    assert_eq!(leave.terms(Class::Private), None);
    // What the other one would leave to the plugin is held as well, with its own addresses.
    let leave = within(&rules, "POST", "/v2").unwrap();
    assert_eq!(leave.terms(Class::Private), Some(Terms::Ended));
    assert_eq!(leave.terms(Class::Public), None);
    for (method, path) in [("PUT", "/v1/x"), ("GET", "/v2"), ("GET", "/v1/../v2")] {
        let refusal = within(&rules, method, path).unwrap_err();
        assert_eq!(refusal.permission, "network:read:h.example.com");
    }
    // In the clear it is not granted at all.
    let ask = Ask {
        host: &"h.example.com".parse().unwrap(),
        port: Port::HTTPS,
        how: How::Request {
            method: "GET",
            path: "/v1/x",
        },
    };
    assert!(decide(&rules, &ask).is_err());
    let other = endpoints("{ host: h.example.com, port: 443, protocol: tcp }");
    assert!(within(&other, "GET", "/v1/x").is_err());
}

#[test]
fn what_was_begun_goes_on_under_terms_that_ask_no_more_of_it() {
    let all = [Terms::Ended, Terms::Http, Terms::Any, Terms::Tls];
    for begun in all {
        for now in all {
            let goes_on = match (begun, now) {
                (Terms::Ended | Terms::Http | Terms::Tls, Terms::Any) => true,
                (Terms::Any, Terms::Http) => true,
                _ => begun == now,
            };
            assert_eq!(begun.go_on_under(now), goes_on, "{begun:?} {now:?}");
        }
    }
}

#[test]
fn methods_and_paths_are_held() {
    let rules = endpoints(
        "{ host: h.example, port: 80, protocol: http, methods: [GET, HEAD], \
         paths: [/status, '/v1/*'] }",
    );
    for (method, path) in [
        ("GET", "/status"),
        ("HEAD", "/v1/"),
        ("GET", "/v1/a/b"),
        ("GET", "/v1/a%20b"),
        ("GET", "/v1/..a"),
    ] {
        assert!(request(&rules, method, path).is_ok(), "{method} {path}");
    }
    for (method, path, reason) in [
        (
            "POST",
            "/status",
            "the policy does not grant method `POST` there",
        ),
        (
            "get",
            "/status",
            "the policy does not grant method `get` there",
        ),
        ("GET", "/", "the policy does not grant the path `/` there"),
        (
            "GET",
            "/v1",
            "the policy does not grant the path `/v1` there",
        ),
        (
            "GET",
            "/v1/\u{e9}",
            "the policy does not grant the path `/v1/\\u{e9}` there",
        ),
    ] {
        let refusal = request(&rules, method, path).unwrap_err();
        assert_eq!(refusal.to_string(), reason);
    }
    for path in [
        "/v1/../admin",
        "/v1/..",
        "/v1/./x",
        "/v1/%2e%2e/admin",
        "/v1/.%2E/admin",
        "/v1/..%2fadmin",
        "/v1/%5c..%5cadmin",
        "/v1/\\..\\admin",
        "/v1/..;/admin",
        "/v1/..;a=b/admin",
        "/v1//admin",
        "//v1/x",
        "/v1/%252e%252e/admin",
        "/v1/%00",
        "/v1/a b",
        "v1/x",
        "*",
    ] {
        assert!(request(&rules, "GET", path).is_err(), "{path}");
    }
}

#[test]
fn a_path_is_as_it_likes_where_all_are_granted() {
    let rules = endpoints("{ host: h.example, port: 80, protocol: http }");
    assert!(request(&rules, "DELETE", "/a/../b//%2e").is_ok());
}

#[test]
fn what_is_observed_is_let_through_with_public_addresses_only() {
    let text = |mode: &str| {
        format!(
            "network: {{ mode: {mode}, endpoints: [ {{ host: a.example, port: 443 }} ] }}\n\
             observe: [ 'network:connect:*.example.com:80' ]\n"
        )
    };
    for (word, mode) in [("audit", Mode::Audit), ("learn", Mode::Learn)] {
        let rules = rules(&text(word));
        let leave = connect(&rules, "b.example.com", 80).unwrap();
        let observed = Some(mode);
        assert_eq!(public(leave), (ANY.0, observed));
        assert!(connect(&rules, "b.example.com", 81).is_err());
        assert_eq!(connect(&rules, "a.example", 443).unwrap().observed, None);
    }
}

#[test]
fn what_is_observed_is_let_through_on_its_own_terms() {
    let rules = rules(
        "network: { mode: audit }\nobserve: [ network:read:h.example, network:read:b.example, \
         network:connect:b.example:443 ]\n",
    );
    let observed = Some(Mode::Audit);
    let leave = connect(&rules, "h.example", 443).unwrap();
    assert_eq!(public(leave), (TLS.0, observed));
    let host = "h.example".parse().unwrap();
    let (method, path) = ("GET", "/");
    let ask = Ask {
        host: &host,
        port: Port::HTTPS,
        how: How::Request { method, path },
    };
    let refusal = decide(&rules, &ask).unwrap_err();
    assert_eq!(refusal.to_string(), "network:connect:h.example:443");
    let leave = connect(&rules, "b.example", 443).unwrap();
    assert_eq!(leave.terms(Class::Public), Some(Terms::Any));
}

#[test]
fn nothing_is_granted_by_no_rules() {
    let none = rules("level: standard\n");
    assert!(!none.reach_anything());
    assert!(connect(&none, "a.example", 443).is_err());
}

#[test]
fn what_has_a_request_sent_back_is_granted_to_nobody() {
    for protocol in ["http", "tcp"] {
        let rules = endpoints(&format!(
            "{{ host: h.example, port: 80, protocol: {protocol} }}, \
             {{ host: h.example.com, port: 443, tls: broker }}"
        ));
        for method in ["TRACE", "TRACK", "trace", "CONNECT"] {
            let told = format!("no policy grants method `{}`", method.to_uppercase());
            let refused = [request(&rules, method, "/"), within(&rules, method, "/")];
            for refused in refused {
                assert_eq!(refused.unwrap_err().to_string(), told);
            }
        }
        assert!(request(&rules, "TRACES", "/").is_ok());
        assert!(within(&rules, "OPTIONS", "/").is_ok());
    }
    let observed = rules("network: { mode: audit }\nobserve: [ network:connect:h.example:80 ]\n");
    assert!(request(&observed, "TRACE", "/").is_err());
    assert!(request(&observed, "GET", "/").is_ok());
}
