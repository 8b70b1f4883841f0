//! A container's cgroup: what it is held to, and what it has used (kernel:
//! admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/memory.rst).

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_launcher_wire::{CPU_PERIOD_US, CgroupLimits, ContainerId, cpu_shares, kill_members};
use lazaret_policy::Resources;

use crate::host::CgroupVersion;

/// How often a cgroup is looked for when its launcher is gone, at the most.
const MAX_LOOKS: u32 = 50;

/// How many looks in a row must find nothing.
const LOOKS_WITHOUT: u32 = 5;

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the kernel holds a cgroup to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of swap beside it; on v1 of memory and swap together less the memory.
    pub swap: u64,
    /// CPU time in microseconds for each period.
    pub cpu_quota: u64,
    /// The period in microseconds.
    pub cpu_period: u64,
    /// Tasks.
    pub pids: u64,
}

/// What a cgroup has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory now.
    pub memory: u64,
    /// The most bytes of memory so far; from Linux 5.19 on the unified hierarchy.
    pub memory_peak: Option<u64>,
    /// How often the kernel killed for want of memory.
    pub oom_kills: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Tasks now.
    pub pids: u64,
    /// The most tasks so far; where the kernel tells.
    pub pids_peak: Option<u64>,
}

/// A limit that is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupDifference {
    /// The file, as `memory.max`.
    pub what: &'static str,
    /// What the policy asks for.
    pub expected: String,
    /// What the kernel says.
    pub found: String,
}

impl fmt::Display for CgroupDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected `{}`, found `{}`",
            self.what, self.expected, self.found
        )
    }
}

/// The cgroup of one container.
#[derive(Clone, Debug)]
pub struct Cgroup {
    version: CgroupVersion,
    root: PathBuf,
    name: String,
}

impl Cgroup {
    /// The cgroup the launcher makes for this container.
    pub fn of(id: &ContainerId, version: CgroupVersion) -> Self {
        Self::at(Path::new("/sys/fs/cgroup"), id.as_str(), version)
    }

