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
fn tls_that_the_broker_ends_for_another_host_takes_a_restart() {
    let endpoints = |entries: &[&str]| {
        let entries = entries
            .iter()
            .map(|entry| format!("{{ port: 443, host: {entry} }}"));
        let entries: Vec<String> = entries.collect();
        format!("network: {{ endpoints: [ {} ] }}", entries.join(", "))
    };
    let plan = |before: &[&str], after: &[&str]| {
        let plan = policy(&endpoints(before)).plan(&policy(&endpoints(after)));
        let change = plan.change.map(|change| change.as_str());
        (plan.widens, change)
    };
    let (plugin, broker) = ("a.example", "a.example, tls: broker");
    let (live, restart) = (Some("live"), Some("restart"));
    assert_eq!(plan(&[plugin], &[broker]), (false, restart));
    assert_eq!(plan(&[broker], &[plugin]), (true, live));
    let narrower = "a.example, tls: broker, methods: [ GET ]";
    assert_eq!(plan(&[broker], &[narrower]), (false, live));
    assert_eq!(plan(&[narrower], &[broker]), (true, live));
    assert_eq!(
        plan(&[broker], &[broker, "b.a.example, tls: broker"]),
        (true, live)
    );
    assert_eq!(
        plan(&[broker], &[broker, "b.example, tls: broker"]),
        (true, restart)
    );
    assert_eq!(plan(&[], &[broker]), (true, Some("recreate")));
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

/// What changes from one body to another: `w` before what widens, what it takes, and what it is.
fn planned(before: &str, after: &str) -> Vec<String> {
    let policy = |body: &str| {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy =
            SecurityPolicy::parse("p.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    };
    let plan = policy(before).plan(&policy(after));
    let rows = plan.differences.iter().map(|one| {
        let mark = if one.widens { "w" } else { "-" };
        let value = |side: &Option<lazaret_policy::Side>| {
            side.as_ref()
                .map_or("nothing".to_owned(), |side| side.value.clone())
        };
        format!(
            "{mark} {} {}: {} -> {}",
            one.change,
            one.what,
            value(&one.before),
            value(&one.after)
        )
    });
    rows.collect()
}

#[test]
fn a_plan_tells_of_each_key_what_it_takes() {
    let after = "network: { limits: { sent: 1MiB } }\nfilesystem: { ignore: [ .git ] }\nenv: { set: { MODE: batch } }\n\
                 runtime: { modules: { files: 10 } }\nsyscalls: { allow: [ pipes ], deny: [ timers ] }\n\
                 restart: { on: failure, stable: 10s }\nquarantine: { errors: 5 }\naudit: { records: [ calls ] }\n\
                 secrets: [ { name: k, hosts: [ a.example ], from: { env: K } } ]\nmessaging: { receive: [ a ] }";
    assert_eq!(
        planned("", after),
        [
            "- restart runtime.modules.files: 4000 -> 10",
            "- live network.limits.sent: 64MiB -> 1MiB",
            "- live filesystem.ignore: none -> .git",
            "w recreate syscalls.allow: none -> pipes",
            "- recreate syscalls.deny: none -> timers",
            "w live restart.on: never -> failure",
            "w live restart.stable: 1m -> 10s",
            "- live quarantine.errors: 0 -> 5",
            "- live audit.records: none -> calls",
            "w restart secrets.k: nothing -> from env K to a.example",
            "w live messaging.receive.a: nothing -> any type",
            "- restart env.set.MODE: nothing -> batch",
        ]
    );
    assert_eq!(planned(after, after), Vec::<String>::new());
}

#[test]
fn the_first_way_to_the_network_takes_a_new_container_and_a_second_does_not() {
    let one = "network: { endpoints: [ { host: a.example, port: 443 } ] }";
    let two = "network: { endpoints: [ { host: a.example, port: 443 }, { host: '*.example.com', port: 443 } ] }";
    let way = "network:connect:a.example:443";
    assert_eq!(
        planned("", one),
        [format!("w recreate {way}: nothing -> granted for https")]
    );
    assert_eq!(
        planned(one, two),
        ["w live network:connect:*.example.com:443: nothing -> granted for https"]
    );
    assert_eq!(
        planned(one, ""),
        [format!("- live {way}: granted for https -> nothing")]
    );
    let observed = "network: { mode: learn }\nobserve: [ 'network:connect:a.example:443' ]";
    assert_eq!(
        planned("", observed),
        [
            "w live network.mode: enforce -> learn".to_owned(),
            format!("w recreate {way}: nothing -> observed (learn)"),
        ]
    );
}

#[test]
fn what_was_observed_may_be_granted_without_widening() {
    let observed = "filesystem: { mode: audit }\nobserve: [ file:write:/srv ]";
    assert_eq!(
        planned(observed, "permissions: [ file:write:/srv/out ]"),
        [
            "- live filesystem.mode: audit -> enforce",
            "- live file:write:/srv: observed (audit) -> nothing",
            "- live file:write:/srv/out: nothing -> granted",
        ]
    );
    let larger = "filesystem: { write: [ { path: /srv/out, size: 1GiB } ] }";
    assert!(
        planned(observed, larger)
            .iter()
            .any(|row| row.starts_with("w live file:write:/srv/out"))
    );
    assert_eq!(
        planned(
            "requirements: { memory.high: required, resources.memory: best_effort }",
            "requirements: { resources.memory: best_effort }"
        ),
        ["w recreate requirements.memory.high: required -> nothing"]
    );
}
