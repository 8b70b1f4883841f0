//! The warden's loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use lazaret_protocol::{CallId, EngineMessage, Payload, ShimMessage};
use tokio::sync::mpsc::UnboundedSender;

use super::Guard;
use crate::channel::{Channel, ChannelError, Reader};
use crate::exit;

/// How long the last messages may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The value of [`Ending`] while nothing has ended.
const RUNNING: i32 = -1;

/// What the warden hands to the JavaScript thread.
#[derive(Debug)]
pub enum Work {
    /// A call to start.
    Call {
        /// Names the call.
        id: CallId,
        /// The export to call.
        function: String,
        /// What to call it with.
        arguments: Payload,
    },
    /// A call was answered by the warden: forget it.
    Ended(CallId),
}

/// Where the JavaScript thread says that it is over.
#[derive(Debug)]
pub struct Ending {
    code: AtomicI32,
    channel: Arc<Channel>,
}

impl Ending {
    /// Nothing has ended. The warden is woken by `channel`.
    #[must_use]
    pub fn new(channel: Arc<Channel>) -> Self {
        let code = AtomicI32::new(RUNNING);
        Self { code, channel }
    }

    /// Lets the warden end the process with `code`.
    pub fn set(&self, code: i32) {
        self.code.store(code, Ordering::SeqCst);
        self.channel.wake();
    }

    fn get(&self) -> Option<i32> {
        let code = self.code.load(Ordering::SeqCst);
        (code != RUNNING).then_some(code)
    }
}

/// Reads, watches and interrupts until the plugin or the engine is done. Returns the exit code.
pub fn run(
    channel: &Channel,
    reader: &mut Reader,
    guard: &Guard,
    work: &UnboundedSender<Work>,
    ending: &Ending,
) -> i32 {
    let code = watch_over(channel, reader, guard, work, ending);
    channel.flush(LAST_WORDS);
    channel.close();
    code
}

fn watch_over(
    channel: &Channel,
    reader: &mut Reader,
    guard: &Guard,
    work: &UnboundedSender<Work>,
    ending: &Ending,
) -> i32 {
    loop {
        let verdict = guard.tick();
        for (id, error) in verdict.ended {
            answer(channel, work, id, error);
        }
        if let Some(code) = ending.get() {
            return code;
        }
        let read = channel.wait(verdict.again).and_then(|woken| {
            if woken.readable {
                reader.read(channel)?;
            }
            take_messages(channel, reader, guard, work)
        });
        match read {
            Ok(false) => {}
            Ok(true) | Err(ChannelError::Closed) => return exit::OK,
            Err(_) => return exit::PROTOCOL,
        }
    }
}

/// Takes every whole message. True when the engine asks for the end.
fn take_messages(
    channel: &Channel,
    reader: &mut Reader,
    guard: &Guard,
    work: &UnboundedSender<Work>,
) -> Result<bool, ChannelError> {
    while let Some(message) = reader.message()? {
        match message {
            EngineMessage::Call {
                id,
                function,
                arguments,
                limits,
            } => {
                // An id in flight again would be the engine's mistake: there is no answer to it.
                if guard.begin_call(id, limits) {
                    let call = Work::Call {
                        id,
                        function,
                        arguments,
                    };
                    // The JavaScript thread is gone only when the process is about to end.
                    let _ = work.send(call);
                }
            }
            EngineMessage::Cancel { id } => {
                if let Some(error) = guard.cancel_call(id) {
                    answer(channel, work, id, error);
                }
            }
            EngineMessage::Shutdown => return Ok(true),
            EngineMessage::Hello { .. } => {
                return Err(ChannelError::OutOfTurn);
            }
        }
    }
    Ok(false)
}

fn answer(
    channel: &Channel,
    work: &UnboundedSender<Work>,
    id: CallId,
    error: lazaret_protocol::CallError,
) {
    let reply = ShimMessage::Reply {
        id,
        result: Err(error),
    };
    // The reasons the warden gives are small: they always fit a frame.
    let _ = channel.post(&reply);
    let _ = work.send(Work::Ended(id));
}
