//! Whole bundles as snapshots, the specification's rules, and the launcher's floor.

mod program;
mod weaker;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use lazaret_launcher_wire::floor::{self, Reservation};
use lazaret_policy::{SecurityLevel, SecurityPolicy};
use serde_json::Value;

use super::*;

const FIRST_HOST_ID: u32 = 0x2000_0000;

fn request<'a>(policy: &'a EffectivePolicy, id: &'a ContainerId) -> BundleRequest<'a> {
    BundleRequest {
        policy,
        plugin: "weather",
        entry: "main.js",
        id,
        directory: PathBuf::from("/run/lazaret/1/lazaret-1-1"),
        first_host_id: FIRST_HOST_ID,
        cgroup: CgroupVersion::V2,
        landlock: 7,
        listener: true,
        learns: false,
        executable_memory: false,
        environment: &NO_ENVIRONMENT,
        config: &NO_CONFIG,
        standalone_call: None,
    }
}

static NO_CONFIG: LazyLock<PluginConfig> = LazyLock::new(PluginConfig::default);

static NO_ENVIRONMENT: Environment = Environment {
    values: std::collections::BTreeMap::new(),
    unset: std::collections::BTreeSet::new(),
};

fn policy(text: &str) -> EffectivePolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{text}");
    EffectivePolicy::of(SecurityLevel::Standard)
        .layer(&SecurityPolicy::parse("policy.yaml", &text).unwrap())
}

fn reservation(id: &ContainerId, grants: usize) -> Reservation {
    Reservation {
        id: id.clone(),
        directory: PathBuf::from("/run/lazaret/1/lazaret-1-1"),
        first_host_id: FIRST_HOST_ID,
        grants,
        egress: false,
    }
}

/// Bundles of every kind there is.
fn variants() -> Vec<(&'static str, Bundle)> {
    let id = ContainerId::new(1, 1);
    let levels = SecurityLevel::ALL.map(EffectivePolicy::of);
    let mut bundles: Vec<_> = SecurityLevel::ALL
        .iter()
        .zip(&levels)
        .map(|(level, policy)| (level.as_str(), build(&request(policy, &id)).unwrap()))
        .collect();
    let high = policy("resources: { memory: { max: 64MiB, high: 48MiB }, cpu: { weight: 10 } }\n");
    bundles.push(("memory-high", build(&request(&high, &id)).unwrap()));
    let standard = &levels[1];
    let v1 = BundleRequest {
        cgroup: CgroupVersion::V1,
        ..request(standard, &id)
    };
    bundles.push(("cgroup-v1", build(&v1).unwrap()));
    let v8 = BundleRequest {
        executable_memory: true,
        ..request(standard, &id)
    };
    bundles.push(("v8", build(&v8).unwrap()));
    let learns = BundleRequest {
        learns: true,
        ..request(standard, &id)
    };
    bundles.push(("learns", build(&learns).unwrap()));
    let call = StandaloneCall {
        function: "forecast".into(),
        arguments: "[]".into(),
    };
    let standalone = BundleRequest {
        listener: false,
        standalone_call: Some(call),
        ..request(standard, &id)
    };
    bundles.push(("standalone", build(&standalone).unwrap()));
    let egress = policy("permissions: [ network:read:api.example.com ]\n");
    bundles.push(("egress", build(&request(&egress, &id)).unwrap()));
    let granted = policy("permissions: [ 'file:read:/etc/hostname', 'file:read:/usr/share' ]\n");
    bundles.push(("granted", build(&request(&granted, &id)).unwrap()));
    bundles
}

#[test]
fn the_standard_bundle_is_as_reviewed() {
    let bundles = variants();
    let (_, standard) = bundles
        .iter()
        .find(|(name, _)| *name == "standard")
        .unwrap();
    insta::assert_snapshot!("config-standard", standard.config);
    insta::assert_snapshot!("settings-standard", standard.settings);
}

#[test]
fn other_bundles_differ_from_the_standard_one_as_reviewed() {
    let bundles = variants();
    let (_, standard) = bundles
        .iter()
        .find(|(name, _)| *name == "standard")
        .unwrap();
    for (name, bundle) in bundles.iter().filter(|(name, _)| *name != "standard") {
        let lines: BTreeSet<&str> = standard.config.lines().collect();
        let other: BTreeSet<&str> = bundle.config.lines().collect();
        let gone = standard
            .config
            .lines()
            .filter(|line| !other.contains(line))
            .map(|line| format!("-{line}"));
        let new = bundle
            .config
            .lines()
            .filter(|line| !lines.contains(line))
            .map(|line| format!("+{line}"));
        let difference: Vec<String> = gone.chain(new).collect();
        insta::assert_snapshot!(format!("config-{name}"), difference.join("\n"));
    }
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    assert_eq!(variants(), variants());
}

