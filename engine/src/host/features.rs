//! What the host must have, found out without changing anything.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{CgroupVersion, Installation, InstallationError, Landlock, ShimEngine};

/// Whether a feature is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Present,
    /// It is not, and no plugin runs without it.
    Missing,
    /// It is not; only what names it is affected.
    Absent,
}

/// A thing the host has or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Short name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// What to do where it is not there.
    pub remedy: &'static str,
}

/// What was found of one feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    #[serde(flatten)]
    pub feature: Feature,
    /// Whether it is there.
    pub state: State,
    /// What was seen.
    pub detail: String,
}

/// Namespaces every container has, as `/proc/self/ns` names them.
const NAMESPACES: [&str; 7] = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"];

/// Seccomp actions the two filters use.
const SECCOMP_ACTIONS: [&str; 4] = ["kill_process", "errno", "user_notif", "allow"];

/// Looks at the host and the installation.
pub fn survey(installation: &Result<Installation, InstallationError>) -> Vec<Finding> {
    let mut findings = Survey::new(Path::new("/proc"), Path::new("/sys")).all();
    findings.insert(0, root());
    findings.push(launcher(installation));
    findings.extend(ShimEngine::ALL.map(|engine| runtime(installation, engine)));
    findings
}

fn found(feature: Feature, present: bool, detail: impl Into<String>) -> Finding {
    let state = if present {
        State::Present
    } else {
        State::Missing
    };
    Finding {
        feature,
        state,
        detail: detail.into(),
    }
}

fn root() -> Finding {
    let uid = rustix::process::geteuid();
    let feature = Feature {
        name: "root",
        purpose: "making namespaces, cgroups and mounts",
        remedy: "run `lazaret` as root, by sudo",
    };
    found(feature, uid.is_root(), format!("user id {}", uid.as_raw()))
}

fn launcher(installation: &Result<Installation, InstallationError>) -> Finding {
    let feature = Feature {
        name: "launcher",
        purpose: "creating containers",
        remedy: "run `make build`, or `make install`",
    };
    match installation {
        Ok(installation) => found(feature, true, installation.launcher().display().to_string()),
        Err(error) => found(
            feature,
            false,
            error.to_string().lines().next().unwrap_or_default(),
        ),
    }
}

fn runtime(installation: &Result<Installation, InstallationError>, engine: ShimEngine) -> Finding {
    let feature = match engine {
        ShimEngine::QuickJs => Feature {
            name: "engine quickjs",
            purpose: "running plugins, by default",
            remedy: "run `make build`",
        },
        ShimEngine::V8 => Feature {
            name: "engine v8",
            purpose: "running plugins that say `runtime: { engine: v8 }`",
            remedy: "run `make build-v8`",
        },
    };
    let missing = if engine == ShimEngine::QuickJs {
        State::Missing
    } else {
        State::Absent
    };
    let Ok(installation) = installation else {
        return Finding {
            feature,
            state: missing,
            detail: "not installed".to_owned(),
        };
    };
    if !installation.has(engine) {
        return Finding {
            feature,
            state: missing,
            detail: "not installed".to_owned(),
        };
    }
    match lazaret_rootfs::digest(&installation.rootfs(engine)) {
        Ok(digest) => found(feature, true, format!("root file system {digest}")),
        Err(error) => found(feature, false, error.to_string()),
    }
}

fn landlock(landlock: &Landlock) -> Finding {
    let feature = Feature {
        name: "landlock",
        purpose: "keeping files out of reach even where a mount or a filter fails",
        remedy: "use Linux 5.13 or later with `landlock` in its boot parameter `lsm=`, or say `requirements: { landlock: best_effort }` in policies",
    };
    found(feature, landlock.abi > 0, landlock.told())
}

/// Features of the kernel, looked up in its own files.
struct Survey {
    proc: PathBuf,
    sys: PathBuf,
}

