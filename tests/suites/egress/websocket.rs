//! `WebSocket` from a real plugin, in the clear and by TLS, through every layer and the engine's own
//! broker.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde_json::json;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::starters::server::trusting;

/// How long a peer may say nothing. Nothing is measured by it.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) fn case(js: Js) -> Case {
    let name =
        "egress: a plugin speaks by WebSocket with the host it is granted, and with no other";
    Case::on(js, name, speaks)
}

const PLUGIN: &str = "
    export const said = (url, text) => new Promise((done) => {
      const socket = new WebSocket(url);
      const seen = [];
      socket.onopen = () => socket.send(text);
      socket.onmessage = ({ data }) => { seen.push(data); socket.close(4000); };
      socket.onerror = ({ error }) => seen.push(error.permission ?? error.message);
      socket.onclose = ({ code }) => done([...seen, code]);
    });
    export const leave = (url) => new Promise((done) => {
      const socket = new WebSocket(url);
      socket.onopen = () => { globalThis.kept = socket; done(true); };
    });";

/// Serves so many connections, each until it ends, and is gone.
fn start(
    connections: usize,
    tls: Option<Arc<ServerConfig>>,
) -> anyhow::Result<(u16, JoinHandle<anyhow::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let stream = stream?;
            stream.set_read_timeout(Some(SILENCE))?;
            match &tls {
                None => serve(stream)?,
                Some(config) => {
                    let connection = ServerConnection::new(Arc::clone(config))?;
                    serve(StreamOwned::new(connection, stream))?;
                }
            }
        }
        Ok(())
    });
    Ok((port, thread))
}

/// Agrees, and says again what it hears in short messages, the last one being that it is over.
fn serve(mut stream: impl Read + Write) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head)?;
    let named = |line: &str| Some(line.split_once(": ")?.1.to_owned());
    let is = |line: &&str| line.to_ascii_lowercase().starts_with("sec-websocket-key: ");
    let key = head.lines().find(is).and_then(named).context("no key")?;
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest.finish());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    stream.flush()?;
    loop {
        let mut start = [0; 6];
        // The plugin's end is its end.
        if stream.read_exact(&mut start).is_err() {
            return Ok(());
        }
        let [first, length, mask @ ..] = start;
        let mut bytes = vec![0; usize::from(length & 0x7f)];
        stream.read_exact(&mut bytes)?;
        let bytes = bytes.iter().zip(mask.iter().cycle());
        let bytes: Vec<u8> = bytes.map(|(byte, mask)| byte ^ mask).collect();
        stream.write_all(&[&[first, length & 0x7f], bytes.as_slice()].concat())?;
        stream.flush()?;
        if first == 0x88 {
            return Ok(());
        }
    }
}

async fn speaks(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let key = key.map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    let (clear, first) = start(2, None)?;
    let (secret, second) = start(1, Some(Arc::new(config)))?;
    let rootfs = trusting(&made.cert.pem(), world, js)?;
    let tree = rootfs.path().join("rootfs").join(lazaret_rootfs::TREE);
    let policy = format!(
        "network:\n  endpoints:\n    \
         - {{ host: localhost, port: {clear}, protocol: http, paths: ['/chat'], addresses: [loopback] }}\n    \
         - {{ host: localhost, port: {secret}, paths: ['/chat'], addresses: [loopback] }}\n"
    );
    let setup = Setup::javascript(js, "speaks", PLUGIN).policy(&policy);
    let plugin = host.launch(&setup.rootfs(&tree)).await?;
    for (url, told) in [
        (format!("ws://localhost:{clear}/chat"), "hello".to_owned()),
        (format!("wss://localhost:{secret}/chat"), "hello".to_owned()),
        (
            format!("wss://localhost:{secret}/other"),
            format!("network:connect:localhost:{secret}"),
        ),
        (
            format!("ws://localhost:{clear}/other"),
            "request refused: the policy does not grant the path `/other` there".to_owned(),
        ),
        (
            format!("ws://other.example:{clear}/chat"),
            format!("network:connect:other.example:{clear}"),
        ),
    ] {
        let seen = plugin.call("said", json!([url, "hello"])).await?;
        let code = if told == "hello" { 4000 } else { 0 };
        assert_eq!(seen, json!([told, code]), "{url}");
    }
    let left = plugin
        .call("leave", json!([format!("ws://localhost:{clear}/chat")]))
        .await?;
    assert_eq!(left, true);
    // What it left open ends with it: the servers wait for that.
    assert_eq!(plugin.stop().await?.violation_count, 3);
    for server in [first, second] {
        server.join().map_err(|_| anyhow::anyhow!("it failed"))??;
    }
    Ok(())
}
