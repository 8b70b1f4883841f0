//! What keeps a secret from its plugin, and lets it be used.

use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

fn parse(name: &str, body: &str) -> SecurityPolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    SecurityPolicy::parse(name, &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn policy(body: &str) -> EffectivePolicy {
    EffectivePolicy::of(SecurityLevel::Standard).layer(&parse("p.yaml", body))
}

fn told(policy: &EffectivePolicy) -> Vec<String> {
    let all = policy.misplaced_secrets();
    all.iter().map(|one| one.message.clone()).collect()
}

fn secret(hosts: &str, endpoints: &str) -> String {
    format!(
        "secrets: [ {{ name: k, hosts: [ {hosts} ], from: {{ env: K }} }} ]\nnetwork: {{ endpoints: [ {endpoints} ] }}\n"
    )
}

#[test]
fn a_secret_needs_an_endpoint_where_the_broker_sees_requests_for_each_of_its_hosts() {
    for endpoint in [
        "{ host: a.example, port: 443, tls: broker }",
        "{ host: a.example, port: 80, protocol: http }",
        "{ host: .example.com, port: 443, tls: broker }, { host: '*.a.example', port: 443 }, \
         { host: .a.example, port: 8443, tls: broker }",
    ] {
        assert_eq!(
            told(&policy(&secret("a.example", endpoint))),
            [""; 0],
            "{endpoint}"
        );
    }
    let only = "secret `k` (p.yaml:3:20) may go to `a.example`, where only the plugin sees what it sends (p.yaml:4:33)";
    for endpoint in [
        "{ host: a.example, port: 443 }",
        "{ host: a.example, port: 5432, protocol: tcp }",
        "{ host: .a.example, port: 443, methods: [ GET ] }, { host: b.example, port: 443, tls: broker }",
    ] {
        assert_eq!(
            told(&policy(&secret("a.example", endpoint))),
            [only],
            "{endpoint}"
        );
    }
    let none = |host: &str| {
        format!("secret `k` (p.yaml:3:20) may go to `{host}`, and no endpoint leads there")
    };
    let one = "{ host: a.example, port: 443, tls: broker }";
    let found = told(&policy(&secret("a.example, b.example, '*.a.example'", one)));
    assert_eq!(found, [none("b.example"), none("*.a.example")]);
    let permission = secret("a.example", "") + "permissions: [ network:read:a.example ]\n";
    let found = told(&policy(&permission));
    assert!(
        found[0].ends_with("sees what it sends (p.yaml:5:16)"),
        "{found:?}"
    );
    let shown = policy(&permission).misplaced_secrets()[0].to_string();
    assert!(shown.contains(
        "\n  hint: grant an endpoint for `a.example` with `protocol: https` and `tls: broker`, or "
    ));
}

#[test]
fn one_that_is_exposed_is_the_plugins() {
    let body = "secrets: [ { name: k, hosts: [ a.example ], from: { env: K }, expose: true } ]\n\
                permissions: [ env:read:K, network:read:a.example ]";
    assert_eq!(told(&policy(body)), [""; 0]);
}

#[test]
fn no_grant_gives_it_away() {
    let endpoint = "network: { endpoints: [ { host: a.example, port: 443, tls: broker } ] }\n";
    let body = |from: &str, grant: &str| {
        let secret =
            format!("secrets: [ {{ name: k, hosts: [ a.example ], from: {{ {from} }} }} ]");
        policy(&format!("{secret}\n{endpoint}permissions: [ {grant} ]\n"))
    };
    for (from, grant) in [
        ("env: K", "env:read:K"),
        ("file: /etc/keys/k", "file:read:/etc/keys"),
    ] {
        assert_eq!(
            told(&body(from, grant)),
            [format!(
                "secret `k` (p.yaml:3:20) is open to the plugin by `{grant}` (p.yaml:5:16)"
            )]
        );
    }
    assert_eq!(told(&body("env: K", "env:read:L")), [""; 0]);
    assert_eq!(
        told(&body("file: /etc/keys/k", "file:read:/etc/keys/l")),
        [""; 0]
    );
}

#[test]
fn what_a_floor_leaves_is_what_counts() {
    let plugin = secret("a.example", "{ host: a.example, port: 443 }");
    let broker = secret("a.example", "{ host: a.example, port: 443, tls: broker }");
    let (held, _) = policy(&plugin).within(&parse("f.yaml", &broker));
    assert_eq!(told(&held), [""; 0]);
    let other = secret("a.example", "{ host: b.example, port: 443, tls: broker }");
    let (held, _) = policy(&broker).within(&parse("f.yaml", &other));
    assert_eq!(told(&held).len(), 1);
}
