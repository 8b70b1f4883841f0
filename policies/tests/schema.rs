//! The published JSON Schema says the same as the program that reads policies.

use lazaret_policy::{SecurityPolicy, schema, schema_text};
use serde_json::{Value, json};

fn takes(document: &Value) -> (bool, bool) {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    // JSON is YAML.
    let read = SecurityPolicy::parse("p", &format!("{document:#}"));
    (validator.is_valid(document), read.is_ok())
}

fn document(extra: Value) -> Value {
    let mut document = json!({ "apiVersion": "lazaret/v1", "kind": "SecurityPolicy" });
    for (key, value) in extra.as_object().expect("a map") {
        document[key] = value.clone();
    }
    document
}

#[test]
fn the_file_in_the_repository_is_the_schema() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/schema/security-policy.v1.json"
    );
    let kept = fs_err::read_to_string(file).expect("read");
    if kept != schema_text() && std::env::var_os("LAZARET_WRITE").is_some() {
        fs_err::write(file, schema_text()).expect("written");
        return;
    }
    assert!(
        kept == schema_text(),
        "`policies/schema/security-policy.v1.json` is not the language's\n  hint: LAZARET_WRITE=1 cargo test -p lazaret-policy --test schema"
    );
}

#[test]
fn every_key_says_what_it_is_for_and_has_an_example() {
    fn look(path: &str, schema: &Value) {
        let properties = schema["properties"].as_object();
        for (name, key) in properties.into_iter().flatten() {
            let path = format!("{path}.{name}");
            if path.starts_with(".requirements.") {
                continue;
            }
            assert!(key["description"].is_string(), "{path}");
            let leaf = key["properties"].is_null();
            assert!(!leaf || key["examples"].is_array(), "{path}");
            look(&path, key);
            look(&format!("{path}[]"), &key["items"]);
            look(&format!("{path}[]"), &key["items"]["anyOf"][1]);
        }
    }
    look("", &schema());
}

#[test]
fn what_the_program_takes_the_schema_takes() {
    for extra in [
        json!({}),
        json!({ "level": "maximum" }),
        json!({ "resources": { "memory": { "max": "64MiB", "high": "48MiB" }, "cpu": { "max": "50%", "weight": 50 } } }),
        json!({ "resources": { "time": { "startup": "10s", "call": "250ms", "cpu_per_call": "1m" }, "pids": { "max": 8 } } }),
        json!({ "permissions": ["file:read:/srv", { "permission": "env:read:TZ", "reason": "times" }] }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "protocol": "tcp" }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "tls": "broker" }] } }),
        json!({ "runtime": { "engine": "auto" }, "requirements": { "memory.high": "best_effort", "landlock": "required" } }),
        json!({ "violations": { "syscall": { "severity": "critical", "reaction": "quarantine" } } }),
        json!({ "runtime": { "flags": ["jitless"], "modules": { "files": 100, "size": "1MiB" } } }),
        json!({ "network": { "limits": { "connections": 8, "bandwidth": "1MiB" }, "endpoints": [
            { "host": "*.example.com", "port": 443, "methods": ["GET"], "paths": ["/v1/*", "/"], "addresses": ["private"] },
        ] } }),
        json!({ "network": { "mode": "learn" }, "observe": ["network:connect:*.example.com:443"] }),
        json!({ "filesystem": {
            "mode": "enforce", "read": ["/srv/a", { "path": "/srv/b", "reason": "in" }], "write": [{ "path": "/srv/c", "size": "1MiB" }],
            "ignore": [".git", "*.pem"], "sizes": { "read": "1MiB" },
        } }),
        json!({ "exec": { "programs": [
            { "name": "jq", "rootfs": "/srv/jq", "path": "/usr/bin/jq", "limits": { "pids": 4, "cpu": "50%", "time": "1s" } },
        ] } }),
        json!({ "env": { "read": ["TZ", { "name": "LANG" }], "set": { "MODE": "batch", "N": 3, "ON": true } } }),
        json!({ "secrets": [{ "name": "key", "hosts": ["a.example"], "from": { "file": "/etc/key" }, "expose": true }] }),
        json!({ "messaging": { "send": ["a", { "plugin": "b", "types": ["put"], "rate": 5, "size": "1KiB" }], "receive": ["c"], "queue": 5 } }),
        json!({ "syscalls": { "mode": "learn", "level": "maximum", "allow": ["timers"], "deny": ["sockets"] } }),
        json!({ "health": { "function": "health", "interval": "5s" }, "restart": { "on": "always" } }),
        json!({ "quarantine": { "violations": 0 }, "audit": { "records": ["calls"], "keep": "12h" } }),
        json!({ "requirements": { "network.limits": "best_effort", "restart": "required", "resources.cpu.max": "required" } }),
    ] {
        let document = document(extra);
        assert_eq!(takes(&document), (true, true), "{document}");
    }
}