    pub(super) fn at(root: &Path, name: &str, version: CgroupVersion) -> Self {
        Self {
            version,
            root: root.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Compares the limits in force with those asked for, and looks for the process in it.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn differences(
        &self,
        wanted: &Resources,
        pid: u32,
    ) -> std::io::Result<Vec<CgroupDifference>> {
        let found = self.limits()?;
        let share = wanted.cpu.max.value;
        let mut differences = Vec::new();
        let mut compare = |what, expected: u64, found: u64| {
            if expected != found {
                let (expected, found) = (expected.to_string(), found.to_string());
                differences.push(CgroupDifference {
                    what,
                    expected,
                    found,
                });
            }
        };
        compare("memory.max", wanted.memory.max.value.bytes(), found.memory);
        compare("memory.swap.max", 0, found.swap);
        compare("pids.max", u64::from(wanted.pids.max.value), found.pids);
        compare("cpu.max", share.quota(found.cpu_period), found.cpu_quota);
        let weight = u64::from(wanted.cpu.weight.value.get());
        if self.version == CgroupVersion::V1 {
            compare(
                "cpu.shares",
                cpu_shares(weight),
                number(&self.text("cpu", "cpu.shares")?)?,
            );
        } else {
            compare(
                "cpu.weight",
                weight,
                number(&self.text("cpu", "cpu.weight")?)?,
            );
            let high = wanted.memory.high.as_ref();
            compare(
                "memory.high",
                high.map_or(u64::MAX, |high| high.value.bytes()),
                number(&self.text("memory", "memory.high")?)?,
            );
            compare(
                "memory.oom.group",
                1,
                number(&self.text("memory", "memory.oom.group")?)?,
            );
        }
        for controller in self.controllers() {
            let members = self.text(controller, "cgroup.procs")?;
            if !members.lines().any(|line| line == pid.to_string()) {
                differences.push(CgroupDifference {
                    what: "cgroup.procs",
                    expected: pid.to_string(),
                    found: members.replace('\n', " ").trim().to_owned(),
                });
            }
        }
        Ok(differences)
    }

    /// What the launcher is asked for, so that the cgroup is held to these limits.
    pub fn wanted(&self, resources: &Resources) -> CgroupLimits {
        let high = resources.memory.high.as_ref();
        CgroupLimits {
            memory: resources.memory.max.value.bytes(),
            // Version 1 has none; whether the policy does without was decided before.
            memory_high: high
                .filter(|_| self.version == CgroupVersion::V2)
                .map(|high| high.value.bytes()),
            cpu_quota: resources.cpu.max.value.quota(CPU_PERIOD_US),
            cpu_weight: u64::from(resources.cpu.weight.value.get()),
            pids: u64::from(resources.pids.max.value),
        }
    }

    /// The limits in force.
    ///
    /// # Errors
    /// Where a file cannot be read or is not what the kernel's documentation says.
    pub fn limits(&self) -> std::io::Result<Limits> {
        match self.version {
            CgroupVersion::V1 => {
                let memory = number(&self.text("memory", "memory.limit_in_bytes")?)?;
                let both = number(&self.text("memory", "memory.memsw.limit_in_bytes")?)?;
                Ok(Limits {
                    memory,
                    swap: both.saturating_sub(memory),
                    cpu_quota: number(&self.text("cpu", "cpu.cfs_quota_us")?)?,
                    cpu_period: number(&self.text("cpu", "cpu.cfs_period_us")?)?,
                    pids: number(&self.text("pids", "pids.max")?)?,
                })
            }
            CgroupVersion::V2 => {
                let cpu = self.text("cpu", "cpu.max")?;
                let (quota, period) = cpu.trim().split_once(' ').ok_or_else(|| odd(&cpu))?;
                Ok(Limits {
                    memory: number(&self.text("memory", "memory.max")?)?,
                    swap: number(&self.text("memory", "memory.swap.max")?)?,
                    cpu_quota: number(quota)?,
                    cpu_period: number(period)?,
                    pids: number(&self.text("pids", "pids.max")?)?,
                })
            }
        }
    }

    /// What has been used so far.
    ///
    /// # Errors
    /// Where a file cannot be read or is not what the kernel's documentation says.
    pub fn usage(&self) -> std::io::Result<Usage> {
        match self.version {
            CgroupVersion::V1 => Ok(Usage {
                memory: number(&self.text("memory", "memory.usage_in_bytes")?)?,
                memory_peak: Some(number(&self.text("memory", "memory.max_usage_in_bytes")?)?),
                oom_kills: entry(&self.text("memory", "memory.oom_control")?, "oom_kill")?,
                cpu_us: number(&self.text("cpuacct", "cpuacct.usage")?)? / 1000,
                pids: number(&self.text("pids", "pids.current")?)?,
                pids_peak: self.known("pids", "pids.peak")?,
            }),
            CgroupVersion::V2 => Ok(Usage {
                memory: number(&self.text("memory", "memory.current")?)?,
                memory_peak: self.known("memory", "memory.peak")?,
                oom_kills: entry(&self.text("memory", "memory.events")?, "oom_kill")?,
                cpu_us: entry(&self.text("cpu", "cpu.stat")?, "usage_usec")?,
                pids: number(&self.text("pids", "pids.current")?)?,
                pids_peak: self.known("pids", "pids.peak")?,
            }),
        }
    }

    /// A figure that not every kernel has.
    fn known(&self, controller: &str, file: &str) -> std::io::Result<Option<u64>> {
        match self.text(controller, file) {
            Ok(text) => number(&text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// CPU time used so far in microseconds.
    ///
    /// # Errors
    /// As [`Self::usage`].
    pub fn cpu_us(&self) -> std::io::Result<u64> {
        match self.version {
            CgroupVersion::V1 => Ok(number(&self.text("cpuacct", "cpuacct.usage")?)? / 1000),
            CgroupVersion::V2 => entry(&self.text("cpu", "cpu.stat")?, "usage_usec"),
        }
    }

    /// Kills what is in the cgroup and removes it from every hierarchy: for when the launcher,
    /// whose task that is, is gone. What it was making then may go on making cgroups for a moment,
    /// so it is looked for again until it stays away. What cannot be removed is the next
    /// launcher's to remove.
    pub fn remove(&self) {
        let mut absent = 0;
        for _ in 0..MAX_LOOKS {
            if self.remove_once() {
                absent = 0;
            } else {
                absent += 1;
            }
            if absent == LOOKS_WITHOUT {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// True where there was something to remove.
    fn remove_once(&self) -> bool {
        let hierarchies = match self.version {
            CgroupVersion::V2 => vec![self.root.clone()],
            CgroupVersion::V1 => fs_err::read_dir(&self.root)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect(),
        };
        let cgroups = hierarchies
            .iter()
            .map(|hierarchy| hierarchy.join(&self.name))
            // Not there in every hierarchy.
            .filter(|cgroup| cgroup.is_dir())
            .collect::<Vec<_>>();
        for cgroup in &cgroups {
            kill_members(cgroup);
            fs_err::remove_dir(cgroup).ok();
        }
        !cgroups.is_empty()
    }

    fn controllers(&self) -> &'static [&'static str] {
        match self.version {
            CgroupVersion::V1 => &["memory", "cpu", "cpuacct", "pids"],
            CgroupVersion::V2 => &[""],
        }
    }

    fn text(&self, controller: &str, file: &str) -> std::io::Result<String> {
        fs_err::read_to_string(self.path(controller, file))
    }

    /// Where a file of it lies.
    pub(super) fn path(&self, controller: &str, file: &str) -> PathBuf {
        let directory = match self.version {
            CgroupVersion::V1 => self.root.join(controller).join(&self.name),
            CgroupVersion::V2 => self.root.join(&self.name),
        };
        directory.join(file)
    }

    /// Which files it has.
    pub(crate) fn version(&self) -> CgroupVersion {
        self.version
    }
}

fn odd(text: &str) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        format!("not a cgroup figure: `{}`", text.trim()),
    )
}

/// A number; `max` and `-1` mean no limit.
pub(super) fn number(text: &str) -> std::io::Result<u64> {
    match text.trim() {
        "max" | "-1" => Ok(u64::MAX),
        digits => digits.parse().map_err(|_| odd(text)),
    }
}

/// The number behind a key, one pair a line.
pub(super) fn entry(text: &str, key: &str) -> std::io::Result<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    number(value.ok_or_else(|| odd(text))?)
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel};

    use super::*;

    fn unified() -> (tempfile::TempDir, Cgroup) {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("lazaret-1-1");
        fs_err::create_dir(&directory).unwrap();
        for (file, text) in [
            ("memory.max", "67108864\n"),
            ("memory.high", "max\n"),
            ("memory.swap.max", "0\n"),
            ("memory.oom.group", "1\n"),
            ("memory.current", "4096\n"),
            (
                "memory.events",
                "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 1\n",
            ),
            ("cpu.max", "100000 100000\n"),
            ("cpu.weight", "100\n"),
            ("cpu.stat", "usage_usec 1234\nuser_usec 1000\n"),
            ("pids.max", "32\n"),
            ("pids.current", "2\n"),
            ("cgroup.procs", "41\n42\n"),
        ] {
            fs_err::write(directory.join(file), text).unwrap();
        }
        let cgroup = Cgroup::at(root.path(), "lazaret-1-1", CgroupVersion::V2);
        (root, cgroup)
    }

    #[test]
    fn figures_are_read_as_the_kernel_writes_them() {
        let (_root, cgroup) = unified();
        let usage = cgroup.usage().unwrap();
        assert_eq!(
            (usage.oom_kills, usage.cpu_us, usage.memory_peak),
            (1, 1234, None)
        );
    }

    #[test]
    fn a_limit_that_is_not_in_force_is_found() {
        let (root, cgroup) = unified();
        let policy = EffectivePolicy::of(SecurityLevel::Standard);
        assert_eq!(cgroup.differences(policy.resources(), 42).unwrap(), []);
        fs_err::write(root.path().join("lazaret-1-1/memory.max"), "max\n").unwrap();
        fs_err::write(root.path().join("lazaret-1-1/cpu.max"), "max 100000\n").unwrap();
        fs_err::write(root.path().join("lazaret-1-1/cpu.weight"), "1000\n").unwrap();
        let found = cgroup.differences(policy.resources(), 43).unwrap();
        let files: Vec<_> = found.iter().map(|difference| difference.what).collect();
        assert_eq!(
            files,
            ["memory.max", "cpu.max", "cpu.weight", "cgroup.procs"]
        );
    }

    #[test]
    fn a_file_that_is_not_what_it_should_be_is_an_error_not_a_zero() {
        let (root, cgroup) = unified();
        fs_err::write(root.path().join("lazaret-1-1/memory.events"), "odd\n").unwrap();
        assert!(cgroup.usage().is_err());
    }
}
