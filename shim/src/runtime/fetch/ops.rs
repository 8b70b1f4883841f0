//! The ops that Deno's `fetch` calls, under the names it has for them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::convert::{ByteString, Uint8Array};
use deno_core::url::Url;
use deno_core::{
    CancelFuture, CancelHandle, Extension, OpState, Resource, ResourceId, ToV8, extension, op2,
};
use deno_error::JsErrorBox;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response};
use lazaret_protocol::HttpsEndpoint;
use tokio_rustls::TlsConnector;

use super::super::extension::{Endpoint, Host};
use super::Egress;
use super::body::{self, Answer};
use super::broker::{self, Body, Dial, Failure};
use super::decode::{self, Decoder};
use super::kept::{Kept, Lent};
use super::{rules, tls};

/// The most connections of a plugin in use at once: requests, each from its start to the last byte of
/// its answer, and sockets.
const AT_ONCE: usize = 256;

/// The most header fields of a request.
const FIELDS: usize = 1024;

/// What is said of a request that came to nothing.
const FAILED: &str = "fetch failed";

/// The class of errors that name a permission, see `js/acts.js`.
pub(in crate::runtime) const DENIED: &str = "LazaretDenied";

/// The ops that there are where there is a way out, sorted; besides those of deno_core that move
/// what these give.
pub(in crate::runtime) const OPS: &[&str] = &[
    "op_cancel_read",
    "op_fetch",
    "op_fetch_send",
    "op_read",
    "op_read_all",
    "op_readable_stream_resource_allocate",
    "op_readable_stream_resource_allocate_sized",
    "op_readable_stream_resource_await_close",
    "op_readable_stream_resource_close",
    "op_readable_stream_resource_get_sink",
    "op_readable_stream_resource_write_buf",
    "op_readable_stream_resource_write_error",
    "op_readable_stream_resource_write_sync",
    "op_utf8_to_byte_string",
];

extension!(
    lazaret_fetch,
    ops = [op_fetch, op_fetch_send, op_utf8_to_byte_string],
    options = { egress: Egress },
    state = |state, options| {
        state.put(Way::of(options.egress));
    },
);

/// The extension over its state.
pub(in crate::runtime) fn extension(egress: Egress) -> Extension {
    lazaret_fetch::init(egress)
}

/// What is kept between requests.
pub(in crate::runtime) struct Way {
    egress: Egress,
    /// Made for the first request that needs it.
    connector: Option<TlsConnector>,
    /// One reference for each connection that is in use, beside this one.
    open: Rc<()>,
    kept: Rc<Kept>,
}

impl Way {
    fn of(egress: Egress) -> Self {
        let open = Rc::default();
        Self {
            kept: Rc::new(Kept::new(&open, egress.connections)),
            egress,
            connector: None,
            open,
        }
    }

    /// Other rules for what is asked of hosts, and another number of connections at a time; what is
    /// under way goes on.
    pub(in crate::runtime) fn set_rules(&mut self, rules: Vec<HttpsEndpoint>, connections: usize) {
        self.egress.rules = rules;
        self.kept.start_anew(connections);
    }

    /// Whether the policy leaves it to the broker what is said to a host: it names neither methods
    /// nor paths there, or names any bytes besides.
    pub(in crate::runtime) fn leaves(&self, host: &str, port: u16) -> bool {
        rules::leave(&self.egress.rules, host, port)
    }

    /// Counts one more connection as long as this is held.
    pub(in crate::runtime) fn begin(&self) -> Result<Rc<()>, JsErrorBox> {
        let open = self.open.clone();
        if Rc::strong_count(&open) > AT_ONCE + 1 {
            return Err(JsErrorBox::type_error(format!(
                "more than {AT_ONCE} connections at once"
            )));
        }
        Ok(open)
    }

    /// Where connections begin.
    pub(in crate::runtime) fn dial(&self) -> Dial {
        Dial {
            socket: self.egress.socket.clone(),
            kept: self.kept.clone(),
        }
    }

