//! The engine's end of the channel to a shim. Every frame is taken for hostile: bounded before it
//! is read, decoded strictly, refused when out of turn.

mod bounds;

use std::os::fd::OwnedFd;

use lazaret_protocol::{
    EngineMessage, FrameDecoder, FrameError, PROTOCOL_VERSION, ShimMessage, encode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes read from the socket at once.
const READ_BYTES: usize = 64 * 1024;

/// Bytes read for one shim before others on the same thread get their turn.
const TURN_BYTES: usize = 128 * 1024;

/// Room in a frame besides the largest result: names, errors with their stacks, log lines.
const OVERHEAD_BYTES: usize = 256 * 1024;

/// The channel is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The frame is none, or too large.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The socket failed.
    #[error("the channel failed")]
    Socket(#[from] std::io::Error),
    /// The shim closed its end.
    #[error("the shim closed the channel")]
    Closed,
    /// The shim speaks another version.
    #[error("the shim speaks version {found} of the protocol, the engine {PROTOCOL_VERSION}")]
    Version {
        /// The shim's.
        found: u16,
    },
    /// A text in a message is larger than any shim of ours makes it.
    #[error("the {what} is too large")]
    Bounds {
        /// Which.
        what: &'static str,
    },
    /// A message that has no place at this point.
    #[error("`{message}` came {when}")]
    OutOfTurn {
        /// The message's name.
        message: &'static str,
        /// At which point.
        when: &'static str,
    },
}

/// A pair of connected sockets: the engine's end, and the shim's to hand over.
///
/// # Errors
/// Those of socketpair(2).
pub fn pair() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, OwnedFd::from(theirs)))
}

/// Messages from the shim.
pub struct Receiver {
    socket: OwnedReadHalf,
    decoder: FrameDecoder,
    buffer: Vec<u8>,
    /// What is left of this turn.
    turn: usize,
}

/// Messages to the shim.
pub struct Sender {
    socket: OwnedWriteHalf,
}

/// A message as it goes over the channel.
///
/// # Errors
/// Where it is larger than a frame may be.
pub fn frame(message: &EngineMessage) -> Result<Vec<u8>, FrameError> {
    encode(message)
}

/// Splits the engine's end; `result_bytes` is the largest result the policy allows.
pub fn split(socket: UnixStream, result_bytes: u64) -> (Receiver, Sender) {
    let (read, write) = socket.into_split();
    let receiver = Receiver {
        socket: read,
        decoder: FrameDecoder::new(largest_frame(result_bytes)),
        buffer: vec![0; READ_BYTES],
        turn: TURN_BYTES,
    };
    (receiver, Sender { socket: write })
}

impl Receiver {
    /// Lets results be as large as this. The size is never taken back: a frame may be arriving. A
    /// result larger than its call may have is refused when it is there.
    pub fn allow(&mut self, result_bytes: u64) {
        self.decoder.allow(largest_frame(result_bytes));
    }

    /// The next message. Safe to be dropped while it waits: what was read is kept.
    ///
    /// # Errors
    /// [`ChannelError`]; nothing more is to be had then.
    pub async fn next(&mut self) -> Result<ShimMessage, ChannelError> {
        loop {
            if self.turn == 0 {
                self.turn = TURN_BYTES;
                // A frame that takes long to come keeps nobody else's answers waiting.
                tokio::task::yield_now().await;
            }
            if let Some(message) = self.decoder.next()? {
                bounds::check(&message).map_err(|what| ChannelError::Bounds { what })?;
                return Ok(message);
            }
            match self.socket.read(&mut self.buffer).await {
                Ok(0) => return Err(ChannelError::Closed),
                Ok(count) => {
                    self.decoder.push(&self.buffer[..count]);
                    self.turn = self.turn.saturating_sub(count);
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Err(ChannelError::Closed);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn largest_frame(result_bytes: u64) -> usize {
    usize::try_from(result_bytes)
        .unwrap_or(usize::MAX)
        .saturating_add(OVERHEAD_BYTES)
        .min(lazaret_protocol::MAX_FRAME_BYTES)
}

impl Sender {
    /// Sends one message as [`frame`] made it. Not safe to be dropped halfway: the channel is
    /// broken then.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), ChannelError> {
        Ok(self.socket.write_all(frame).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lazaret_protocol::{CallId, Payload};

    use super::*;

    /// How often a task that waits for a frame with so many bytes in it is woken.
    async fn turns(bytes: usize) -> usize {
        let result = Ok(Payload::Bytes(vec![1; bytes]));
        let id = CallId(1);
        let frame = encode(&ShimMessage::Reply { id, result }).unwrap();
        let (ours, theirs) = pair().unwrap();
        let mut shim = std::os::unix::net::UnixStream::from(theirs);
        // All of it fits into the socket, so that reading it never has to wait.
        shim.set_nonblocking(true).unwrap();
        shim.write_all(&frame).unwrap();
        let (mut receiver, _sender) = split(ours, frame.len() as u64);
        let mut listening = std::pin::pin!(receiver.next());
        let mut turns = 0;
        let message = std::future::poll_fn(|context| {
            turns += 1;
            listening.as_mut().poll(context)
        });
        message.await.unwrap();
        turns
    }

    #[tokio::test]
    async fn a_frame_that_takes_long_to_come_lets_others_have_their_turn() {
        let short = turns(1).await;
        assert_eq!(turns(TURN_BYTES + 1024).await, short + 1);
    }
}
