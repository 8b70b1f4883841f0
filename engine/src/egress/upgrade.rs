//! WebSockets (RFC 6455) where the broker reads the requests, in the clear or by TLS that it ends: the
//! one thing that such a request may change to.
//!
//! The request is decided as any other `GET`. Its change is asked of the server only where it is
//! that of a WebSocket, and passed on only where the server has shown that it understood: from then
//! on both ends see the same bytes, and nobody takes them for requests. They are counted, slowed and
//! ended as those of any connection.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Body;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};

use super::account::Way;
use super::class::Class;
use super::decide::Terms;
use super::metered::Tells;
use super::plugin::{Plugin, Purpose};

/// What a server puts behind a key to show that it understood (RFC 6455, section 1.3).
const UNDERSTOOD: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How many bytes a key stands for.
const KEY_BYTES: usize = 16;

/// What is said of a server that changes to something else than it was asked for, or unasked.
pub(super) const UNASKED: &str = "the server changed to a protocol that it was not asked for";

/// What a request changes to.
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// A plugin's wish to go on with a WebSocket.
pub(super) struct Asked {
    /// What the server must say.
    accept: String,
    plugin: OnUpgrade,
}

impl Asked {
    /// That of a request; `None` of one that asks for nothing, for something else, or in a way that
    /// could be read otherwise: such a request is passed on without.
    pub(super) fn of<B: Body>(request: &mut Request<B>) -> Option<Self> {
        let headers = request.headers();
        let whole = request.method() == Method::GET && request.body().is_end_stream();
        let key = only(headers, SEC_WEBSOCKET_KEY)?;
        let known = STANDARD.decode(key).is_ok_and(|key| key.len() == KEY_BYTES);
        let version = only(headers, SEC_WEBSOCKET_VERSION)? == "13";
        let accept = accept(key);
        (whole && known && version && changes(headers)).then(|| Self {
            accept,
            plugin: hyper::upgrade::on(request),
        })
    }

    /// The server's end, where its answer of status 101 says that it changes as it was asked to.
    pub(super) fn accepted<B>(&self, answer: &mut Response<B>) -> Option<OnUpgrade> {
        let headers = answer.headers();
        let understood = only(headers, SEC_WEBSOCKET_ACCEPT) == Some(&self.accept);
        (understood && changes(headers)).then(|| hyper::upgrade::on(answer))
    }
}

/// Says in a head that a WebSocket comes next.
pub(super) fn announce(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, WEBSOCKET);
}

/// A value that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    first.to_str().ok().filter(|_| values.next().is_none())
}

/// Whether a head says that a WebSocket, and nothing else, comes next.
fn changes(headers: &HeaderMap) -> bool {
    let named = headers.get_all(CONNECTION).iter();
    let mut named = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let is = |text: &str, word: &str| text.trim().eq_ignore_ascii_case(word);
    named.any(|name| is(name, "upgrade"))
        && only(headers, UPGRADE).is_some_and(|to| is(to, "websocket"))
}

/// What a server answers to a key.
fn accept(key: &str) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(UNDERSTOOD);
    STANDARD.encode(digest.finish())
}

/// Both ends of a connection that has changed.
pub(super) struct Changed<P> {
    pub(super) asked: Asked,
    pub(super) server: OnUpgrade,
    pub(super) purpose: Purpose,
    /// What it was made on, and the kind of address it leads to.
    pub(super) terms: (Terms, Class),
    /// Counts what moves.
    pub(super) moved: Arc<AtomicU64>,
    /// Which way nothing more may go.
    pub(super) used_up: Arc<OnceLock<Way>>,
    /// What is held as long as it is open.
    pub(super) place: P,
}

/// Where the ends are left until the answer has gone to the plugin.
pub(super) struct Handover<P>(Mutex<Option<Changed<P>>>);

