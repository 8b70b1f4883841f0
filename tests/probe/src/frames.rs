//! Frames that no encoder makes, and a channel that is used in one direction only.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use lazaret_protocol::{CallError, CallId, LogLevel, Payload, ShimMessage, encode};
use serde_json::Value;

use crate::answer::text;
use crate::channel::{send, send_bytes, socket};

/// The largest number there is, as the wire format writes it (postcard's varint).
const LARGEST: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

/// A number that goes on past the largest there is.
const ENDLESS: [u8; 32] = [0xff; 32];

/// Does what the function names, if it is one of these.
pub(crate) fn frames(id: CallId, function: &str, arguments: &Value) -> bool {
    match function {
        "frame_not_utf8" => {
            let mut frame = log("xx");
            let at = frame.len() - 3;
            frame[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
            send_bytes(&frame);
        }
        "frame_unknown" => send_framed(&[200]),
        "frame_of_text" => send_framed(text(arguments, "text").as_bytes()),
        "frame_largest_claim" => send_bytes(&u32::MAX.to_le_bytes()),
        "frame_long_list" => send_with_end(no_functions(id), &LARGEST),
        "frame_endless_number" => send_with_end(no_functions(id), &ENDLESS),
        "frame_too_short" => {
            let mut frame = no_functions(id);
            frame.pop();
            send_framed(&frame[4..]);
        }
        "frame_many_names" => send_list(&[2], 1_000_000, 1),
        "frame_many_functions" => {
            let frame = no_functions(id);
            send_list(&frame[4..frame.len() - 1], 1_000_000, 1);
        }
        "frame_many_differences" => send_list(&[1], 400_000, 3),
        "half_closed" => half_closed(id, Shutdown::Write),
        "deaf" => half_closed(id, Shutdown::Read),
        "never_reads" => {
            send(&answer(id));
            for_ever();
        }
        _ => return false,
    }
    true
}

fn answer(id: CallId) -> ShimMessage {
    ShimMessage::Reply {
        id,
        result: Ok(Payload::Json("1".to_owned())),
    }
}

/// Answers, then uses the channel in one direction only.
fn half_closed(id: CallId, direction: Shutdown) -> ! {
    send(&answer(id));
    let stream = socket()
        .try_clone()
        .map(OwnedFd::from)
        .map(UnixStream::from);
    if stream
        .and_then(|stream| stream.shutdown(direction))
        .is_err()
    {
        std::process::exit(94);
    }
    for_ever()
}

fn for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Its last three bytes are the text and a zero.
fn log(text: &str) -> Vec<u8> {
    let message = ShimMessage::Log {
        level: LogLevel::Info,
        fields: None,
        text: text.to_owned(),
        dropped: 0,
    };
    encode(&message).unwrap_or_default()
}

/// Its last byte is the number of functions.
fn no_functions(id: CallId) -> Vec<u8> {
    let functions = Vec::new();
    let result = Err(CallError::NoSuchFunction { functions });
    encode(&ShimMessage::Reply { id, result }).unwrap_or_default()
}

/// Sends a frame with another last byte.
fn send_with_end(mut frame: Vec<u8>, end: &[u8]) {
    frame.pop();
    frame.extend_from_slice(end);
    send_framed(&frame[4..]);
}

/// Sends a list of so many items of nothing but zeros, behind the bytes it starts with.
fn send_list(start: &[u8], items: usize, item_bytes: usize) {
    let mut body = start.to_vec();
    let mut left = items;
    // As the wire format writes a number: seven bits a byte, the highest bit for more.
    while left >= 0x80 {
        body.push((left % 0x80) as u8 | 0x80);
        left /= 0x80;
    }
    body.push(left as u8);
    body.resize(body.len() + items * item_bytes, 0);
    send_framed(&body);
}

fn send_framed(body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(0);
    send_bytes(&[&length.to_le_bytes(), body].concat());
}
