//! What holds for every message and for every stream of bytes.

mod messages;

use std::fmt::Debug;

use lazaret_protocol::{FrameDecoder, FrameError, HEADER_BYTES, MAX_FRAME_BYTES, encode};
use messages::{engine_message, shim_message};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde::{Serialize, de::DeserializeOwned};

/// All messages of a stream given in chunks, and the error that ended it, if one did.
fn read_all<M: DeserializeOwned>(
    mut stream: &[u8],
    chunk_sizes: &[usize],
    max_frame_bytes: usize,
) -> (Vec<M>, Option<FrameError>) {
    let mut decoder = FrameDecoder::new(max_frame_bytes);
    let mut messages = Vec::new();
    let mut sizes = chunk_sizes.iter().copied().cycle();
    while !stream.is_empty() {
        let size = sizes.next().unwrap_or(stream.len()).clamp(1, stream.len());
        let (chunk, rest) = stream.split_at(size);
        stream = rest;
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn assert_round_trip<M>(messages: &[M], chunk_sizes: &[usize]) -> Result<(), TestCaseError>
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut stream = Vec::new();
    for message in messages {
        stream.extend(encode(message).expect("messages of a test are small"));
    }
    let (read, error) = read_all::<M>(&stream, chunk_sizes, MAX_FRAME_BYTES);
    prop_assert_eq!(error, None);
    prop_assert_eq!(&read[..], messages);
    Ok(())
}

/// Feeds a damaged frame; whatever comes out must be an error or a message that can be sent.
fn assert_error_or_well_formed<M>(frame: &[u8]) -> Result<(), TestCaseError>
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (read, _) = read_all::<M>(frame, &[frame.len()], MAX_FRAME_BYTES);
    for message in &read {
        let again = encode(message).expect("a message that was read can be sent");
        let (read_again, error) = read_all::<M>(&again, &[], MAX_FRAME_BYTES);
        prop_assert_eq!(error, None);
        prop_assert_eq!(&read_again[..], std::slice::from_ref(message));
    }
    Ok(())
}

proptest! {
    #[test]
    fn shim_messages_survive_any_chunking(
        messages in vec(shim_message(), 0..6),
        chunk_sizes in vec(1_usize..200, 1..8),
    ) {
        assert_round_trip(&messages, &chunk_sizes)?;
    }

    #[test]
    fn engine_messages_survive_any_chunking(
        messages in vec(engine_message(), 0..6),
        chunk_sizes in vec(1_usize..200, 1..8),
    ) {
        assert_round_trip(&messages, &chunk_sizes)?;
    }

    #[test]
    fn random_bytes_read_the_same_in_any_chunking(
        stream in vec(any::<u8>(), 0..600),
        chunk_sizes in vec(1_usize..40, 1..8),
        limit in 1_usize..300,
    ) {
        let in_chunks = read_all::<lazaret_protocol::ShimMessage>(&stream, &chunk_sizes, limit);
        let at_once = read_all::<lazaret_protocol::ShimMessage>(&stream, &[stream.len()], limit);
        prop_assert_eq!(in_chunks, at_once);
    }

    /// Random lengths are nearly always too large, so frames get a true one here.
    #[test]
    fn random_frames_are_an_error_or_a_well_formed_message(body in vec(any::<u8>(), 1..200)) {
        let mut frame = u32::try_from(body.len()).expect("short").to_le_bytes().to_vec();
        frame.extend(&body);
        assert_error_or_well_formed::<lazaret_protocol::ShimMessage>(&frame)?;
        assert_error_or_well_formed::<lazaret_protocol::EngineMessage>(&frame)?;
    }

    #[test]
    fn a_truncated_frame_is_no_message_and_no_error(message in shim_message(), cut in any::<Index>()) {
        let frame = encode(&message).expect("small");
        let cut = cut.index(frame.len());
        let (read, error) = read_all::<lazaret_protocol::ShimMessage>(&frame[..cut], &[], MAX_FRAME_BYTES);
        prop_assert_eq!((read, error), (vec![], None));
    }

    #[test]
    fn a_message_cut_inside_its_frame_is_an_error(message in shim_message(), cut in any::<Index>()) {
        let body = &encode(&message).expect("small")[HEADER_BYTES..];
        let body = &body[..cut.index(body.len())];
        let mut frame = u32::try_from(body.len()).expect("short").to_le_bytes().to_vec();
        frame.extend(body);
        let (read, error) = read_all::<lazaret_protocol::ShimMessage>(&frame, &[], MAX_FRAME_BYTES);
        prop_assert_eq!(read, vec![]);
        let refused = matches!(error, Some(FrameError::Malformed { .. } | FrameError::Empty));
        prop_assert!(refused, "{:?}", error);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_a_well_formed_message(
        message in shim_message(),
        place in any::<Index>(),
        change in 1_u8..=255,
    ) {
        let mut frame = encode(&message).expect("small");
        let place = place.index(frame.len());
        frame[place] ^= change;
        assert_error_or_well_formed::<lazaret_protocol::ShimMessage>(&frame)?;
    }
}
