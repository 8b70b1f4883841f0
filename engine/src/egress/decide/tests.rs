use super::*;
use crate::egress::class::Class;
use crate::egress::rules::{Observed, PathPattern, Pattern};

fn host(name: &str) -> Host {
    name.parse().unwrap()
}

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn endpoint(name: &str, number: u16, protocol: Protocol) -> Endpoint {
    Endpoint {
        host: Pattern::Exact(host(name)),
        port: port(number),
        protocol,
        methods: None,
        paths: None,
        classes: Classes::PUBLIC,
    }
}

fn rules(endpoints: Vec<Endpoint>) -> Rules {
    Rules {
        endpoints,
        ..Rules::default()
    }
}

fn connect(rules: &Rules, name: &str, number: u16) -> Result<Leave, Refusal> {
    let host = host(name);
    decide(
        rules,
        &Ask {
            host: &host,
            port: port(number),
            how: How::Connect,
        },
    )
}

fn request(rules: &Rules, method: &str, path: &str) -> Result<Leave, Refusal> {
    let host = host("h.example");
    decide(
        rules,
        &Ask {
            host: &host,
            port: port(80),
            how: How::Request { method, path },
        },
    )
}

#[test]
fn host_and_port_and_protocol_must_all_be_granted() {
    let rules = rules(vec![
        endpoint("a.example", 443, Protocol::Https),
        endpoint("b.example", 5432, Protocol::Tcp),
        endpoint("c.example", 80, Protocol::Http),
    ]);
    let leave = connect(&rules, "a.example", 443).unwrap();
    assert!(leave.tls && leave.observed.is_none());
    assert_eq!(leave.classes, Classes::PUBLIC);
    assert!(!connect(&rules, "b.example", 5432).unwrap().tls);
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
fn what_is_granted_as_tls_is_not_spoken_to_in_the_clear() {
    let https = rules(vec![endpoint("h.example", 80, Protocol::Https)]);
    let refusal = request(&https, "GET", "/").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the policy grants HTTPS there, not HTTP in the clear"
    );
    let any = rules(vec![endpoint("h.example", 80, Protocol::Tcp)]);
    assert!(request(&any, "GET", "/").is_ok());
}

#[test]
fn several_grants_of_one_host_hold_together() {
    let mut local = endpoint("h.example", 443, Protocol::Https);
    local.classes = Classes::default().with(Class::Private);
    let mut rules = rules(vec![endpoint("h.example", 443, Protocol::Https), local]);
    let leave = connect(&rules, "h.example", 443).unwrap();
    assert!(leave.tls);
    assert!(leave.classes.has(Class::Public) && leave.classes.has(Class::Private));
    rules
        .endpoints
        .push(endpoint("h.example", 443, Protocol::Tcp));
    assert!(!connect(&rules, "h.example", 443).unwrap().tls);
}

#[test]
fn methods_and_paths_are_held() {
    let mut only = endpoint("h.example", 80, Protocol::Http);
    only.methods = Some(vec!["GET".into(), "HEAD".into()]);
    only.paths = Some(vec![
        PathPattern::Exact("/status".into()),
        PathPattern::Prefix("/v1/".into()),
    ]);
    let rules = rules(vec![only]);
    for (method, path) in [
        ("GET", "/status"),
        ("HEAD", "/v1/"),
        ("GET", "/v1/a/b"),
        ("GET", "/v1/a%20b"),
        ("GET", "/v1/..a"),
        ("GET", "/v1/a/"),
    ] {
        assert!(request(&rules, method, path).is_ok(), "{method} {path}");
    }
    for (method, path, reason) in [
        (
            "POST",
            "/status",
            "the policy grants GET, HEAD there, not `POST`",
        ),
        (
            "get",
            "/status",
            "the policy grants GET, HEAD there, not `get`",
        ),
        ("GET", "/", "the policy grants no path that covers `/`"),
        (
            "GET",
            "/status/",
            "the policy grants no path that covers `/status/`",
        ),
        ("GET", "/v1", "the policy grants no path that covers `/v1`"),
        (
            "GET",
            "/V1/a",
            "the policy grants no path that covers `/V1/a`",
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
        "/v1/%2Fadmin",
        "/v1/%5c..%5cadmin",
        "/v1/\\..\\admin",
        "/v1/..;/admin",
        "/v1/..;a=b/admin",
        "/v1//admin",
        "//v1/x",
        "/v1/%252e%252e/admin",
        "/v1/%00",
        "/v1/%",
        "/v1/%2",
        "/v1/a b",
        "/v1/\u{e9}",
        "v1/x",
        "*",
    ] {
        let refusal = request(&rules, "GET", path).unwrap_err();
        assert!(
            refusal
                .to_string()
                .ends_with("can be read in more than one way"),
            "{path}"
        );
    }
}

#[test]
fn a_path_is_as_it_likes_where_all_are_granted() {
    let rules = rules(vec![endpoint("h.example", 80, Protocol::Http)]);
    assert!(request(&rules, "DELETE", "/a/../b//%2e").is_ok());
}

#[test]
fn what_is_observed_is_let_through_with_public_addresses_only() {
    let mut rules = rules(vec![endpoint("a.example", 443, Protocol::Https)]);
    rules.observed.push(Observed {
        host: Pattern::Below(host("example")),
        port: port(80),
        how: Observing::Learn,
    });
    let leave = connect(&rules, "b.example", 80).unwrap();
    assert_eq!(
        (leave.observed, leave.classes),
        (Some(Observing::Learn), Classes::PUBLIC)
    );
    assert!(connect(&rules, "b.example", 81).is_err());
    let granted = connect(&rules, "a.example", 443).unwrap();
    assert_eq!(granted.observed, None);
}

#[test]
fn nothing_is_granted_by_no_rules() {
    assert!(connect(&Rules::default(), "a.example", 443).is_err());
}

proptest::proptest! {
    #[test]
    fn a_path_that_is_let_through_stays_below_its_prefix(path in "/v1/[a-z./;%2eEfF5cC]{0,30}") {
        let mut only = endpoint("h.example", 80, Protocol::Http);
        only.paths = Some(vec![PathPattern::Prefix("/v1/".into())]);
        let rules = rules(vec![only]);
        if request(&rules, "GET", &path).is_ok() {
            let mut depth = 0_i32;
            for part in path.split('/').skip(1) {
                depth += if part == ".." { -1 } else { 1 };
                proptest::prop_assert!(depth > 0);
            }
            proptest::prop_assert!(!path.to_ascii_lowercase().contains("%2e"));
        }
    }
}
