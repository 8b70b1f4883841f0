//! How a floor and a plugin's request hold each section, and how it is told.

use lazaret_policy::{
    Cut, Decision, EffectivePolicy, Granted, Mode, Origin, SecurityLevel, SecurityPolicy, TlsEnd,
};

fn read(name: &str, body: &str) -> SecurityPolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    SecurityPolicy::parse(name, &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn policy(body: &str) -> EffectivePolicy {
    EffectivePolicy::of(SecurityLevel::Standard).layer(&read("p.yaml", body))
}

fn within(body: &str, floor: &str) -> (EffectivePolicy, Vec<String>) {
    let (effective, cuts) = policy(body).within(&read("f.yaml", floor));
    (effective, cuts.iter().map(Cut::to_string).collect())
}

fn cuts(body: &str, floor: &str) -> Vec<String> {
    within(body, floor).1
}

#[test]
fn limits_are_the_lower_waits_the_longer_and_lists_the_stricter_ones() {
    let body = "network: { limits: { connections: 500, sent: 1MiB } }\n\
                filesystem: { ignore: [ '*.pem' ] }\n\
                syscalls: { level: minimal, allow: [ timers, pipes ], deny: [ sockets ] }\n\
                restart: { on: always, first: 100ms }\n\
                quarantine: { errors: 20 }\n\
                audit: { records: [ calls ], keep: 12h }\n\
                runtime: { engine: v8 }";
    let floor = "network: { limits: { connections: 100, sent: 2MiB } }\n\
                 filesystem: { ignore: [ .git ] }\n\
                 syscalls: { level: standard, allow: [ pipes ], deny: [ signals ] }\n\
                 restart: { on: failure, first: 1s }\n\
                 quarantine: { violations: 5, errors: 30 }\n\
                 audit: { records: [ policy ], keep: 30d }\n\
                 runtime: { flags: [ jitless ] }";
    let (held, told) = within(body, floor);
    assert_eq!(
        told,
        [
            "runtime.flags: none (`standard` level) cut to jitless (f.yaml:9:19)",
            "network.limits.connections: 500 (p.yaml:3:35) cut to 100 (f.yaml:3:35)",
            "filesystem.ignore: *.pem (p.yaml:4:23) cut to *.pem, .git (f.yaml:4:23)",
            "syscalls.level: minimal (p.yaml:5:20) cut to standard (f.yaml:5:20)",
            "syscalls.allow: pipes, timers (p.yaml:5:36) cut to pipes (f.yaml:5:37)",
            "syscalls.deny: sockets (p.yaml:5:61) cut to signals, sockets (f.yaml:5:54)",
            "restart.on: always (p.yaml:6:16) cut to failure (f.yaml:6:16)",
            "restart.first: 100ms (p.yaml:6:31) cut to 1s (f.yaml:6:32)",
            "quarantine.violations: 0 (`standard` level) cut to 5 (f.yaml:7:27)",
            "audit.records: calls (p.yaml:8:19) cut to calls, policy (f.yaml:8:19)",
            "audit.keep: 12h (p.yaml:8:36) cut to 30d (f.yaml:8:37)",
        ]
    );
    assert_eq!(held.quarantine().errors.value.get(), Some(20));
}

#[test]
fn endpoints_are_narrowed_to_what_both_allow() {
    let body = "network: { endpoints: [ { host: '*.example.com', port: 443, methods: [ GET, POST ], \
                paths: [ '/v1/*', /health ], addresses: [ public, private ] } ] }";
    let floor = "network: { endpoints: [ { host: .api.example.com, port: 443, protocol: tcp }, \
                 { host: .example.com, port: 443, methods: [ GET, PUT ], paths: [ '/v1/items/*', '/*' ] }, \
                 { host: '*.example.com', port: 8443 } ] }";
    let (held, told) = within(body, floor);
    assert_eq!(
        told,
        [
            "network:connect:*.example.com:443: granted for https, methods GET, POST, paths /health, /v1/*, \
             addresses public, private (p.yaml:3:33) cut to \
             network:connect:.api.example.com:443 for https, methods GET, POST, paths /health, /v1/*, \
             network:connect:*.example.com:443 for https, methods GET, paths /health, /v1/*, /v1/items/* \
             (f.yaml:3:33, f.yaml:3:87)"
        ]
    );
    assert_eq!(held.endpoints().len(), 2);
    assert!(cuts(body, &format!("{body}\nlevel: minimal")).is_empty());
}

#[test]
fn tls_that_the_broker_ends_for_one_of_two_it_ends() {
    let plugin = "network: { endpoints: [ { host: a.example, port: 443 } ] }";
    let broker = "network: { endpoints: [ { host: a.example, port: 443, tls: broker } ] }";
    let read = "permissions: [ network:read:a.example ]";
    let tcp = "permissions: [ network:connect:a.example:443 ]";
    assert!(cuts(broker, plugin).is_empty() && cuts(broker, tcp).is_empty());
    for asked in [plugin, read, tcp] {
        let (held, told) = within(asked, broker);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].ends_with("for https, tls broker (f.yaml:3:33)"),
            "{told:?}"
        );
        assert_eq!(held.endpoints()[0].endpoint.tls, TlsEnd::Broker);
    }
}

