//! A request to the broker: a tunnel for HTTPS, a request in absolute form for plain HTTP.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use deno_core::url::Url;
use deno_error::JsErrorBox;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use lazaret_protocol::EGRESS_REFUSAL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use super::tls;

/// The longest wait for the head of an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most bytes of an answer's head, and of what is read ahead.
const HEAD_BYTES: usize = 64 * 1024;

/// The most header fields of an answer.
const FIELDS: usize = 256;

/// The longest reason of the broker that is told, in bytes.
const REASON_BYTES: usize = 1024;

/// The body of a request.
pub(super) type Body = BoxBody<Bytes, JsErrorBox>;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// This permission is missing; the broker has recorded it.
    Denied(String),
    /// The broker refuses for this reason, and has recorded it.
    Refused(String),
    /// Something else went wrong.
    Failed(String),
}

impl Failure {
    /// What failed, with why.
    pub(super) fn told(what: &str, error: &dyn Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    /// What the broker says in place of an answer.
    fn of_refusal(value: &HeaderValue) -> Self {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = text[..text.floor_char_boundary(REASON_BYTES)].to_owned();
        if text.starts_with("network:") && !text.contains(' ') {
            Self::Denied(text)
        } else {
            Self::Refused(text)
        }
    }
}

/// Sends a request to where its URL leads. The answer's body comes as it is read.
pub(super) async fn send(
    socket: &Path,
    connector: Option<&TlsConnector>,
    url: &Url,
    request: Request<Body>,
) -> Result<Response<Incoming>, Failure> {
    tokio::time::timeout(PATIENCE, exchange(socket, connector, url, request))
        .await
        .unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(Failure::Failed(format!(
                "no answer within {seconds} seconds"
            )))
        })
}

async fn exchange(
    socket: &Path,
    connector: Option<&TlsConnector>,
    url: &Url,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, Failure> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let named = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let named = HeaderValue::from_str(&named).map_err(|error| Failure::told("no host", &error))?;
    request.headers_mut().insert(HOST, named);
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| Failure::told("the way out is closed", &error))?;
    let Some(connector) = connector else {
        *request.uri_mut() = uri(&url[..deno_core::url::Position::AfterQuery])?;
        let answer = speak(stream, request).await?;
        return refused(answer);
    };
    let stream = tunnel(stream, host, port).await?;
    let stream = tls::handshake(connector, stream, host).await?;
    let target = &url[deno_core::url::Position::BeforePath..deno_core::url::Position::AfterQuery];
    *request.uri_mut() = uri(target)?;
    speak(stream, request).await
}

/// Has the broker connect to a host; from then on the bytes are the host's.
async fn tunnel(stream: UnixStream, host: &str, port: u16) -> Result<UnixStream, Failure> {
    let target = format!("{host}:{port}");
    let mut request = Request::new(http_body_util::Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = uri(&target)?;
    let named = HeaderValue::from_str(&target).map_err(|error| Failure::told("no host", &error))?;
    request.headers_mut().insert(HOST, named);
    let (mut sender, connection) = builder()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::told("the way out is closed", &error))?;
    let connection = tokio::spawn(connection.without_shutdown());
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| Failure::told("the way out is closed", &error))?;
    let answer = refused(answer)?;
    if answer.status() != StatusCode::OK {
        let status = answer.status();
        return Err(Failure::Failed(format!(
            "no connection to {target}: {status}"
        )));
    }
    drop(answer);
    drop(sender);
    let parts = connection.await;
    match parts {
        // Nobody speaks before TLS does, and that begins on this side.
        Ok(Ok(parts)) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
        _ => Err(Failure::Failed("the broker's answer is broken".to_owned())),
    }
}

async fn speak<S>(stream: S, request: Request<Body>) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| match std::error::Error::source(&error) {
        Some(cause) => Failure::told(&error.to_string(), &cause),
        None => Failure::Failed(error.to_string()),
    };
    let (mut sender, connection) = builder()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // Ends with the answer's body, or when nobody reads it any more.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(failed)
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(FIELDS);
    builder
}

fn uri(text: &str) -> Result<Uri, Failure> {
    text.parse()
        .map_err(|error| Failure::told("no URL for a request", &error))
}

/// The answer, if it is one and no refusal by the broker.
fn refused(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    match answer.headers().get(EGRESS_REFUSAL) {
        Some(refusal) if answer.status() == StatusCode::FORBIDDEN => {
            Err(Failure::of_refusal(refusal))
        }
        _ => Ok(answer),
    }
}
