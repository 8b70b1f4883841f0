//! The shim's end of the channel: who may write when, and reading.
//!
//! Both threads write. A message that fits goes out at once from whichever thread has it; what
//! does not fit waits in a queue that the warden empties as the engine reads. The JavaScript
//! thread waits while that queue is long; the warden never does. Both read as well, in turns: see
//! [`Intake`](crate::warden::Intake).

mod reader;

pub use reader::Reader;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazaret_protocol::{FrameError, MAX_FRAME_BYTES, ShimMessage, encode};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::runtime::Sink;

/// The queue length at which the JavaScript thread waits, in bytes.
const QUEUE_BYTES: usize = 2 * MAX_FRAME_BYTES;

/// Why the channel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// A system call failed.
    #[error("failed to use the channel to the engine")]
    System(#[from] Errno),
    /// What arrived, or was to be sent, is no frame.
    #[error("failed to understand the engine")]
    Frame(#[from] FrameError),
    /// A well-formed message that has no place here.
    #[error("the engine's message is out of turn")]
    OutOfTurn,
    /// The engine closed its end.
    #[error("the engine closed the channel")]
    Closed,
}

/// The channel; shared by both threads.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// Readable when somebody wants the warden to look up.
    wake: OwnedFd,
    queue: Mutex<Queue>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    sent: usize,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }
}

impl Channel {
    /// Takes over a connected stream socket.
    ///
    /// # Errors
    ///
    /// When the kernel gives no event descriptor.
    pub fn new(socket: OwnedFd) -> Result<Self, ChannelError> {
        Ok(Self {
            socket,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            queue: Mutex::default(),
            room: Condvar::new(),
        })
    }

    /// Sends from the JavaScript thread: waits while the queue is long.
    ///
    /// # Errors
    ///
    /// When the message has no frame. A closed channel is no error here: the warden sees it.
    pub fn send(&self, message: &ShimMessage) -> Result<(), FrameError> {
        let frame = encode(message)?;
        let mut queue = self.lock();
        while queue.waiting() > QUEUE_BYTES && !queue.closed {
            queue = self
                .room
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if self.write(&mut queue, &frame) {
            self.wake();
        }
        Ok(())
    }

    /// Sends and never waits. Used for messages of a bounded number only.
    ///
    /// # Errors
    ///
    /// When the message has no frame.
    pub fn post(&self, message: &ShimMessage) -> Result<(), FrameError> {
        let frame = encode(message)?;
        if self.write(&mut self.lock(), &frame) {
            self.wake();
        }
        Ok(())
    }

    /// Makes the warden look up from [`wait`](Self::wait).
    pub fn wake(&self) {
        // The counter cannot overflow in practice; if it did, it would be readable anyway.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Waits until a wake-up or the end of `timeout`, and writes what waits in the queue as the
    /// engine reads. With `listen` it also waits for the engine to say something; so it does while
    /// something is queued, for then the JavaScript thread may be waiting for room.
    ///
    /// # Errors
    ///
    /// When `poll` fails.
    pub fn wait(&self, timeout: Option<Duration>, listen: bool) -> Result<Woken, ChannelError> {
        let pending = self.lock().waiting() > 0;
        let mut interest = PollFlags::IN;
        interest.set(PollFlags::OUT, pending);
        let mut descriptors = [
            PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.socket.as_fd(), interest),
        ];
        // A socket that is not listened to is left out: its end would be told every time.
        let asked = if listen || pending { 2 } else { 1 };
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match poll(&mut descriptors[..asked], timeout.as_ref()) {
            Ok(_) => {}
            // Nothing was filled in.
            Err(Errno::INTR) => return Ok(Woken { readable: false }),
            Err(error) => return Err(error.into()),
        }
        let [wake, socket] = descriptors.map(|descriptor| descriptor.revents());
        if wake.contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
        }
        if socket.contains(PollFlags::OUT) {
            self.write(&mut self.lock(), &[]);
        }
        Ok(Woken {
            readable: socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR),
        })
    }

    /// Sends what is queued until there is nothing left or `patience` is over.
    pub fn flush(&self, patience: Duration) {
        let end = std::time::Instant::now() + patience;
        while self.lock().waiting() > 0 && !self.lock().closed {
            let left = end.saturating_duration_since(std::time::Instant::now());
            let mut descriptor = [PollFd::new(&self.socket, PollFlags::OUT)];
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut descriptor, Some(&timeout)) {
                Ok(0) => return,
                _ => self.write(&mut self.lock(), &[]),
            };
        }
    }

    /// Marks the channel as gone, so that nobody waits for room in it.
    pub fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
    }

    /// Writes what the socket takes now and queues the rest. True if something was queued that
    /// the warden does not yet wait for.
    fn write(&self, queue: &mut Queue, frame: &[u8]) -> bool {
        let was_waiting = queue.waiting() > 0;
        let mut direct = frame;
        if was_waiting {
            queue.bytes.extend_from_slice(frame);
            direct = &[];
            while queue.sent < queue.bytes.len() && !queue.closed {
                match self.send_some(&queue.bytes[queue.sent..]) {
                    Ok(count) => queue.sent += count,
                    Err(gone) => {
                        queue.closed |= gone;
                        break;
                    }
                }
            }
        } else {
            while !direct.is_empty() && !queue.closed {
                match self.send_some(direct) {
                    Ok(count) => direct = &direct[count..],
                    Err(gone) => {
                        queue.closed |= gone;
                        break;
                    }
                }
            }
        }
        if queue.closed {
            direct = &[];
            queue.sent = queue.bytes.len();
        }
        if queue.sent == queue.bytes.len() {
            queue.bytes = Vec::new();
            queue.sent = 0;
        }
        queue.bytes.extend_from_slice(direct);
        if queue.waiting() <= QUEUE_BYTES {
            self.room.notify_all();
        }
        !was_waiting && queue.waiting() > 0
    }

    /// `Err(true)` when the other end is gone, `Err(false)` when the socket is full.
    fn send_some(&self, bytes: &[u8]) -> Result<usize, bool> {
        loop {
            match send(
                &self.socket,
                bytes,
                SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            ) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(false),
                Err(_) => return Err(true),
                Ok(count) => return Ok(count),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Channel {
    fn send(&self, message: ShimMessage) {
        // Every message has a frame: results, lines and errors are cut well below its limit.
        let _ = Channel::send(self, &message);
    }

    fn post(&self, message: ShimMessage) {
        // As above.
        let _ = Channel::post(self, &message);
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Why [`Channel::wait`] came back, apart from a wake-up or the timeout.
#[derive(Clone, Copy, Debug)]
pub struct Woken {
    /// There is something to read, or the engine is gone.
    pub readable: bool,
}

#[cfg(test)]
mod tests;
