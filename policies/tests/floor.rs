//! What an operator's floor takes away from a policy.

use lazaret_policy::{Cut, EffectivePolicy, SecurityLevel, SecurityPolicy};
use proptest::prelude::*;

fn read(name: &str, body: &str) -> SecurityPolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    SecurityPolicy::parse(name, &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn within(policy: &str, floor: &str) -> (EffectivePolicy, Vec<String>) {
    let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&read("p.yaml", policy));
    let (effective, cuts) = policy.within(&read("floor.yaml", floor));
    (effective, cuts.iter().map(Cut::to_string).collect())
}

fn value(effective: &EffectivePolicy, path: &str) -> Option<String> {
    let keys = effective.keys();
    let key = keys.iter().find(|key| key.path == path);
    key.map(|key| format!("{} ({})", key.value, key.origin))
}

#[test]
fn what_a_floor_does_not_name_it_leaves_alone() {
    let policy = "resources: { memory: { max: 4096MiB } }\npermissions: [ file:read:/srv ]";
    let (effective, cuts) = within(policy, "resources: { pids: { max: 64 } }");
    assert_eq!(cuts, Vec::<String>::new());
    assert_eq!(
        value(&effective, "resources.pids.max").as_deref(),
        Some("32 (`standard` level)")
    );
    assert_eq!(effective.all_grants().count(), 1);
}

#[test]
fn a_limit_beyond_the_floor_is_cut_and_told() {
    let policy = "resources: { memory: { max: 256MiB, high: 200MiB }, time: { call: 1s } }";
    let (effective, cuts) = within(
        policy,
        "resources: { memory: { max: 128MiB }, time: { call: 5s } }",
    );
    assert_eq!(
        cuts,
        ["resources.memory.max: 256MiB (p.yaml:3:29) cut to 128MiB (floor.yaml:3:29)"]
    );
    let high = value(&effective, "resources.memory.high");
    assert_eq!(
        high.as_deref(),
        Some("128MiB (floor.yaml:3:29)"),
        "it comes down with the maximum"
    );
    assert_eq!(
        value(&effective, "resources.time.call").as_deref(),
        Some("1s (p.yaml:3:67)")
    );
}

#[test]
fn a_slope_the_floor_asks_for_is_there_though_nobody_else_asks() {
    let (effective, cuts) = within("", "resources: { memory: { high: 32MiB } }");
    assert_eq!(cuts, Vec::<String>::new());
    assert_eq!(
        value(&effective, "resources.memory.high").as_deref(),
        Some("32MiB (floor.yaml:3:30)")
    );
}

#[test]
fn a_level_brings_its_limits_reactions_and_requirements() {
    let (effective, cuts) = within("level: minimal", "level: standard");
    let standard = EffectivePolicy::of(SecurityLevel::Standard);
    assert!(
        standard
            .differences(&effective)
            .iter()
            .all(|one| !one.widens)
    );
    assert!(cuts[0].starts_with("level: minimal (p.yaml:3:8) cut to standard (floor.yaml:3:8)"));
    assert!(
        cuts.iter()
            .any(|cut| cut.starts_with("violations.syscall.reaction: deny"))
    );
    assert!(
        cuts.iter()
            .any(|cut| cut.starts_with("requirements.landlock: best_effort"))
    );
    let (_, none) = within("level: maximum", "level: standard");
    assert_eq!(none, Vec::<String>::new());
}

#[test]
fn grants_are_those_of_both() {
    let policy = "permissions: [ file:read:/srv, file:read:/data/in, env:read:TZ ]\n\
                  network: { endpoints: [ { host: a.example, port: 443 }, { host: b.example, port: 443 } ] }";
    let floor = "permissions: [ file:read:/srv/a, file:read:/srv/b, file:read:/data, network:connect:a.example:443 ]";
    let (effective, cuts) = within(policy, floor);
    let grants: Vec<_> = effective
        .all_grants()
        .map(|granted| granted.permission.to_string())
        .collect();
    assert_eq!(
        grants,
        [
            "file:read:/srv/a",
            "file:read:/srv/b",
            "file:read:/data/in",
            "network:connect:a.example:443"
        ]
    );
    assert_eq!(
        cuts,
        [
            "file:read:/srv: granted (p.yaml:3:16) cut to file:read:/srv/a, file:read:/srv/b \
             (floor.yaml:3:16, floor.yaml:3:34)",
            "env:read:TZ: granted (p.yaml:3:52) cut to nothing (no line of the floor)",
            "network:connect:b.example:443: granted for https (p.yaml:4:65) cut to nothing (no line of the floor)",
        ]
    );
    let (none, _) = within(policy, "permissions: []");
    assert_eq!(none.all_grants().count(), 0);
}

