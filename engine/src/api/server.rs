//! Connections: who may make one, how many there are, how long a request may take to come.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::messages::{Kind, Refusal};
use super::routes::{self, Peer};
use super::socket::ControlSocket;
use crate::service::Service;
use crate::supervisor::READER_PATIENCE;

/// The most connections at a time; those beyond wait.
const MAX_CONNECTIONS: usize = 1024;

/// How long the head of a request may take to come.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take nothing of an answer that waits for it: as long as any reader.
const WRITE_PATIENCE: Duration = READER_PATIENCE;

/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long to wait where no connection can be taken for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until the future is done; those under way are given up then.
pub async fn serve(socket: &ControlSocket, service: Arc<Service>, until: impl Future<Output = ()>) {
    let router = routes::router(service);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let permit = Arc::clone(&room).acquire_owned().await;
            while connections.try_join_next().is_some() {}
            let stream = match socket.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let router = router.clone();
            connections.spawn(async move {
                let _permit = permit;
                match peer(&stream) {
                    Ok(uid) => converse(stream, router.layer(Extension(Peer(uid)))).await,
                    Err(refusal) => refuse(stream, &refusal).await,
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = until => {}
    }
}

/// Answers one request. A client that takes nothing of its answer is left, and what it asked for given up.
async fn converse(stream: impl AsyncRead + AsyncWrite + Send + 'static, router: Router) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        );
    // Who goes away halfway knows.
    drop(connection.await);
}

/// The user at the other end (unix(7), `SO_PEERCRED`), where it is the engine's own or root.
fn peer(stream: &UnixStream) -> Result<u32, Refusal> {
    let refuse = |message: String| Refusal::new(Kind::Request, message);
    let credentials = stream
        .peer_cred()
        .map_err(|error| refuse(format!("it is not known who asks: {error}")))?;
    let (uid, own) = (credentials.uid(), rustix::process::geteuid().as_raw());
    if uid == own || uid == 0 {
        return Ok(uid);
    }
    Err(refuse(format!(
        "user {uid} may not ask: this engine is user {own}'s"
    )))
}

/// Says why, whatever is asked: nothing of it is looked at.
async fn refuse(mut stream: UnixStream, refusal: &Refusal) {
    let body = serde_json::to_string(refusal).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let say = async {
        // A client takes an answer that comes before it has asked for a mistake.
        stream.read_u8().await?;
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closed before it has sent its request, it would not read the answer.
        let mut asked = stream.take(MAX_HEAD_BYTES as u64);
        tokio::io::copy(&mut asked, &mut tokio::io::sink()).await
    };
    drop(tokio::time::timeout(HEAD_PATIENCE, say).await);
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::DuplexStream;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const BYTES: usize = 64 * 1024;

    /// A client that has asked for a long answer, and the end at which it is given.
    async fn asked() -> (DuplexStream, impl Future<Output = ()>) {
        let (mut client, server) = tokio::io::duplex(1024);
        let request = b"GET / HTTP/1.1\r\nhost: lazaret\r\n\r\n";
        client.write_all(request).await.unwrap();
        let router = Router::new().route("/", get(async || vec![7; BYTES]));
        (client, converse(server, router))
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_of_an_answer_is_left() {
        let (client, answered) = asked().await;
        let began = Instant::now();
        timeout(10 * WRITE_PATIENCE, answered).await.unwrap();
        assert!(began.elapsed() >= WRITE_PATIENCE);
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_it_slowly_gets_all_of_it() {
        let (mut client, answered) = asked().await;
        let answered = tokio::spawn(answered);
        let (mut buffer, mut taken) = (vec![0; BYTES], 0);
        loop {
            sleep(WRITE_PATIENCE - Duration::from_secs(1)).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                bytes => taken += bytes,
            }
        }
        assert!(taken > BYTES, "{taken}");
        answered.await.unwrap();
    }
}
