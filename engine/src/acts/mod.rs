//! What plugins ask the engine to do for them: decided by the policy in force when its turn comes,
//! then done.
//!
//! ```text
//!  asked ──take──▶ waiting ──next, decide──▶ under way ──▶ answered
//!    │ too many        │ denied, or its call is over           ▲
//!    └─────────────────┴─────────────────────────────────────┘
//! ```

mod decide;
mod files;
mod queue;

use lazaret_protocol::{ActError, ActResult, AskId, CallId, Failure};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use decide::refused;
pub(crate) use queue::{Ask, Queue, size};

/// What came of an act.
pub(crate) type Outcome = Result<ActResult, ActError>;

/// The acts of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    pub(crate) queue: Queue,
    running: JoinSet<Outcome>,
    handles: Vec<(AskId, AbortHandle)>,
}

impl Acts {
    /// Starts an act that the policy lets be done.
    pub(crate) fn start(&mut self, ask: Ask) {
        let handle = self.running.spawn(async move {
            drop(ask.act);
            Err(failed(Failure::Other, "there is no means to do this yet"))
        });
        self.handles.push((ask.id, handle));
    }

    /// Waits for the next act that is over; for ever where none is under way. Safe to be dropped
    /// while it waits.
    pub(crate) async fn over(&mut self) -> (AskId, Outcome) {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (task, outcome) = match ended {
                Ok((task, outcome)) => (task, outcome),
                Err(error) if error.is_cancelled() => (error.id(), Err(given_up())),
                Err(error) => (
                    error.id(),
                    Err(failed(Failure::Other, "the engine failed at it")),
                ),
            };
            let ended = |(_, handle): &(AskId, AbortHandle)| handle.id() == task;
            if let Some(place) = self.handles.iter().position(ended) {
                let (id, _) = self.handles.swap_remove(place);
                self.queue.over(id);
                return (id, outcome);
            }
        }
    }

    /// Gives up what was asked for a call that is over. Those never begun, which are to be
    /// answered with [`given_up`].
    pub(crate) fn give_up(&mut self, call: CallId) -> Vec<AskId> {
        let asks = self.queue.give_up(call);
        for (id, handle) in &self.handles {
            if asks.under_way.contains(id) {
                handle.abort();
            }
        }
        asks.waiting
    }
}

/// The answer to an ask whose call is over.
pub(crate) fn given_up() -> ActError {
    failed(Failure::Interrupted, "the call it was asked for is over")
}

fn failed(failure: Failure, message: impl Into<String>) -> ActError {
    ActError::Failed {
        failure,
        message: message.into(),
    }
}
