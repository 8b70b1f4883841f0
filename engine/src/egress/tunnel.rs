//! `CONNECT`: bytes to a granted host and back.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

use super::account::Way;
use super::connect::{BUSY, Failure, Upstream, connect};
use super::counters::{Tally, add};
use super::ended;
use super::head::{self, MAX_HEAD_BYTES};
use super::hello::{self, Hello, MAX_HELLO_BYTES};
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;
use super::relay::{Stopped, relay};
use super::{REFUSAL, UNREACHABLE};

/// How many bytes are read at once while they are looked at.
const STEP: usize = 4096;

/// How often it is looked whether a plugin that sends no more is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Serves a connection that began with these bytes.
pub(super) async fn serve(plugin: &Plugin, mut stream: UnixStream, mut bytes: Vec<u8>) {
    let asked = plugin.soon(asked(&mut stream, &mut bytes)).await;
    let purpose = match asked {
        // Too slow, or gone before it had asked.
        None | Some(Ok(None)) => return,
        Some(Ok(Some(purpose))) => purpose,
        Some(Err(refusal)) => return refuse(plugin, &mut stream, None, refusal).await,
    };
    let leave = match plugin.decide(&purpose).await {
        Ok(leave) if leave.is_ended() => {
            return ended::serve(plugin, stream, bytes, purpose, &leave).await;
        }
        Ok(leave) => leave,
        Err(refusal) => return refuse(plugin, &mut stream, Some(&purpose), refusal).await,
    };
    let upstream = match connect(plugin, &purpose, &leave, false).await {
        Ok(upstream) => upstream,
        Err(Failure::Refused(refusal)) => {
            return refuse(plugin, &mut stream, Some(&purpose), refusal).await;
        }
        Err(Failure::Unreachable(what)) => {
            let answer = format!("502 Bad Gateway\r\n{UNREACHABLE}: {what}");
            return answer_and_close(&mut stream, &answer).await;
        }
        Err(Failure::Busy) => {
            let answer = format!("503 Service Unavailable\r\n{UNREACHABLE}: {BUSY}");
            return answer_and_close(&mut stream, &answer).await;
        }
    };
    let Upstream {
        stream: server,
        class,
        terms,
        place: _place,
    } = upstream;
    let passed = async {
        let pass = pass(plugin, &purpose, (stream, server), bytes, terms.is_tls());
        if let Err(Ended::Refused(refusal)) = pass.await {
            plugin.refuse(Some(&purpose), refusal).await;
        }
    };
    tokio::select! {
        // What is forbidden by now passes nothing.
        biased;
        () = plugin.forbids(&purpose, terms, class) => {}
        () = passed => {}
    }
}

/// Reads the head; what came after it stays in `bytes`. `None` where the plugin ended it.
async fn asked(stream: &mut UnixStream, bytes: &mut Vec<u8>) -> Result<Option<Purpose>, Refusal> {
    let mut seen = 0;
    loop {
        if head::may_end(bytes, seen)
            && let Some(head) = head::read(bytes)?
        {
            bytes.drain(..head.length);
            return Ok(Some(Purpose {
                host: head.host,
                port: head.port,
                request: None,
                ended: false,
            }));
        }
        seen = bytes.len();
        if !more(stream, bytes, MAX_HEAD_BYTES).await {
            return Ok(None);
        }
    }
}

/// Reads some more. False where there is none.
async fn more(stream: &mut UnixStream, bytes: &mut Vec<u8>, most: usize) -> bool {
    bytes.reserve(STEP);
    let step = STEP.min(most.saturating_sub(bytes.len()).max(1)) as u64;
    let read = (&mut *stream).take(step).read_buf(bytes).await;
    read.is_ok_and(|read| read > 0)
}

/// Why bytes are passed on no more.
pub(super) enum Ended {
    Refused(Refusal),
    Quietly,
}

impl From<std::io::Error> for Ended {
    fn from(_: std::io::Error) -> Self {
        Self::Quietly
    }
}

