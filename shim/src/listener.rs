//! The JavaScript thread's ear: the channel in its reactor.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::channel::Channel;
use crate::exit;
use crate::warden::{Intake, Over};

/// Hears the engine while the JavaScript thread has nothing else to do.
pub struct Listener {
    intake: Arc<Intake>,
    socket: AsyncFd<Socket>,
}

struct Socket(Arc<Channel>);

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Listener {
    /// Puts the channel into the reactor of the current tokio context.
    ///
    /// # Errors
    ///
    /// When the kernel does not watch the socket.
    pub fn new(intake: Arc<Intake>) -> std::io::Result<Self> {
        let socket = Socket(intake.channel().clone());
        #[expect(unsafe_code, reason = "the safe way asks for a descriptor of its own")]
        // SAFETY: the channel owns the socket, is kept alive by the value handed over and always
        // gives the same descriptor.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?;
        Ok(Self { intake, socket })
    }

    /// The warden need not listen any more but during turns.
    pub fn serve(&self) {
        self.intake.serve();
    }

    /// Takes all that has arrived. The task is woken when there is more, unless `busy`: then
    /// there is work that comes first, and this is called again before the task waits.
    ///
    /// # Errors
    ///
    /// [`Over`] when there is nothing more to hear.
    pub fn poll(&self, context: &mut Context, busy: bool) -> Result<(), Over> {
        if busy {
            // The reactor has not run since, and knows of nothing that came in the meantime.
            return self.intake.take().map(drop);
        }
        loop {
            match self.socket.poll_read_ready(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(_)) => return Err(Over(exit::SYSTEM)),
                Poll::Ready(Ok(mut ready)) => {
                    // Whatever comes after that was all is told as something new.
                    if !self.intake.take()? {
                        ready.clear_ready();
                    }
                }
            }
        }
    }
}
