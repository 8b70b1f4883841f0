//! What the engine says, taken by whichever thread is awake.
//!
//! A wake-up of another thread costs more than all else in a short call. So the JavaScript thread
//! reads the channel itself while it has nothing to do, and the warden reads it only while that
//! thread would not: before it serves calls, and during a turn that lasts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazaret_protocol::{CallError, CallId, EngineMessage, ShimMessage};

use super::{Backlog, Guard, Work};
use crate::channel::{Channel, ChannelError, Reader};
use crate::exit;
use crate::runtime::{Asks, CallEnd};

/// There is nothing more to hear, for the reason this exit code gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over(pub i32);

/// The reading end of the channel; shared by both threads.
pub struct Intake {
    channel: Arc<Channel>,
    reader: Mutex<Reader>,
    guard: Arc<Guard>,
    backlog: Arc<Backlog>,
    asks: Arc<Asks>,
    served: AtomicBool,
}

impl Intake {
    /// Goes on with `reader`. Calls are made known to `guard` as they arrive.
    #[must_use]
    pub fn new(
        channel: Arc<Channel>,
        reader: Reader,
        guard: Arc<Guard>,
        backlog: Arc<Backlog>,
        asks: Arc<Asks>,
    ) -> Self {
        Self {
            channel,
            reader: Mutex::new(reader),
            guard,
            backlog,
            asks,
            served: AtomicBool::new(false),
        }
    }

    /// The channel it reads.
    #[must_use]
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// From now on the JavaScript thread reads whenever it is not in a turn.
    pub fn serve(&self) {
        self.served.store(true, Ordering::SeqCst);
    }

    /// The JavaScript thread reads whenever it is not in a turn.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.served.load(Ordering::SeqCst)
    }

    /// Takes what has arrived, without waiting, and acts on every whole message. False if that
    /// was all.
    ///
    /// # Errors
    ///
    /// [`Over`] when the engine asks for the end, is gone or is not understood.
    pub fn take(&self) -> Result<bool, Over> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = reader.read(&self.channel).and_then(|more| {
            while let Some(message) = reader.message()? {
                if self.act_on(message)? {
                    return Err(ChannelError::Closed);
                }
            }
            Ok(more)
        });
        taken.map_err(|error| match error {
            ChannelError::Closed => Over(exit::OK),
            _ => Over(exit::PROTOCOL),
        })
    }

    /// Answers a call without its result, and has the JavaScript thread forget it.
    pub fn answer(&self, id: CallId, error: CallError) {
        let end = match error {
            CallError::Cancelled => CallEnd::Cancelled,
            _ => CallEnd::Limit,
        };
        let reply = ShimMessage::Reply {
            id,
            result: Err(error),
        };
        // These reasons are small: they always fit a frame.
        let _ = self.channel.post(&reply);
        self.backlog.push(Work::Ended(id, end));
    }

    /// Nobody will take anything any more.
    pub fn close(&self) {
        self.channel.close();
        self.backlog.close();
    }

    /// True when the engine asks for the end.
    fn act_on(&self, message: EngineMessage) -> Result<bool, ChannelError> {
        match message {
            EngineMessage::Call {
                id,
                function,
                arguments,
                limits,
                window,
            } => {
                // An id in flight again would be the engine's mistake: there is no answer to it.
                if self.guard.begin_call(id, limits) {
                    self.backlog.push(Work::Call {
                        id,
                        function,
                        arguments,
                        window,
                    });
                }
            }
            EngineMessage::Cancel { id } => {
                if let Some(error) = self.guard.cancel_call(id) {
                    self.answer(id, error);
                }
            }
            EngineMessage::Limits(limits) => {
                let background = Duration::from_millis(limits.background_ms);
                self.guard.set_background(background);
                self.backlog.push(Work::Limits(limits));
            }
            EngineMessage::Credit { id, bytes } => {
                // Not when its turn comes: the engine counts from here on.
                self.guard.go_on(id);
                self.backlog.push(Work::Credit(id, bytes));
            }
            EngineMessage::Answer { id, result } => self.asks.answer(id, result),
            EngineMessage::Shutdown => return Ok(true),
            EngineMessage::Hello { .. } => return Err(ChannelError::OutOfTurn),
        }
        Ok(false)
    }
}
