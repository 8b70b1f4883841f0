//! What the task that owns a plugin sees of its peaks. Pure: time and figures are arguments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_policy::{Decision, EffectivePolicy, Permission};
use lazaret_protocol::{Act, CallId};

use super::Tally;
use super::reach::reach;
use crate::container::Usage;
use crate::event::Act as Refused;

/// Over which time log lines are summed up: the policy's limit is one a second.
const LOG_WINDOW: Duration = Duration::from_secs(1);

/// The calls and lines of one plugin that is learned from.
#[derive(Debug)]
pub(crate) struct Watch {
    tally: Arc<Tally>,
    started: Instant,
    /// Since when, and the container's CPU time then.
    calls: BTreeMap<CallId, (Instant, Option<u64>)>,
    log_since: Instant,
    log_bytes: u64,
}

impl Watch {
    /// Of a plugin that is just being started.
    pub(crate) fn new(tally: Arc<Tally>, now: Instant) -> Self {
        Self {
            tally,
            started: now,
            calls: BTreeMap::new(),
            log_since: now,
            log_bytes: 0,
        }
    }

    /// Where acts are counted.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// The shim tells what it saw used. Its word counts for what nobody else sees, reading files
    /// and the environment, and only where the policy lets that through.
    pub(crate) fn told(&self, policy: &EffectivePolicy, permission: &str, times: u64) {
        let Ok(permission) = permission.parse::<Permission>() else {
            return;
        };
        let unseen = matches!(permission, Permission::FileRead(_) | Permission::EnvRead(_));
        if unseen && policy.decide(&permission) != Decision::Denied {
            self.tally.used(&permission.to_string(), times);
        }
    }

    /// An act is done whose permissions were counted. Some need more than the paths they name.
    pub(crate) fn asked(&self, policy: &EffectivePolicy, act: &Act) {
        let granted = |path: &str| {
            let permission = format!("file:write:{path}").parse::<Permission>();
            let permission = permission.ok()?;
            (policy.decide(&permission) != Decision::Denied).then(|| permission.to_string())
        };
        let is_there = |path: &str| fs_err::symlink_metadata(path).is_ok();
        if let Some(permission) = reach(act, &is_there).and_then(|path| granted(&path)) {
            self.tally.used(&permission, 1);
        }
    }

    /// An act is refused.
    pub(crate) fn refused(&self, act: &Refused) {
        if let Refused::Permission { permission } | Refused::Network { permission, .. } = act {
            self.tally.refused(permission);
        }
    }

    /// The plugin is ready.
    pub(crate) fn ready(&self, now: Instant) {
        self.tally.ready(now.duration_since(self.started));
    }

    /// A call begins.
    pub(crate) fn called(&mut self, id: CallId, now: Instant, cpu_us: Option<u64>) {
        self.calls.insert(id, (now, cpu_us));
    }

    /// A call was answered with a result of so many bytes, when the container had used so much.
    pub(crate) fn answered(&mut self, id: CallId, now: Instant, usage: Option<Usage>, bytes: u64) {
        if let Some(usage) = &usage {
            self.usage(usage);
        }
        if let Some((since, before)) = self.calls.remove(&id) {
            let cpu_us = usage.zip(before);
            let cpu_us = cpu_us.map(|(usage, before)| usage.cpu_us.saturating_sub(before));
            self.tally
                .answered(now.duration_since(since), cpu_us, bytes);
        }
    }

    /// What the container has used. Where the kernel keeps no peak, what it uses now is the best
    /// there is.
    pub(crate) fn usage(&self, usage: &Usage) {
        let memory = usage.memory_peak.unwrap_or(usage.memory);
        let pids = usage.pids_peak.unwrap_or(usage.pids);
        self.tally.usage(memory, pids);
    }

    /// A line was logged.
    pub(crate) fn logged(&mut self, bytes: usize, now: Instant) {
        let bytes = bytes as u64;
        if now.duration_since(self.log_since) > LOG_WINDOW {
            self.log_since = now;
            self.log_bytes = 0;
        }
        self.log_bytes = self.log_bytes.saturating_add(bytes);
        self.tally.logged(bytes, self.log_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_measured_from_its_beginning_to_its_answer() {
        let tally = Arc::new(Tally::default());
        let start = Instant::now();
        let mut watch = Watch::new(Arc::clone(&tally), start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        watch.ready(at(40));
        watch.called(CallId(1), at(100), Some(5_000));
        watch.called(CallId(2), at(110), None);
        let used = |cpu_us| {
            let (memory, pids, pids_peak) = (7, 1, Some(2));
            let usage = Usage {
                cpu_us,
                memory,
                pids,
                pids_peak,
                ..Usage::default()
            };
            Some(usage)
        };
        watch.answered(CallId(2), at(120), used(9_000), 10);
        watch.answered(CallId(1), at(150), used(12_000), 3);
        watch.answered(CallId(1), at(950), used(99_000), 99);
        let peaks = tally.observations().peaks;
        assert_eq!(peaks.startup_ms, Some(40));
        assert_eq!((peaks.call_ms, peaks.call_cpu_ms), (Some(50), Some(7)));
        assert_eq!(peaks.result_bytes, Some(10));
        assert_eq!((peaks.memory_bytes, peaks.pids), (Some(7), Some(2)));
    }

    #[test]
    fn lines_of_one_second_are_summed_up() {
        let tally = Arc::new(Tally::default());
        let start = Instant::now();
        let mut watch = Watch::new(Arc::clone(&tally), start);
        for (bytes, after) in [(10, 0), (20, 900), (5, 1100), (7, 1200)] {
            watch.logged(bytes, start + Duration::from_millis(after));
        }
        let peaks = tally.observations().peaks;
        assert_eq!((peaks.line_bytes, peaks.log_bytes), (Some(20), Some(30)));
    }
}
