//! What the kernel holds a process to, read from the host.

use anyhow::{Context, ensure};
use lazaret::host::CgroupVersion;

/// Limits of a plugin, as the kernel has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Bytes.
    pub(super) memory: u64,
    /// CPU time in microseconds for 100 ms.
    pub(super) quota: u64,
    /// Tasks.
    pub(super) pids: u64,
}

impl Held {
    /// As a policy asks for it: MiB, percent, tasks.
    pub(super) fn of(memory: u64, percent: u64, pids: u64) -> Self {
        Self {
            memory: memory << 20,
            quota: percent * 1000,
            pids,
        }
    }

    /// Of the process' own cgroup.
    pub(super) fn now(pid: u32) -> anyhow::Result<Self> {
        let version = CgroupVersion::detect().context("no cgroups")?;
        let (memory, quota) = match version {
            CgroupVersion::V1 => (
                number(&file(pid, "memory", "memory.limit_in_bytes")?)?,
                number(&file(pid, "cpu", "cpu.cfs_quota_us")?)?,
            ),
            CgroupVersion::V2 => {
                let cpu = file(pid, "", "cpu.max")?;
                let (quota, period) = cpu.split_once(' ').context("two numbers")?;
                ensure!(period == "100000", "{cpu}");
                (number(&file(pid, "", "memory.max")?)?, number(quota)?)
            }
        };
        let controller = if version == CgroupVersion::V1 {
            "pids"
        } else {
            ""
        };
        let limits = fs_err::read_to_string(format!("/proc/{pid}/limits"))?;
        let mut lines = limits.lines();
        let line = lines.find_map(|line| line.strip_prefix("Max processes"));
        let mut words = line.context("a line for processes")?.split_whitespace();
        let (soft, hard) = (words.next(), words.next());
        ensure!(soft == hard, "{soft:?} {hard:?}");
        let pids = number(&file(pid, controller, "pids.max")?)?;
        let processes = number(soft.context("a number")?)?;
        // So that the cgroup's limit is met first.
        ensure!(
            processes > pids,
            "RLIMIT_NPROC {processes}, pids.max {pids}"
        );
        Ok(Self {
            memory,
            quota,
            pids,
        })
    }
}

fn file(pid: u32, controller: &str, name: &str) -> anyhow::Result<String> {
    let cgroups = fs_err::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let line = cgroups.lines().find(|line| {
        let controllers = line.split(':').nth(1).unwrap_or_default();
        controllers.split(',').any(|one| one == controller)
    });
    let path = line.and_then(|line| line.splitn(3, ':').nth(2));
    let path = path.context("it is in a cgroup")?;
    let text = fs_err::read_to_string(format!("/sys/fs/cgroup/{controller}{path}/{name}"))?;
    Ok(text.trim().to_owned())
}

fn number(text: &str) -> anyhow::Result<u64> {
    text.parse().with_context(|| format!("`{text}`"))
}