#[test]
fn every_bundle_keeps_the_rules_of_the_runtime_specification() {
    for (name, bundle) in variants() {
        let config: Value = serde_json::from_str(&bundle.config).unwrap();
        assert_eq!(broken_rules(&config), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_bundle_is_above_the_launchers_floor() {
    let id = ContainerId::new(1, 1);
    for (name, bundle) in variants() {
        let spec = serde_json::from_str(&bundle.config).unwrap();
        let mut reservation = reservation(&id, bundle.grants.len());
        reservation.egress = bundle.egress;
        assert_eq!(floor::check(&spec, &reservation), Ok(()), "{name}");
    }
}

#[test]
fn what_cannot_be_held_is_refused_with_its_place() {
    let policy = policy(
        "permissions:\n  - network:read:api.example.com\n  - exec:run:jq\n  - message:send:store\n",
    );
    let id = ContainerId::new(1, 1);
    let error = build(&request(&policy, &id)).unwrap_err();
    insta::assert_snapshot!(error, @r"
    the policy grants what this version of lazaret cannot hold:
      `exec:run:jq` (policy.yaml:5:5): no entry of `exec.programs` says what program that is
      `message:send:store` (policy.yaml:6:5): there is no messaging between plugins yet
    ");
}

#[test]
fn what_only_the_engine_does_is_refused_where_there_is_none() {
    let policy = policy("permissions: [ network:read:api.example.com ]\n");
    let id = ContainerId::new(1, 1);
    let alone = BundleRequest {
        listener: false,
        ..request(&policy, &id)
    };
    assert!(matches!(build(&alone), Err(BundleError::Unheld(_))));
}

/// The rules of the runtime specification 1.0.2 that a `config.json` of ours could break.
fn broken_rules(config: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            broken.push(text.to_owned());
        }
    };
    let text = |pointer: &str| {
        config
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let list = |pointer: &str| {
        config
            .pointer(pointer)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    rule(
        text("/ociVersion").split('.').count() == 3,
        "config.md: ociVersion MUST be SemVer",
    );
    rule(
        !text("/root/path").is_empty(),
        "config.md: root.path is REQUIRED",
    );
    rule(
        text("/process/cwd").starts_with('/'),
        "config.md: cwd MUST be absolute",
    );
    rule(
        !list("/process/args").is_empty(),
        "config.md: args needs one entry",
    );
    let namespaces: Vec<String> = list("/linux/namespaces")
        .iter()
        .map(|namespace| namespace["type"].to_string())
        .collect();
    let unique: BTreeSet<&String> = namespaces.iter().collect();
    rule(
        unique.len() == namespaces.len(),
        "config-linux.md: a namespace type MUST NOT be duplicated",
    );
    rule(
        text("/hostname").is_empty() || namespaces.contains(&"\"uts\"".to_owned()),
        "config.md: hostname needs a uts namespace",
    );
    let limits: Vec<String> = list("/process/rlimits")
        .iter()
        .map(|limit| limit["type"].to_string())
        .collect();
    let unique: BTreeSet<&String> = limits.iter().collect();
    rule(
        unique.len() == limits.len(),
        "config.md: an rlimit type MUST NOT be duplicated",
    );
    for limit in list("/process/rlimits") {
        rule(
            limit["soft"].as_u64() <= limit["hard"].as_u64(),
            "config.md: soft MUST NOT exceed hard",
        );
    }
    for mount in list("/mounts") {
        let destination = mount["destination"].as_str().unwrap_or_default().to_owned();
        rule(
            Path::new(&destination).is_absolute(),
            "config.md: destination MUST be absolute",
        );
    }
    for pointer in ["/linux/maskedPaths", "/linux/readonlyPaths"] {
        for path in list(pointer) {
            rule(
                path.as_str().is_some_and(|path| path.starts_with('/')),
                "config-linux.md: masked and read-only paths MUST be absolute",
            );
        }
    }
    let mut notifies = false;
    for call in list("/linux/seccomp/syscalls") {
        rule(
            call["names"]
                .as_array()
                .is_some_and(|names| !names.is_empty()),
            "config-linux.md: names MUST contain at least one entry",
        );
        notifies |= call["action"] == "SCMP_ACT_NOTIFY";
        rule(
            call.get("errnoRet").is_none() || call["action"] == "SCMP_ACT_ERRNO",
            "config-linux.md: errnoRet needs an action that returns one",
        );
        let indexes: Vec<Option<u64>> = call["args"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|argument| argument["index"].as_u64())
            .collect();
        rule(
            indexes.iter().all(|index| *index < Some(6)),
            "seccomp(2): six arguments",
        );
    }
    rule(
        !notifies || text("/linux/seccomp/listenerPath").starts_with('/'),
        "config-linux.md: listenerPath MUST be set with SCMP_ACT_NOTIFY",
    );
    rule(
        text("/linux/seccomp/defaultAction") != "SCMP_ACT_NOTIFY",
        "config-linux.md: the default action MUST NOT be SCMP_ACT_NOTIFY",
    );
    broken
}