#[test]
fn a_floor_holds_what_is_spoken_as_well() {
    let floor = "network: { endpoints: [ { host: a.example, port: 443 } ] }";
    let spoken = |policy| {
        let (effective, cuts) = within(policy, floor);
        let reachable = effective.reachable();
        let spoken: Vec<_> = reachable
            .iter()
            .map(|allowed| allowed.endpoint.protocol.as_str())
            .collect();
        (spoken.join(" "), cuts.len())
    };
    for narrowed in [
        "network: { endpoints: [ { host: a.example, port: 443, protocol: tcp } ] }",
        "permissions: [ network:connect:a.example:443 ]",
    ] {
        assert_eq!(spoken(narrowed), ("https".to_owned(), 1), "{narrowed}");
    }
    let other = "network: { endpoints: [ { host: a.example, port: 443, protocol: http } ] }";
    assert_eq!(spoken(other), (String::new(), 1));
    for kept in [floor, "permissions: [ network:read:a.example ]"] {
        let (effective, cuts) = within(kept, floor);
        assert_eq!(
            (effective.all_grants().count(), cuts.len()),
            (1, 0),
            "{kept}"
        );
    }
}

#[test]
fn reactions_severities_and_the_engine_are_held_too() {
    let policy = "runtime: { engine: v8 }\nviolations: { pids: { reaction: log, severity: low }, cpu: { reaction: quarantine } }";
    let floor = "runtime: { engine: quickjs }\nviolations: { pids: { reaction: kill, severity: high }, cpu: { reaction: log } }";
    let (effective, cuts) = within(policy, floor);
    assert_eq!(cuts.len(), 3, "{cuts:#?}");
    let shown = |path| value(&effective, path).unwrap_or_default();
    assert!(shown("runtime.engine").starts_with("quickjs (floor.yaml"));
    assert!(shown("violations.pids.reaction").starts_with("kill (floor.yaml"));
    assert!(shown("violations.pids.severity").starts_with("high (floor.yaml"));
    assert!(shown("violations.cpu.reaction").starts_with("quarantine (p.yaml"));
}

#[test]
fn an_engine_from_the_command_line_is_held_like_one_of_a_file() {
    let policy = EffectivePolicy::of(SecurityLevel::Standard)
        .with_engine(lazaret_policy::EngineChoice::V8, "--engine");
    let (effective, cuts) = policy.within(&read("floor.yaml", "runtime: { engine: quickjs }"));
    assert_eq!(
        cuts.iter().map(Cut::to_string).collect::<Vec<_>>(),
        ["runtime.engine: v8 (`--engine`) cut to quickjs (floor.yaml:3:20)"]
    );
    assert!(
        value(&effective, "runtime.engine").is_some_and(|engine| engine.starts_with("quickjs"))
    );
}

