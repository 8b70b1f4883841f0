use std::io::{Read, Write};

use lazaret_protocol::{FrameDecoder, FrameError, MAX_FRAME_BYTES, Source, encode};

use crate::compile;

/// The most bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Why not all sources were answered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Input or output.
    #[error("failed to {what}")]
    Io {
        /// The step.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The input is no frame of a [`Source`], or the output does not fit one.
    #[error("sources are not as they should be")]
    Frame(#[from] FrameError),
}

/// Compiles each [`Source`] that comes in, a frame each, and writes its [`Compiled`](lazaret_protocol::Compiled) as a frame,
/// in the same order, until the input ends.
///
/// # Errors
/// [`ServeError`].
pub fn serve(mut input: impl Read, mut output: impl Write) -> Result<(), ServeError> {
    let io = |what| move |source| ServeError::Io { what, source };
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    let mut chunk = vec![0; CHUNK];
    loop {
        while let Some(source) = decoder.next::<Source>()? {
            let frame = encode(&compile(&source))?;
            output.write_all(&frame).map_err(io("write"))?;
        }
        let count = input.read(&mut chunk).map_err(io("read"))?;
        if count == 0 {
            return output.flush().map_err(io("write"));
        }
        decoder.push(&chunk[..count]);
    }
}
