//! Counters of what was seen. Any number of parts of the engine may count into one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// The most different things of one kind that are kept; what is new beyond is counted only.
const MAX_KINDS: usize = 4096;

/// The longest name of a thing, in bytes; what is longer is counted only.
const MAX_NAME_BYTES: usize = 4096 + 64;

/// What one plugin did, from its start on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observations {
    /// Permissions that were used, as `file:read:/srv/data/a.csv`, and how often.
    pub used: BTreeMap<String, u64>,
    /// Requests over the network that were let through, and how often.
    pub requests: BTreeMap<Request, u64>,
    /// Permissions that were asked for and refused, and how often.
    pub refused: BTreeMap<String, u64>,
    /// Groups of optional system calls, the calls of each that were made, and how often.
    pub system_calls: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// How many acts were not kept: too many different ones.
    pub not_kept: u64,
    /// The most it took of each limit.
    pub peaks: Peaks,
}

/// A request over the network, as far as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Request {
    /// The host, as the plugin named it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `https`, `http` or `tcp`.
    pub protocol: &'static str,
    /// The method, where it was seen.
    pub method: Option<String>,
    /// The path without its query, where it was seen.
    pub path: Option<String>,
    /// The class of the address it went to, as a policy names it.
    pub addresses: Option<String>,
}

/// The most a plugin took. `None` where nothing was seen that could tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Peaks {
    /// Time until it was ready, in milliseconds.
    pub startup_ms: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Tasks at a time.
    pub pids: Option<u64>,
    /// The longest call, in milliseconds.
    pub call_ms: Option<u64>,
    /// The most CPU time within a call, in milliseconds. Calls at the same time share it.
    pub call_cpu_ms: Option<u64>,
    /// The largest result, in bytes.
    pub result_bytes: Option<u64>,
    /// The longest line of the log, in bytes.
    pub line_bytes: Option<u64>,
    /// The most bytes logged within a second.
    pub log_bytes: Option<u64>,
}

/// Takes [`Observations`]. Bounded: a flood of different acts costs no more memory than the first
/// of them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Observations>);

impl Tally {
    /// A permission was used; it was granted.
    pub fn used(&self, permission: &str, times: u64) {
        let mut seen = self.lock();
        let Observations { used, not_kept, .. } = &mut *seen;
        count(used, permission, permission.len(), times, not_kept);
    }

    /// A request over the network was let through.
    pub fn requested(&self, request: &Request) {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        // Its method and its path are the plugin's own words.
        let bytes = request.host.len() + text(&request.method) + text(&request.path);
        let mut seen = self.lock();
        let Observations {
            requests, not_kept, ..
        } = &mut *seen;
        count(requests, request, bytes, 1, not_kept);
    }

    /// A permission was asked for and refused.
    pub fn refused(&self, permission: &str) {
        let mut seen = self.lock();
        let Observations {
            refused, not_kept, ..
        } = &mut *seen;
        count(refused, permission, permission.len(), 1, not_kept);
    }

    /// An optional system call was made.
    pub(crate) fn called(&self, group: &'static str, call: &'static str) {
        // Of these there are only so many.
        let mut seen = self.lock();
        let calls = seen.system_calls.entry(group).or_default();
        let count = calls.entry(call).or_default();
        *count = count.saturating_add(1);
    }

    /// The plugin got ready after this time.
    pub(crate) fn ready(&self, after: Duration) {
        rise(&mut self.lock().peaks.startup_ms, milliseconds(after));
    }

    /// A call was answered: how long it took, the CPU time the container took meanwhile, the size
    /// of its result.
    pub(crate) fn answered(&self, took: Duration, cpu_us: Option<u64>, result_bytes: u64) {
        let peaks = &mut self.lock().peaks;
        rise(&mut peaks.call_ms, milliseconds(took));
        if let Some(cpu_us) = cpu_us {
            rise(&mut peaks.call_cpu_ms, cpu_us.div_ceil(1000));
        }
        rise(&mut peaks.result_bytes, result_bytes);
    }

    /// A line was logged: its size, and that of all lines within the last second.
    pub(crate) fn logged(&self, line_bytes: u64, second_bytes: u64) {
        let peaks = &mut self.lock().peaks;
        rise(&mut peaks.line_bytes, line_bytes);
        rise(&mut peaks.log_bytes, second_bytes);
    }

    /// What the container's cgroup tells: memory and tasks.
    pub(crate) fn usage(&self, memory_bytes: u64, pids: u64) {
        let peaks = &mut self.lock().peaks;
        rise(&mut peaks.memory_bytes, memory_bytes);
        rise(&mut peaks.pids, pids);
    }

    /// All that was seen so far.
    pub fn observations(&self) -> Observations {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Observations> {
        // Counting leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count<K, Q>(
    counters: &mut BTreeMap<K, u64>,
    name: &Q,
    bytes: usize,
    times: u64,
    not_kept: &mut u64,
) where
    K: Ord + Clone + std::borrow::Borrow<Q>,
    Q: Ord + ToOwned<Owned = K> + ?Sized,
{
    if let Some(count) = counters.get_mut(name) {
        *count = count.saturating_add(times);
    } else if counters.len() < MAX_KINDS && bytes <= MAX_NAME_BYTES {
        counters.insert(name.to_owned(), times);
    } else {
        *not_kept = not_kept.saturating_add(times);
    }
}

fn rise(peak: &mut Option<u64>, to: u64) {
    *peak = (*peak).max(Some(to));
}

/// Whole ones, rounded up: a limit of what is left out would be too tight.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_counted_and_of_peaks_the_highest_stays() {
        let tally = Tally::default();
        tally.used("file:read:/a", 2);
        tally.used("file:read:/a", 1);
        tally.refused("file:read:/b");
        tally.called("timers", "setitimer");
        tally.called("timers", "setitimer");
        for (took, cpu) in [(1500, Some(900)), (20, Some(1001)), (30, None)] {
            tally.answered(Duration::from_micros(took), cpu, took);
        }
        tally.usage(7, 2);
        tally.usage(5, 1);
        let seen = tally.observations();
        assert_eq!(seen.used, BTreeMap::from([("file:read:/a".to_owned(), 3)]));
        assert_eq!(seen.refused["file:read:/b"], 1);
        assert_eq!(seen.system_calls["timers"]["setitimer"], 2);
        let peaks = Peaks {
            memory_bytes: Some(7),
            pids: Some(2),
            call_ms: Some(2),
            call_cpu_ms: Some(2),
            result_bytes: Some(1500),
            ..Peaks::default()
        };
        assert_eq!(seen.peaks, peaks);
    }

    #[test]
    fn a_flood_of_different_acts_is_counted_and_not_kept() {
        let tally = Tally::default();
        for number in 0..MAX_KINDS + 10 {
            tally.used(&number.to_string(), 1);
        }
        tally.refused(&"x".repeat(MAX_NAME_BYTES + 1));
        // What is kept goes on being counted.
        tally.used("0", 1);
        let seen = tally.observations();
        assert_eq!((seen.used.len(), seen.not_kept), (MAX_KINDS, 11));
        assert_eq!((seen.used["0"], seen.refused.len()), (2, 0));
    }
}
