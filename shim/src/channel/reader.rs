//! Reading from the channel.

use lazaret_protocol::{EngineMessage, FrameDecoder, MAX_FRAME_BYTES};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::{Channel, ChannelError};

/// How much is read from the channel at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Puts messages together from what arrives.
#[derive(Debug)]
pub struct Reader {
    decoder: FrameDecoder,
    chunk: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            decoder: FrameDecoder::new(MAX_FRAME_BYTES),
            chunk: vec![0; READ_BYTES],
        }
    }
}

impl Reader {
    /// Takes what has arrived, without waiting. The messages then come from
    /// [`message`](Self::message). False if that was all.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Closed`] at the end of the stream, or what the system call ran into.
    pub fn read(&mut self, channel: &Channel) -> Result<bool, ChannelError> {
        match recv(
            &channel.socket,
            self.chunk.as_mut_slice(),
            RecvFlags::DONTWAIT,
        ) {
            Ok((0, _)) => Err(ChannelError::Closed),
            Ok((count, _)) => {
                self.decoder.push(&self.chunk[..count]);
                Ok(count == self.chunk.len())
            }
            Err(Errno::AGAIN) => Ok(false),
            Err(Errno::INTR) => Ok(true),
            Err(Errno::CONNRESET) => Err(ChannelError::Closed),
            Err(error) => Err(error.into()),
        }
    }

    /// The next whole message, if there is one.
    ///
    /// # Errors
    ///
    /// When the bytes are no message.
    pub fn message(&mut self) -> Result<Option<EngineMessage>, ChannelError> {
        Ok(self.decoder.next()?)
    }
}
