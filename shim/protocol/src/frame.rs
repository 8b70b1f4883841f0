//! Frames: how messages are cut out of the byte stream.
//!
//! A frame is a little-endian `u32` length followed by that many bytes, which are exactly one
//! message in the [postcard wire format](https://postcard.jamesmunns.com/wire-format).
//!
//! The reader trusts no length. A frame's length is compared with the limit before any byte of
//! the frame is kept, and memory grows with the bytes that have arrived, not with what a length
//! claims. postcard holds to the same inside a frame: text and bytes are taken from what is
//! there. Lists, whose items are larger in memory than in a frame, are held to a most number of
//! items while they are read.

use postcard::ser_flavors::Size;
use serde::{Serialize, de::DeserializeOwned};

use crate::act::MAX_ACT_BYTES;
use crate::bounded;

/// Size of the length that starts a frame, in bytes.
pub const HEADER_BYTES: usize = 4;

/// The longest frame either end sends, without its header, in bytes: the largest act, and 256 KiB
/// for all that comes with it.
pub const MAX_FRAME_BYTES: usize = MAX_ACT_BYTES + 256 * 1024;

/// Memory an empty decoder keeps for the next frames, in bytes.
const IDLE_CAPACITY: usize = 64 * 1024;

/// Why a message could not be framed, or a stream not be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message, or the length read from the stream, is over the limit.
    #[error("frame of `{bytes}` bytes exceeds the limit of `{limit}` bytes")]
    TooLarge {
        /// Length of the frame without its header.
        bytes: usize,
        /// The longest frame allowed.
        limit: usize,
    },
    /// A frame of length 0: no message is that short.
    #[error("frame is empty")]
    Empty,
    /// The frame holds a whole message and then more.
    #[error("message ends after `{used}` of the frame's `{bytes}` bytes")]
    TrailingBytes {
        /// Bytes the message took.
        used: usize,
        /// Length of the frame.
        bytes: usize,
    },
    /// The frame's bytes are no message of the expected kind.
    #[error("frame of `{bytes}` bytes holds no well-formed message")]
    Malformed {
        /// Length of the frame.
        bytes: usize,
        /// What the decoder ran into.
        #[source]
        source: postcard::Error,
    },
    /// A list has more items than any message may have there.
    #[error("the {list} is too large")]
    TooManyItems {
        /// Which.
        list: &'static str,
    },
    /// The message cannot be written in the wire format.
    #[error("failed to encode a message")]
    Encode {
        /// What the encoder ran into.
        #[source]
        source: postcard::Error,
    },
    /// More was pushed while a whole frame was waiting to be taken: the caller does not call
    /// [`FrameDecoder::next`] until it returns `None`.
    #[error("`{buffered}` bytes are waiting to be decoded, the limit is `{limit}`")]
    Overrun {
        /// Bytes held when the push came.
        buffered: usize,
        /// The most that may be held before a push.
        limit: usize,
    },
}

/// Writes a message as one frame, header included.
///
/// # Errors
///
/// [`FrameError::TooLarge`] over [`MAX_FRAME_BYTES`]; [`FrameError::Empty`] for a type that has
/// no bytes at all; [`FrameError::Encode`] for a type the wire format cannot hold.
pub fn encode<M: Serialize + ?Sized>(message: &M) -> Result<Vec<u8>, FrameError> {
    let failed = |source| FrameError::Encode { source };
    // Known before anything is written: no memory is taken but what the frame needs.
    let bytes = postcard::serialize_with_flavor(message, Size::default()).map_err(failed)?;
    check_length(bytes, MAX_FRAME_BYTES)?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + bytes);
    frame.resize(HEADER_BYTES, 0);
    let mut frame = postcard::to_extend(message, frame).map_err(failed)?;
    let header = u32::try_from(bytes).expect("the limit is far below `u32::MAX`");
    frame[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
    Ok(frame)
}

/// Cuts a stream, in chunks of any size, into messages.
///
/// Push what was read, then take messages until there is none. What comes out does not depend on
/// how the stream was chunked. The first error is final: every later call to
/// [`next`](Self::next) repeats it, and nothing more is kept.
#[derive(Debug)]
pub struct FrameDecoder {
    max_frame_bytes: usize,
    /// Bytes that arrived; those before `taken` are decoded already.
    buffer: Vec<u8>,
    taken: usize,
    /// Where in `buffer` the frame starts that is still arriving. All before it are whole.
    arriving: usize,
    /// Holds for the place `arriving`: everything before it is still good.
    stream_error: Option<FrameError>,
    /// The error given to the caller, for good.
    failed: Option<FrameError>,
}