/// A policy of a few random lines.
fn any_policy() -> impl Strategy<Value = String> {
    let lines = prop::sample::subsequence(
        vec![
            "resources: { memory: { max: 48MiB, high: 40MiB }, time: { call: 20s } }",
            "runtime: { engine: v8 }",
            "requirements: { landlock: best_effort, memory.high: best_effort }",
            "violations: { syscall: { reaction: deny }, cpu: { reaction: kill } }",
            "permissions: [ file:read:/srv, env:read:TZ ]",
            "network: { endpoints: [ { host: a.example, port: 443 } ] }",
        ],
        0..6,
    );
    let other = prop::sample::subsequence(
        vec![
            "resources: { memory: { max: 512MiB }, cpu: { max: 50% }, pids: { max: 9 } }",
            "runtime: { engine: quickjs }",
            "requirements: { landlock: required }",
            "violations: { syscall: { reaction: quarantine } }",
            "permissions: [ file:read:/srv/a, network:connect:a.example:443 ]",
            "network: { endpoints: [] }",
        ],
        0..6,
    );
    let level = prop::sample::select(vec![
        "",
        "level: minimal\n",
        "level: standard\n",
        "level: maximum\n",
    ]);
    (level, any::<bool>(), lines, other).prop_map(|(level, first, lines, other)| {
        format!("{level}{}", if first { lines } else { other }.join("\n"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_wider_than_the_policy_or_what_the_floor_names(policy in any_policy(), floor in any_policy()) {
        let asked = EffectivePolicy::of(SecurityLevel::Standard).layer(&read("p.yaml", &policy));
        let floor_policy = read("floor.yaml", &floor);
        let (effective, cuts) = asked.clone().within(&floor_policy);
        prop_assert!(asked.differences(&effective).iter().all(|one| !one.widens));
        let most = EffectivePolicy::of(floor_policy.level()).layer(&floor_policy);
        for one in most.differences(&effective).iter().filter(|one| one.widens) {
            let by_level = floor.contains("level:");
            let named = match one.what.as_str() {
                "runtime.engine" => floor.contains("engine:"),
                what if what.contains(':') => floor.contains("permissions:") || floor.contains("network:"),
                // Only the floor's own lines hold where it states no level.
                what => most.keys().iter().any(|key| {
                    key.path == what && (by_level || key.origin.to_string().starts_with("floor.yaml"))
                }),
            };
            prop_assert!(!named, "{one}\npolicy:\n{policy}\nfloor:\n{floor}\ncuts: {cuts:?}");
        }
        // Once cut, there is nothing more to cut.
        prop_assert_eq!(effective.clone().within(&floor_policy), (effective, Vec::new()));
    }
}

/// Paths of one tree that may be written, with their sizes in KiB.
fn any_writable() -> impl Strategy<Value = Vec<(&'static str, u64)>> {
    let path = prop::sample::select(vec!["/s", "/s/a", "/s/a/a", "/s/a/b", "/s/b", "/s/b/a"]);
    let entries = prop::collection::vec((path, 1..9_u64), 1..6);
    entries.prop_map(|mut entries| {
        let mut there = std::collections::HashSet::new();
        entries.retain(|(path, _)| there.insert(*path));
        entries
    })
}

fn write(name: &str, entries: &[(&str, u64)]) -> SecurityPolicy {
    let entry = |(path, size): &(&str, u64)| format!("{{ path: {path}, size: {size}KiB }}");
    let entries: Vec<String> = entries.iter().map(entry).collect();
    let entries = entries.join(", ");
    read(name, &format!("filesystem: {{ write: [ {entries} ] }}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_more_bytes_are_given_than_the_floor_has(mine in any_writable(), given in any_writable()) {
        let floor = write("floor.yaml", &given);
        let asked = EffectivePolicy::of(SecurityLevel::Standard).layer(&write("p.yaml", &mine));
        let (held, _) = asked.within(&floor);
        // One path has one quota, however often it is granted.
        let mut sizes = std::collections::HashMap::new();
        for one in held.writable() {
            let most = sizes.entry(one.granted.permission).or_insert(0);
            *most = one.size.bytes().max(*most);
        }
        let sum: u64 = sizes.values().sum();
        let most: u64 = given.iter().map(|(_, size)| size << 10).sum();
        prop_assert!(sum <= most, "{:?}", held.writable());
        prop_assert_eq!(held.clone().within(&floor), (held, Vec::new()));
        let turned: Vec<_> = given.iter().copied().rev().collect();
        let same = EffectivePolicy::of(SecurityLevel::Standard).layer(&write("p.yaml", &turned));
        prop_assert_eq!(same.clone().within(&floor).0, same);
    }
}