impl Survey {
    fn new(proc: &Path, sys: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            sys: sys.to_owned(),
        }
    }

    fn all(&self) -> Vec<Finding> {
        vec![
            self.namespaces(),
            self.user_namespaces(),
            self.cgroups(),
            self.swap(),
            self.seccomp(),
            landlock(&Landlock::detect()),
            Self::pidfd(),
        ]
    }

    fn namespaces(&self) -> Finding {
        let feature = Feature {
            name: "namespaces",
            purpose: "a view of its own for every plugin: users, processes, mounts, network, IPC, names, cgroups",
            remedy: "use a kernel built with all of CONFIG_NAMESPACES, CONFIG_USER_NS and CONFIG_CGROUPS",
        };
        let missing: Vec<_> = NAMESPACES
            .into_iter()
            .filter(|name| {
                self.proc
                    .join("self/ns")
                    .join(name)
                    .symlink_metadata()
                    .is_err()
            })
            .collect();
        let detail = if missing.is_empty() {
            NAMESPACES.join(" ")
        } else {
            format!("no {}", missing.join(", "))
        };
        found(feature, missing.is_empty(), detail)
    }

    fn user_namespaces(&self) -> Finding {
        let feature = Feature {
            name: "user namespaces",
            purpose: "host ids of its own for every plugin",
            remedy: "raise the limit: `sysctl user.max_user_namespaces=16384`",
        };
        let text = self.text("sys/user/max_user_namespaces");
        let limit = text.parse::<u64>().unwrap_or(0);
        found(
            feature,
            limit > 0,
            format!("limit {}", if text.is_empty() { "unknown" } else { &text }),
        )
    }

    fn cgroups(&self) -> Finding {
        let feature = Feature {
            name: "cgroups",
            purpose: "limits on memory, CPU and processes",
            remedy: "mount cgroups at /sys/fs/cgroup with the controllers memory, cpu and pids (on the unified hierarchy they must be in cgroup.controllers)",
        };
        let root = self.sys.join("fs/cgroup");
        match CgroupVersion::detect_at(&root) {
            None => found(feature, false, "none mounted"),
            Some(version) => {
                let controllers =
                    fs_err::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
                let has = |name: &str| match version {
                    CgroupVersion::V2 => controllers.split_whitespace().any(|word| word == name),
                    CgroupVersion::V1 => root.join(name).is_dir(),
                };
                let wanted: &[&str] = match version {
                    CgroupVersion::V2 => &["memory", "cpu", "pids"],
                    CgroupVersion::V1 => &["memory", "cpu", "cpuacct", "pids"],
                };
                let missing: Vec<_> = wanted.iter().copied().filter(|name| !has(name)).collect();
                let name = match version {
                    CgroupVersion::V2 => "version 2 (unified)",
                    CgroupVersion::V1 => "version 1 or hybrid; `memory.high` cannot be held",
                };
                if missing.is_empty() {
                    found(feature, true, name)
                } else {
                    found(
                        feature,
                        false,
                        format!("{name}, without {}", missing.join(", ")),
                    )
                }
            }
        }
    }

    fn swap(&self) -> Finding {
        let feature = Feature {
            name: "swap limit",
            purpose: "keeping plugins out of swap",
            remedy: "boot with `swapaccount=1`",
        };
        let root = self.sys.join("fs/cgroup");
        match CgroupVersion::detect_at(&root) {
            Some(CgroupVersion::V2) => found(feature, true, "memory.swap.max"),
            Some(CgroupVersion::V1) => {
                let file = root.join("memory/memory.memsw.limit_in_bytes");
                let present = file.exists();
                found(
                    feature,
                    present,
                    if present {
                        "memory.memsw"
                    } else {
                        "no memory.memsw"
                    },
                )
            }
            None => found(feature, false, "no cgroups"),
        }
    }

    fn seccomp(&self) -> Finding {
        let feature = Feature {
            name: "seccomp",
            purpose: "two filters on system calls, the first one reporting to the engine",
            remedy: "use Linux 5.0 or later with CONFIG_SECCOMP_FILTER",
        };
        let text = self.text("sys/kernel/seccomp/actions_avail");
        let missing: Vec<_> = SECCOMP_ACTIONS
            .into_iter()
            .filter(|action| !text.split_whitespace().any(|word| word == *action))
            .collect();
        let detail = if missing.is_empty() {
            text.clone()
        } else {
            format!("no {}", missing.join(", "))
        };
        found(feature, missing.is_empty(), detail)
    }

    fn pidfd() -> Finding {
        use rustix::process::{PidfdFlags, getpid, pidfd_open};
        let feature = Feature {
            name: "pidfd",
            purpose: "never killing or waiting for the wrong process",
            remedy: "use Linux 5.4 or later",
        };
        match pidfd_open(getpid(), PidfdFlags::empty()) {
            Ok(_) => found(feature, true, "pidfd_open"),
            Err(error) => found(feature, false, error.to_string()),
        }
    }

    fn text(&self, path: &str) -> String {
        let text = fs_err::read_to_string(self.proc.join(path)).unwrap_or_default();
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> tempfile::TempDir {
        let host = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = host.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        for name in NAMESPACES {
            write(&format!("proc/self/ns/{name}"), "");
        }
        write("proc/sys/user/max_user_namespaces", "100\n");
        write(
            "proc/sys/kernel/seccomp/actions_avail",
            "kill_process kill_thread trap errno user_notif trace log allow\n",
        );
        write(
            "sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io memory pids\n",
        );
        host
    }

    fn states(host: &tempfile::TempDir) -> Vec<(&'static str, State)> {
        let survey = Survey::new(&host.path().join("proc"), &host.path().join("sys"));
        survey
            .all()
            .into_iter()
            .map(|finding| (finding.feature.name, finding.state))
            .collect()
    }

    #[test]
    fn a_host_with_everything_misses_nothing() {
        let host = host();
        assert!(
            states(&host)
                .iter()
                .all(|(_, state)| *state == State::Present),
            "{:?}",
            states(&host)
        );
    }

    #[test]
    fn landlock_is_missing_where_the_kernel_has_none() {
        let finding = landlock(&Landlock::of(0));
        assert_eq!(finding.state, State::Missing);
        assert_eq!(landlock(&Landlock::of(1)).state, State::Present);
    }

    #[test]
    fn each_feature_a_kernel_lacks_is_named() {
        for (path, text, name) in [
            ("proc/sys/user/max_user_namespaces", "0", "user namespaces"),
            (
                "proc/sys/kernel/seccomp/actions_avail",
                "kill_process errno allow",
                "seccomp",
            ),
            ("sys/fs/cgroup/cgroup.controllers", "cpu pids", "cgroups"),
        ] {
            let host = host();
            fs_err::write(host.path().join(path), text).unwrap();
            assert!(states(&host).contains(&(name, State::Missing)), "{name}");
        }
        let without = host();
        fs_err::remove_file(without.path().join("proc/self/ns/cgroup")).unwrap();
        assert!(states(&without).contains(&("namespaces", State::Missing)));
    }
}
