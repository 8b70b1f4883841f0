//! The likely mistakes of each section, as a user sees what is said of them.

use lazaret_policy::{PluginManifest, SecurityPolicy};

/// Each mistake alone, and everything that is said of it.
fn report(bodies: &[&str]) -> String {
    let mut report = String::new();
    for body in bodies {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}\n");
        let problems = match SecurityPolicy::parse("p.yaml", &text) {
            Ok(_) => panic!("nothing is said of\n{body}"),
            Err(problems) => problems.to_string(),
        };
        report.push_str(&format!("{body}\n{problems}\n\n"));
    }
    report
}

/// An endpoint with one of its keys written in another way.
fn endpoints(entries: &[&str]) -> String {
    let bodies: Vec<String> = entries
        .iter()
        .map(|entry| format!("network: {{ endpoints: [ {{ {entry} }} ] }}"))
        .collect();
    report(&bodies.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn of_endpoints() {
    let said = endpoints(&[
        r#"host: "*", port: 443"#,
        r#"host: "*.com", port: 443"#,
        r#"host: "*.github.io", port: 443"#,
        r#"host: "api.*.example.com", port: 443"#,
        "host: 10.0.0.1, port: 443",
        r#"host: "[fe80::1]", port: 443"#,
        "host: https://api.example.com/v1, port: 443",
        "host: api.example.com:443, port: 443",
        r#"host: api.example.com, port: "443""#,
        "host: api.example.com, port: https",
        "host: api.example.com",
        "host: api.example.com, port: 443, protocol: http2",
        "host: api.example.com, port: 443, protocol: tcp, methods: [ GET ]",
        "host: api.example.com, port: 443, methods: [ get ]",
        "host: api.example.com, port: 443, methods: []",
        "host: api.example.com, port: 443, methods: GET",
        "host: api.example.com, port: 443, paths: [ v1/items ]",
        r#"host: api.example.com, port: 443, paths: [ "/v1/*/items" ]"#,
        "host: api.example.com, port: 443, paths: [ /v1/../admin ]",
        "host: api.example.com, port: 443, addresses: [ 10.0.0.0/8 ]",
        "host: api.example.com, port: 443, address: 10.0.0.1",
        "host: a.example, port: 443 }, { host: a.example, port: 443, protocol: tcp",
        "host: a.example, port: 443, tls: engine",
        "host: a.example, port: 80, protocol: http, tls: broker",
        "host: a.example, port: 443, protocol: tcp, tls: plugin",
        r#"host: a.example, port: 443, tls: broker }, { host: .a.example, port: 443, protocol: tcp"#,
        r#"host: "*.a.example", port: 443, tls: broker }, { host: b.a.example, port: 443, protocol: tcp"#,
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_the_network() {
    let said = report(&[
        "network: { mode: learning }",
        "network: { mode: audit }",
        "network: { mode: off }",
        "network: { limits: { connections: 0 } }",
        "network: { limits: { sent: 64 } }",
        "network: { limits: { sent: 64MB } }",
        "network: { limits: { bandwidth: 16MiB/s } }",
        "network: { hosts: [ a.example ] }",
        "network: [ a.example ]",
        "network: { endpoints: [ a.example ] }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_files() {
    let said = report(&[
        "filesystem: { read: /srv }",
        "filesystem: { read: [ srv/data ] }",
        "filesystem: { read: [ { file: /srv } ] }",
        "filesystem: { read: [ /srv, /srv ] }",
        "filesystem: { read: [ /proc/self ] }",
        "filesystem: { write: [ { path: /srv/out, size: 64 } ] }",
        "filesystem: { write: [ { path: '/srv/*' } ] }",
        "filesystem: { ignore: [ .git/config ] }",
        "filesystem: { ignore: [ '*' ] }",
        "filesystem: { sizes: { read: 2GiB } }",
        "filesystem: { mode: learn, read: [ /srv ] }",
        "permissions: [ file:read:/srv ]\nfilesystem: { read: [ /srv ] }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_programs() {
    let said = report(&[
        "exec: { programs: [ jq ] }",
        "exec: { programs: [ { name: jq, path: /usr/bin/jq } ] }",
        "exec: { programs: [ { name: /usr/bin/jq, rootfs: /srv/jq, path: /usr/bin/jq } ] }",
        "exec: { programs: [ { name: jq, rootfs: /, path: /usr/bin/jq } ] }",
        "exec: { programs: [ { name: jq, rootfs: /srv/jq, path: bin/jq } ] }",
        "exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq, args: [ -r ] } ] }",
        "exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq, limits: { time: 10 } } ] }",
        "exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq, limits: { mem: 1MiB } } ] }",
        "exec: { programs: [ { name: jq, rootfs: /srv/jq, path: /jq, limits: { output: 1GiB } } ] }",
        "exec: { programs: [ { name: a, rootfs: /b, path: /c }, { name: a, rootfs: /d, path: /e } ] }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_variables_and_secrets() {
    let said = report(&[
        "env: { read: TZ }",
        "env: { read: [ $TZ ] }",
        "env: { set: [ MODE=batch ] }",
        "env: { set: { MODE: } }",
        "env: { set: { LD_PRELOAD: /srv/x.so } }",
        "env: { read: [ TZ ], set: { TZ: UTC } }",
        "env: { set: { LIMITS: { a: 1 } } }",
        "secrets: [ api-key ]",
        "secrets: [ { name: api-key, from: { env: API_KEY } } ]",
        "secrets: [ { name: api-key, hosts: [], from: { env: API_KEY } } ]",
        "secrets: [ { name: api-key, hosts: [ api.example.com ] } ]",
        "secrets: [ { name: api-key, hosts: [ api.example.com ], from: { env: A, file: /b } } ]",
        "secrets: [ { name: api-key, hosts: [ '*' ], from: { env: API_KEY } } ]",
        "secrets: [ { name: api-key, hosts: [ api.example.com ], from: API_KEY } ]",
        "secrets: [ { name: api-key, hosts: [ api.example.com ], value: s3cr3t } ]",
        "secrets: [ { name: api-key, hosts: [ a.example ], from: { env: A }, expose: yes } ]",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_messages() {
    let said = report(&[
        "messaging: { send: store }",
        "messaging: { send: [ a/b ] }",
        "messaging: { send: [ { to: store } ] }",
        "messaging: { send: [ { plugin: store, types: put } ] }",
        "messaging: { send: [ { plugin: store, types: [] } ] }",
        "messaging: { send: [ { plugin: store, rate: 100/s } ] }",
        "messaging: { send: [ { plugin: store, size: 64 } ] }",
        "messaging: { receive: [ web, web ] }",
        "messaging: { receive: [ { plugin: web, rate: 10 } ] }",
        "messaging: { queue: unlimited }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_system_calls_and_the_engine() {
    let said = report(&[
        "syscalls: { mode: audit }",
        "syscalls: { mode: learn }\nlevel: maximum",
        "syscalls: { level: strict }",
        "syscalls: { allow: [ ptrace ] }",
        "syscalls: { allow: [ timer ] }",
        "syscalls: { allow: timers }",
        "syscalls: { allow: [ timers, timers ] }",
        "syscalls: { reaction: kill }",
        "runtime: { flags: [ --jitless ] }",
        "runtime: { flags: jitless }",
        "runtime: { modules: { files: many } }",
        "runtime: { modules: { size: 1GiB } }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_lives_and_records() {
    let said = report(&[
        "health: { function: health() }",
        "health: { interval: 10 }",
        "health: { failures: 0 }",
        "restart: { on: crash }",
        "restart: always",
        "restart: { attempts: forever }",
        "restart: { first: 0s }",
        "restart: { first: 2m }",
        "restart: { first: 20s, most: 10s }",
        "quarantine: { violations: '10' }",
        "quarantine: { within: 1h }",
        "audit: { records: all }",
        "audit: { records: [ call ] }",
        "audit: { keep: 30 }",
        "audit: { keep: 1y }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_observation_and_requirements() {
    let said = report(&[
        "observe: [ file:read:/srv ]",
        "filesystem: { mode: learn }\nobserve: [ env:read:TZ ]",
        "network: { mode: learn }\nobserve: [ 'network:connect:*:443' ]",
        "level: maximum\nnetwork: { mode: audit }\nobserve: [ network:read:a.example ]",
        "observe: [ everything ]",
        "observe: true",
        "requirements: { network.limit: best_effort }",
        "requirements: { everything: best_effort }",
        "requirements: { network: { limits: best_effort } }",
        "requirements: { memory.high: required, resources.memory.high: best_effort }",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_what_a_plugin_says_of_itself() {
    let mut report = String::new();
    for body in [
        "level: maximum",
        "permission: [ file:read:/srv ]",
        "permissions: file:read:/srv",
        "permissions: [ file:raed:/srv, 'env:read:TZ', 'env:read:TZ' ]",
        "permissions: [ { permission: 'env:read:TZ', reson: zones } ]",
        "author: Ada Lovelace <ada@example.com>",
        "package: '@ada/weather'",
        "version: 1.0",
        "entry: ../other/main.js",
        "entry: src/main.tsx",
        "entry: dist/",
        "kind: SecurityPolicy",
    ] {
        let kind = match body.starts_with("kind") {
            true => "",
            false => "kind: Plugin\n",
        };
        let text = format!("apiVersion: lazaret/v1\n{kind}{body}\n");
        let problems = match PluginManifest::parse("plugin.yaml", &text) {
            Ok(_) => panic!("nothing is said of\n{body}"),
            Err(problems) => problems.to_string(),
        };
        report.push_str(&format!("{body}\n{problems}\n\n"));
    }
    insta::assert_snapshot!(report);
}
