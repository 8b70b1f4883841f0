//! A request to the broker: a tunnel for HTTPS, a request in absolute form for plain HTTP.

use std::fmt::Display;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use deno_core::url::{Position, Url};
use deno_error::JsErrorBox;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use lazaret_protocol::{EGRESS_REFUSAL, EGRESS_TLS_END, EGRESS_UNREACHABLE};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::DENIED;
use super::kept::{Kept, Lent, Line, Place};
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
pub(in crate::runtime) enum Failure {
    /// This permission is missing; the broker has recorded it.
    Denied(String),
    /// The broker refuses for this reason, and has recorded it.
    Refused(String),
    /// It is granted, and the broker reaches nobody there, for this reason.
    Unreachable(String),
    /// Something else went wrong.
    Failed(String),
}

impl Failure {
    /// What failed, with why.
    pub(in crate::runtime) fn told(what: &str, error: &dyn Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    /// As JavaScript hears of it; `what` failed.
    pub(in crate::runtime) fn into_js(self, what: &str) -> JsErrorBox {
        match self {
            Self::Denied(permission) => JsErrorBox::new(DENIED, permission),
            Self::Refused(reason) => JsErrorBox::type_error(format!("request refused: {reason}")),
            Self::Unreachable(reason) | Self::Failed(reason) => {
                JsErrorBox::type_error(format!("{what}: {reason}"))
            }
        }
    }

    /// What the broker says in place of an answer.
    fn of_refusal(value: &HeaderValue) -> Self {
        let text = text_of(value);
        if text.starts_with("network:") && !text.contains(' ') {
            Self::Denied(text)
        } else {
            Self::Refused(text)
        }
    }
}

/// Where connections of a plugin begin.
#[derive(Clone)]
pub(in crate::runtime) struct Dial {
    /// The broker's socket.
    pub(super) socket: PathBuf,
    /// Connections that nobody uses.
    pub(super) kept: Rc<Kept>,
}

impl Dial {
    /// A connection to the broker.
    pub(in crate::runtime) async fn broker(&self) -> Result<UnixStream, Failure> {
        self.kept.leave_room();
        UnixStream::connect(&self.socket)
            .await
            .map_err(|error| Failure::told("the way out is closed", &error))
    }

    /// A connection to a host, through the broker: from the first byte on all is the host's.
    pub(in crate::runtime) async fn host(&self, host: &str, port: u16) -> Result<Tunnel, Failure> {
        tunnel(self.broker().await?, host, port).await
    }
}

/// A connection to a host.
pub(in crate::runtime) struct Tunnel {
    pub(in crate::runtime) stream: UnixStream,
    /// What the host said already.
    pub(in crate::runtime) early: Bytes,
    /// TLS on it ends with the broker, which reads what is said.
    pub(super) brokered: bool,
}

impl Tunnel {
    /// TLS with the host.
    pub(in crate::runtime) async fn tls(
        self,
        connector: &TlsConnector,
        host: &str,
    ) -> Result<TlsStream<UnixStream>, Failure> {
        if !self.early.is_empty() {
            let reason = "TLS failed: the host speaks before it is spoken to";
            return Err(Failure::Failed(reason.to_owned()));
        }
        tls::handshake(connector, self.stream, host).await
    }
}

/// An answer, and the connection it comes by.
type Answered = (Response<Incoming>, Lent);

/// Sends a request to where its URL leads, by a connection that was used before where there is one.
/// The answer's body comes as it is read.
pub(super) async fn send(
    dial: &Dial,
    connector: Option<&TlsConnector>,
    url: &Url,
    request: Request<Body>,
) -> Result<Answered, Failure> {
    within_patience("no answer", exchange(dial, connector, url, request)).await
}

/// What comes of it, if it does not take too long.
pub(in crate::runtime) async fn within_patience<T>(
    otherwise: &str,
    what: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, what)
        .await
        .unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(Failure::Failed(format!(
                "{otherwise} within {seconds} seconds"
            )))
        })
}

