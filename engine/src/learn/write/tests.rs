//! Whole policies as snapshots, and that each passes as one.

use lazaret_policy::{SecurityLevel, SecurityPolicy};

use super::*;
use crate::learn::{Peaks, Tally};

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
        is_there: &|path| !path.ends_with("missing"),
    };
    let text = write(&lesson);
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
  - exec:run:jq
  - network:read:api.example.com
  - message:send:store
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
            addresses: Some("public"),
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

#[test]
fn many_paths_of_an_endpoint_are_told_by_what_they_begin_with() {
    let few = |paths: &[&str]| super::few(&paths.iter().copied().collect());
    assert_eq!(few(&["/b", "/a"]), ["/a", "/b"]);
    let many: Vec<String> = (0..9).map(|number| format!("/v1/item{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(few(&many), ["/v1/*"]);
    assert_eq!(few(&[&many[..], &["/x"]].concat()), ["/*"]);
}

#[test]
fn a_plugins_text_stays_within_its_quotes() {
    assert_eq!(
        quoted("a\"b\\c\nd \u{e9}"),
        "\"a\\\"b\\\\c\\U0000000ad \\U000000e9\""
    );
}