async fn pass(
    plugin: &Plugin,
    purpose: &Purpose,
    (mut stream, mut server): (UnixStream, TcpStream),
    mut bytes: Vec<u8>,
    tls: bool,
) -> Result<(), Ended> {
    let tally = plugin.tally(purpose);
    let _wide = plugin.buffers.widen(&stream);
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    if tls {
        let hello = plugin.soon(names(&mut stream, &mut bytes, purpose)).await;
        hello.ok_or(Ended::Quietly)??;
    }
    send(plugin, purpose, &mut server, &bytes, &tally).await?;
    drop(bytes);
    let moved = AtomicU64::new(0);
    let ended = Notify::new();
    let there = async {
        let sent = [&tally.sent, &moved];
        let there = relay(plugin, (&stream, &server), Way::Sent, sent).await;
        ended.notify_one();
        match there {
            // It may have answered before it went.
            Err(Stopped::Unwritable) => Ok(()),
            other => other,
        }
    };
    let received = [&tally.received, &moved];
    let back = relay(plugin, (&server, &stream), Way::Received, received);
    let hangs_up = async {
        ended.notified().await;
        hangs_up(&stream).await;
    };
    tokio::select! {
        both = async { tokio::try_join!(there, back) } => match both {
            Err(Stopped::UsedUp(way)) => Err(Ended::Refused(plugin.used_up(purpose, way))),
            Err(Stopped::Unwritable | Stopped::Broken) | Ok(_) => Ok(()),
        },
        () = hangs_up => Ok(()),
        () = plugin.idles(|| moved.load(Ordering::Relaxed)) => Ok(()),
    }
}

/// Waits until nobody holds the plugin's end any more: who has ended only its sending may wait long
/// for an answer.
async fn hangs_up(stream: &impl AsFd) {
    loop {
        let mut ends = [PollFd::new(stream, PollFlags::HUP)];
        let polled = poll(&mut ends, Some(&Timespec::default()));
        if polled.is_err() || ends[0].revents().contains(PollFlags::HUP) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads the first bytes of TLS: they must ask for the host the connection is for.
pub(super) async fn names(
    stream: &mut UnixStream,
    bytes: &mut Vec<u8>,
    purpose: &Purpose,
) -> Result<(), Ended> {
    let mut reader = hello::Reader::default();
    loop {
        let refused = |reason: String| Ended::Refused(Refusal::because(&purpose.ask(), reason));
        match reader
            .read(bytes)
            .map_err(|error| refused(error.to_string()))?
        {
            Hello::Named(name) if name == purpose.host.as_str() => return Ok(()),
            Hello::Named(name) => {
                let name = super::refusal::shown(&name);
                return Err(refused(format!("the TLS client hello names `{name}`")));
            }
            Hello::Partial => {}
        }
        if !more(stream, bytes, MAX_HELLO_BYTES).await {
            return Err(Ended::Quietly);
        }
    }
}

/// Passes on what was looked at.
async fn send(
    plugin: &Plugin,
    purpose: &Purpose,
    server: &mut TcpStream,
    bytes: &[u8],
    tally: &Tally,
) -> Result<(), Ended> {
    let length = bytes.len() as u64;
    if plugin.account.room(Way::Sent) < length {
        return Err(Ended::Refused(plugin.used_up(purpose, Way::Sent)));
    }
    // At once: while these wait to be written, others see that there is less room.
    plugin.account.moved(Way::Sent, length, Instant::now());
    let written = plugin.soon(server.write_all(bytes)).await;
    written.ok_or(Ended::Quietly)??;
    add(&tally.sent, length);
    Ok(())
}

pub(super) async fn refuse(
    plugin: &Plugin,
    stream: &mut UnixStream,
    purpose: Option<&Purpose>,
    refusal: Refusal,
) {
    let answer = format!("403 Forbidden\r\n{REFUSAL}: {refusal}");
    plugin.refuse(purpose, refusal).await;
    answer_and_close(stream, &answer).await;
}

async fn answer_and_close(stream: &mut UnixStream, answer: &str) {
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // Who does not wait for the answer does not get it.
    stream.write_all(answer.as_bytes()).await.ok();
}
