//! Every way to weaken a bundle that came to mind, and that the launcher's floor refuses it.

use lazaret_launcher_wire::floor;
use serde_json::{Value, json};

use super::*;

fn is_above_floor(config: &Value, grants: usize) -> bool {
    floor::check(config, &reservation(&ContainerId::new(1, 1), grants)).is_ok()
}

fn standard() -> Value {
    let id = ContainerId::new(1, 1);
    let policy = EffectivePolicy::of(SecurityLevel::Standard);
    serde_json::from_str(&build(&request(&policy, &id)).unwrap().config).unwrap()
}

/// Each change alone is refused; without it the bundle passes. Null takes the key away, an index
/// past the end appends.
fn refuses_each(changes: &[(&str, Value)]) {
    assert!(is_above_floor(&standard(), 0));
    for (pointer, value) in changes {
        let mut config = standard();
        set(&mut config, pointer, value.clone());
        assert_ne!(config, standard(), "{pointer} = {value} changes nothing");
        assert!(!is_above_floor(&config, 0), "{pointer} = {value}");
    }
}

pub(super) fn set(config: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match config.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            if value.is_null() {
                object.remove(key);
            } else {
                object.insert(key.to_owned(), value);
            }
        }
        Value::Array(array) => match key.parse::<usize>().unwrap() {
            index if index < array.len() => array[index] = value,
            _ => array.push(value),
        },
        other => panic!("{other}"),
    }
}

#[test]
fn whole() {
    refuses_each(&[
        ("/root/readonly", false.into()),
        ("/root/path", "/".into()),
        ("/root", Value::Null),
        ("/hooks", json!({ "prestart": [{ "path": "/bin/sh" }] })),
        ("/hooks", json!({})),
        ("/linux", Value::Null),
        ("/process", Value::Null),
        ("/mounts", Value::Null),
        ("/hostname", "other".into()),
        ("/domainname", "example.com".into()),
        (
            "/annotations",
            json!({ "run.oci.keep_original_groups": "1" }),
        ),
        ("/windows", json!({})),
        ("/solaris", json!({})),
        ("/vm", json!({})),
        ("/zos", json!({})),
        ("/somethingNew", json!({})),
    ]);
    assert!(!is_above_floor(&json!([]), 0));
}

#[test]
fn process() {
    refuses_each(&[
        ("/process/user/uid", 0.into()),
        ("/process/user/gid", 0.into()),
        ("/process/user/additionalGids", json!([0])),
        ("/process/user/umask", 0.into()),
        ("/process/user/umask", Value::Null),
        ("/process/user/username", "root".into()),
        ("/process/noNewPrivileges", false.into()),
        ("/process/noNewPrivileges", Value::Null),
        ("/process/capabilities", Value::Null),
        ("/process/capabilities/bounding", Value::Null),
        ("/process/capabilities/ambient", json!(["CAP_SYS_ADMIN"])),
        ("/process/terminal", true.into()),
        ("/process/consoleSize", json!({ "height": 1, "width": 1 })),
        ("/process/args", json!(["/bin/sh"])),
        ("/process/args", json!([])),
        ("/process/args", json!(["/lazaret/shim", "--other"])),
        ("/process/commandLine", "/bin/sh".into()),
        ("/process/cwd", "/plugin".into()),
        ("/process/env/9", "LD_PRELOAD=/plugin/x.so".into()),
        ("/process/env", Value::Null),
        ("/process/rlimits", Value::Null),
        ("/process/rlimits", json!([])),
        ("/process/rlimits/3/hard", 1.into()),
        ("/process/rlimits/4/soft", 1.into()),
        ("/process/rlimits/0/hard", 1_000_000.into()),
        ("/process/rlimits/0/type", "RLIMIT_NICE".into()),
        (
            "/process/rlimits/9",
            json!({ "type": "RLIMIT_STACK", "soft": 1, "hard": 1 }),
        ),
        ("/process/oomScoreAdj", (-1000).into()),
        ("/process/scheduler", json!({ "policy": "SCHED_FIFO" })),
        (
            "/process/ioPriority",
            json!({ "class": "IOPRIO_CLASS_RT", "priority": 0 }),
        ),
        ("/process/execCPUAffinity", json!({ "initial": "0" })),
        ("/process/apparmorProfile", "unconfined".into()),
        ("/process/selinuxLabel", "unconfined_t".into()),
    ]);
}

