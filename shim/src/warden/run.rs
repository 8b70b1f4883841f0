//! The warden's loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use lazaret_protocol::ShimMessage;

use super::{Guard, Intake, Over};
use crate::channel::Channel;
use crate::exit;
use crate::serve::interrupted;

/// How long the last messages may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The value of [`Ending`] while nothing has ended.
const RUNNING: i32 = -1;

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

/// Watches, interrupts and, where the JavaScript thread does not, reads until the plugin or the
/// engine is done. Returns the exit code.
pub fn run(intake: &Intake, guard: &Guard, ending: &Ending) -> i32 {
    let Over(code) = match watch_over(intake, guard, ending) {
        Ok(code) => Over(code),
        Err(over) => over,
    };
    intake.channel().flush(LAST_WORDS);
    intake.close();
    code
}

fn watch_over(intake: &Intake, guard: &Guard, ending: &Ending) -> Result<i32, Over> {
    // The greeting may have brought more than itself.
    intake.take()?;
    loop {
        let verdict = guard.tick();
        for (id, error) in verdict.ended {
            intake.answer(id, error);
        }
        if let Some(code) = ending.get() {
            return Ok(code);
        }
        if verdict.stuck {
            let error = interrupted("a built-in function does not end");
            // It is short, and the channel's end is seen below and by nobody else.
            let _ = intake.channel().post(&ShimMessage::Crash { error });
            return Ok(exit::PLUGIN);
        }
        let listen = verdict.listen || !intake.is_served();
        let woken = intake
            .channel()
            .wait(verdict.again, listen)
            .map_err(|_| Over(exit::PROTOCOL))?;
        if woken.readable {
            intake.take()?;
        }
    }
}
