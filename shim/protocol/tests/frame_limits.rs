//! The decoder against a peer that lies about lengths or sends nonsense.

use lazaret_protocol::{
    CallId, EngineMessage, FrameDecoder, FrameError, HEADER_BYTES, LogLevel, MAX_FRAME_BYTES,
    Payload, ShimMessage, encode,
};

fn frame(length: usize, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).expect("lengths of a test fit");
    [&length.to_le_bytes()[..], body].concat()
}

fn log_line(bytes: usize) -> ShimMessage {
    ShimMessage::Log {
        level: LogLevel::Info,
        fields: None,
        text: "x".repeat(bytes),
        dropped: 0,
    }
}

#[test]
fn length_zero_is_refused() {
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&frame(0, &[]));
    assert_eq!(decoder.next::<ShimMessage>(), Err(FrameError::Empty));
}

#[test]
fn length_over_the_limit_is_refused_at_its_header() {
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&frame(101, &[]));
    let error = decoder.next::<ShimMessage>().expect_err("over the limit");
    assert_eq!(
        error,
        FrameError::TooLarge {
            bytes: 101,
            limit: 100
        }
    );
    assert_eq!(
        error.to_string(),
        "frame of `101` bytes exceeds the limit of `100` bytes"
    );
}

#[test]
fn a_frame_of_exactly_the_limit_passes() {
    let line = encode(&log_line(50)).expect("small");
    let mut decoder = FrameDecoder::new(line.len() - HEADER_BYTES);
    decoder.push(&line);
    assert_eq!(decoder.next(), Ok(Some(log_line(50))));
}

#[test]
fn bytes_after_the_message_are_refused() {
    let mut body = encode(&EngineMessage::Shutdown).expect("small")[HEADER_BYTES..].to_vec();
    body.push(0);
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&frame(2, &body));
    assert_eq!(
        decoder.next::<EngineMessage>(),
        Err(FrameError::TrailingBytes { used: 1, bytes: 2 })
    );
}

#[test]
fn good_frames_before_a_bad_one_are_delivered_and_none_after_it() {
    let good = encode(&EngineMessage::Shutdown).expect("small");
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&[&good[..], &frame(1, &[0xff]), &good].concat());
    assert_eq!(decoder.next(), Ok(Some(EngineMessage::Shutdown)));
    let error = decoder
        .next::<EngineMessage>()
        .expect_err("no message has this number");
    decoder.push(&good);
    assert_eq!(decoder.next::<EngineMessage>(), Err(error.clone()));
    assert_eq!(decoder.next::<EngineMessage>(), Err(error));
}

#[test]
fn a_claimed_length_inside_a_message_must_be_there() {
    // `Log` is message 4, level `Info` is 1; the text claims 2^63 - 1 bytes and has three.
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let body = [&[4, 1], &claim[..], b"abc"].concat();
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&frame(body.len(), &body));
    assert!(matches!(
        decoder.next::<ShimMessage>(),
        Err(FrameError::Malformed { bytes: 14, .. })
    ));
}

#[test]
fn pushing_without_taking_is_an_overrun() {
    let line = encode(&log_line(60)).expect("small");
    let mut decoder = FrameDecoder::new(100);
    decoder.push(&line);
    decoder.push(&line);
    decoder.push(&line);
    assert_eq!(decoder.next(), Ok(Some(log_line(60))));
    assert_eq!(decoder.next(), Ok(Some(log_line(60))));
    assert_eq!(
        decoder.next::<ShimMessage>(),
        Err(FrameError::Overrun {
            buffered: 2 * line.len(),
            limit: 104
        })
    );
}

#[test]
fn the_largest_message_can_be_sent_and_one_byte_more_cannot() {
    let call = |bytes: usize| ShimMessage::Reply {
        id: CallId(1),
        result: Ok(Payload::Bytes(vec![7; bytes])),
    };
    let around = encode(&call(MAX_FRAME_BYTES - 100)).expect("fits").len() - HEADER_BYTES;
    let largest = call(MAX_FRAME_BYTES - 100 + (MAX_FRAME_BYTES - around));
    let sent = encode(&largest).expect("exactly the limit");
    assert_eq!(sent.len(), HEADER_BYTES + MAX_FRAME_BYTES);
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    decoder.push(&sent);
    assert_eq!(decoder.next(), Ok(Some(largest)));
    assert_eq!(
        encode(&call(
            MAX_FRAME_BYTES - 100 + (MAX_FRAME_BYTES - around) + 1
        )),
        Err(FrameError::TooLarge {
            bytes: MAX_FRAME_BYTES + 1,
            limit: MAX_FRAME_BYTES
        })
    );
}
