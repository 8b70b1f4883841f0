use std::io::Read;
use std::os::unix::net::UnixStream;

use lazaret_protocol::{CallId, FrameDecoder, Payload};

use super::*;

fn pair() -> (Channel, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("socket pair");
    (Channel::new(ours.into()).expect("channel"), theirs)
}

fn reply(id: u64, bytes: usize) -> ShimMessage {
    ShimMessage::Reply {
        id: CallId(id),
        result: Ok(Payload::Bytes(vec![7; bytes])),
    }
}

/// Reads replies until the stream ends.
fn ids(mut stream: UnixStream) -> Vec<u64> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("stream");
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    let mut ids = Vec::new();
    for chunk in bytes.chunks(100_000) {
        decoder.push(chunk);
        while let Some(message) = decoder.next().expect("frame") {
            match message {
                ShimMessage::Reply { id, .. } => ids.push(id.0),
                other => panic!("{other:?}"),
            }
        }
    }
    ids
}

#[test]
fn what_the_engine_does_not_read_yet_waits_and_arrives_in_order() {
    let (channel, theirs) = pair();
    for id in 0..20 {
        channel.post(&reply(id, 200_000)).expect("frame");
    }
    let reader = std::thread::spawn(move || ids(theirs));
    channel.flush(Duration::from_secs(60));
    drop(channel);
    assert_eq!(reader.join().expect("reader"), (0..20).collect::<Vec<_>>());
}

#[test]
fn the_javascript_thread_waits_for_room_and_the_warden_does_not() {
    let (channel, theirs) = pair();
    let channel = std::sync::Arc::new(channel);
    let sender = std::thread::spawn({
        let channel = channel.clone();
        move || {
            for id in 0..8 {
                channel.send(&reply(id, 7_000_000)).expect("frame");
            }
        }
    });
    while channel.lock().waiting() <= QUEUE_BYTES {
        std::thread::yield_now();
    }
    channel.post(&reply(99, 1)).expect("frame");
    assert!(!sender.is_finished());
    let reader = std::thread::spawn(move || ids(theirs));
    while !sender.is_finished() {
        channel
            .wait(Some(Duration::from_millis(100)), false)
            .expect("poll");
    }
    channel.flush(Duration::from_secs(60));
    drop((sender, channel));
    let mut ids = reader.join().expect("reader");
    assert!(ids.contains(&99));
    ids.retain(|id| *id != 99);
    assert_eq!(ids, (0..8).collect::<Vec<_>>());
}

#[test]
fn nobody_waits_for_an_engine_that_is_gone() {
    let (channel, theirs) = pair();
    drop(theirs);
    for id in 0..8 {
        channel.send(&reply(id, 7_000_000)).expect("frame");
    }
    channel.flush(Duration::from_secs(60));
    assert!(channel.wait(None, true).expect("poll").readable);
    let read = Reader::default().read(&channel);
    assert!(matches!(read, Err(ChannelError::Closed)), "{read:?}");
}

#[test]
fn an_end_that_nobody_listens_for_wakes_nobody() {
    let (channel, theirs) = pair();
    drop(theirs);
    let brief = Some(Duration::from_millis(1));
    assert!(!channel.wait(brief, false).expect("poll").readable);
    assert!(channel.wait(brief, true).expect("poll").readable);
}

#[test]
fn the_warden_is_woken_for_what_has_to_wait_whoever_sends_it() {
    type Send = fn(&Channel, &ShimMessage) -> Result<(), FrameError>;
    for send in [Channel::send as Send, Channel::post as Send] {
        let (channel, _theirs) = pair();
        let woken = || rustix::io::read(&channel.wake, &mut [0u8; 8]).is_ok();
        send(&channel, &reply(1, 1)).expect("frame");
        assert!(!woken());
        send(&channel, &reply(2, 7_000_000)).expect("frame");
        assert!(woken());
    }
}
