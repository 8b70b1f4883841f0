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
    assert!(
        kept == schema_text(),
        "write it anew: `lazaret policy schema > policies/schema/security-policy.v1.json`"
    );
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
        json!({ "runtime": { "engine": "auto" }, "requirements": { "memory.high": "best_effort", "landlock": "required" } }),
        json!({ "violations": { "syscall": { "severity": "critical", "reaction": "quarantine" } } }),
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
