//! Breaking the rules of the channel.

use std::os::fd::AsRawFd;

use lazaret_protocol::{
    CHANNEL_FD, CallError, CallId, Difference, Figures, LogLevel, PROTOCOL_VERSION, Payload,
    PluginError, ShimMessage, encode,
};
use serde_json::Value;

use crate::answer::{number, text};
use crate::channel::{send, send_bytes};

/// Does what the function names, if it is one of these; each sees to its own reply, if any.
pub(crate) fn forge(id: CallId, function: &str, arguments: &Value) -> bool {
    match function {
        "forge_garbage" => send_bytes(&[0xa5; 100_000]),
        "forge_huge_claim" => send_bytes(&100_000_000_u32.to_le_bytes()),
        "forge_empty_frame" => send_bytes(&[0; 4]),
        "forge_trailing_bytes" => {
            let mut frame = encode(&reply(id, "1")).unwrap_or_default();
            let length = u32::try_from(frame.len() - 4 + 1).unwrap_or(0);
            frame[..4].copy_from_slice(&length.to_le_bytes());
            frame.push(0);
            send_bytes(&frame);
        }
        "forge_truncated" => {
            let frame = encode(&reply(id, "1")).unwrap_or_default();
            send_bytes(&frame[..frame.len() - 1]);
            std::process::exit(0);
        }
        "forge_unknown_reply" => send(&reply(CallId(id.0 + 1000), "1")),
        "forge_second_reply" => {
            send(&reply(id, "1"));
            send(&reply(id, "2"));
        }
        "forge_item_of_no_call" => send(&item(CallId(id.0 + 1000))),
        "forge_item" => send(&item(id)),
        "forge_end" => send(&ShimMessage::StreamEnd { id }),
        "forge_second_end" => {
            send(&ShimMessage::StreamEnd { id });
            send(&ShimMessage::StreamEnd { id });
        }
        "forge_item_after_end" => {
            send(&ShimMessage::StreamEnd { id });
            send(&item(id));
        }
        "forge_result_after_item" => {
            send(&item(id));
            send(&reply(id, "1"));
        }
        "forge_items" => {
            for _ in 0..number(arguments, "count") {
                send(&item(id));
            }
            send(&ShimMessage::StreamEnd { id });
        }
        "forge_hello" => send(&ShimMessage::Hello {
            version: PROTOCOL_VERSION,
            engine: "again".to_owned(),
        }),
        "forge_ready" => send(&ShimMessage::Ready {
            functions: vec!["again".to_owned()],
        }),
        "forge_refusal" => send(&ShimMessage::Refused {
            differences: vec![Difference {
                what: "all".to_owned(),
                expected: "well".to_owned(),
                found: "well".to_owned(),
            }],
        }),
        "forge_log_flood" => log_flood(id, number(arguments, "lines"), number(arguments, "bytes")),
        "forge_log" => {
            send(&ShimMessage::Log {
                level: LogLevel::Info,
                fields: None,
                text: text(arguments, "text").to_owned(),
                dropped: u64::MAX,
            });
            send(&reply(id, "1"));
        }
        "forge_violations" => {
            for number in 0..number(arguments, "count") {
                send(&ShimMessage::Violation {
                    permission: format!("file:read:/{number}\u{1b}[2J"),
                    call: Some(CallId(u64::MAX)),
                });
            }
            send(&reply(id, "1"));
        }
        "forge_permission" => send(&ShimMessage::Violation {
            permission: "x".repeat(length(arguments)),
            call: None,
        }),
        "forge_functions" => send(&ShimMessage::Reply {
            id,
            result: Err(CallError::NoSuchFunction {
                functions: vec!["f".to_owned(); length(arguments)],
            }),
        }),
        "forge_exception" => send(&ShimMessage::Reply {
            id,
            result: Err(CallError::Exception(error(length(arguments)))),
        }),
        "forge_crash" => send(&ShimMessage::Crash {
            error: error(length(arguments)),
        }),
        "forge_figures" => {
            for _ in 0..number(arguments, "count") {
                send(&ShimMessage::Metrics(Figures {
                    heap_used: u64::MAX,
                    external: u64::MAX,
                    calls: u64::MAX,
                    cpu_us: u64::MAX,
                }));
            }
            send(&reply(id, "1"));
        }
        "forge_result" => send(&reply(id, text(arguments, "text"))),
        "forge_large_result" => {
            send(&reply(
                id,
                &format!("\"{}\"", "x".repeat(length(arguments))),
            ));
        }
        "forge_closed_channel" => {
            close_channel();
            loop {
                std::thread::park();
            }
        }
        "forge_descriptors" => {
            pass_descriptors(&encode(&reply(id, "\"passed\"")).unwrap_or_default());
        }
        "forge_slow_frame" => {
            for byte in encode(&reply(id, "\"slow\"")).unwrap_or_default() {
                send_bytes(&[byte]);
            }
        }
        _ => return false,
    }
    true
}

fn reply(id: CallId, text: &str) -> ShimMessage {
    ShimMessage::Reply {
        id,
        result: Ok(Payload::Json(text.to_owned())),
    }
}

/// One without bytes.
fn item(id: CallId) -> ShimMessage {
    ShimMessage::Item {
        id,
        item: Payload::Bytes(Vec::new()),
    }
}

/// How long or how many, of the arguments.
fn length(arguments: &Value) -> usize {
    usize::try_from(number(arguments, "bytes")).unwrap_or(0)
}

/// An error with a stack of so many bytes.
fn error(bytes: usize) -> PluginError {
    PluginError {
        name: "Error".to_owned(),
        message: String::new(),
        stack: "x".repeat(bytes),
        location: None,
    }
}

fn log_flood(id: CallId, lines: u64, bytes: u64) {
    let text = "x".repeat(usize::try_from(bytes).unwrap_or(0));
    for _ in 0..lines {
        send(&ShimMessage::Log {
            level: LogLevel::Error,
            fields: None,
            text: text.clone(),
            dropped: 0,
        });
    }
    send(&reply(id, "\"flooded\""));
}

fn close_channel() {
    #[expect(unsafe_code, reason = "the descriptor is known by its number")]
    // SAFETY: nothing is read from or written to the channel after this.
    unsafe {
        libc::close(CHANNEL_FD);
    }
}

/// Sends a frame with eight descriptors beside it (unix(7), `SCM_RIGHTS`).
fn pass_descriptors(frame: &[u8]) {
    const COUNT: usize = 8;
    let Ok(null) = crate::files::open("/dev/null") else {
        return;
    };
    let descriptors = [null.as_raw_fd(); COUNT];
    let mut control = [0_u64; 16];
    let mut part = libc::iovec {
        iov_base: frame.as_ptr().cast_mut().cast(),
        iov_len: frame.len(),
    };
    #[expect(unsafe_code, reason = "the standard library passes no descriptors")]
    // SAFETY: all zero is a value of this structure of numbers and pointers. The control buffer
    // is aligned and larger than `CMSG_SPACE` of eight descriptors, so the first header and its
    // data lie within it; it, the frame and the vector live until the call is over.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of_val(&descriptors) as u32) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of_val(&descriptors) as u32) as usize;
        libc::CMSG_DATA(header)
            .cast::<[i32; COUNT]>()
            .write_unaligned(descriptors);
        libc::sendmsg(CHANNEL_FD, &raw const message, 0)
    };
    if usize::try_from(sent) != Ok(frame.len()) {
        std::process::exit(93);
    }
}
