//! Bundles of programs: as reviewed, above a floor of their own, and never taken for a plugin's.

use lazaret_launcher_wire::floor::program::{MAX_ARGUMENT_BYTES, MAX_ARGUMENTS};
use serde_json::{Value, json};

use super::weaker::set;
use super::*;

fn program(arguments: &[&str], cgroup: CgroupVersion) -> ProgramBundle {
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    let policy = EffectivePolicy::of(SecurityLevel::Standard);
    build_program(&ProgramRequest {
        path: "/usr/bin/jq",
        arguments: &arguments,
        resources: policy.resources(),
        id: &ContainerId::new(1, 1),
        directory: PathBuf::from("/run/lazaret/1/lazaret-1-1"),
        first_host_id: FIRST_HOST_ID,
        cgroup,
    })
    .unwrap()
}

fn config(bundle: &ProgramBundle) -> Value {
    serde_json::from_str(&bundle.config).unwrap()
}

fn usual() -> Value {
    config(&program(&["-c", ".a"], CgroupVersion::V2))
}

fn is_above_floor(config: &Value) -> bool {
    floor::check_program(config, &reservation(&ContainerId::new(1, 1), 0)).is_ok()
}

#[test]
fn the_bundle_of_a_program_is_as_reviewed() {
    let shown = serde_json::to_string_pretty(&usual()).unwrap();
    insta::assert_snapshot!("program", shown);
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    let build = || program(&["-c", ".a"], CgroupVersion::V2);
    assert_eq!(build(), build());
}

#[test]
fn bundles_of_programs_keep_the_rules_of_the_runtime_specification() {
    assert_eq!(broken_rules(&usual()), Vec::<String>::new());
}

#[test]
fn bundles_of_programs_are_above_their_floor() {
    for version in [CgroupVersion::V1, CgroupVersion::V2] {
        let config = config(&program(&["a b", "$(x)", "", "\u{1}\"\\"], version));
        let reservation = reservation(&ContainerId::new(1, 1), 0);
        assert_eq!(floor::check_program(&config, &reservation), Ok(()));
    }
}

#[test]
fn neither_kind_of_bundle_is_taken_for_the_other() {
    let id = ContainerId::new(1, 1);
    assert!(floor::check(&usual(), &reservation(&id, 0)).is_err());
    for (name, bundle) in variants() {
        let config = serde_json::from_str(&bundle.config).unwrap();
        assert!(!is_above_floor(&config), "{name}");
    }
    // What of a plugin's bundle could be made a program by, and the other way round.
    for (pointer, value) in [
        ("/process/args", json!(["/bin/sh"])),
        ("/process/env", usual()["process"]["env"].clone()),
        ("/process/cwd", "/tmp".into()),
        ("/hostname", "program".into()),
        ("/linux/seccomp", usual()["linux"]["seccomp"].clone()),
        ("/mounts", usual()["mounts"].clone()),
    ] {
        let mut plugin: Value = serde_json::from_str(&variants()[1].1.config).unwrap();
        assert_eq!(floor::check(&plugin, &reservation(&id, 0)), Ok(()));
        set(&mut plugin, pointer, value);
        assert!(
            floor::check(&plugin, &reservation(&id, 0)).is_err(),
            "{pointer}"
        );
    }
}

/// With the most arguments of the costliest characters.
#[test]
fn the_largest_bundle_of_a_program_fits_a_packet() {
    let each = "\u{1}".repeat(MAX_ARGUMENT_BYTES / MAX_ARGUMENTS);
    let bundle = program(&vec![each.as_str(); MAX_ARGUMENTS], CgroupVersion::V2);
    assert!(is_above_floor(&config(&bundle)));
    let request = lazaret_launcher_wire::Request::CreateProgram {
        id: ContainerId::new(1, 1),
        config: bundle.config,
        rootfs: PathBuf::from("/".repeat(4096)),
    };
    let bytes = serde_json::to_vec(&request).unwrap().len();
    let limit = lazaret_launcher_wire::MAX_PACKET_BYTES;
    assert!(bytes < limit, "{bytes}");
}

