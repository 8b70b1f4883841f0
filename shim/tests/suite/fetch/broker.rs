//! A broker and the hosts behind it: it grants everything but two names, reaches all but one, and has
//! a certificate for `a.example` alone. Port 7 says again what it hears, 8443 likewise within TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use lazaret_protocol::HttpsEndpoint;
use lazaret_shim::runtime::Egress;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::websocket::server;

pub(crate) struct Broker {
    directory: tempfile::TempDir,
    authority: String,
    tunnels: Arc<Mutex<Vec<String>>>,
    seen: Arc<Seen>,
}

/// What hosts saw.
#[derive(Default)]
struct Seen {
    /// Connections to the broker.
    connections: AtomicUsize,
    /// Requests that were read to the end of their head.
    requests: AtomicUsize,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let listener = UnixListener::bind(directory.path().join("egress.sock")).expect("socket");
        let made =
            rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("key");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("certificate");
        let config = Arc::new(config);
        let tunnels = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::new(Seen::default());
        std::thread::spawn({
            let (tunnels, seen) = (tunnels.clone(), seen.clone());
            move || {
                for stream in listener.incoming().flatten() {
                    seen.connections.fetch_add(1, SeqCst);
                    let (config, tunnels) = (config.clone(), tunnels.clone());
                    let seen = seen.clone();
                    std::thread::spawn(move || serve(stream, &config, &tunnels, &seen));
                }
            }
        });
        Self {
            directory,
            authority: made.cert.pem(),
            tunnels,
            seen,
        }
    }

    /// The way to it.
    pub(crate) fn egress(&self, rules: Vec<HttpsEndpoint>) -> Egress {
        Egress {
            socket: self.directory.path().join("egress.sock"),
            authorities: self.authority.clone().into_bytes(),
            rules,
            connections: 64,
        }
    }

    /// Where plugins had themselves connected to.
    pub(crate) fn tunnels(&self) -> Vec<String> {
        self.tunnels.lock().expect("no panic").clone()
    }

    /// The certificate of `a.example`, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.authority
    }

    /// How many connections and how many requests there were since it was asked last.
    pub(super) fn seen(&self) -> (usize, usize) {
        let Seen {
            connections,
            requests,
        } = &*self.seen;
        (connections.swap(0, SeqCst), requests.swap(0, SeqCst))
    }
}

struct Head {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
}

fn head(from: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => fields.push((name.to_lowercase(), value.to_owned())),
            None => {
                return Some(Head {
                    method,
                    target,
                    fields,
                });
            }
        }
    }
}

fn serve(
    stream: UnixStream,
    config: &Arc<ServerConfig>,
    tunnels: &Mutex<Vec<String>>,
    seen: &Seen,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("stream"));
    let Some(head) = head(&mut reader) else {
        return;
    };
    let host = head.target.trim_start_matches("http://");
    let refusal = if host.starts_with("denied.example") {
        let read = head.method == "CONNECT";
        Some(if read {
            "network:read:denied.example"
        } else {
            "network:connect:denied.example:80"
        })
    } else if host.starts_with("private.example") {
        Some("10.0.0.1 is private")
    } else {
        None
    };
    let mut stream = stream;
    if let Some(refusal) = refusal {
        let text = format!(
            "HTTP/1.1 403 Forbidden\r\nlazaret-refusal: {refusal}\r\ncontent-length: 0\r\n\r\n"
        );
        let _ = stream.write_all(text.as_bytes());
    } else if host.starts_with("gone.example") {
        let text = "HTTP/1.1 502 Bad Gateway\r\nlazaret-unreachable: nobody listens\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(text.as_bytes());
    } else if head.method == "CONNECT" && head.target.ends_with(":7") {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .expect("answer");
        let _ = std::io::copy(&mut reader, &mut stream);
        let _ = stream.write_all(b"the end");
    } else if head.method == "CONNECT" {
        let echoes = head.target.ends_with(":8443");
        tunnels.lock().expect("no panic").push(head.target);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .expect("answer");
        let connection = ServerConnection::new(config.clone()).expect("connection");
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        if echoes {
            let mut line = String::new();
            let _ = stream.read_line(&mut line);
            let _ = stream.get_mut().write_all(line.as_bytes());
        }
        while let Some(head) = self::head(&mut stream) {
            seen.requests.fetch_add(1, SeqCst);
            if !answer(&head, &mut stream) {
                break;
            }
        }
        stream.get_mut().conn.send_close_notify();
        let _ = stream.get_mut().flush();
    } else {
        let mut both = BufReader::new(Joined(reader, stream));
        let mut next = Some(head);
        while let Some(head) = next {
            seen.requests.fetch_add(1, SeqCst);
            if !answer(&head, &mut both) {
                break;
            }
            next = self::head(&mut both);
        }
    }
}

