//! An API on this host, by HTTPS, and a root file system that trusts it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use lazaret_rootfs::{CERTIFICATES_PATH, Contents, SHIM_PATH, TREE};
use lazaret_tests::host::lock;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a peer may say nothing. Nothing is measured by it.
const SILENCE: Duration = Duration::from_secs(30);

/// The longest head of a request that is read, in bytes.
const MOST_HEAD: usize = 16 * 1024;

/// What is answered.
const RELEASES: &str =
    r#"[{"version":"1.9.2","date":"2026-02-01"},{"version":"2.0.0","date":"2026-03-05"}]"#;

pub(super) struct Api {
    pub(super) port: u16,
    certificate: String,
    asked: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    pub(super) fn start() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let key = key.map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (asked, over) = (Arc::clone(&asked), Arc::clone(&over));
            move || {
                for stream in listener.incoming().flatten() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    // Who speaks no TLS is not served, and nobody else suffers.
                    drop(serve(stream, &config, &asked));
                }
            }
        });
        Ok(Self {
            port,
            certificate: made.cert.pem(),
            asked,
            over,
            thread: Some(thread),
        })
    }

    /// Where it is.
    pub(super) fn base(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The requests so far, as `GET /v1/x`.
    pub(super) fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }

    /// The root file system of this engine, but that it trusts this server and no other.
    pub(super) fn rootfs(&self, world: &World, js: Js) -> anyhow::Result<tempfile::TempDir> {
        trusting(&self.certificate, world, js)
    }
}

/// A root file system for this engine that trusts one certificate alone, below `rootfs`.
pub(crate) fn trusting(
    certificate: &str,
    world: &World,
    js: Js,
) -> anyhow::Result<tempfile::TempDir> {
    let built = world.parts.lazaret().with_file_name("rootfs");
    let shim = built.join(js.name()).join(TREE);
    let shim = shim.join(SHIM_PATH.trim_start_matches('/'));
    let directory = world.directory()?;
    let output = directory.path().join("rootfs");
    lazaret_rootfs::build(&Contents::new(&shim)?, &output)?;
    let trusted = output
        .join(TREE)
        .join(CERTIFICATES_PATH.trim_start_matches('/'));
    fs_err::write(trusted, certificate)?;
    Ok(directory)
}

impl Drop for Api {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// One request and its answer.
fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    asked: &Mutex<Vec<String>>,
) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let connection = ServerConnection::new(Arc::clone(config))?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MOST_HEAD {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head)?;
    let (request, _) = head.split_once(" HTTP/1.1").context("no request")?;
    lock(asked).push(request.to_owned());
    let answer = match request {
        "GET /v1/moved" => "302 Found\r\nlocation: /admin\r\ncontent-length: 0\r\n\r\n".to_owned(),
        _ => format!(
            "200 OK\r\ncontent-length: {}\r\n\r\n{RELEASES}",
            RELEASES.len()
        ),
    };
    stream.write_all(format!("HTTP/1.1 {answer}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
