//! The probe's end of the channel: blocking, at the descriptor the shim would have it at.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

use lazaret_protocol::{
    CHANNEL_FD, EngineMessage, FrameDecoder, MAX_FRAME_BYTES, ShimMessage, encode,
};

/// Messages from the engine.
pub(crate) struct Channel(FrameDecoder);

impl Default for Channel {
    fn default() -> Self {
        Self(FrameDecoder::new(MAX_FRAME_BYTES))
    }
}

impl Channel {
    /// The next message; `None` once the engine is gone.
    pub(crate) fn next(&mut self) -> Option<EngineMessage> {
        let mut chunk = [0; 64 * 1024];
        loop {
            if let Some(message) = self.0.next().ok()? {
                return Some(message);
            }
            match socket().read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.0.push(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

/// Sends one message. A channel that is gone ends the process, as it does the shim.
pub(crate) fn send(message: &ShimMessage) {
    match encode(message) {
        Ok(frame) => send_bytes(&frame),
        Err(_) => std::process::exit(90),
    }
}

/// Sends bytes that need not be a message.
pub(crate) fn send_bytes(bytes: &[u8]) {
    if socket().write_all(bytes).is_err() {
        std::process::exit(91);
    }
}

/// The socket, not closed when it is let go of.
pub(crate) fn socket() -> ManuallyDrop<File> {
    #[expect(unsafe_code, reason = "the descriptor arrives as a number")]
    // SAFETY: the launcher hands the descriptor over and only `forge` closes it, on purpose; a
    // closed one gives `EBADF`, and no other file is opened after it in that case.
    ManuallyDrop::new(unsafe { File::from_raw_fd(CHANNEL_FD) })
}
