//! A plugin's way out, asked from inside: the one socket there is, and what the broker lets through
//! it. What the broker does with names, TLS and HTTP is tried without a container, in
//! `engine/tests/egress`.

mod forbidden;
mod live;
mod reached;
mod secrets;
mod sockets;
mod websocket;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::Js;
use serde_json::{Value, json};

pub(crate) fn cases() -> Vec<Case> {
    let suites = [
        reached::cases(),
        forbidden::cases(),
        live::cases(),
        secrets::cases(),
    ];
    suites.into_iter().flatten().collect()
}

/// Those in JavaScript, on one engine.
pub(crate) fn javascript_cases(js: Js) -> Vec<Case> {
    vec![sockets::case(js), websocket::case(js)]
}

/// A server on this host that says again what it heard, once that has ended. It serves so many
/// connections, and is gone.
struct Echo {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Echo {
    fn start(connections: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                let Ok(mut stream) = stream else { return };
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let mut heard = Vec::new();
                drop(stream.read_to_end(&mut heard));
                drop(stream.write_all(&heard));
            }
        });
        Ok(Self {
            port,
            over,
            thread: Some(thread),
        })
    }

    /// What a policy says to let a plugin speak to it.
    fn granted(&self) -> String {
        let port = self.port;
        format!(
            "network:\n  endpoints:\n    - {{ host: localhost, port: {port}, protocol: tcp, addresses: [loopback] }}\n"
        )
    }

    /// A request for a connection to this host and port, and what follows it.
    fn ask(&self, host: &str, then: &str) -> Value {
        let port = self.port;
        json!({ "say": format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n{then}") })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it where it still waits for one.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What is answered at the socket.
async fn said(probe: &Session, arguments: Value) -> anyhow::Result<String> {
    let answer = probe.call("egress", arguments).await?;
    let text = answer["ok"].as_str();
    Ok(text.with_context(|| answer.to_string())?.to_owned())
}
