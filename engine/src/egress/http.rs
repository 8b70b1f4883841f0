//! HTTP: requests in the clear, in absolute form (RFC 9112, section 3.2.2), and those within TLS
//! that the broker ends. Each is decided on its own and written anew for a connection of its own, so
//! that what is passed on is what was decided.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use lazaret_policy::Port;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::account::Slot;
use super::anew::{Anew, remove_hop_by_hop};
use super::connect::{BUSY, Failure, Upstream, connect};
use super::counters::add;
use super::decide::Terms;
use super::descriptors::Share;
use super::ended::Within;
use super::head::{MAX_FIELDS, MAX_HEAD_BYTES};
use super::metered::{Metered, Tells};
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;
use super::upgrade::{self, Asked, Changed, Handover, UNASKED};
use super::{REFUSAL, UNREACHABLE, target};

/// What is said of secrets where the policy grants any bytes.
const UNSEEN: &str = "secrets go only where the policy says `protocol: http` or `tls: broker`";

/// The longest head of an answer, in bytes.
const MAX_ANSWER_HEAD_BYTES: usize = 64 * 1024;

/// A connection's place among those of its plugin, for whoever holds it last, and its task.
type Place = (Arc<(Slot, Share)>, Held);

/// A connection to a server.
trait Onward: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Onward for S {}

/// Serves a connection. `moved` counts what goes through it; `within` says whom it is for, where TLS
/// around it ends here.
pub(super) async fn serve<S>(
    plugin: &Plugin,
    stream: S,
    moved: &AtomicU64,
    within: Option<Arc<Within>>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handover = Handover::new();
    let answer = |request| {
        let (plugin, handover) = (plugin.clone(), Arc::clone(&handover));
        let within = within.clone();
        async move {
            let within = within.as_deref();
            Ok::<_, Infallible>(answer(&plugin, within, request, &handover).await)
        }
    };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(plugin.deadlines.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
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
    if let Some(changed) = handover.take() {
        changed.carry(plugin).await;
    }
}

async fn answer(
    plugin: &Plugin,
    within: Option<&Within>,
    mut request: Request<Incoming>,
    handover: &Handover<Place>,
) -> Response<Answer> {
    let asked = Asked::of(&mut request);
    let (head, body) = request.into_parts();
    let read = within.map_or_else(|| read(&head), |within| within.read(&head));
    let purpose = match read {
        Ok(purpose) => purpose,
        Err(refusal) => return refused(plugin, None, refusal).await,
    };
    let counted = within.is_some_and(Within::take_counted);
    match pass_on(plugin, (&purpose, counted), head, body, (asked, handover)).await {
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
        ended: false,
    })
}

async fn pass_on(
    plugin: &Plugin,
    (purpose, counted): (&Purpose, bool),
    head: Parts,
    body: Incoming,
    (asked, handover): (Option<Asked>, &Handover<Place>),
) -> Result<Response<Answer>, Failure> {
    let unreachable = |error: hyper::Error| Failure::Unreachable(format!("no answer: {error}"));
    let leave = plugin.decide(purpose).await?;
    let anew = Anew::of(purpose, head);
    // Nobody is connected to for a request that will be refused.
    anew.clone().fill(plugin, purpose, &leave, None)?;
    let Upstream {
        stream,
        class,
        terms,
        place,
    } = connect(plugin, purpose, &leave, counted).await?;
    let place = Arc::new(place);
    let tally = plugin.tally(purpose);
    let moved = Arc::new(AtomicU64::new(0));
    let io = Metered::new(stream, plugin, Arc::clone(&tally), Arc::clone(&moved));
    let used_up = io.used_up();
    let io = match terms {
        Terms::Ended => within_tls(plugin, purpose, io).await?,
        _ => Box::new(io),
    };
    // After all that took its time.
    let anew = anew.fill(plugin, purpose, &leave, Some(class))?;
    if anew.has_secrets && !terms.shows_requests() {
        return Err(Refusal::because(&purpose.ask(), UNSEEN).into());
    }
    let mut request = anew.with(body);
    if asked.is_some() {
        upgrade::announce(request.headers_mut());
    }
    add(&tally.requests, 1);
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_ANSWER_HEAD_BYTES)
        .handshake(TokioIo::new(io))
        .await
        .map_err(unreachable)?;
    let task = {
        let (plugin, purpose) = (plugin.clone(), purpose.clone());
        let (place, moved, used_up) = (place.clone(), moved.clone(), used_up.clone());
        let tells = Tells::new(&plugin, &purpose, used_up, place);
        tokio::spawn(async move {
            let _tells = tells;
            tokio::select! {
                biased;
                () = plugin.forbids(&purpose, terms, class) => {}
                ended = connection.with_upgrades() => drop(ended),
                () = plugin.idles(|| moved.load(Ordering::Relaxed)) => {}
            }
        })
    };
    let held = Held(task.abort_handle());
    let mut response = sender.send_request(request).await.map_err(unreachable)?;
    let server = match (response.status(), &asked) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(asked)) => asked.accepted(&mut response),
        _ => None,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && server.is_none() {
        return Err(Failure::Unreachable(UNASKED.to_owned()));
    }
    let (mut head, body) = response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    for ours in [REFUSAL, UNREACHABLE] {
        head.headers.remove(ours);
    }
    if let (Some(asked), Some(server)) = (asked, server) {
        upgrade::announce(&mut head.headers);
        handover.put(Changed {
            asked,
            server,
            purpose: purpose.clone(),
            terms: (terms, class),
            moved,
            used_up,
            place: (place, held),
        });
        return Ok(Response::from_parts(head, Answer::Empty));
    }
    Ok(Response::from_parts(head, Answer::Of { body, _held: held }))
}

/// TLS with the server, which has to be the host that was decided on.
async fn within_tls(
    plugin: &Plugin,
    purpose: &Purpose,
    io: Metered,
) -> Result<Box<dyn Onward>, Failure> {
    let used_up = io.used_up();
    let failed = |why: &str| Failure::Unreachable(why.to_owned());
    let Some(ending) = &plugin.ending else {
        return Err(failed("nobody is trusted to say who the server is"));
    };
    let agreed = ending.trust.handshake(&purpose.host, io);
    match timeout(plugin.deadlines.connect, agreed).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(why)) => Err(match used_up.get() {
            Some(way) => plugin.used_up(purpose, *way).into(),
            None => failed(why),
        }),
        Err(_) => Err(failed("no TLS was agreed on in time")),
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
