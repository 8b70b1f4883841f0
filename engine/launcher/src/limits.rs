//! Other limits for a running container: the files of its cgroup (kernel:
//! admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/memory.rst) and its first process' limit on
//! tasks. Everything is read back.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use lazaret_launcher_wire::{CPU_PERIOD_US, CgroupLimits, ContainerId, cpu_shares};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

const CGROUPS: &str = "/sys/fs/cgroup";

const MEMORY: &str = "memory.limit_in_bytes";
const MEMORY_AND_SWAP: &str = "memory.memsw.limit_in_bytes";

/// One container's limits.
pub(crate) struct Update {
    unified: bool,
    root: PathBuf,
    name: String,
    process: Option<Pid>,
}

impl Update {
    /// Of the container whose first process, not reaped yet, has this number.
    pub(crate) fn of(id: &ContainerId, pid: u32) -> anyhow::Result<Self> {
        let number = i32::try_from(pid).context("no process id")?;
        let process = Pid::from_raw(number).context("no process id")?;
        Ok(Self::at(Path::new(CGROUPS), id.as_str(), Some(process)))
    }

    fn at(root: &Path, name: &str, process: Option<Pid>) -> Self {
        Self {
            unified: root.join("cgroup.controllers").exists(),
            root: root.to_owned(),
            name: name.to_owned(),
            process,
        }
    }

    /// Sets all of them, or puts back those there were.
    pub(crate) fn apply(&self, wanted: &CgroupLimits) -> anyhow::Result<()> {
        ensure!(
            self.unified || wanted.memory_high.is_none(),
            "this host's cgroups are version 1, which has no `memory.high`"
        );
        let before = self.in_force()?;
        let mut wanted = wanted.clone();
        if !self.unified {
            wanted.cpu_weight = cpu_shares(wanted.cpu_weight);
        }
        let set = self.set(&wanted).and_then(|()| self.hold(&wanted));
        let Err(error) = set else {
            return Ok(());
        };
        match self.set(&before).and_then(|()| self.hold(&before)) {
            Ok(()) => Err(error),
            Err(left) => bail!("{error:#}; and the limits it had are not put back: {left:#}"),
        }
    }

    /// The weight is meant as the file takes it, on version 1 in shares.
    fn set(&self, to: &CgroupLimits) -> anyhow::Result<()> {
        let weight = to.cpu_weight.to_string();
        if self.unified {
            self.set_memory(to)?;
            let quota = format!("{} {CPU_PERIOD_US}", to.cpu_quota);
            self.write("", "cpu.max", &quota)?;
            self.write("", "cpu.weight", &weight)?;
            self.write("", "pids.max", &to.pids.to_string())?;
        } else {
            self.set_memory_v1(to.memory)?;
            self.write("cpu", "cpu.cfs_quota_us", &to.cpu_quota.to_string())?;
            self.write("cpu", "cpu.shares", &weight)?;
            self.write("pids", "pids.max", &to.pids.to_string())?;
        }
        self.set_tasks(to)
    }

    /// `memory.max` below what is in use would have the kernel end the container. So what is in
    /// use is first pressed down, and where it stays above, nothing is set.
    fn set_memory(&self, to: &CgroupLimits) -> anyhow::Result<()> {
        let current = || self.number("", "memory.current");
        if current()? > to.memory {
            self.write("", "memory.high", &to.memory.to_string())?;
            fits(to.memory, current()?)?;
        }
        self.write("", "memory.max", &to.memory.to_string())?;
        let high = to.memory_high.map(|high| high.to_string());
        self.write("", "memory.high", high.as_deref().unwrap_or("max"))
    }

