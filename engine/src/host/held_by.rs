//! What holds each key and grant of a policy, in a few words.

use super::{CgroupVersion, Landlock};

/// What holds a key (`resources.memory.max`) or a grant (`file:read:/srv`) on a host with cgroups of this version and
/// this Landlock; `None` for what only says how something is seen.
pub fn held_by(what: &str, cgroup: CgroupVersion, landlock: &Landlock) -> Option<String> {
    let v2 = cgroup == CgroupVersion::V2;
    let held = match what {
        "requirements.landlock" => return Some(format!("Landlock {}", landlock.told())),
        "resources.memory.max" if v2 => "cgroup memory.max, memory.swap.max, memory.oom.group",
        "resources.memory.max" => "cgroup memory.limit_in_bytes, memory.memsw.limit_in_bytes",
        "resources.memory.high" => "cgroup memory.high",
        "resources.cpu.max" if v2 => "cgroup cpu.max",
        "resources.cpu.max" => "cgroup cpu.cfs_quota_us",
        "resources.cpu.weight" if v2 => "cgroup cpu.weight",
        "resources.cpu.weight" => "cgroup cpu.shares",
        "resources.pids.max" => "cgroup pids.max",
        "resources.files.open" => "RLIMIT_NOFILE",
        "resources.tmp.size" => "size of the tmpfs, cgroup memory",
        "resources.output.log" | "resources.output.line" | "resources.output.result" => {
            "shim, and the engine for what the shim sends"
        }
        "resources.time.startup" => "engine's clock",
        "resources.time.call" | "resources.time.cpu_per_call" => {
            "shim's watchdog, then the engine's clock and SIGKILL"
        }
        "runtime.engine" => "root file system with that shim only",
        "runtime.flags" => "shim's engine",
        "runtime.modules.files" | "runtime.modules.size" => "engine, when it reads the plugin",
        "filesystem.ignore" => "op in the shim, and the engine where it writes",
        "filesystem.sizes.read" => "op in the shim",
        "log.level" => "shim, and the engine for what the shim sends",
        "syscalls.level" | "syscalls.allow" | "syscalls.deny" => "first system call filter",
        what if what.starts_with("network.") => "egress broker",
        what if ["filesystem.", "exec.", "messaging.", "window.", "kv."]
            .iter()
            .any(|section| what.starts_with(section)) =>
        {
            "engine, at each act"
        }
        what if [
            "env.",
            "syscalls.",
            "health.",
            "restart.",
            "quarantine.",
            "audit.",
        ]
        .iter()
        .any(|section| what.starts_with(section)) =>
        {
            "engine"
        }
        "level" => "system call filters, and every key not named elsewhere",
        "violations.syscall.reaction" => "engine, before the call is answered",
        what if what.starts_with("violations.") && what.ends_with(".reaction") => "engine",
        what if what.starts_with("requirements.") => "engine, before the start",
        what if what.starts_with("file:read:") && landlock.abi == 0 => {
            "op in the shim, read-only mount, host user"
        }
        what if what.starts_with("file:read:") => {
            "op in the shim, Landlock, read-only mount, host user"
        }
        what if what.starts_with("file:write:") => {
            "op in the shim, engine that does the writing, read-only mounts"
        }
        what if what.starts_with("network:") => {
            "op in the shim, egress broker, empty network namespace"
        }
        what if what.starts_with("window:") => "engine that asks the display, at each act",
        what if what.starts_with("exec:run:") => {
            "op in the shim, engine, container of the program's own"
        }
        what if what.starts_with("env:read:") => "engine, when it starts the container",
        _ => return None,
    };
    Some(held.to_owned())
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel};

    use super::*;

    #[test]
    fn every_key_is_held_by_something() {
        for key in EffectivePolicy::of(SecurityLevel::Standard).keys() {
            for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
                assert_eq!(
                    held_by(&key.path, cgroup, &Landlock::of(1)).is_none(),
                    key.path.ends_with(".severity"),
                    "{}",
                    key.path
                );
            }
        }
    }
}
