//! Servers of WebSockets and of events, good and bad.

use std::io::{BufReader, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// A stream of which a piece is read after a while.
struct Both<'a, S>(&'a mut BufReader<S>, Duration);

impl<S: Read> Read for Both<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        sleep(self.1);
        let most = buffer.len().min(1 << 16);
        self.0.read(&mut buffer[..most])
    }
}

impl<S: Read + Write> Write for Both<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.get_mut().flush()
    }
}

/// Serves one, by its name. A peer that goes away is no fault here.
pub(crate) fn socket<S: Read + Write>(
    name: &str,
    query: &str,
    key: &str,
    stream: &mut BufReader<S>,
) {
    let pause = match name {
        "slow" => Duration::from_millis(100),
        _ => Duration::ZERO,
    };
    let mut stream = Both(stream, pause);
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut accept = STANDARD.encode(digest.finish());
    let mut more = String::new();
    match query.split_once('=') {
        Some(("accept", other)) => accept = other.to_owned(),
        Some((field @ ("protocol" | "extensions"), value)) => {
            more = format!("sec-websocket-{field}: {value}\r\n");
        }
        _ => {}
    }
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         {more}sec-websocket-accept: {accept}\r\n\r\n"
    );
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    match name {
        "masked" => raw(&mut stream, &[0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1]),
        "reserved" => raw(&mut stream, &[0xc1, 1, b'x']),
        "text" => raw(&mut stream, &[0x81, 1, 0xff]),
        "long" => raw(&mut stream, &[0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1]),
        "zero" => raw(&mut stream, &[0x88, 2, 0, 0]),
        "cut" => {}
        "bare" => raw(&mut stream, &[0x88, 0]),
        "fragments" => {
            let parts = b"\x01\x02he\x80\x00\x89\x01p\x80\x03llo";
            // The second one would be the last: it is none.
            let mut parts = parts.to_vec();
            parts[4] = 0;
            raw(&mut stream, &[&parts[..], &[0x88, 2, 0x03, 0xe8]].concat());
        }
        "endless" => endless(&mut stream),
        "deaf" => {
            // It says something now and then, until nobody is there.
            while stream.write_all(&[0x89, 0]).is_ok() && stream.flush().is_ok() {
                sleep(Duration::from_millis(20));
            }
        }
        "silent" => {
            let mut all = [0; 1024];
            stream.write_all(&[0x81, 1, b'x']).ok();
            stream.flush().ok();
            while stream.read(&mut all).is_ok_and(|read| read > 0) {}
        }
        _ => spoken(name, stream),
    }
}

/// Says this, and hears what is said to it.
fn raw(stream: &mut (impl Read + Write), bytes: &[u8]) {
    let said = stream.write_all(bytes).and_then(|()| stream.flush());
    if said.is_ok() {
        std::io::copy(stream, &mut std::io::sink()).ok();
    }
}

/// A message that never ends.
fn endless(stream: &mut impl Write) {
    let mut frame = vec![0x02, 127, 0, 0, 0, 0, 0, 1, 0, 0];
    frame.resize(frame.len() + (1 << 16), b'x');
    while stream.write_all(&frame).is_ok() {
        frame[0] = 0;
    }
}

fn spoken(name: &str, stream: impl Read + Write) {
    let config = WebSocketConfig::default().max_frame_size(Some(32 << 20));
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
    let close = |code: CloseCode, reason: &'static str| {
        let reason = reason.into();
        Message::Close(Some(CloseFrame { code, reason }))
    };
    let begun = match name {
        "ping" => socket.send(Message::Ping("ping".into())),
        "close" => socket.send(close(CloseCode::from(4001), "bye")),
        _ => Ok(()),
    };
    begun.ok();
    let mut heard = 0;
    while let Ok(message) = socket.read() {
        heard += message.len();
        let said = match message {
            Message::Binary(_) if name == "slow" => socket.send(Message::text(heard.to_string())),
            Message::Text(_) | Message::Binary(_) => socket.send(message),
            Message::Pong(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                socket
                    .send(Message::text(text))
                    .and_then(|()| socket.send(close(CloseCode::Normal, "")))
            }
            _ => Ok(()),
        };
        if said.is_err() {
            break;
        }
    }
}

/// Serves events; `last` is what the source heard before.
pub(crate) fn events(path: &str, last: Option<&str>, stream: &mut impl Write) {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut sent = stream.write_all(head);
    let line = match path {
        "/events/line" => "x".repeat(1 << 16),
        "/events/event" => format!("data: {}\n", "x".repeat(1 << 16)),
        _ => {
            let text = match last {
                None => "retry: 0\nid: 1\nevent: tick\ndata: one\ndata: two\n\n".to_owned(),
                Some(last) => format!(": a comment\ndata: again after {last}\n\n"),
            };
            stream.write_all(text.as_bytes()).ok();
            return;
        }
    };
    while sent.is_ok() {
        sent = stream.write_all(line.as_bytes());
    }
}
