//! What the kernel counts when a container meets its limits (kernel: admin-guide/cgroup-v2.rst,
//! admin-guide/cgroup-v1/{memory,pids}.rst, scheduler/sched-bwc.rst).
//!
//! | limit | version 2 | version 1 |
//! | --- | --- | --- |
//! | memory | `memory.events`, notified | `memory.failcnt`, `memory.memsw.failcnt`, `memory.oom_control` |
//! | processes | `pids.events`, notified | `pids.events` |
//! | CPU time | `cpu.stat` | `cpu.stat` |
//!
//! The kernel notifies by waking whoever polls the open file for priority data; of `pids.events` on
//! version 1 only some kernels tell. The other counters go up silently: somebody has to look.
//! Failed charges of memory are not counted by each kernel on version 1.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::event::epoll;
use rustix::time::Timespec;
use tokio::io::unix::AsyncFd;

use super::cgroup::{Cgroup, entry, number};
use super::reactor;
use crate::event::{Act, CounterRise};
use crate::host::CgroupVersion;

/// More than any of these files holds.
const MAX_FILE_BYTES: usize = 4096;

/// Which kind of act a counter's rise is.
type Kind = fn(CounterRise) -> Act;

/// One counter.
#[derive(Debug)]
struct Counter {
    kind: Kind,
    /// File and key, as they are told.
    name: &'static str,
    /// The key in the file; without one the file is the number.
    key: Option<&'static str>,
    /// Where it stood before the container was started: what its making cost is not the plugin's.
    first: u64,
    last: u64,
}

/// One file with counters in it.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Held open where the kernel notifies of changes.
    open: Option<File>,
    counters: Vec<Counter>,
}

/// The counters of one container's cgroup.
#[derive(Debug)]
pub struct CgroupEvents {
    sources: Vec<Source>,
    notices: AsyncFd<OwnedFd>,
}

impl CgroupEvents {
    /// Begins to count from where the counters stand. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Where a file cannot be read or is not what the kernel's documentation says.
    pub fn watch(cgroup: &Cgroup) -> io::Result<Self> {
        let notices = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let sources = sources(cgroup)?;
        for source in &sources {
            if let Some(file) = &source.open {
                let told = epoll::EventFlags::PRI | epoll::EventFlags::ET;
                epoll::add(&notices, file, epoll::EventData::new_u64(0), told)?;
            }
        }
        let mut events = Self {
            sources,
            notices: reactor::watch(notices)?,
        };
        events.begin()?;
        Ok(events)
    }

    /// Counts from where the counters stand now.
    fn begin(&mut self) -> io::Result<()> {
        self.look()?;
        for counter in self
            .sources
            .iter_mut()
            .flat_map(|source| &mut source.counters)
        {
            counter.first = counter.last;
        }
        Ok(())
    }

    /// Waits until the kernel tells that a counter may have gone up. Safe to be dropped while it
    /// waits.
    ///
    /// # Errors
    /// Where the system call fails.
    pub async fn notified(&self) -> io::Result<()> {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        loop {
            let mut ready = self.notices.readable().await?;
            let mut told = Vec::with_capacity(self.sources.len());
            let room = rustix::buffer::spare_capacity(&mut told);
            if epoll::wait(ready.get_inner(), room, Some(&now))? > 0 {
                return Ok(());
            }
            ready.clear_ready();
        }
    }

    /// What has gone up since the last look.
    ///
    /// # Errors
    /// Where a file cannot be read or is not what the kernel's documentation says; what rose is
    /// told by the next look that succeeds.
    pub fn look(&mut self) -> io::Result<Vec<Act>> {
        let mut totals = Vec::new();
        for source in &self.sources {
            let text = source.text()?;
            for counter in &source.counters {
                totals.push(match counter.key {
                    Some(key) => entry(&text, key)?,
                    None => number(&text)?,
                });
            }
        }
        let counters = self
            .sources
            .iter_mut()
            .flat_map(|source| &mut source.counters);
        let rises = counters.zip(totals).filter_map(|(counter, total)| {
            let rose_by = total.saturating_sub(counter.last);
            counter.last = total;
            let rise = CounterRise {
                counter: counter.name,
                rose_by,
                total: total.saturating_sub(counter.first),
            };
            (rose_by > 0).then(|| (counter.kind)(rise))
        });
        Ok(rises.collect())
    }
}

/// The files of this version of cgroups.
fn sources(cgroup: &Cgroup) -> io::Result<Vec<Source>> {
    let silent = |controller, file, counter| Source {
        path: cgroup.path(controller, file),
        open: None,
        counters: vec![counter],
    };
    let notified = |controller, file, counters| -> io::Result<Source> {
        let path = cgroup.path(controller, file);
        let open = Some(fs_err::File::open(&path)?.into_file());
        Ok(Source {
            path,
            open,
            counters,
        })
    };
    let mut sources = match cgroup.version() {
        CgroupVersion::V2 => {
            let memory = |name, key| counter(Act::Memory, name, Some(key));
            let counters = vec![
                memory("memory.events high", "high"),
                memory("memory.events max", "max"),
                memory("memory.events oom", "oom"),
                memory("memory.events oom_kill", "oom_kill"),
            ];
            vec![notified("memory", "memory.events", counters)?]
        }
        // With no swap both have the same limit, and the kernel tries the second first.
        CgroupVersion::V1 => ["memory.failcnt", "memory.memsw.failcnt"]
            .map(|file| silent("memory", file, counter(Act::Memory, file, None)))
            .into_iter()
            .chain([silent(
                "memory",
                "memory.oom_control",
                counter(Act::Memory, "memory.oom_control oom_kill", Some("oom_kill")),
            )])
            .collect(),
    };
    let pids = counter(Act::Pids, "pids.events max", Some("max"));
    sources.push(notified("pids", "pids.events", vec![pids])?);
    let cpu = counter(Act::Cpu, "cpu.stat nr_throttled", Some("nr_throttled"));
    sources.push(silent("cpu", "cpu.stat", cpu));
    Ok(sources)
}

fn counter(kind: Kind, name: &'static str, key: Option<&'static str>) -> Counter {
    Counter {
        kind,
        name,
        key,
        first: 0,
        last: 0,
    }
}

impl Source {
    fn text(&self) -> io::Result<String> {
        let Some(file) = &self.open else {
            return fs_err::read_to_string(&self.path);
        };
        let mut bytes = [0; MAX_FILE_BYTES];
        let count = file.read_at(&mut bytes, 0).map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("failed to read `{path}`: {error}"))
        })?;
        Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
    }
}

#[cfg(test)]
mod tests;
