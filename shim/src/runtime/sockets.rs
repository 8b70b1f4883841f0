//! Connections of bytes, for `js/sockets.js`: to a host, through the engine's egress broker, with TLS
//! on them or without.
//!
//! They count among the connections that `fetch` has, and are closed with the runtime.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Cursor;
use std::rc::Rc;

use deno_core::{
    AsyncRefCell, CancelHandle, CancelTryFuture, Extension, OpState, RcRef, Resource, ResourceId,
    extension, op2,
};
use deno_error::JsErrorBox;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::extension::{Endpoint, Host};
use super::fetch::{DENIED, Failure, Way, within_patience};

/// The ops that there are where there is a way out, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_socket_connect",
    "op_lazaret_socket_end",
    "op_lazaret_socket_read",
    "op_lazaret_socket_write",
];

extension!(
    lazaret_sockets,
    ops = [
        op_lazaret_socket_connect,
        op_lazaret_socket_end,
        op_lazaret_socket_read,
        op_lazaret_socket_write,
    ],
);

/// The extension; its ops need the states of [`super::extension`] and [`super::fetch`].
pub(super) fn extension() -> Extension {
    lazaret_sockets::init()
}

/// The most that is read at once, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The most certificates of a plugin's own, in bytes of PEM.
const MAX_AUTHORITIES_BYTES: usize = 1024 * 1024;

/// A connection that is open.
struct Socket {
    read: AsyncRefCell<Box<dyn AsyncRead + Unpin>>,
    write: AsyncRefCell<Box<dyn AsyncWrite + Unpin>>,
    cancel: CancelHandle,
    _open: Rc<()>,
}

impl Socket {
    fn new<S>(stream: S, early: bytes::Bytes, open: Rc<()>) -> Self
    where
        S: AsyncRead + AsyncWrite + 'static,
    {
        let (read, write) = tokio::io::split(stream);
        Self {
            read: AsyncRefCell::new(Box::new(Cursor::new(early).chain(read))),
            write: AsyncRefCell::new(Box::new(write)),
            cancel: CancelHandle::default(),
            _open: open,
        }
    }

    /// What comes of it, unless the socket is closed before.
    async fn until_closed<T>(
        self: &Rc<Self>,
        what: impl Future<Output = std::io::Result<T>>,
    ) -> Result<T, JsErrorBox> {
        let cancel = RcRef::map(self, |socket| &socket.cancel);
        what.try_or_cancel(cancel).await.map_err(to_js)
    }
}

impl Resource for Socket {
    fn name(&self) -> Cow<'_, str> {
        "socket".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}

/// Connects to a host that the plugin may say anything to. `authorities` is PEM, trusted besides.
#[op2]
#[smi]
async fn op_lazaret_socket_connect(
    state: Rc<RefCell<OpState>>,
    #[string] host: String,
    port: u16,
    secure: bool,
    #[string] authorities: String,
) -> Result<ResourceId, JsErrorBox> {
    let endpoint = Endpoint::to(&host, port)?;
    if authorities.len() > MAX_AUTHORITIES_BYTES {
        return Err(JsErrorBox::type_error("`caCerts` are too long"));
    }
    let (dial, open, connector) = {
        let mut state = state.borrow_mut();
        if !state.borrow::<Way>().leaves(endpoint.host(), port) {
            let permission = state.borrow_mut::<Host>().refuse(&endpoint);
            return Err(JsErrorBox::new(DENIED, permission));
        }
        let way = state.borrow::<Way>();
        let connector = secure.then(|| way.connector_of_bytes(&authorities));
        let connector = connector.transpose().map_err(failed)?;
        (way.dial(), way.begin()?, connector)
    };
    let connecting = async {
        let tunnel = dial.host(endpoint.host(), port).await?;
        Ok(match connector {
            None => Socket::new(tunnel.stream, tunnel.early, open),
            Some(connector) => {
                let stream = tunnel.tls(&connector, endpoint.host()).await?;
                Socket::new(stream, bytes::Bytes::new(), open)
            }
        })
    };
    let socket = within_patience("no connection", connecting).await;
    let socket = socket.map_err(failed)?;
    Ok(state.borrow_mut().resource_table.add(socket))
}

/// Some bytes, so many at the most; none at the end.
#[op2]
#[buffer]
async fn op_lazaret_socket_read(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    limit: u32,
) -> Result<Vec<u8>, JsErrorBox> {
    let socket = of(&state, rid)?;
    let reading = async {
        let mut read = RcRef::map(&socket, |socket| &socket.read)
            .borrow_mut()
            .await;
        let mut bytes = vec![0; PIECE_BYTES.min(limit as usize)];
        let length = read.read(&mut bytes).await?;
        bytes.truncate(length);
        Ok(bytes)
    };
    socket.until_closed(reading).await
}

/// Sends all of it.
#[op2]
async fn op_lazaret_socket_write(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[buffer(copy)] bytes: Vec<u8>,
) -> Result<(), JsErrorBox> {
    let socket = of(&state, rid)?;
    let writing = async {
        let mut write = RcRef::map(&socket, |socket| &socket.write)
            .borrow_mut()
            .await;
        write.write_all(&bytes).await?;
        write.flush().await
    };
    socket.until_closed(writing).await
}

/// Says that nothing more is sent.
#[op2]
async fn op_lazaret_socket_end(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<(), JsErrorBox> {
    let socket = of(&state, rid)?;
    let ending = async {
        let mut write = RcRef::map(&socket, |socket| &socket.write)
            .borrow_mut()
            .await;
        write.shutdown().await
    };
    socket.until_closed(ending).await
}

fn of(state: &RefCell<OpState>, rid: ResourceId) -> Result<Rc<Socket>, JsErrorBox> {
    let socket = state.borrow().resource_table.get::<Socket>(rid);
    socket.map_err(|_| JsErrorBox::new("BadResource", "the connection is closed"))
}

fn failed(failure: Failure) -> JsErrorBox {
    match failure {
        Failure::Refused(reason) => {
            JsErrorBox::type_error(format!("connection refused by the policy: {reason}"))
        }
        Failure::Unreachable(reason) => JsErrorBox::new("ConnectionRefused", reason),
        other => other.into_js("connecting failed"),
    }
}

/// With the class that Deno has for it, where there is one here.
fn to_js(error: std::io::Error) -> JsErrorBox {
    use std::io::ErrorKind;
    let class = match error.kind() {
        ErrorKind::BrokenPipe => "BrokenPipe",
        ErrorKind::ConnectionReset => "ConnectionReset",
        ErrorKind::Interrupted => "Interrupted",
        ErrorKind::UnexpectedEof => "UnexpectedEof",
        _ => "Error",
    };
    JsErrorBox::new(class, error.to_string())
}
