//! What changes from one policy to another, and what of it lets a plugin do more.

use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

fn policy(body: &str) -> EffectivePolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    let policy =
        SecurityPolicy::parse("p.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
}

fn shown(before: &str, after: &str) -> Vec<String> {
    let differences = policy(before).differences(&policy(after));
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_said_elsewhere_is_no_difference() {
    let before =
        "resources: { memory: { max: 64MiB } }\npermissions: [ file:read:/a, file:read:/b ]\n";
    let after = "permissions: [ file:read:/b, file:read:/a ]\nlevel: standard\n";
    assert_eq!(shown(before, after), Vec::<String>::new());
}

#[test]
fn each_change_has_both_values_and_their_places() {
    assert_eq!(
        shown(
            "",
            "resources: { memory: { max: 128MiB }, pids: { max: 8 } }"
        ),
        [
            "wider: resources.memory.max: 64MiB (`standard` level) -> 128MiB (p.yaml:3:29)",
            "other: resources.pids.max: 32 (`standard` level) -> 8 (p.yaml:3:52)",
        ]
    );
}

#[test]
fn a_limit_that_goes_widens_and_one_that_comes_does_not() {
    let high = "resources: { memory: { high: 48MiB } }";
    assert_eq!(
        shown(high, ""),
        ["wider: resources.memory.high: 48MiB (p.yaml:3:30) -> nothing"]
    );
    assert_eq!(
        shown("", high),
        ["other: resources.memory.high: nothing -> 48MiB (p.yaml:3:30)"]
    );
}

#[test]
fn a_grant_widens_unless_another_one_covers_it() {
    let wide = "permissions: [ file:read:/srv ]";
    let narrow = "permissions: [ file:read:/srv/data ]";
    assert_eq!(
        shown(wide, narrow),
        [
            "other: file:read:/srv: granted (p.yaml:3:16) -> nothing",
            "other: file:read:/srv/data: nothing -> granted (p.yaml:3:16)",
        ]
    );
    assert_eq!(
        shown(narrow, wide),
        [
            "other: file:read:/srv/data: granted (p.yaml:3:16) -> nothing",
            "wider: file:read:/srv: nothing -> granted (p.yaml:3:16)",
        ]
    );
    let endpoint = "network: { endpoints: [ { host: a.example, port: 443 } ] }";
    assert_eq!(
        shown("", endpoint),
        ["wider: network:connect:a.example:443: nothing -> granted for https (p.yaml:3:33)"]
    );
}

#[test]
fn an_endpoint_on_which_more_may_be_spoken_widens() {
    let https = "network: { endpoints: [ { host: a.example, port: 443 } ] }";
    let tcp = "network: { endpoints: [ { host: a.example, port: 443, protocol: tcp } ] }";
    let permission = "permissions: [ network:connect:a.example:443 ]";
    for wider in [tcp, permission] {
        let lines = shown(https, wider);
        assert!(
            lines[1].starts_with("wider: network:connect:a.example:443: nothing -> granted ("),
            "{lines:?}"
        );
        assert!(
            shown(wider, https)
                .iter()
                .all(|line| line.starts_with("other: "))
        );
    }
    assert_eq!(shown(permission, tcp), Vec::<String>::new());
    let read = "permissions: [ network:read:a.example ]";
    assert!(
        shown(https, read)
            .iter()
            .all(|line| line.starts_with("other: "))
    );
}

#[test]
fn what_follows_less_widens() {
    let kill = "violations: { permission: { reaction: kill } }";
    assert_eq!(
        shown(kill, ""),
        ["wider: violations.permission.reaction: kill (p.yaml:3:39) -> deny (`standard` level)"]
    );
    let grave = "violations: { cpu: { severity: critical } }";
    assert!(shown("", grave)[0].starts_with("other: violations.cpu.severity: "));
    let effort = "requirements: { memory.high: best_effort }";
    assert_eq!(
        shown("", effort),
        ["wider: requirements.memory.high: nothing -> best_effort (p.yaml:3:30)"]
    );
    let engine = "runtime: { engine: v8 }";
    assert_eq!(
        shown("", engine),
        ["wider: runtime.engine: quickjs (`standard` level) -> v8 (p.yaml:3:20)"]
    );
}

#[test]
fn every_limit_of_a_looser_level_widens_and_of_a_stricter_one_does_not() {
    let [minimal, standard, maximum] = [
        SecurityLevel::Minimal,
        SecurityLevel::Standard,
        SecurityLevel::Maximum,
    ]
    .map(EffectivePolicy::of);
    for (strict, loose) in [(&standard, &minimal), (&maximum, &standard)] {
        let looser = strict.differences(loose);
        let limits = |what: &str| what.starts_with("resources.") || what == "level";
        assert!(looser.iter().filter(|one| limits(&one.what)).count() > 10);
        assert!(
            looser
                .iter()
                .all(|one| one.widens || one.what.ends_with("severity")),
            "{looser:#?}"
        );
        let stricter = loose.differences(strict);
        assert!(stricter.iter().all(|one| !one.widens), "{stricter:#?}");
    }
}