impl FrameDecoder {
    /// A decoder that refuses frames longer than `max_frame_bytes` (without their header);
    /// usually [`MAX_FRAME_BYTES`].
    #[must_use]
    pub fn new(max_frame_bytes: usize) -> Self {
        Self {
            max_frame_bytes,
            buffer: Vec::new(),
            taken: 0,
            arriving: 0,
            stream_error: None,
            failed: None,
        }
    }

    /// Accepts frames of this size as well.
    pub fn allow(&mut self, max_frame_bytes: usize) {
        self.max_frame_bytes = self.max_frame_bytes.max(max_frame_bytes);
    }

    /// Takes in bytes from the stream.
    ///
    /// Holds at most one frame with its header plus this chunk, given that the caller took all
    /// whole frames before ([`FrameError::Overrun`] otherwise). What is wrong is told by
    /// [`next`](Self::next), after the good frames before it.
    pub fn push(&mut self, mut chunk: &[u8]) {
        if self.failed.is_some() || self.stream_error.is_some() {
            return;
        }
        self.forget_taken();
        let limit = self.max_frame_bytes.saturating_add(HEADER_BYTES);
        if self.buffer.len() >= limit {
            self.stream_error = Some(FrameError::Overrun {
                buffered: self.buffer.len(),
                limit,
            });
            return;
        }
        while !chunk.is_empty() {
            match self.missing() {
                Ok(missing) => {
                    let (now, later) = chunk.split_at(missing.min(chunk.len()));
                    self.buffer.extend_from_slice(now);
                    chunk = later;
                    self.step_over_whole_frame();
                }
                Err(error) => {
                    self.stream_error = Some(error);
                    return;
                }
            }
        }
        // A header that came in with the last bytes of this chunk is judged now, so that a
        // hostile length ends the stream without waiting for more of it.
        self.stream_error = self.missing().err();
    }

    /// The next message, or `None` until more bytes are pushed.
    ///
    /// # Errors
    ///
    /// Any [`FrameError`] but [`FrameError::Encode`]; the decoder then repeats it for ever.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot be generic over each item's type, and ends at `None`"
    )]
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.decode_next();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.buffer = Vec::new();
            self.taken = 0;
            self.arriving = 0;
        }
        result
    }

    fn decode_next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        if self.taken == self.arriving {
            return match &self.stream_error {
                Some(error) => Err(error.clone()),
                None => Ok(None),
            };
        }
        let start = self.taken + HEADER_BYTES;
        let bytes = self
            .length_at(self.taken)
            .expect("a frame before `arriving` is whole");
        let body = &self.buffer[start..start + bytes];
        let (message, rest) =
            postcard::take_from_bytes(body).map_err(|source| match bounded::too_long() {
                Some(list) => FrameError::TooManyItems { list },
                None => FrameError::Malformed { bytes, source },
            })?;
        if !rest.is_empty() {
            return Err(FrameError::TrailingBytes {
                used: bytes - rest.len(),
                bytes,
            });
        }
        self.taken = start + bytes;
        if self.taken == self.buffer.len() {
            self.forget_taken();
        }
        Ok(Some(message))
    }

    /// How many bytes the arriving frame (or its header) lacks; never 0 after
    /// [`step_over_whole_frame`](Self::step_over_whole_frame).
    fn missing(&self) -> Result<usize, FrameError> {
        let arrived = self.buffer.len() - self.arriving;
        match self.length_at(self.arriving) {
            None => Ok(HEADER_BYTES - arrived),
            Some(bytes) => {
                check_length(bytes, self.max_frame_bytes)?;
                Ok(HEADER_BYTES + bytes - arrived)
            }
        }
    }

    fn step_over_whole_frame(&mut self) {
        // A bad length is left for the next look at `missing`.
        if self.missing() == Ok(0) {
            self.arriving = self.buffer.len();
        }
    }

    /// The length in the header at this place, if the header is there.
    fn length_at(&self, place: usize) -> Option<usize> {
        let header = self.buffer.get(place..)?.first_chunk::<HEADER_BYTES>()?;
        Some(usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX))
    }

    fn forget_taken(&mut self) {
        self.buffer.drain(..self.taken);
        self.arriving -= self.taken;
        self.taken = 0;
        if self.buffer.is_empty() {
            self.buffer.shrink_to(IDLE_CAPACITY);
        }
    }
}

fn check_length(bytes: usize, limit: usize) -> Result<(), FrameError> {
    match bytes {
        0 => Err(FrameError::Empty),
        bytes if bytes > limit => Err(FrameError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}