#[test]
fn what_the_schema_refuses_the_program_refuses() {
    for extra in [
        json!({ "apiVersion": "lazaret/v2" }),
        json!({ "kind": "Policy" }),
        json!({ "level": "loose" }),
        json!({ "level": "minimal", "extends": "maximum" }),
        json!({ "extends": 3 }),
        json!({ "unknown": 1 }),
        json!({ "resources": { "memory": { "max": 64 } } }),
        json!({ "resources": { "memory": { "max": "64 MiB" } } }),
        json!({ "resources": { "memory": { "maximum": "64MiB" } } }),
        json!({ "resources": { "pids": { "max": "8" } } }),
        json!({ "resources": { "pids": { "max": 0 } } }),
        json!({ "resources": { "time": { "call": "1h" } } }),
        json!({ "permissions": ["file:raed:/x"] }),
        json!({ "permissions": [{ "reason": "none" }] }),
        json!({ "permissions": "file:read:/x" }),
        json!({ "network": { "endpoints": [{ "host": "a.example" }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 70_000 }] } }),
        json!({ "requirements": { "memory.hihg": "required" } }),
        json!({ "violations": { "syscall": { "reaction": "log" } } }),
        json!({ "violations": { "cpu": { "reaction": "deny" } } }),
        json!({ "violations": { "disk": { "severity": "low" } } }),
        json!({ "network": { "mode": "learning" } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": "443" }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "tls": "engine" }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "methods": [] }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "methods": ["get"] }] } }),
        json!({ "network": { "endpoints": [{ "host": "a.example", "port": 443, "paths": ["v1"] }] } }),
        json!({ "filesystem": { "write": [{ "size": "1MiB" }] } }),
        json!({ "filesystem": { "ignore": ["a/b"] } }),
        json!({ "exec": { "programs": [{ "name": "jq", "path": "/usr/bin/jq" }] } }),
        json!({ "exec": { "programs": ["jq"] } }),
        json!({ "env": { "set": { "A": null } } }),
        json!({ "secrets": [{ "name": "key", "from": { "env": "A" } }] }),
        json!({ "secrets": [{ "name": "key", "hosts": ["a.example"] }] }),
        json!({ "secrets": [{ "name": "key", "hosts": ["a.example"], "from": { "env": "A", "file": "/b" } }] }),
        json!({ "syscalls": { "mode": "audit" } }),
        json!({ "syscalls": { "allow": ["ptrace"] } }),
        json!({ "health": { "function": "a b" } }),
        json!({ "restart": { "on": "success" } }),
        json!({ "audit": { "keep": "30" } }),
        json!({ "requirements": { "network.limit": "required" } }),
    ] {
        let document = document(extra);
        assert_eq!(takes(&document), (false, false), "{document}");
    }
    for key in ["apiVersion", "kind"] {
        let mut document = document(json!({}));
        document.as_object_mut().expect("a map").remove(key);
        assert_eq!(takes(&document), (false, false), "{document}");
    }
}
