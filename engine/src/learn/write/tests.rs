//! Whole policies as snapshots, and that each passes as one.

use lazaret_policy::{SecurityLevel, SecurityPolicy};

use super::*;
use crate::learn::{Peaks, Request, Tally};

fn policy(text: &str) -> EffectivePolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{text}");
    EffectivePolicy::of(SecurityLevel::Standard)
        .layer(&SecurityPolicy::parse("policy.yaml", &text).unwrap())
}

/// What is written, which must be a policy.
fn written(policy: &EffectivePolicy, seen: &Observations) -> (String, EffectivePolicy) {
    let lesson = Lesson {
        plugin: "convert",
        calls: 3,
        policy,
        seen,
        real: &|path| (!path.ends_with("missing")).then(|| path.to_owned()),
    };
    let text = write(&lesson).unwrap_or_else(|error| panic!("{error}"));
    let parsed = SecurityPolicy::parse("learned.yaml", &text);
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}\n{text}"));
    (
        text,
        EffectivePolicy::of(SecurityLevel::Standard).layer(&parsed),
    )
}

const EVERYTHING: &str = "permissions:
  - file:read:/srv/in
  - file:read:/etc/convert.conf
  - file:write:/srv/out
  - env:read:TZ
  - message:send:store
exec:
  programs:
    - { name: jq, rootfs: /srv/images/jq, path: /usr/bin/jq, limits: { memory: 32MiB } }
    - { name: sed, rootfs: /srv/images/sed, path: /usr/bin/sed }
network:
  mode: learn
  endpoints:
    - { host: '*.internal.example', port: 8080, protocol: http, addresses: [private] }
    - { host: .example.com, port: 443, tls: broker }
  limits: { connections: 2 }
observe: ['network:connect:other.example:443']
env:
  set: { MODE: 'a # b' }
filesystem:
  ignore: ['*.pem', .git]
violations:
  permission: { reaction: kill }
requirements:
  memory.high: best_effort
secrets:
  - { name: key, hosts: ['*.example.com', '*.internal.example', other.example.com], from: { env: API_KEY } }
  - { name: unused, hosts: [other.example.com], from: { env: OTHER_KEY } }
  - { name: exposed, hosts: [other.example.com], from: { file: /etc/key }, expose: true }
syscalls:
  allow: [inotify]
";

fn everything() -> Observations {
    let tally = Tally::default();
    for (permission, times) in [
        ("file:read:/srv/in/a.csv", 3),
        ("file:read:/srv/in/with space \u{202e}.csv", 1),
        ("file:read:/srv/in/missing", 2),
        ("file:write:/srv/out/a.json", 3),
        ("env:read:TZ", 2),
        ("exec:run:jq", 1),
        ("network:read:api.example.com", 2),
        ("network:connect:db.internal.example:8080", 1),
        ("file:read:/srv/in/often.csv", 128),
        // The shim's word for what nobody granted.
        ("file:read:/etc/shadow", 9),
        ("env:read:AWS_SECRET_ACCESS_KEY", 1),
        ("no permission", 1),
    ] {
        tally.used(permission, times);
    }
    for (method, path) in [("GET", "/v1/a"), ("GET", "/v1/b"), ("HEAD", "/v1/a")] {
        tally.requested(&Request {
            host: "api.example.com".to_owned(),
            port: 443,
            protocol: "https",
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            addresses: Some("public".to_owned()),
        });
    }
    tally.refused("file:read:/etc/shadow");
    tally.refused("file:read:/x\npermissions: [ 'file:read:/etc' ]\n#");
    tally.called("timers", "setitimer");
    let mut seen = tally.observations();
    seen.peaks = Peaks {
        startup_ms: Some(80),
        memory_bytes: Some(21 << 20),
        pids: Some(2),
        call_ms: Some(31),
        call_cpu_ms: Some(12),
        result_bytes: Some(1800),
        line_bytes: None,
        log_bytes: None,
    };
    seen
}

#[test]
fn everything_seen_is_granted_with_how_often_and_nothing_else() {
    let (text, learned) = written(&policy(EVERYTHING), &everything());
    insta::assert_snapshot!(text);
    for (permission, granted) in [
        ("file:read:/srv/in/a.csv", true),
        ("file:read:/srv/in/missing", true),
        ("file:write:/srv/out/a.json", true),
        ("file:write:/srv/out/b.json", false),
        ("file:read:/etc/shadow", false),
        ("file:read:/etc/convert.conf", false),
        ("env:read:TZ", true),
        ("env:read:AWS_SECRET_ACCESS_KEY", false),
        ("exec:run:jq", true),
        ("message:send:store", false),
        ("network:read:api.example.com", true),
        ("network:connect:db.internal.example:8080", true),
        ("network:connect:cache.internal.example:8080", false),
        ("network:connect:other.example:443", false),
        ("exec:run:sed", false),
    ] {
        let parsed = permission.parse().unwrap();
        assert_eq!(learned.grants(&parsed).is_some(), granted, "{permission}");
    }
}

#[test]
fn nothing_seen_is_a_policy_that_grants_nothing() {
    let (text, learned) = written(&policy(EVERYTHING), &Observations::default());
    insta::assert_snapshot!(text);
    assert_eq!(learned.permissions(), []);
}

#[test]
fn the_same_observations_give_the_same_text() {
    let policy = policy(EVERYTHING);
    assert_eq!(
        written(&policy, &everything()),
        written(&policy, &everything())
    );
}

/// The sizes that are learned where these paths were written.
fn sizes(body: &str, paths: &[&str]) -> Vec<String> {
    let tally = Tally::default();
    for path in paths {
        tally.used(&format!("file:write:{path}"), 1);
    }
    let held = policy(body);
    let (text, learned) = written(&held, &tally.observations());
    let plan = held.plan(&learned);
    let wider = plan.differences.iter().filter(|one| one.widens);
    assert_eq!(wider.count(), 0, "{:#?}\n{text}", plan.differences);
    let writable = learned.writable().into_iter();
    writable
        .map(|one| format!("{} {}", one.granted.permission, one.size))
        .collect()
}

#[test]
fn no_more_may_be_written_than_under_the_policy_that_held() {
    let small = "filesystem:\n  write: [{ path: /srv/out, size: 1MiB }]";
    assert_eq!(
        sizes(small, &["/srv/out/a"]),
        ["file:write:/srv/out/a 1MiB"]
    );
    assert_eq!(
        sizes(small, &["/srv/out/a", "/srv/out/b"]),
        [
            "file:write:/srv/out/a 512KiB",
            "file:write:/srv/out/b 512KiB"
        ]
    );
    let tiny =
        "filesystem:\n  write: [{ path: /srv/out, size: 1KiB }, { path: /srv/out/in, size: 2MiB }]";
    assert_eq!(
        sizes(tiny, &["/srv/out/a", "/srv/out/b", "/srv/out/in/c"]),
        ["file:write:/srv/out 1KiB", "file:write:/srv/out/in/c 2MiB"]
    );
    let plain = "permissions: [file:write:/srv/out]";
    assert_eq!(
        sizes(plain, &["/srv/out/a", "/srv/out/b"]),
        ["file:write:/srv/out/a 32MiB", "file:write:/srv/out/b 32MiB"]
    );
    let observed = "filesystem: { mode: learn }\nobserve: [file:write:/srv/out]";
    assert_eq!(
        sizes(observed, &["/srv/out/a"]),
        ["file:write:/srv/out/a 64MiB"]
    );
}