async fn exchange(
    dial: &Dial,
    connector: Option<&TlsConnector>,
    url: &Url,
    mut request: Request<Body>,
) -> Result<Answered, Failure> {
    let place = Place {
        secure: connector.is_some(),
        host: url.host_str().unwrap_or_default().to_owned(),
        port: url.port_or_known_default().unwrap_or_default(),
    };
    request.headers_mut().insert(HOST, host_field(url)?);
    let epoch = dial.kept.epoch();
    let begin = if place.secure {
        Position::BeforePath
    } else {
        Position::BeforeScheme
    };
    *request.uri_mut() = uri(&url[begin..Position::AfterQuery])?;
    if let Some(mut line) = dial.kept.take(&place).await {
        let copy = repeatable(&request);
        match line.sender.try_send_request(request).await {
            Ok(answer) => return answered(dial, place, line, answer),
            Err(mut error) => {
                // What was never sent can be sent; of the rest, what may be done twice.
                let unsent = error.take_message();
                let stale = is_stale(error.error());
                let again = unsent.or_else(|| copy.filter(|_| stale));
                request = again.ok_or_else(|| of_hyper(error.error()))?;
            }
        }
    }
    let mut line = match connector {
        None => Line {
            sender: speak(dial.broker().await?).await?,
            brokered: true,
            epoch,
        },
        Some(connector) => {
            let tunnel = dial.host(&place.host, place.port).await?;
            let brokered = tunnel.brokered;
            let stream = tunnel.tls(connector, &place.host).await?;
            Line {
                sender: speak(stream).await?,
                brokered,
                epoch,
            }
        }
    };
    let answer = line.sender.send_request(request).await;
    let answer = answer.map_err(|error| of_hyper(&error))?;
    answered(dial, place, line, answer)
}

fn answered(
    dial: &Dial,
    place: Place,
    line: Line,
    answer: Response<Incoming>,
) -> Result<Answered, Failure> {
    let answer = match line.brokered {
        true => refused(answer)?,
        false => answer,
    };
    let kept = Rc::clone(&dial.kept);
    Ok((answer, Lent { place, line, kept }))
}

/// The same request once more, if to ask twice is as good as to ask once (RFC 9110, section 9.2.2)
/// and nothing comes with it.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let method = request.method();
    if !method.is_idempotent() || !hyper::body::Body::is_end_stream(request.body()) {
        return None;
    }
    let mut copy = Request::new(super::body::empty());
    *copy.method_mut() = method.clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the connection was gone, as happens to one that nobody used for a while.
fn is_stale(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error);
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || cause.is_some_and(|cause| cause.is::<std::io::Error>())
}

/// Has the broker connect to a host; from then on the bytes are the host's.
async fn tunnel(stream: UnixStream, host: &str, port: u16) -> Result<Tunnel, Failure> {
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
        return Err(Failure::Unreachable(answer.status().to_string()));
    }
    let brokered = answer.headers().contains_key(EGRESS_TLS_END);
    drop(answer);
    drop(sender);
    match connection.await {
        Ok(Ok(parts)) => Ok(Tunnel {
            stream: parts.io.into_inner(),
            early: parts.read_buf,
            brokered,
        }),
        _ => Err(Failure::Failed("the broker's answer is broken".to_owned())),
    }
}

/// Speaks HTTP on a connection, as long as there is a sender or an answer that is read.
async fn speak<S>(stream: S) -> Result<http1::SendRequest<Body>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = builder()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(&error))?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(super) fn of_hyper(error: &hyper::Error) -> Failure {
    match std::error::Error::source(error) {
        Some(cause) => Failure::told(&error.to_string(), &cause),
        None => Failure::Failed(error.to_string()),
    }
}

/// What the broker says in a field.
fn text_of(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text[..text.floor_char_boundary(REASON_BYTES)].to_owned()
}

pub(super) fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(FIELDS);
    builder
}

/// The host that a request names, with its port where that is not the usual one.
pub(super) fn host_field(url: &Url) -> Result<HeaderValue, Failure> {
    let host = url.host_str().unwrap_or_default();
    let named = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    HeaderValue::from_str(&named).map_err(|error| Failure::told("no host", &error))
}

pub(super) fn uri(text: &str) -> Result<Uri, Failure> {
    text.parse()
        .map_err(|error| Failure::told("no URL for a request", &error))
}

/// The answer, if it is the host's: the broker says in a field of its own, which it takes out of
/// all others, that it refuses or that it reaches nobody.
pub(super) fn refused(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    let says = |name| answer.headers().get(name);
    match answer.status() {
        StatusCode::FORBIDDEN => says(EGRESS_REFUSAL).map(Failure::of_refusal),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
            says(EGRESS_UNREACHABLE).map(|reason| Failure::Unreachable(text_of(reason)))
        }
        _ => None,
    }
    .map_or(Ok(answer), Err)
}