#[test]
fn linux() {
    refuses_each(&[
        ("/linux/namespaces/0/path", "/proc/1/ns/user".into()),
        ("/linux/namespaces/9", json!({ "type": "time" })),
        ("/linux/namespaces/9", json!({ "type": "pid" })),
        ("/linux/timeOffsets", json!({ "monotonic": { "secs": 1 } })),
        ("/linux/uidMappings/0/hostID", 0.into()),
        ("/linux/uidMappings/0/size", 4_000_000_000_u32.into()),
        (
            "/linux/uidMappings/1",
            json!({ "containerID": 65536, "hostID": 0, "size": 1 }),
        ),
        ("/linux/gidMappings", Value::Null),
        ("/linux/cgroupsPath", "/".into()),
        ("/linux/cgroupsPath", "/lazaret-1-1/../x".into()),
        (
            "/linux/devices",
            json!([{ "path": "/dev/sda", "type": "b", "major": 8, "minor": 0 }]),
        ),
        ("/linux/netDevices", json!({ "eth0": {} })),
        (
            "/linux/sysctl",
            json!({ "kernel.core_pattern": "|/bin/sh" }),
        ),
        ("/linux/intelRdt", json!({ "closID": "x" })),
        ("/linux/personality", json!({ "domain": "LINUX32" })),
        ("/linux/mountLabel", "x".into()),
        ("/linux/memoryPolicy", json!({ "mode": "MPOL_BIND" })),
        ("/linux/maskedPaths", json!([])),
        ("/linux/maskedPaths/0", "/lazaret".into()),
        ("/linux/maskedPaths/0", "/proc/../lazaret".into()),
        ("/linux/readonlyPaths", json!([])),
        ("/linux/rootfsPropagation", "shared".into()),
    ]);
    for number in 0..7 {
        let mut config = standard();
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.remove(number);
        assert!(!is_above_floor(&config, 0), "{number}");
    }
}

#[test]
fn resources() {
    refuses_each(&[
        ("/linux/resources/memory/limit", (-1).into()),
        ("/linux/resources/memory/swap", (-1).into()),
        ("/linux/resources/memory/disableOOMKiller", true.into()),
        ("/linux/resources/memory/kernel", 1.into()),
        ("/linux/resources/memory/reservation", 1.into()),
        ("/linux/resources/memory/useHierarchy", false.into()),
        ("/linux/resources/pids", Value::Null),
        ("/linux/resources/pids/limit", (-1).into()),
        ("/linux/resources/cpu", Value::Null),
        ("/linux/resources/cpu/quota", (-1).into()),
        ("/linux/resources/cpu/period", 1.into()),
        ("/linux/resources/cpu/shares", 0.into()),
        ("/linux/resources/cpu/cpus", "0".into()),
        ("/linux/resources/cpu/mems", "0".into()),
        ("/linux/resources/cpu/idle", 1.into()),
        ("/linux/resources/cpu/burst", 1.into()),
        ("/linux/resources/cpu/realtimeRuntime", 1.into()),
        ("/linux/resources/cpu/realtimePeriod", 1.into()),
        ("/linux/resources/devices", json!([{ "allow": true }])),
        ("/linux/resources/blockIO", json!({})),
        ("/linux/resources/hugepageLimits", json!([])),
        ("/linux/resources/network", json!({})),
        ("/linux/resources/rdma", json!({})),
        ("/linux/resources/unified/memory.oom.group", "0".into()),
        ("/linux/resources/unified/memory.swap.max", "1".into()),
        ("/linux/resources/unified/memory.swap.max", "max".into()),
        ("/linux/resources/unified/memory.high", "max".into()),
        ("/linux/resources/unified/cpu.weight", "1\n".into()),
        ("/linux/resources/unified/cpu.weight", 1.into()),
        ("/linux/resources/unified/cgroup.procs", "1".into()),
    ]);
    let mut config = standard();
    config["linux"]["resources"]["unified"]["../../escaped"] = "1".into();
    assert!(!is_above_floor(&config, 0));
}

