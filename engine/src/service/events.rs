//! What plugins log and what they are refused, on its way to whoever shows it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::Events;
use crate::event::Violation;
use crate::supervisor::PluginEvent;

/// How many events of one plugin may wait before further ones are dropped and counted.
const QUEUE: usize = 1024;

/// How many of the last violations are kept.
const MAX_KEPT: usize = 100;

/// The last violations of a plugin, over all its containers.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Violation>>);

impl Recent {
    /// The oldest first.
    pub(super) fn all(&self) -> Vec<Violation> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }

    fn note(&self, violation: Violation) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == MAX_KEPT {
            recent.pop_front();
        }
        recent.push_back(violation);
    }
}

/// A queue for a container's events: violations are kept, and all of them are handed on as far as
/// there is room.
pub(super) fn queue(
    plugin: &str,
    recent: &Arc<Recent>,
    events: &Events,
) -> mpsc::Sender<PluginEvent> {
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let name: Arc<str> = plugin.into();
    let (recent, events) = (Arc::clone(recent), events.clone());
    tokio::spawn(async move {
        // Ends with the container.
        while let Some(event) = receiver.recv().await {
            if let PluginEvent::Violation { violation, .. } = &event {
                recent.note(violation.clone());
            }
            // Who shows them is slower than the plugin: what counts is kept.
            events.try_send((Arc::clone(&name), event)).ok();
        }
    });
    sender
}
