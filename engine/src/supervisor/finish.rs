//! The end of a plugin: the last figures, the removal of what is left, the reason.

use std::io::Read;

use super::running::Ended;
use super::state::State;
use super::task::Task;
use crate::event::EndReason;

/// The most bytes of standard error kept.
const MAX_OUTPUT_BYTES: usize = 8 * 1024;

/// More than a pipe holds (pipe(7)).
const MAX_PIPE_BYTES: u64 = 1024 * 1024;

impl Task {
    pub(super) async fn finish(mut self, mut state: State) -> Ended {
        let unread = self.look(&mut state).await.err();
        self.close_egress(&mut state).await;
        let acts_over = self.acts.close().await;
        let usage = self.cgroup.usage().ok();
        state.evidence.oom_kills = usage.map_or(0, |usage| usage.oom_kills);
        if let (Some(learn), Some(usage)) = (&self.learn, &usage) {
            learn.usage(usage);
        }
        state.evidence.memory_peak = usage.and_then(|usage| usage.memory_peak);
        let cleanup = match self.launcher.delete(&self.id).await {
            Ok(()) if acts_over => None,
            Ok(()) => Some("an act that the plugin asked for does not end".to_owned()),
            Err(error) => {
                // Done here as far as it can be.
                self.cgroup.remove();
                Some(error.to_string())
            }
        };
        state.evidence.output = read_output(&mut self.output);
        let reason = EndReason::from_evidence(&state.evidence);
        self.end.send_replace(Some(reason.clone()));
        state.calls.end(&reason);
        let records = state.records.close();
        Ended {
            reason,
            violations: records.violations,
            violation_count: records.refused,
            limit_event_count: records.limit_events,
            violations_dropped: records.dropped,
            events_unread: unread.map(|error| error.to_string()),
            quarantined: self.quarantine.why(&self.plugin),
            cpu_us: usage.map(|usage| usage.cpu_us),
            memory_peak_bytes: usage.and_then(|usage| usage.memory_peak),
            cleanup,
        }
    }
}

/// The end of what the container wrote to standard error; nobody holds the other end any more.
fn read_output(output: &mut std::io::PipeReader) -> String {
    let mut bytes = Vec::new();
    // Set not to block, and no more than a pipe holds: a broken one just has less to say.
    drop(output.take(MAX_PIPE_BYTES).read_to_end(&mut bytes));
    let bytes = &bytes[bytes.len().saturating_sub(MAX_OUTPUT_BYTES)..];
    String::from_utf8_lossy(bytes).into_owned()
}
