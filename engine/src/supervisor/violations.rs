//! Violations: what follows them, and who is told.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::reaction::decide;
use super::running::PluginEvent;
use super::state::State;
use super::task::Task;
use crate::container::Reported;
use crate::event::{Act, EndReason, Reaction, Verdict, Violation, Witness};

impl Task {
    /// A system call whose thread waits for an answer, or no longer does.
    pub(super) async fn on_syscall(&mut self, state: &mut State, reported: Reported) {
        state.call_pace.count(0, Instant::now());
        let asked = match reported {
            Reported::Asked(asked) => asked,
            Reported::Observed(observed) => {
                if let Some(learn) = &self.learn {
                    learn.tally().called(observed.group.name, observed.call);
                }
                if let Some(listener) = &self.listener
                    && let Err(error) = listener.let_go_on(&observed)
                {
                    self.on_listener_end(state, &error).await;
                }
                return;
            }
            Reported::Withdrawn => {
                self.on_violation(state, Act::Withdrawn, Witness::Kernel)
                    .await;
                return;
            }
        };
        let act = Act::Syscall(asked.call.clone());
        // Where the plugin is ended, it is ended before it gets an answer: somebody else's code
        // runs in the shim's process.
        if self.on_violation(state, act, Witness::Kernel).await == Reaction::Deny
            && let Some(listener) = &self.listener
            && let Err(error) = listener.refuse(&asked)
        {
            self.on_listener_end(state, &error).await;
        }
    }

    /// The listener is of no more use.
    pub(super) async fn on_listener_end(&mut self, state: &mut State, error: &std::io::Error) {
        self.listener = None;
        if let Some(reason) = unheard(error) {
            self.kill(state, reason).await;
        }
    }

    /// Records a violation, tells whoever listens and does what the policy says.
    pub(super) async fn on_violation(
        &mut self,
        state: &mut State,
        act: Act,
        witness: Witness,
    ) -> Reaction {
        if let Some(learn) = &self.learn {
            learn.refused(&act);
        }
        let (severity, decided) = decide(&act, self.policy.violations());
        let over = state.evidence.exit.is_some() && act.is_limit_event();
        let reaction = match decided {
            // There is nothing left to end.
            Reaction::Kill if over => Reaction::Log,
            other => other,
        };
        let violation = Violation {
            at_unix_ms: unix_milliseconds(),
            plugin: self.plugin.clone(),
            act,
            severity,
            reaction,
            witness,
        };
        if reaction == Reaction::Quarantine {
            // Before anything is waited for: no launch may come in between.
            self.quarantine.put(&self.plugin, violation.act.to_string());
        }
        let reason = EndReason::violation(&violation.act);
        self.record(state, violation);
        let ends = matches!(reaction, Reaction::Kill | Reaction::Quarantine);
        let ended = state.evidence.exit.is_some()
            || matches!(state.evidence.verdict, Some(Verdict::Kill(_)));
        if ends && !ended {
            self.kill(state, reason).await;
        }
        reaction
    }

    /// Records what no grant covers and the policy lets through to be seen.
    pub(super) fn let_through(&mut self, state: &mut State, act: Act, witness: Witness) {
        let (severity, _) = decide(&act, self.policy.violations());
        self.record(
            state,
            Violation {
                at_unix_ms: unix_milliseconds(),
                plugin: self.plugin.clone(),
                act,
                severity,
                reaction: Reaction::LetThrough,
                witness,
            },
        );
    }

    fn record(&self, state: &mut State, violation: Violation) {
        if let Some(dropped) = state.records.admit(&violation, Instant::now())
            && !self.tell(PluginEvent::Violation { violation, dropped })
        {
            state.records.unheard(dropped);
        }
    }

    /// Looks at the kernel's counters.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) async fn look(&mut self, state: &mut State) -> std::io::Result<()> {
        state.looks.looked(Instant::now(), !state.calls.is_empty());
        for act in self.cgroup_events.look()? {
            self.on_violation(state, act, Witness::Kernel).await;
        }
        Ok(())
    }
}

/// Why a plugin has to be ended whose listener failed so. A call that is not heard of has no
/// reaction; where no process is left, none is made.
fn unheard(error: &std::io::Error) -> Option<EndReason> {
    (error.kind() != std::io::ErrorKind::UnexpectedEof).then(|| EndReason::Engine {
        what: format!("its system calls cannot be heard of: {error}"),
    })
}

/// By the host's clock; 0 where that stands before 1970.
pub(super) fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = since.unwrap_or_default().as_millis();
    u64::try_from(milliseconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_plugin_goes_on_without_a_listener_only_where_no_process_is_left() {
        assert_eq!(unheard(&Error::from(ErrorKind::UnexpectedEof)), None);
        assert!(matches!(
            unheard(&Error::from_raw_os_error(libc::EBADF)),
            Some(EndReason::Engine { .. })
        ));
    }
}