    /// TLS for bytes that are no HTTP. Trusts these authorities besides, as PEM.
    pub(in crate::runtime) fn connector_of_bytes(
        &self,
        more: &str,
    ) -> Result<TlsConnector, Failure> {
        tls::connector(&[&self.egress.authorities, more.as_bytes()], &[])
    }

    /// TLS for HTTP.
    pub(super) fn connector(&mut self) -> Result<TlsConnector, JsErrorBox> {
        if let Some(connector) = &self.connector {
            return Ok(connector.clone());
        }
        let connector = tls::connector(&[&self.egress.authorities], &[tls::HTTP])
            .map_err(|failure| failure.into_js(FAILED))?;
        Ok(self.connector.insert(connector).clone())
    }
}

/// Tells the engine, and the plugin, of a request that the policy does not grant as far as that is
/// held here.
pub(super) fn granted(state: &mut OpState, method: &str, url: &Url) -> Result<(), JsErrorBox> {
    let rules = &state.borrow::<Way>().egress.rules;
    let granted = url.scheme() != "https" || rules::allow(rules, method, url);
    match Endpoint::at(url).filter(|_| !granted) {
        None => Ok(()),
        Some(endpoint) => {
            let permission = state.borrow_mut::<Host>().refuse(&endpoint);
            Err(JsErrorBox::new(DENIED, permission))
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<(Response<Incoming>, Lent), Failure>>>>;

/// A request that is not sent yet.
struct Sending {
    answering: Answering,
    cancel: Rc<CancelHandle>,
    url: Url,
    /// Its answer may be unpacked.
    decodes: bool,
    open: Rc<()>,
}

impl Resource for Sending {
    fn name(&self) -> Cow<'_, str> {
        "request".into()
    }
}

/// Closed by JavaScript to take back what it asks for.
pub(in crate::runtime) struct Cancel(pub(in crate::runtime) Rc<CancelHandle>);

impl Resource for Cancel {
    fn name(&self) -> Cow<'_, str> {
        "cancel".into()
    }

    fn close(self: Rc<Self>) {
        self.0.cancel();
    }
}

/// What is handed out of a request.
#[derive(ToV8)]
struct Started {
    request_rid: ResourceId,
    cancel_handle_rid: Option<ResourceId>,
}

/// An answer without its body.
#[derive(ToV8)]
struct Answered {
    status: u16,
    status_text: String,
    headers: Vec<(ByteString, ByteString)>,
    url: String,
    response_rid: ResourceId,
    content_length: Option<u64>,
    body_decoded: bool,
    error: Option<(String, String)>,
}

#[op2]
fn op_fetch(
    state: &mut OpState,
    #[scoped] method: ByteString,
    #[string] url: String,
    #[scoped] headers: Vec<(ByteString, ByteString)>,
    #[smi] client: Option<ResourceId>,
    has_body: bool,
    data: Option<Uint8Array>,
    #[smi] resource: Option<ResourceId>,
) -> Result<Started, JsErrorBox> {
    if client.is_some() {
        return Err(JsErrorBox::type_error(
            "there are no clients of a plugin's own",
        ));
    }
    let url = Url::parse(&url).map_err(|error| JsErrorBox::type_error(error.to_string()))?;
    let secure = match url.scheme() {
        "https" => true,
        "http" => false,
        scheme => {
            return Err(JsErrorBox::type_error(format!(
                "scheme `{scheme}` is not supported"
            )));
        }
    };
    let method =
        Method::from_bytes(&method).map_err(|error| JsErrorBox::type_error(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(JsErrorBox::type_error("a URL with a name or password"));
    }
    granted(state, method.as_str(), &url)?;
    let way = state.borrow_mut::<Way>();
    let dial = way.dial();
    let open = way.begin()?;
    let connector = secure.then(|| way.connector()).transpose()?;
    let (body, length) = if has_body {
        body_of(state, data, resource)?
    } else {
        // As the standard has it.
        let zero = matches!(method, Method::POST | Method::PUT).then_some(0);
        (body::empty(), zero)
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.headers_mut() = fields(headers, length)?;
    let decodes = decode::accept(request.headers_mut());
    let target = url.clone();
    let answering: Answering =
        Box::pin(async move { broker::send(&dial, connector.as_ref(), &target, request).await });
    let cancel = CancelHandle::new_rc();
    let table = &mut state.resource_table;
    let cancel_handle_rid = Some(table.add(Cancel(cancel.clone())));
    let request_rid = table.add(Sending {
        answering,
        cancel,
        url,
        decodes,
        open,
    });
    Ok(Started {
        request_rid,
        cancel_handle_rid,
    })
}

/// A request's body, and how long it is if that is known.
fn body_of(
    state: &mut OpState,
    data: Option<Uint8Array>,
    resource: Option<ResourceId>,
) -> Result<(Body, Option<u64>), JsErrorBox> {
    match (data, resource) {
        (Some(data), _) => {
            // A copy: the plugin may do what it likes with the memory while this is sent.
            let bytes = Bytes::copy_from_slice(&data.0);
            let length = bytes.len() as u64;
            Ok((body::full(bytes), Some(length)))
        }
        (None, Some(resource)) => {
            let resource = state.resource_table.take_any(resource);
            let resource = resource.map_err(JsErrorBox::from_err)?;
            let length = match resource.size_hint() {
                (least, Some(most)) if least == most && most > 0 => Some(most),
                _ => None,
            };
            Ok((body::streamed(resource), length))
        }
        (None, None) => Err(JsErrorBox::type_error("no body")),
    }
}

/// The header fields of a request; how long its body is and where it goes is not for the plugin to
/// say.
pub(in crate::runtime) fn fields(
    headers: Vec<(ByteString, ByteString)>,
    length: Option<u64>,
) -> Result<HeaderMap, JsErrorBox> {
    const OURS: [HeaderName; 7] = [
        CONNECTION,
        CONTENT_LENGTH,
        HOST,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    if headers.len() > FIELDS {
        return Err(JsErrorBox::type_error(format!(
            "more than {FIELDS} header fields"
        )));
    }
    let mut fields = HeaderMap::new();
    let wrong = |error: &dyn std::fmt::Display| JsErrorBox::type_error(error.to_string());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(&name).map_err(|error| wrong(&error))?;
        let value = HeaderValue::from_bytes(&value).map_err(|error| wrong(&error))?;
        if !OURS.contains(&name) && !name.as_str().starts_with("proxy-") {
            fields
                .try_append(name, value)
                .map_err(|error| wrong(&error))?;
        }
    }
    if let Some(length) = length {
        fields.insert(CONTENT_LENGTH, length.into());
    }
    Ok(fields)
}

#[op2]
async fn op_fetch_send(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<Answered, JsErrorBox> {
    let sending = state.borrow_mut().resource_table.take::<Sending>(rid);
    let sending = sending.map_err(JsErrorBox::from_err)?;
    let sending =
        Rc::try_unwrap(sending).map_err(|_| JsErrorBox::type_error("a request is sent once"))?;
    let answer = sending.answering.or_cancel(sending.cancel).await;
    let (answer, lent) = match answer {
        Ok(Ok(answered)) => answered,
        Ok(Err(failure)) => return Err(failure.into_js(FAILED)),
        Err(_) => return Err(JsErrorBox::type_error("the request was taken back")),
    };
    let (head, body) = answer.into_parts();
    let fields = head.headers.iter();
    let headers = fields.map(|(name, value)| (name.as_str().into(), value.as_bytes().into()));
    let headers = headers.collect();
    let packed = sending.decodes && !hyper::body::Body::is_end_stream(&body);
    let decoder = packed.then(|| Decoder::of(&head.headers)).flatten();
    let body_decoded = decoder.is_some();
    let body = Answer::new(body, decoder, lent, sending.open);
    let content_length = body.size_hint().1;
    Ok(Answered {
        status: head.status.as_u16(),
        status_text: head.status.canonical_reason().unwrap_or("").to_owned(),
        headers,
        url: sending.url.into(),
        response_rid: state.borrow_mut().resource_table.add(body),
        content_length,
        body_decoded,
        error: None,
    })
}

/// For a header field.
#[op2]
fn op_utf8_to_byte_string(#[string] text: String) -> ByteString {
    text.into()
}
