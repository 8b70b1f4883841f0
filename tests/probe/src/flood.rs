//! More messages than anybody can take, for ever: none of these comes back.

use lazaret_protocol::{CallId, Figures, LogLevel, ShimMessage, encode};

use crate::Ask;
use crate::channel::{send, send_bytes};

/// Bytes sent at once, so that the kernel's part in it is small.
const CHUNK_BYTES: usize = 256 * 1024;

pub(crate) const ASKS: &[Ask] = &[
    ("flood_empty_lines", |_| flood(&line(0, 0))),
    ("flood_dropped_lines", |_| flood(&line(0, u64::MAX))),
    ("flood_large_lines", |_| flood(&line(500_000, 0))),
    ("flood_violations", |_| {
        flood(&ShimMessage::Violation {
            permission: "file:read:/".to_owned() + &"x".repeat(8000),
            call: Some(CallId(1)),
        })
    }),
    ("spin_talking", |_| spin_talking()),
    ("flood_figures", |_| {
        flood(&ShimMessage::Metrics(Figures::default()))
    }),
];

/// A log line of so many bytes, with word of others.
pub(crate) fn line(bytes: usize, dropped: u64) -> ShimMessage {
    ShimMessage::Log {
        level: LogLevel::Info,
        fields: None,
        text: "x".repeat(bytes),
        dropped,
    }
}

/// Sends a message until the channel is gone, which ends the process.
pub(crate) fn flood(message: &ShimMessage) -> ! {
    let frame = encode(message).unwrap_or_default();
    let chunk = frame.repeat((CHUNK_BYTES / frame.len().max(1)).max(1));
    loop {
        send_bytes(&chunk);
    }
}

/// Computes without end, and says something all the time.
fn spin_talking() -> ! {
    loop {
        for _ in 0..20_000 {
            std::hint::spin_loop();
        }
        send(&line(0, 0));
    }
}
