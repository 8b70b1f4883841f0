//! Which keys of a policy this host has no means to hold.

use std::fmt;

use lazaret_policy::{EffectivePolicy, Permission, Requirement, RequirementKey, ResourceKey};
use serde::Serialize;

use super::{CgroupVersion, Landlock};

/// A key the host cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unenforced {
    /// As `memory.high`.
    pub key: String,
    /// Where a policy says it, as `resources.memory.high`.
    #[serde(skip)]
    pub path: String,
    /// File and line.
    pub origin: String,
    /// What is missing.
    pub why: &'static str,
    /// What to do about it.
    #[serde(skip)]
    pub remedy: &'static str,
    /// The policy itself says that it may start without.
    #[serde(skip)]
    pub best_effort: bool,
}

impl fmt::Display for Unenforced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` ({}) is not enforced: {}",
            self.key, self.origin, self.why
        )
    }
}

/// Keys that this version holds at one value only, which asks for nothing.
const NOT_YET: &[(&str, &str, &str)] = &[
    ("runtime.flags", "none", "the engines are told nothing yet"),
    (
        "exec.mode",
        "enforce",
        "a program that is not granted is nowhere to be found",
    ),
    (
        "env.mode",
        "enforce",
        "a plugin is handed over no variable that is not granted",
    ),
    (
        "messaging.mode",
        "enforce",
        "there is no messaging between plugins yet",
    ),
    (
        "syscalls.mode",
        "enforce",
        "system calls are counted by `policy learn` only",
    ),
    (
        "health.function",
        "none",
        "nobody asks plugins how they are yet",
    ),
    (
        "restart.on",
        "never",
        "no plugin is started again by itself yet",
    ),
    (
        "quarantine.violations",
        "0",
        "violations are not counted yet",
    ),
    ("quarantine.errors", "0", "errors are not counted yet"),
    ("audit.records", "none", "no records are kept yet"),
];

/// Every key with another value than this version holds, and lists it holds only empty.
fn not_yet(policy: &EffectivePolicy) -> Vec<Unenforced> {
    let missing = |path: &str, origin: String, why: &'static str| {
        let key: Option<RequirementKey> = path.parse().ok();
        Unenforced {
            key: path.to_owned(),
            path: path.to_owned(),
            origin,
            why,
            remedy: "leave it out",
            best_effort: key
                .is_some_and(|key| policy.requirements().of(key) == Requirement::BestEffort),
        }
    };
    let keys = policy.keys().into_iter().filter_map(|key| {
        let (_, held, why) = NOT_YET.iter().find(|(path, ..)| *path == key.path)?;
        (key.value != *held).then(|| missing(&key.path, key.origin.to_string(), why))
    });
    let read = policy
        .observe()
        .iter()
        .find(|granted| matches!(granted.permission, Permission::FileRead(_)));
    let read = read.map(|granted| {
        let why = "what is not granted is not mounted, so that nobody can read it";
        missing("observe", granted.origin.to_string(), why)
    });
    let receive = policy.messaging().receive.first().map(|one| {
        let why = "there is no messaging between plugins yet";
        missing("messaging.receive", one.origin.to_string(), why)
    });
    keys.chain(read).chain(receive).collect()
}

/// Every key of the policy that is not held where cgroups have this version and the kernel this
/// Landlock. Of Landlock the first version is enough: it holds files, which nothing else does once
/// a mount fails; what later versions add is held by the namespaces and filters as well.
pub fn unenforced(
    policy: &EffectivePolicy,
    cgroup: CgroupVersion,
    landlock: &Landlock,
) -> Vec<Unenforced> {
    let requirements = policy.requirements();
    let high = policy.resources().memory.high.as_ref();
    let high = high
        .filter(|_| cgroup == CgroupVersion::V1)
        .map(|high| Unenforced {
            key: ResourceKey::MemoryHigh.to_string(),
            path: format!("resources.{}", ResourceKey::MemoryHigh),
            origin: high.origin.to_string(),
            why: "this host's cgroups are version 1, which has no such limit",
            remedy: "leave it out",
            best_effort: requirements.of(ResourceKey::MemoryHigh) == Requirement::BestEffort,
        });
    let stated = requirements.stated(RequirementKey::Landlock);
    let no_landlock = (landlock.abi == 0).then(|| Unenforced {
        key: RequirementKey::Landlock.to_string(),
        path: format!("requirements.{}", RequirementKey::Landlock),
        origin: stated.map_or_else(String::new, |stated| stated.origin.to_string()),
        why: "this kernel has no Landlock, or was started without",
        remedy: "use Linux 5.13 or later with `landlock` in its boot parameter `lsm=`",
        best_effort: requirements.of(RequirementKey::Landlock) == Requirement::BestEffort,
    });
    let not_yet = not_yet(policy);
    high.into_iter()
        .chain(no_landlock)
        .chain(sockets_in_reach(policy, landlock))
        .chain(not_yet)
        .collect()
}

/// The first version of Landlock that can deny connecting to sockets that files stand for.
const LANDLOCK_SOCKETS: u32 = 9;

/// With a grant of the network a plugin's process may connect sockets, and no network namespace nor
/// read-only mount is in the way of one that is a file (unix(7)): not of its own egress socket, and
/// not of another program's below a granted directory.
fn sockets_in_reach(policy: &EffectivePolicy, landlock: &Landlock) -> Option<Unenforced> {
    if landlock.abi >= LANDLOCK_SOCKETS || !policy.has_network() {
        return None;
    }
    let directory = policy.all_grants().find(|granted| {
        // What is not there is no directory, and the start fails for it.
        matches!(&granted.permission, Permission::FileRead(path)
            if fs_err::metadata(path.as_str()).is_ok_and(|found| found.is_dir()))
    })?;
    Some(Unenforced {
        key: "network".to_owned(),
        path: "network".to_owned(),
        origin: directory.origin.to_string(),
        why: "this kernel's Landlock cannot keep a plugin with network from sockets that lie as files in a granted directory",
        remedy: "grant single files beside the network",
        best_effort: "network".parse().is_ok_and(|key: RequirementKey| {
            policy.requirements().of(key) == Requirement::BestEffort
        }),
    })
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    const ALL: u32 = 9;

    fn unenforced(policy: &EffectivePolicy, cgroup: CgroupVersion) -> Vec<Unenforced> {
        super::unenforced(policy, cgroup, &Landlock::of(ALL))
    }

    fn policy(requirements: &str) -> EffectivePolicy {
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\nresources: {{ memory: {{ high: 48MiB }} }}\n{requirements}"
        );
        EffectivePolicy::of(SecurityLevel::Standard)
            .layer(&SecurityPolicy::parse("policy.yaml", &text).unwrap())
    }

    #[test]
    fn memory_high_is_held_on_version_2_only() {
        assert_eq!(unenforced(&policy(""), CgroupVersion::V2), []);
        let found = unenforced(&policy(""), CgroupVersion::V1);
        assert_eq!(found.len(), 1);
        assert!(!found[0].best_effort);
        assert!(
            found[0]
                .to_string()
                .starts_with("`memory.high` (policy.yaml:3:"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_directory_beside_the_network_needs_a_landlock_that_knows_sockets() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs_err::write(&file, "").unwrap();
        let found = |path: &std::path::Path, more: &str, abi: u32| {
            let text = format!(
                "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions: ['file:read:{}'{more}",
                path.display()
            );
            let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
            let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
            let found = super::unenforced(&policy, CgroupVersion::V2, &Landlock::of(abi));
            let told = found.first().map(|one| (one.key.clone(), one.best_effort));
            (found.len(), told)
        };
        let network = ", 'network:read:api.example.com']\n";
        let word = format!("{network}requirements: {{ network: best_effort }}\n");
        let nothing = (0, None);
        let missing = |best_effort| (1, Some(("network".to_owned(), best_effort)));
        assert_eq!(found(directory.path(), network, 8), missing(false));
        assert_eq!(found(directory.path(), &word, 8), missing(true));
        assert_eq!(found(directory.path(), network, 9), nothing);
        assert_eq!(found(directory.path(), "]\n", 8), nothing);
        assert_eq!(found(&file, network, 8), nothing);
    }

    #[test]
    fn the_policy_itself_can_do_without() {
        let policy = policy("requirements: { memory.high: best_effort }\n");
        assert!(unenforced(&policy, CgroupVersion::V1)[0].best_effort);
    }

    #[test]
    fn a_kernel_without_landlock_holds_only_what_does_without() {
        let without = |policy: &EffectivePolicy| {
            let found = super::unenforced(policy, CgroupVersion::V2, &Landlock::of(0));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].key, "landlock");
            (found[0].best_effort, found[0].origin.clone())
        };
        for (level, best_effort) in [
            (SecurityLevel::Minimal, true),
            (SecurityLevel::Standard, false),
            (SecurityLevel::Maximum, false),
        ] {
            let origin = format!("`{level}` level");
            assert_eq!(without(&EffectivePolicy::of(level)), (best_effort, origin));
        }
        let policy = policy("requirements: { landlock: best_effort }\n");
        assert_eq!(without(&policy), (true, "policy.yaml:4:27".to_owned()));
    }

    #[test]
    fn the_first_version_of_landlock_is_enough() {
        let policy = EffectivePolicy::of(SecurityLevel::Maximum);
        for abi in 1..=ALL {
            let found = super::unenforced(&policy, CgroupVersion::V2, &Landlock::of(abi));
            assert_eq!(found, [], "{abi}");
        }
    }

    #[test]
    fn what_this_version_does_not_hold_keeps_a_plugin_from_starting() {
        let first = |body: &str| {
            let found = unenforced(&policy(body), CgroupVersion::V2);
            found.first().map(|one| (one.key.clone(), one.best_effort))
        };
        assert_eq!(first("restart: { on: never }\n"), None);
        let always = "restart: { on: always }\n";
        assert_eq!(first(always), Some(("restart.on".to_owned(), false)));
        let without = format!("{always}requirements: {{ restart: best_effort }}\n");
        assert_eq!(first(&without), Some(("restart.on".to_owned(), true)));
        let refused = |key: &str| Some((key.to_owned(), false));
        let observe = |act: &str| {
            first(&format!(
                "filesystem: {{ mode: audit }}\nobserve: ['{act}']\n"
            ))
        };
        assert_eq!(observe("file:write:/srv/out"), None);
        assert_eq!(observe("file:read:/srv/in"), refused("observe"));
        assert_eq!(
            first("messaging: { receive: [ web ] }\n"),
            refused("messaging.receive")
        );
        for held in [
            "env: { set: { MODE: batch } }\n",
            "network: { endpoints: [ { host: a.example, port: 443, methods: [GET], paths: [/v1/*] } ] }\n",
            "network: { endpoints: [ { host: a.example, port: 80, protocol: http, paths: [/v1/*] } ] }\n",
            "network: { endpoints: [ { host: a.example, port: 443, tls: broker } ] }\n",
            "secrets: [ { name: key, hosts: [ a.example ], from: { env: KEY } } ]\n",
            "filesystem: { ignore: [ '*.pem' ] }\n",
            "syscalls: { level: maximum, allow: [ timers ] }\n",
        ] {
            assert_eq!(first(held), None, "{held}");
        }
    }

    #[test]
    fn the_presets_are_held_on_both() {
        for level in SecurityLevel::ALL {
            for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
                assert_eq!(unenforced(&EffectivePolicy::of(level), cgroup), []);
            }
        }
    }

    #[test]
    fn the_starting_policies_are_held_on_both() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/examples");
        let mut names = Vec::new();
        for entry in fs_err::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs_err::read_to_string(&path).unwrap();
            let policy = SecurityPolicy::parse(&name, &text).unwrap();
            let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
            for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
                assert_eq!(unenforced(&policy, cgroup), [], "{name}");
            }
            names.push(name);
        }
        assert_eq!(names.len(), 5, "{names:?}");
    }
}