impl<P> Handover<P> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    pub(super) fn put(&self, changed: Changed<P>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(changed);
    }

    pub(super) fn take(&self) -> Option<Changed<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<P: Send + 'static> Changed<P> {
    /// Passes bytes on, both ways, until one end is over, other rules forbid it, nothing has moved
    /// for long, or no more may.
    pub(super) async fn carry(self, plugin: &Plugin) {
        let ends = async { tokio::try_join!(self.asked.plugin, self.server) };
        let Some(Ok((ours, theirs))) = plugin.soon(ends).await else {
            return;
        };
        let _tells = Tells::new(plugin, &self.purpose, self.used_up, self.place);
        let (terms, class) = self.terms;
        tokio::select! {
            biased;
            () = plugin.forbids(&self.purpose, terms, class) => {}
            () = exchange(plugin, TokioIo::new(ours), TokioIo::new(theirs)) => {}
            () = plugin.idles(|| self.moved.load(Ordering::Relaxed)) => {}
        }
    }
}

/// What is read is written before more is read, each way. One end that is over ends the other: what
/// was under way still gets there.
async fn exchange<S>(plugin: &Plugin, ours: S, theirs: S)
where
    S: AsyncRead + AsyncWrite,
{
    let (mut from_plugin, mut to_plugin) = split(ours);
    let (mut from_server, mut to_server) = split(theirs);
    let there = async {
        copy(&mut from_plugin, &mut to_server).await?;
        to_server.shutdown().await
    };
    let back = async {
        copy(&mut from_server, &mut to_plugin).await?;
        to_plugin.shutdown().await
    };
    tokio::pin!(there, back);
    tokio::select! {
        sent = &mut there => {
            let used_up = sent.is_err_and(|error| error.kind() == ErrorKind::QuotaExceeded);
            if !used_up {
                // The server may have said more before it goes, too.
                plugin.soon(back).await;
            }
        }
        _ = &mut back => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    type Change = Box<dyn Fn(&mut Request<String>)>;

    fn request(change: impl Fn(&mut Request<String>)) -> Request<String> {
        let mut request = Request::builder()
            .uri("http://h.example/")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", KEY)
            .body(String::new())
            .unwrap();
        change(&mut request);
        request
    }

    fn set(name: &'static str, value: &'static str) -> impl Fn(&mut Request<String>) {
        move |request| {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
    }

    #[test]
    fn what_asks_for_a_websocket_is_told_from_what_asks_for_anything_else() {
        let asked = Asked::of(&mut request(|_| {})).unwrap();
        assert_eq!(asked.accept, ACCEPT);
        let twice = |name: &'static str, value| {
            move |request: &mut Request<String>| {
                let value = HeaderValue::from_static(value);
                request.headers_mut().append(name, value);
            }
        };
        let others: Vec<Change> = vec![
            Box::new(set("upgrade", "h2c")),
            Box::new(set("upgrade", "websocket, h2c")),
            Box::new(set("connection", "keep-alive")),
            Box::new(set("sec-websocket-version", "8")),
            Box::new(set("sec-websocket-key", "c2hvcnQ=")),
            Box::new(set("sec-websocket-key", "no base 64")),
            Box::new(twice("sec-websocket-key", KEY)),
            Box::new(twice("upgrade", "h2c")),
            Box::new(|request| *request.method_mut() = Method::POST),
            Box::new(|request| *request.body_mut() = "a body".to_owned()),
            Box::new(|request| drop(request.headers_mut().remove("upgrade"))),
        ];
        for (number, other) in others.into_iter().enumerate() {
            assert!(Asked::of(&mut request(other)).is_none(), "{number}");
        }
    }

    #[test]
    fn only_who_understood_the_key_may_change() {
        let asked = Asked::of(&mut request(|_| {})).unwrap();
        for (fields, accepted) in [
            (
                &[("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)][..],
                true,
            ),
            (
                &[("upgrade", "h2c"), ("sec-websocket-accept", ACCEPT)],
                false,
            ),
            (
                &[("upgrade", "websocket"), ("sec-websocket-accept", KEY)],
                false,
            ),
            (&[("upgrade", "websocket")], false),
            (&[("sec-websocket-accept", ACCEPT)], false),
        ] {
            let mut answer = Response::builder()
                .status(101)
                .header("connection", "upgrade");
            for (name, value) in fields {
                answer = answer.header(*name, *value);
            }
            let mut answer = answer.body(()).unwrap();
            assert_eq!(
                asked.accepted(&mut answer).is_some(),
                accepted,
                "{fields:?}"
            );
        }
    }
}