#[test]
fn files_programs_variables_and_messages_are_narrowed_with_what_they_say() {
    let body = "filesystem: { write: [ { path: /srv, size: 1GiB } ], read: [ /srv ] }\n\
                exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq, limits: { memory: 128MiB, time: 1s } }, \
                { name: sh, rootfs: /srv/sh, path: /sh } ] }\n\
                env: { read: [ TZ ], set: { MODE: live } }\n\
                messaging: { send: [ { plugin: a, types: [ put, get ], rate: 500 } ], receive: [ { plugin: b, types: [ x ] }, c ] }";
    let floor = "filesystem: { write: [ { path: /srv/out, size: 1MiB } ], read: [ /srv/in ] }\n\
                 exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq }, { name: sh, rootfs: /other, path: /sh } ] }\n\
                 permissions: [ 'message:send:a' ]\n\
                 env: { set: { MODE: batch } }\n\
                 messaging: { receive: [ b, { plugin: c, types: [ y ] } ] }";
    let (held, told) = within(body, floor);
    assert_eq!(
        told,
        [
            "file:read:/srv: granted (p.yaml:3:62) cut to file:read:/srv/in (f.yaml:3:66)",
            "file:write:/srv: granted up to 1GiB (p.yaml:3:32) cut to file:write:/srv/out up to 1MiB (f.yaml:3:32)",
            "exec:run:jq: granted as /jq of /srv/jq with memory 128MiB, cpu 100%, pids 16, time 1s, input 1MiB, output 1MiB \
             (p.yaml:4:29) cut to exec:run:jq as /jq of /srv/jq with memory 64MiB, cpu 100%, pids 16, time 1s, input 1MiB, \
             output 1MiB (f.yaml:4:29)",
            "exec:run:sh: granted as /sh of /srv/sh with memory 64MiB, cpu 100%, pids 16, time 10s, input 1MiB, output 1MiB \
             (p.yaml:4:109) cut to nothing (no line of the floor)",
            "env:read:TZ: granted (p.yaml:5:16) cut to nothing (no line of the floor)",
            "message:send:a: granted for types get, put, 500 a second, 64KiB each (p.yaml:6:32) cut to \
             message:send:a for types get, put, 100 a second, 64KiB each (f.yaml:5:16)",
            "env.set.MODE: live (p.yaml:5:29) cut to batch (f.yaml:6:15)",
            "messaging.receive.c: any type (p.yaml:6:111) cut to types y (f.yaml:7:38)",
        ]
    );
    assert_eq!(
        held.exec().program("jq").map(|one| one.limits.pids),
        Some(16)
    );
    assert!(held.exec().program("sh").is_none());
    assert_eq!(held.writable()[0].size.to_string(), "1MiB");
}

#[test]
fn a_name_alone_gives_no_place_to_run_a_program_from() {
    let program = "exec: { programs: [ { name: jq, rootfs: /home, path: /bin/cat } ] }";
    let (held, told) = within(program, "permissions: [ exec:run:jq ]");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(held.exec().programs.is_empty());
}

#[test]
fn secrets_are_those_of_both() {
    let body = "secrets: [ { name: k, hosts: [ '*.example.com' ], from: { env: K }, expose: true }, \
                { name: shadow, hosts: [ a.example ], from: { file: /etc/shadow }, expose: true } ]";
    let floor = "secrets: [ { name: k, hosts: [ api.example.com ], from: { env: K } } ]";
    assert_eq!(
        cuts(body, floor),
        [
            "secrets.k: from env K to *.example.com, exposed (p.yaml:3:20) cut to from env K to api.example.com (f.yaml:3:20)",
            "secrets.shadow: from file /etc/shadow to a.example, exposed (p.yaml:3:93) cut to nothing (no line of the floor)",
        ]
    );
    // Who states grants of any kind states all of them.
    assert!(within(body, "permissions: []").0.secrets().is_empty());
    assert_eq!(within(body, "level: standard").0.secrets().len(), 2);
}