#[test]
fn every_way_to_weaken_a_programs_bundle_is_refused() {
    let allow = |name: &str| json!({ "names": [name], "action": "SCMP_ACT_ALLOW" });
    let clone = |flags: u64| json!({ "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "op": "SCMP_CMP_EQ", "value": flags }] });
    let rule = "/linux/seccomp/syscalls/99";
    assert!(is_above_floor(&usual()));
    let changes = [
        ("/root/readonly", false.into()),
        ("/root/path", "/".into()),
        ("/hooks", json!({})),
        ("/hostname", "plugin".into()),
        ("/somethingNew", json!({})),
        ("/process/user/uid", 0.into()),
        ("/process/user/additionalGids", json!([0])),
        ("/process/noNewPrivileges", false.into()),
        ("/process/noNewPrivileges", Value::Null),
        ("/process/capabilities", Value::Null),
        ("/process/capabilities/ambient", json!(["CAP_SYS_ADMIN"])),
        ("/process/terminal", true.into()),
        ("/process/args", json!([])),
        ("/process/args", json!(["jq"])),
        ("/process/args", json!(["/usr/bin/jq", 1])),
        ("/process/args", json!(["/usr/bin/jq", "a\0b"])),
        ("/process/args", json!(vec!["/a"; MAX_ARGUMENTS + 2])),
        (
            "/process/args",
            json!(["/a", "x".repeat(MAX_ARGUMENT_BYTES + 1)]),
        ),
        ("/process/cwd", "/".into()),
        ("/process/env/9", "LD_PRELOAD=/tmp/x.so".into()),
        ("/process/rlimits", json!([])),
        ("/process/rlimits/3/hard", 1.into()),
        ("/linux/namespaces/0/path", "/proc/1/ns/user".into()),
        ("/linux/namespaces", json!([])),
        ("/linux/uidMappings/0/hostID", 0.into()),
        ("/linux/cgroupsPath", "/".into()),
        ("/linux/devices", json!([])),
        ("/linux/maskedPaths", json!([])),
        ("/linux/readonlyPaths", json!([])),
        ("/linux/resources/memory/limit", Value::Null),
        ("/linux/resources/memory/swap", (-1).into()),
        ("/linux/resources/cpu/quota", Value::Null),
        ("/linux/resources/pids/limit", 0.into()),
        ("/linux/seccomp", Value::Null),
        ("/linux/seccomp/defaultAction", "SCMP_ACT_ALLOW".into()),
        (
            "/linux/seccomp/architectures",
            json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]),
        ),
        ("/linux/seccomp/flags", json!([])),
        (
            "/linux/seccomp/listenerPath",
            "/run/lazaret/1/lazaret-1-1/seccomp.sock".into(),
        ),
        ("/linux/seccomp/syscalls/0/action", "SCMP_ACT_NOTIFY".into()),
        ("/linux/seccomp/syscalls/1/action", "SCMP_ACT_ALLOW".into()),
        ("/linux/seccomp/syscalls/1/errnoRet", 0.into()),
        ("/linux/seccomp/syscalls/2/args", Value::Null),
        ("/linux/seccomp/syscalls/2/args/0/value", 2.into()),
        ("/linux/seccomp/syscalls/3/args", Value::Null),
        ("/linux/seccomp/syscalls/3/args/0/op", "SCMP_CMP_NE".into()),
        ("/linux/seccomp/syscalls/3/args/0/index", 1.into()),
        (rule, clone(0x1000_0011)),
        (rule, clone(0x0002_0011)),
        (rule, allow("clone")),
        (rule, allow("clone3")),
        (rule, allow("socket")),
        (rule, allow("socketpair")),
        (rule, allow("mount")),
        (rule, allow("bpf")),
        (rule, allow("ptrace")),
        (rule, allow("unshare")),
        (rule, allow("io_uring_setup")),
        (rule, allow("memfd_create")),
        (rule, allow("execveat")),
        (rule, allow("a call of tomorrow")),
        ("/mounts/0/type", "sysfs".into()),
        ("/mounts/2/options/9", "exec".into()),
        ("/mounts/2/source", "/".into()),
        (
            "/mounts/9",
            json!({ "destination": "/granted/0", "type": "bind", "source": "/run/lazaret/1/lazaret-1-1/granted/0", "options": ["bind", "ro", "nosuid", "nodev", "noexec"] }),
        ),
        (
            "/mounts/9",
            json!({ "destination": "/plugin", "type": "bind", "source": "/run/lazaret/1/lazaret-1-1/plugin", "options": ["bind", "ro", "nosuid", "nodev", "noexec"] }),
        ),
    ];
    for (pointer, value) in changes {
        let mut config = usual();
        set(&mut config, pointer, value.clone());
        assert_ne!(config, usual(), "{pointer} = {value} changes nothing");
        assert!(!is_above_floor(&config), "{pointer} = {value}");
    }
}