#[test]
fn seccomp() {
    let rule = |name: &str| json!({ "names": [name], "action": "SCMP_ACT_ALLOW" });
    refuses_each(&[
        ("/linux/seccomp", Value::Null),
        ("/linux/seccomp/defaultAction", "SCMP_ACT_ALLOW".into()),
        ("/linux/seccomp/defaultAction", "SCMP_ACT_LOG".into()),
        ("/linux/seccomp/defaultErrnoRet", 0.into()),
        ("/linux/seccomp/architectures", json!([])),
        ("/linux/seccomp/architectures", Value::Null),
        ("/linux/seccomp/architectures/9", "SCMP_ARCH_X86".into()),
        ("/linux/seccomp/architectures/9", "SCMP_ARCH_X32".into()),
        ("/linux/seccomp/flags", json!([])),
        (
            "/linux/seccomp/flags",
            json!(["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]),
        ),
        ("/linux/seccomp/listenerMetadata", "x".into()),
        ("/linux/seccomp/listenerPath", "/tmp/elsewhere.sock".into()),
        // Nobody would answer what is reported.
        ("/linux/seccomp/listenerPath", Value::Null),
        ("/linux/seccomp/syscalls/1/action", "SCMP_ACT_ALLOW".into()),
        ("/linux/seccomp/syscalls/1/action", "SCMP_ACT_LOG".into()),
        ("/linux/seccomp/syscalls/1/action", "SCMP_ACT_TRACE".into()),
        ("/linux/seccomp/syscalls/2/errnoRet", 0.into()),
        ("/linux/seccomp/syscalls/3/args", Value::Null),
        ("/linux/seccomp/syscalls/3/args/0/value", 0.into()),
        ("/linux/seccomp/syscalls/3/args/0/index", 1.into()),
        ("/linux/seccomp/syscalls/3/args/0/op", "SCMP_CMP_NE".into()),
        (
            "/linux/seccomp/syscalls/3/args/0/op",
            "SCMP_CMP_MASKED_EQ".into(),
        ),
        (
            "/linux/seccomp/syscalls/3/args/1",
            json!({ "index": 1, "op": "SCMP_CMP_EQ", "value": 0 }),
        ),
        ("/linux/seccomp/syscalls/4/action", "SCMP_ACT_ALLOW".into()),
        ("/linux/seccomp/syscalls/99", rule("clone")),
        ("/linux/seccomp/syscalls/99", rule("clone3")),
        ("/linux/seccomp/syscalls/99", rule("fork")),
        ("/linux/seccomp/syscalls/99", rule("vfork")),
        ("/linux/seccomp/syscalls/99", rule("umount")),
        ("/linux/seccomp/syscalls/99", rule("socket")),
        ("/linux/seccomp/syscalls/99", rule("bpf")),
        // Known to be of harm or not, what is in no list is not allowed.
        ("/linux/seccomp/syscalls/99", rule("chown")),
        ("/linux/seccomp/syscalls/99", rule("a_later_kernels")),
        ("/linux/seccomp/syscalls/99", rule("socketpair")),
        ("/linux/seccomp/syscalls/5/args/0/value", 2.into()),
    ]);
}

#[test]
fn a_socket_is_allowed_where_there_is_egress_and_only_the_one_kind() {
    let id = ContainerId::new(1, 1);
    let policy = policy("permissions: [ network:read:api.example.com ]\n");
    let bundle = build(&request(&policy, &id)).unwrap();
    assert!(bundle.egress);
    let config: Value = serde_json::from_str(&bundle.config).unwrap();
    let is_above = |config: &Value, egress| {
        let reservation = Reservation {
            egress,
            ..reservation(&id, 0)
        };
        floor::check(config, &reservation).is_ok()
    };
    assert!(is_above(&config, true));
    assert!(!is_above(&config, false));
    let rules = config["linux"]["seccomp"]["syscalls"].as_array().unwrap();
    let socket = (rules.iter())
        .position(|rule| rule["names"] == json!(["socket"]) && rule["action"] == "SCMP_ACT_ALLOW")
        .unwrap();
    let at = |path: &str| format!("/linux/seccomp/syscalls/{socket}/args{path}");
    for (pointer, value) in [
        (at(""), Value::Null),
        (at(""), json!([])),
        (
            at("/2"),
            json!({ "index": 2, "op": "SCMP_CMP_EQ", "value": 6 }),
        ),
        (at("/0/value"), libc::AF_INET.into()),
        (at("/0/op"), "SCMP_CMP_NE".into()),
        (at("/1/value"), libc::SOCK_STREAM.into()),
        (at("/1/value"), libc::SOCK_DGRAM.into()),
        (at("/1/index"), 2.into()),
    ] {
        let mut config = config.clone();
        set(&mut config, &pointer, value.clone());
        assert!(!is_above(&config, true), "{pointer} = {value}");
    }
    for name in ["bind", "listen", "socket", "accept"] {
        let mut config = config.clone();
        let rule = json!({ "names": [name], "action": "SCMP_ACT_ALLOW" });
        set(&mut config, "/linux/seccomp/syscalls/99", rule);
        assert_eq!(is_above(&config, true), name == "accept", "{name}");
    }
}

#[test]
fn mounts() {
    let tmp = |options: &[&str]| json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": options });
    let plugin = "/run/lazaret/1/lazaret-1-1/plugin";
    let bind = |options: &[&str]| json!({ "destination": "/plugin", "type": "bind", "source": plugin, "options": options });
    let limits = ["mode=1777", "size=16777216", "nr_inodes=4096"];
    let guarded = [&["nosuid", "nodev", "noexec"], &limits[..]].concat();
    refuses_each(&[
        ("/mounts/0/type", "sysfs".into()),
        ("/mounts/0/source", "/".into()),
        ("/mounts/0/options/9", "rw".into()),
        ("/mounts/1/options/9", "dev".into()),
        ("/mounts/2/source", "/".into()),
        ("/mounts/2/type", "bind".into()),
        ("/mounts/2/type", Value::Null),
        ("/mounts/2/options/9", "rbind".into()),
        ("/mounts/2/options/9", "exec".into()),
        ("/mounts/2/options/9", "nosuid".into()),
        ("/mounts/2/options/9", "size=1".into()),
        ("/mounts/2/options/9", "idmap".into()),
        ("/mounts/2", tmp(&guarded[..5])),
        ("/mounts/2", tmp(&["nosuid", "nodev", "noexec"])),
        ("/mounts/2", tmp(&limits)),
        ("/mounts/2/options/4", "size=50%".into()),
        ("/mounts/2/options/4", "size=1,mpol=bind".into()),
        ("/mounts/2/options/3", "mode=777".into()),
        ("/mounts/2/uidMappings", json!([])),
        ("/mounts/2/gidMappings", json!([])),
        ("/mounts/3/source", "/etc".into()),
        ("/mounts/3/options", json!(["bind"])),
        (
            "/mounts/3",
            bind(&["rbind", "ro", "nosuid", "nodev", "noexec"]),
        ),
        (
            "/mounts/3",
            bind(&[
                "bind", "ro", "nosuid", "nodev", "noexec", "rw", "suid", "dev", "exec",
            ]),
        ),
        ("/mounts/3/destination", "/lazaret".into()),
        ("/mounts/3/destination", "/tmp".into()),
        ("/mounts/9", tmp(&guarded)),
        (
            "/mounts/9",
            json!({ "destination": "/granted/0", "type": "bind", "source": "/run/lazaret/1/lazaret-1-1/granted/0", "options": ["bind", "ro", "nosuid", "nodev", "noexec"] }),
        ),
    ]);
    for number in 0..5 {
        let mut config = standard();
        config["mounts"].as_array_mut().unwrap().remove(number);
        assert!(!is_above_floor(&config, 0), "{number}");
    }
}

#[test]
fn granted_paths_are_all_there_and_no_more() {
    let id = ContainerId::new(1, 1);
    let policy = policy("permissions: [ 'file:read:/etc/hostname', 'file:read:/usr/share' ]\n");
    let bundle = build(&request(&policy, &id)).unwrap();
    let config: Value = serde_json::from_str(&bundle.config).unwrap();
    assert!(is_above_floor(&config, 2));
    for grants in [0, 1, 3] {
        assert!(!is_above_floor(&config, grants), "{grants}");
    }
    let mut swapped = config.clone();
    swapped["mounts"].as_array_mut().unwrap().swap(6, 7);
    assert!(!is_above_floor(&swapped, 2));
    let mut elsewhere = config;
    elsewhere["mounts"][7]["source"] = "/usr/share".into();
    assert!(!is_above_floor(&elsewhere, 2));
}