#[test]
fn nothing_is_observed_that_a_floor_does_not_give() {
    let body = "network: { mode: learn }\nfilesystem: { mode: audit }\n\
                observe: [ 'network:connect:*.example.com:443', file:read:/srv ]";
    let act = "network:connect:api.example.com:443"
        .parse()
        .expect("an act");
    let decide = |policy: &EffectivePolicy| match policy.decide(&act) {
        Decision::Granted(_) => "granted",
        Decision::Observed(_, Mode::Learn) => "learnt",
        Decision::Observed(..) => "audited",
        Decision::Denied => "denied",
    };
    assert_eq!(decide(&policy(body)), "learnt");
    let (silent, told) = within(body, "resources: { pids: { max: 64 } }");
    assert_eq!(decide(&silent), "denied");
    assert_eq!(
        told,
        [
            "observe network:connect:*.example.com:443: observed (p.yaml:5:12) cut to nothing (no line of the floor)",
            "observe file:read:/srv: observed (p.yaml:5:49) cut to nothing (no line of the floor)",
            "network.mode: learn (p.yaml:3:18) cut to enforce (nothing of it may be observed)",
            "filesystem.mode: audit (p.yaml:4:21) cut to enforce (nothing of it may be observed)",
        ]
    );
    let audits = "network: { mode: audit }\nobserve: [ 'network:connect:.example.com:443' ]";
    assert_eq!(decide(&within(body, audits).0), "audited");
    let grants = "network: { endpoints: [ { host: api.example.com, port: 443, protocol: tcp } ] }";
    let (held, _) = within(body, grants);
    assert_eq!(decide(&held), "learnt");
    assert_eq!(held.observe().len(), 1, "narrowed to what the floor grants");
    assert_eq!(
        decide(&within(body, &format!("{grants}\nlevel: standard")).0),
        "denied"
    );
    // The strictest level observes nothing, whatever is laid over it.
    let maximum = EffectivePolicy::of(SecurityLevel::Maximum).layer(&read("p.yaml", body));
    assert_eq!(decide(&maximum), "denied");
}

#[test]
fn a_request_takes_away_what_is_not_asked_for_and_adds_nothing() {
    let body = "permissions: [ file:read:/srv, env:read:TZ ]\n\
                network: { endpoints: [ { host: '*.example.com', port: 443, protocol: tcp, addresses: [ public, private ] } ] }\n\
                exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq } ] }\n\
                filesystem: { write: [ { path: /out, size: 1GiB } ] }";
    let request: Vec<Granted> = [
        "file:read:/srv/a",
        "file:read:/etc",
        "network:read:api.example.com",
        "exec:run:jq",
        "file:write:/out",
        "message:send:b",
    ]
    .iter()
    .enumerate()
    .map(|(line, permission)| Granted {
        permission: permission.parse().expect(permission),
        reason: None,
        origin: Origin::File {
            name: "plugin.yaml".into(),
            line: line + 1,
            column: 5,
        },
    })
    .collect();
    let (held, told) = policy(body).requested(&request);
    let told: Vec<String> = told.iter().map(Cut::to_string).collect();
    assert_eq!(
        told,
        [
            "file:read:/srv: granted (p.yaml:3:16) cut to file:read:/srv/a (plugin.yaml:1:5)",
            "env:read:TZ: granted (p.yaml:3:32) cut to nothing (the plugin does not ask for it)",
            "network:connect:*.example.com:443: granted for tcp, addresses public, private (p.yaml:4:33) cut to \
             network:connect:api.example.com:443 for https, addresses public, private (plugin.yaml:3:5)",
        ]
    );
    assert!(
        held.exec().program("jq").is_some(),
        "a name is enough to ask"
    );
    assert_eq!(held.writable()[0].size.to_string(), "1GiB");
    let unmet = held.unmet(&request);
    let unmet: Vec<String> = unmet.iter().map(|one| one.permission.to_string()).collect();
    assert_eq!(unmet, ["file:read:/etc", "message:send:b"]);
}

#[test]
fn a_requirement_of_a_section_holds_its_keys_and_the_floor_both() {
    let (held, told) = within(
        "requirements: { memory.high: best_effort, network: best_effort, restart.on: best_effort }",
        "requirements: { resources: required, network.limits: required }",
    );
    assert_eq!(
        told,
        [
            "requirements.memory.high: best_effort (p.yaml:3:30) cut to required (f.yaml:3:28)",
            "requirements.network.limits: best_effort (p.yaml:3:52) cut to required (f.yaml:3:54)",
        ]
    );
    let of = |key: &str| {
        held.requirements()
            .of(key.parse::<lazaret_policy::RequirementKey>().expect(key))
            .to_string()
    };
    assert_eq!(of("network.limits.sent"), "required");
    assert_eq!(of("network.mode"), "best_effort");
    assert_eq!(of("restart.on"), "best_effort");
    assert_eq!(of("memory.max"), "required");
}

