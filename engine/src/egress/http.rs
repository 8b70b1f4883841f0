//! Plain HTTP: requests in absolute form (RFC 9112, section 3.2.2), each decided on its own and
//! written anew for a connection of its own, so that what is passed on is what was decided.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use lazaret_policy::Port;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use super::connect::{BUSY, Failure, Upstream, connect};
use super::counters::add;
use super::head::{MAX_FIELDS, MAX_HEAD_BYTES};
use super::metered::{Metered, Prefixed};
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;
use super::{REFUSAL, UNREACHABLE, target};

/// The longest head of an answer, in bytes.
const MAX_ANSWER_HEAD_BYTES: usize = 64 * 1024;

/// Fields that are for the next one on the way alone (RFC 9110, section 7.6.1), and those that
/// are written anew.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Serves a connection that began with these bytes.
pub(super) async fn serve(plugin: &Plugin, stream: UnixStream, bytes: Vec<u8>) {
    let answer = |request| {
        let plugin = plugin.clone();
        async move { Ok::<_, Infallible>(answer(&plugin, request).await) }
    };
    let moved = Arc::new(AtomicU64::new(0));
    let stream = Prefixed::new(bytes, stream, Arc::clone(&moved));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(plugin.deadlines.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let served = tokio::select! {
        served = served => served,
        // It takes nothing of its answer.
        () = plugin.idles(|| moved.load(Ordering::Relaxed)) => return,
    };
    if let Err(error) = served
        && error.is_parse()
    {
        let refusal = Refusal::malformed(format!("the request is broken: {error}"));
        plugin.refuse(None, refusal).await;
    }
}

async fn answer(plugin: &Plugin, request: Request<Incoming>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let purpose = match read(&head) {
        Ok(purpose) => purpose,
        Err(refusal) => return refused(plugin, None, refusal).await,
    };
    match pass_on(plugin, &purpose, head, body).await {
        Ok(response) => response,
        Err(Failure::Refused(refusal)) => refused(plugin, Some(&purpose), refusal).await,
        Err(Failure::Unreachable(what)) => told(StatusCode::BAD_GATEWAY, UNREACHABLE, &what),
        Err(Failure::Busy) => told(StatusCode::SERVICE_UNAVAILABLE, UNREACHABLE, BUSY),
    }
}

async fn refused(plugin: &Plugin, purpose: Option<&Purpose>, refusal: Refusal) -> Response<Answer> {
    let text = refusal.to_string();
    plugin.refuse(purpose, refusal).await;
    told(StatusCode::FORBIDDEN, REFUSAL, &text)
}

fn told(status: StatusCode, name: &'static str, text: &str) -> Response<Answer> {
    let mut response = Response::new(Answer::Empty);
    *response.status_mut() = status;
    // All texts are printable ASCII.
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// What a request is for.
///
/// # Errors
/// [`Refusal`] of one that is not in absolute form for plain HTTP, or that names two hosts.
pub(super) fn read(head: &Parts) -> Result<Purpose, Refusal> {
    let (Some(scheme), Some(authority)) = (head.uri.scheme_str(), head.uri.authority()) else {
        return Err(Refusal::malformed(
            "the request names no host in its target",
        ));
    };
    let asked = authority.as_str();
    if scheme != "http" || head.method == Method::CONNECT {
        let reason =
            "only plain HTTP is asked for in absolute form, all else by a `CONNECT` of its own";
        return Err(Refusal::nowhere(asked, reason));
    }
    if head.version != Version::HTTP_11 {
        return Err(Refusal::nowhere(asked, "the request is not HTTP/1.1"));
    }
    let plain = Port::new(80);
    let (host, port) = target::read(asked, plain)?;
    let mut named = head.headers.get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    let text = first
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let same = target::read(text, plain).is_ok_and(|named| named == (host.clone(), port));
    if !same || second.is_some() {
        return Err(Refusal::nowhere(
            asked,
            "the request's `Host` is not the host of its target",
        ));
    }
    let request = (head.method.to_string(), head.uri.path().to_owned());
    Ok(Purpose {
        host,
        port,
        request: Some(request),
    })
}

async fn pass_on(
    plugin: &Plugin,
    purpose: &Purpose,
    head: Parts,
    body: Incoming,
) -> Result<Response<Answer>, Failure> {
    let unreachable = |error: hyper::Error| Failure::Unreachable(format!("no answer: {error}"));
    let Upstream {
        stream,
        class,
        tls,
        place,
    } = connect(plugin, purpose).await?;
    let request = written_anew(purpose, head, body);
    let tally = plugin.tally(purpose);
    add(&tally.requests, 1);
    let moved = Arc::new(AtomicU64::new(0));
    let io = Metered::new(stream, plugin, tally, Arc::clone(&moved));
    let used_up = io.used_up();
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_ANSWER_HEAD_BYTES)
        .handshake(TokioIo::new(io))
        .await
        .map_err(unreachable)?;
    let task = {
        let (plugin, purpose) = (plugin.clone(), purpose.clone());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                ended = connection => drop(ended),
                () = plugin.forbids(&purpose, tls, class) => {}
                () = plugin.idles(|| moved.load(Ordering::Relaxed)) => {}
            }
            if let Some(way) = used_up.get() {
                let refusal = plugin.used_up(&purpose, *way);
                plugin.refuse(Some(&purpose), refusal).await;
            }
        })
    };
    let held = Held(task.abort_handle());
    let response = sender.send_request(request).await.map_err(unreachable)?;
    let (mut head, body) = response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    for ours in [REFUSAL, UNREACHABLE] {
        head.headers.remove(ours);
    }
    Ok(Response::from_parts(head, Answer::Of { body, _held: held }))
}

/// The request as it goes on: with the fields that are for the server, and with the one host that
/// was decided on.
fn written_anew(purpose: &Purpose, head: Parts, body: Incoming) -> Request<Incoming> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = head.headers;
    remove_hop_by_hop(&mut headers);
    let host = match purpose.port.number() {
        80 => purpose.host.to_string(),
        port => format!("{}:{port}", purpose.host),
    };
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = path.parse().unwrap_or(Uri::from_static("/"));
    *request.headers_mut() = headers;
    if let Ok(host) = HeaderValue::from_str(&host) {
        request.headers_mut().insert(HOST, host);
    }
    request
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// A task that ends with whom it is for.
struct Held(AbortHandle);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the plugin gets.
enum Answer {
    Empty,
    Of { body: Incoming, _held: Held },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Of { body, .. } => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Of { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Of { body, .. } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests;