    /// Memory and swap together are never below memory alone: the order matters. The kernel
    /// refuses a limit below what is in use, once it has pressed that down.
    fn set_memory_v1(&self, to: u64) -> anyhow::Result<()> {
        let mut files = [MEMORY_AND_SWAP, MEMORY];
        if to < self.number("memory", MEMORY)? {
            files.reverse();
        }
        for file in files {
            if let Err(error) = self.write("memory", file, &to.to_string()) {
                fits(to, self.number("memory", "memory.usage_in_bytes")?)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// At least one above what the cgroup holds, so that the cgroup's limit is met first: that one
    /// is counted and told. It is never lowered: to raise it again takes `CAP_SYS_RESOURCE`, which
    /// not every launcher has.
    fn set_tasks(&self, to: &CgroupLimits) -> anyhow::Result<()> {
        let Some(process) = self.process else {
            return Ok(());
        };
        let least = to.pids.saturating_add(1);
        if tasks(process)?.is_none_or(|tasks| tasks >= least) {
            return Ok(());
        }
        let limits = Rlimit {
            current: Some(least),
            maximum: Some(least),
        };
        let raised = prlimit(Some(process), Resource::Nproc, limits);
        raised.context(
            "`pids.max` cannot be raised above what the container was started with: \
             `RLIMIT_NPROC` needs CAP_SYS_RESOURCE",
        )?;
        let found = tasks(process)?;
        ensure!(found == Some(least), "`RLIMIT_NPROC` is {found:?}");
        Ok(())
    }

    /// The limits in force are these.
    fn hold(&self, wanted: &CgroupLimits) -> anyhow::Result<()> {
        let found = self.in_force()?;
        ensure!(
            found == *wanted,
            "{wanted:?} was asked for and the kernel has {found:?}"
        );
        if !self.unified {
            let both = self.number("memory", MEMORY_AND_SWAP)?;
            ensure!(both == wanted.memory, "`{MEMORY_AND_SWAP}` is {both}");
        }
        Ok(())
    }

    fn in_force(&self) -> anyhow::Result<CgroupLimits> {
        if !self.unified {
            let period = self.number("cpu", "cpu.cfs_period_us")?;
            ensure!(period == CPU_PERIOD_US, "the CPU's period is {period} µs");
            return Ok(CgroupLimits {
                memory: self.number("memory", MEMORY)?,
                memory_high: None,
                cpu_quota: self.number("cpu", "cpu.cfs_quota_us")?,
                cpu_weight: self.number("cpu", "cpu.shares")?,
                pids: self.number("pids", "pids.max")?,
            });
        }
        let high = self.read("", "memory.high")?;
        let cpu = self.read("", "cpu.max")?;
        let quota = cpu.strip_suffix(&format!(" {CPU_PERIOD_US}"));
        Ok(CgroupLimits {
            memory: self.number("", "memory.max")?,
            memory_high: match high.as_str() {
                "max" => None,
                number => Some(number.parse().context("`memory.high` is no number")?),
            },
            cpu_quota: quota
                .and_then(|quota| quota.parse().ok())
                .with_context(|| format!("`cpu.max` is `{cpu}`"))?,
            cpu_weight: self.number("", "cpu.weight")?,
            pids: self.number("", "pids.max")?,
        })
    }

    fn number(&self, controller: &str, file: &str) -> anyhow::Result<u64> {
        let text = self.read(controller, file)?;
        text.parse()
            .with_context(|| format!("`{file}` is no number: `{text}`"))
    }

    fn read(&self, controller: &str, file: &str) -> anyhow::Result<String> {
        let text = fs_err::read_to_string(self.path(controller, file))?;
        Ok(text.trim_end().to_owned())
    }

    /// Writes what is not there already: what was not changed need not be put back.
    fn write(&self, controller: &str, file: &str, value: &str) -> anyhow::Result<()> {
        if self.read(controller, file)? == value {
            return Ok(());
        }
        fs_err::write(self.path(controller, file), value)
            .with_context(|| format!("`{value}` is not taken"))
    }

    fn path(&self, controller: &str, file: &str) -> PathBuf {
        self.root.join(controller).join(&self.name).join(file)
    }
}

/// The hard limit of a process on tasks of its user (proc_pid_limits(5)); `None` for no limit.
fn tasks(process: Pid) -> anyhow::Result<Option<u64>> {
    let path = format!("/proc/{}/limits", process.as_raw_nonzero());
    let text = fs_err::read_to_string(path)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max processes"));
    match line.and_then(|line| line.split_whitespace().nth(1)) {
        Some("unlimited") => Ok(None),
        Some(number) => Ok(Some(number.parse().context("a limit is no number")?)),
        None => bail!("`/proc` tells no limit on processes"),
    }
}

fn fits(limit: u64, used: u64) -> anyhow::Result<()> {
    ensure!(
        used <= limit,
        "`memory.max` of {limit} bytes is below the {used} bytes in use"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: CgroupLimits = CgroupLimits {
        memory: 64 << 20,
        memory_high: None,
        cpu_quota: 50_000,
        cpu_weight: 100,
        pids: 32,
    };
    const WANTED: CgroupLimits = CgroupLimits {
        memory: 32 << 20,
        memory_high: Some(24 << 20),
        cpu_quota: 100_000,
        cpu_weight: 200,
        pids: 8,
    };

    /// Files as those of a cgroup on version 2: what is written is read.
    fn unified(in_use: u64) -> (tempfile::TempDir, Update) {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("cgroup.controllers"), "").unwrap();
        fs_err::create_dir(root.path().join("lazaret-1-1")).unwrap();
        let update = Update::at(root.path(), "lazaret-1-1", None);
        for (file, value) in [
            ("memory.current", in_use.to_string().as_str()),
            ("memory.max", "67108864\n"),
            ("memory.high", "max\n"),
            ("cpu.max", "50000 100000\n"),
            ("cpu.weight", "100\n"),
            ("pids.max", "32\n"),
        ] {
            fs_err::write(root.path().join("lazaret-1-1").join(file), value).unwrap();
        }
        (root, update)
    }

    #[test]
    fn every_limit_is_set_and_can_be_taken_back() {
        let (_root, update) = unified(1 << 20);
        update.apply(&WANTED).unwrap();
        assert_eq!(update.in_force().unwrap(), WANTED);
        update.apply(&BEFORE).unwrap();
        assert_eq!(update.in_force().unwrap(), BEFORE);
    }

    #[test]
    fn a_limit_below_what_is_in_use_changes_nothing() {
        let (_root, update) = unified(48 << 20);
        let error = update.apply(&WANTED).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        assert_eq!(update.in_force().unwrap(), BEFORE);
    }

    #[test]
    fn a_file_that_takes_nothing_has_the_others_put_back() {
        let (root, update) = unified(1 << 20);
        let pids = root.path().join("lazaret-1-1/pids.max");
        fs_err::remove_file(&pids).unwrap();
        // A number that not even root writes.
        fs_err::os::unix::fs::symlink("/proc/sys/kernel/cap_last_cap", &pids).unwrap();
        let before = update.in_force().unwrap();
        let error = update.apply(&WANTED).unwrap_err();
        assert!(format!("{error:#}").contains("pids.max"), "{error:#}");
        assert_eq!(update.in_force().unwrap(), before);
        assert_eq!(before.memory, BEFORE.memory);
    }
}
