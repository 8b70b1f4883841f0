//! Frames on their way to a shim: written by a task of their own, so that a shim that does not
//! read holds up nobody, and bounded, so that it cannot fill the engine's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazaret_protocol::{EngineMessage, MAX_FRAME_BYTES};
use tokio::sync::mpsc;

use super::calls::CallFailure;
use crate::channel::{Sender, frame};

/// The most bytes that may wait to be written: a frame of any size, and half as much beside it.
const MAX_BYTES: usize = MAX_FRAME_BYTES / 2 * 3;

/// Where frames are put.
pub(super) struct Outbox {
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// Starts the writer. It ends with the channel or with the outbox.
    pub(super) fn start(sender: Sender) -> Self {
        let (frames, inbox) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        tokio::spawn(write(sender, inbox, Arc::clone(&waiting)));
        Self { frames, waiting }
    }

    /// Puts a message in. Where the channel is gone, that is seen by reading from it.
    pub(super) fn push(&self, message: &EngineMessage) -> Result<(), CallFailure> {
        let frame = frame(message).map_err(|error| CallFailure::TooLarge {
            message: error.to_string(),
        })?;
        let waiting = self.waiting.fetch_add(frame.len(), Ordering::Relaxed);
        if waiting.saturating_add(frame.len()) > MAX_BYTES {
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
            return Err(CallFailure::Backlog {
                bytes: waiting,
                limit: MAX_BYTES,
            });
        }
        self.frames.send(frame).ok();
        Ok(())
    }
}

async fn write(
    mut sender: Sender,
    mut inbox: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
) {
    while let Some(frame) = inbox.recv().await {
        if sender.send(&frame).await.is_err() {
            return;
        }
        waiting.fetch_sub(frame.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::{CallId, CallLimits, Payload};

    use super::*;

    #[tokio::test]
    async fn a_shim_that_does_not_read_cannot_fill_the_memory() {
        let (ours, _theirs) = crate::channel::pair().unwrap();
        let (_receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        let limits = CallLimits {
            wall_ms: 1,
            cpu_ms: 1,
        };
        let call = EngineMessage::Call {
            id: CallId(1),
            function: "f".into(),
            arguments: Payload::Bytes(vec![0; 4 << 20]),
            limits,
        };
        let accepted = (0..20).filter(|_| outbox.push(&call).is_ok()).count();
        assert_eq!(accepted, 2);
        assert!(matches!(
            outbox.push(&call),
            Err(CallFailure::Backlog { .. })
        ));
    }
}