struct Joined(BufReader<UnixStream>, UnixStream);

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Joined {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.1.flush()
    }
}

/// What a host says, and whether it listens on. A peer that went away is no fault here.
fn answer<S: Read + Write>(head: &Head, stream: &mut BufReader<S>) -> bool {
    let path = head
        .target
        .strip_prefix("http://")
        .map_or(head.target.as_str(), |rest| {
            &rest[rest.find('/').unwrap_or_default()..]
        });
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let field = |name: &str| {
        let found = head.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    };
    if let (Some(name), Some(key)) = (path.strip_prefix("/ws/"), field("sec-websocket-key"))
        && !name.is_empty()
    {
        server::socket(name, query, key, stream);
        return false;
    }
    if path.starts_with("/events") {
        server::events(path, field("last-event-id"), stream.get_mut());
        return false;
    }
    let text = match path {
        "/echo" => echo(head, stream),
        "/bytes" => {
            let bytes = query.parse().expect("a number");
            format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}",
                "x".repeat(bytes)
            )
        }
        "/move" => {
            let to = query.trim_start_matches("to=");
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        "/endless" => {
            let to = stream.get_mut();
            let mut sent = to.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while sent.is_ok() {
                sent = to.write_all(&[b'x'; 65536]);
            }
            return false;
        }
        "/begun" => {
            let _ = stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\nx");
            let _ = stream.read(&mut [0]);
            return false;
        }
        "/packed" => return stream.get_mut().write_all(&packed(query)).is_ok(),
        "/never" => {
            let _ = stream.read(&mut [0]);
            return false;
        }
        // The next request is heard and not answered.
        "/last" => {
            let text = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast";
            let _ = stream.get_mut().write_all(text);
            let _ = stream.read(&mut [0]);
            return false;
        }
        "/chunks" => {
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_owned()
        }
        "/close" => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx".to_owned(),
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx".to_owned(),
        "/garbage" => "\0\u{1}\u{2}nonsense\r\n\r\n".to_owned(),
        "/fields" => format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1000)),
        "/long" => format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(200_000)),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
    };
    let sent = stream.get_mut().write_all(text.as_bytes());
    sent.is_ok() && !["/cut", "/garbage", "/fields", "/long", "/close"].contains(&path)
}

/// Text that is packed in this way; `bomb` is much of nothing in little.
fn packed(way: &str) -> Vec<u8> {
    let text = b"hello, hello, hello".to_vec();
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    };
    let (coding, body) = match way {
        "gzip" => ("gzip", gzip(&text)),
        "cut" => ("gzip", gzip(&text)[..20].to_vec()),
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&text).expect("memory");
            ("deflate", encoder.finish().expect("memory"))
        }
        "br" => ("br", BROTLI.to_vec()),
        "bomb" => ("gzip", gzip(&vec![0; 256 << 20])),
        _ => ("identity", text),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}

/// `hello, hello, hello`, packed.
const BROTLI: &[u8] =
    b"\x1b\x12\x00\xf8\x8d\x94\x6e\xde\x44\x09\x52\x86\x96\x6c\x2c\x6f\x11\x4f\x24\xd0\x71\x00";

fn echo(head: &Head, stream: &mut impl BufRead) -> String {
    let field = |name: &str| {
        let found = head.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    };
    let mut body = Vec::new();
    if let Some(length) = field("content-length") {
        body.resize(length.parse().expect("a number"), 0);
        stream.read_exact(&mut body).expect("body");
    } else if field("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).expect("chunk");
            let length = usize::from_str_radix(line.trim(), 16).expect("a number");
            let mut chunk = vec![0; length + 2];
            stream.read_exact(&mut chunk).expect("chunk");
            if length == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }
    let fields: serde_json::Map<_, _> = (head.fields.iter())
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let text = serde_json::json!({
        "method": head.method,
        "target": head.target,
        "fields": fields,
        "body": String::from_utf8_lossy(&body),
    })
    .to_string();
    let length = text.len();
    format!("HTTP/1.1 200 OK\r\nx-theirs: theirs\r\ncontent-length: {length}\r\n\r\n{text}")
}
