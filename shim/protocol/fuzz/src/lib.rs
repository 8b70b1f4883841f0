//! What every fuzz target does with its input.

use lazaret_protocol::{FrameDecoder, encode};
use serde::{Serialize, de::DeserializeOwned};

/// A small limit, so that inputs of the fuzzer's length reach it.
const MAX_FRAME_BYTES: usize = 1024;

/// Feeds a stream in chunks as long as its first byte says, and checks every message that
/// comes out: it can be sent again and is read back as the same bytes.
///
/// # Panics
///
/// When the decoder breaks its word: that is what the fuzzer looks for.
pub fn feed<M: Serialize + DeserializeOwned>(input: &[u8]) {
    let Some((&size, stream)) = input.split_first() else {
        return;
    };
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    for chunk in stream.chunks(usize::from(size).max(1)) {
        decoder.push(chunk);
        while let Some(message) = match decoder.next::<M>() {
            Ok(message) => message,
            Err(error) => {
                decoder.push(stream);
                assert_eq!(decoder.next::<M>().err(), Some(error), "an error is final");
                return;
            }
        } {
            check(&message);
        }
    }
}

fn check<M: Serialize + DeserializeOwned>(message: &M) {
    let sent = encode(message).expect("a message that was read can be sent");
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    decoder.push(&sent);
    let read: M = decoder
        .next()
        .expect("a message that was sent can be read")
        .expect("the whole frame is there");
    assert_eq!(encode(&read).expect("as before"), sent);
}