fn writable(held: &EffectivePolicy) -> Vec<String> {
    let told = held.writable();
    let told = told.iter();
    told.map(|one| format!("{} {}", one.granted.permission, one.size))
        .collect()
}

#[test]
fn no_file_is_granted_by_a_name_the_floor_ignores() {
    let body = "filesystem: { mode: learn, read: [ /srv/data/key.pem, /srv/data/a, /srv/own/.git/config ], \
                write: [ /srv/out/.git/hooks ] }\nobserve: [ file:read:/srv/data/.git, file:read:/srv/data/b ]";
    let floor = "filesystem: { read: [ /srv/data, /srv/own/.git ], write: [ /srv/out ], ignore: [ .git, '*.pem' ] }";
    let (held, told) = within(body, floor);
    let grants: Vec<_> = (held.all_grants().chain(held.observe()))
        .map(|one| one.permission.to_string())
        .collect();
    // The floor itself names what is below `/srv/own/.git`.
    assert_eq!(
        grants,
        [
            "file:read:/srv/data/a",
            "file:read:/srv/own/.git/config",
            "file:read:/srv/data/b"
        ]
    );
    assert!(
        told.contains(
            &"file:read:/srv/data/key.pem: granted (p.yaml:3:36) cut to nothing (filesystem.ignore, f.yaml:3:80)"
                .to_owned()
        ),
        "{told:#?}"
    );
    let (alone, told) = within(body, "filesystem: { ignore: [ .git, '*.pem' ] }");
    let grants: Vec<_> = alone
        .all_grants()
        .map(|one| one.permission.to_string())
        .collect();
    assert_eq!(grants, ["file:read:/srv/data/a"], "{told:#?}");
}

#[test]
fn many_paths_have_no_more_bytes_than_the_floor_gives_for_the_one_above() {
    let floor = "filesystem: { write: [ { path: /srv/out, size: 1MiB } ] }";
    let body = "filesystem: { write: [ { path: /srv/out/1, size: 512KiB }, { path: /srv/out/2, size: 1MiB }, \
                { path: /srv/out/3, size: 1MiB } ] }";
    let (held, told) = within(body, floor);
    assert_eq!(
        writable(&held),
        [
            "file:write:/srv/out/1 512KiB",
            "file:write:/srv/out/2 512KiB"
        ]
    );
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].contains("cut to nothing (nothing is left of file:write:/srv/out, f.yaml"));
    let plain = "permissions: [ file:write:/srv/out/1, file:write:/srv/out/2 ]";
    let (plain, told) = within(plain, floor);
    assert_eq!(
        writable(&plain),
        ["file:write:/srv/out/1 1MiB"],
        "{told:#?}"
    );
    for held in [held, plain] {
        assert_eq!(held.clone().within(&read("f.yaml", floor)), (held, vec![]));
    }
}

#[test]
fn what_fits_a_floors_bytes_is_left_alone_in_any_order() {
    let lines = [
        "{ path: /srv, size: 1MiB }",
        "{ path: /srv/a, size: 2MiB }",
        "{ path: /srv/a/b, size: 1MiB }",
    ];
    let floor = format!("filesystem: {{ write: [ {} ] }}", lines.join(", "));
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let body = order.map(|number: usize| lines[number]).join(", ");
        let body = format!("filesystem: {{ write: [ {body} ] }}");
        assert_eq!(cuts(&body, &floor), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_request_for_many_paths_has_no_more_bytes_than_the_grant_above() {
    let policy = policy("filesystem: { write: [ { path: /srv/out, size: 1MiB } ] }");
    let request = ["/srv/out/1", "/srv/out/2"].map(|path| Granted {
        permission: format!("file:write:{path}").parse().expect("a permission"),
        reason: None,
        origin: Origin::File {
            name: "plugin.yaml".into(),
            line: 1,
            column: 1,
        },
    });
    let (held, _) = policy.requested(&request);
    assert_eq!(
        writable(&held),
        [
            "file:write:/srv/out/1 512KiB",
            "file:write:/srv/out/2 512KiB"
        ]
    );
    assert_eq!(held.clone().requested(&request), (held, vec![]));
}
