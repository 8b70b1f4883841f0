//! The ops that Deno's `WebSocket` calls, under the names it has for them.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::convert::{ByteString, Uint8Array};
use deno_core::{CancelFuture, CancelHandle, Extension, OpState, ResourceId, ToV8, extension, op2};
use deno_error::JsErrorBox;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::super::fetch::{Cancel, Passage, fields};
use super::socket::{ERROR, Socket};
use super::{handshake, target};

/// The ops that there are where there is a way out, sorted.
pub(in crate::runtime) const OPS: &[&str] = &[
    "op_ws_close",
    "op_ws_get_buffer",
    "op_ws_get_buffer_as_string",
    "op_ws_get_buffered_amount",
    "op_ws_get_error",
    "op_ws_next_event",
    "op_ws_send_binary",
    "op_ws_send_binary_ab",
    "op_ws_send_text",
];

extension!(
    lazaret_websocket,
    ops = [
        op_ws_check_permission_and_cancel_handle,
        op_ws_close,
        op_ws_create,
        op_ws_get_buffer,
        op_ws_get_buffer_as_string,
        op_ws_get_buffered_amount,
        op_ws_get_error,
        op_ws_next_event,
        op_ws_send_binary,
        op_ws_send_binary_ab,
        op_ws_send_text,
    ],
);

pub(super) fn extension() -> Extension {
    lazaret_websocket::init()
}

/// What is handed out of a WebSocket. JavaScript looks at the rest of an answer for a debugger only.
#[derive(ToV8)]
struct Created {
    rid: ResourceId,
    protocol: String,
    extensions: String,
}

/// What is refused is told by an event, later.
#[op2]
#[smi]
fn op_ws_check_permission_and_cancel_handle(
    state: &mut OpState,
    #[string] _api: &str,
    #[string] _url: &str,
    _cancel: bool,
) -> Option<ResourceId> {
    let cancel = CancelHandle::new_rc();
    let mut rid = 0;
    // Deno's script takes this number for none.
    while rid == 0 {
        rid = state.resource_table.add(Cancel(cancel.clone()));
    }
    Some(rid)
}

#[op2]
async fn op_ws_create(
    state: Rc<RefCell<OpState>>,
    #[string] _api: String,
    #[string] url: String,
    #[string] protocols: String,
    #[smi] cancel: Option<ResourceId>,
    #[scoped] headers: Option<Vec<(ByteString, ByteString)>>,
) -> Result<Created, JsErrorBox> {
    let url = target(&url)?;
    let fields = fields(headers.unwrap_or_default(), None)?;
    let taken_back = || JsErrorBox::type_error("the WebSocket was closed before it was open");
    let rid = cancel.ok_or_else(taken_back)?;
    let (passage, cancel) = {
        let mut state = state.borrow_mut();
        let cancel = state.resource_table.get::<Cancel>(rid);
        let cancel = cancel.map_err(|_| taken_back())?;
        (Passage::of(&mut state, &url)?, cancel)
    };
    let opened = handshake::open(&passage, &url, &protocols, fields);
    let opened = Box::pin(opened).or_cancel(cancel.0.clone()).await;
    let opened = opened.map_err(|_| taken_back())?;
    let (stream, protocol) = opened.map_err(|failure| failure.into_js("no WebSocket"))?;
    let socket = Socket::new(stream, passage.open).await;
    let mut state = state.borrow_mut();
    // Nothing is left to take back.
    drop(state.resource_table.take::<Cancel>(rid));
    Ok(Created {
        rid: state.resource_table.add(socket),
        protocol,
        extensions: String::new(),
    })
}

/// One that is closed already is not there.
fn socket(state: &OpState, rid: ResourceId) -> Option<Rc<Socket>> {
    state.resource_table.get::<Socket>(rid).ok()
}

#[op2]
async fn op_ws_next_event(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> u16 {
    let socket = socket(&state.borrow(), rid);
    match socket {
        Some(socket) => socket.next().await,
        None => ERROR,
    }
}

#[op2]
fn op_ws_get_buffer(state: &OpState, #[smi] rid: ResourceId) -> Option<Uint8Array> {
    let bytes = socket(state, rid)?.binary()?;
    Some(bytes.into())
}

#[op2]
#[string]
fn op_ws_get_buffer_as_string(state: &OpState, #[smi] rid: ResourceId) -> Option<String> {
    socket(state, rid)?.text()
}

#[op2]
#[string]
fn op_ws_get_error(state: &OpState, #[smi] rid: ResourceId) -> String {
    socket(state, rid).map_or_else(String::new, |socket| socket.reason())
}

#[op2(fast)]
#[smi]
fn op_ws_get_buffered_amount(state: &OpState, #[smi] rid: ResourceId) -> u32 {
    let waiting = socket(state, rid).map_or(0, |socket| socket.waiting());
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

#[op2]
fn op_ws_send_binary(state: &OpState, #[smi] rid: ResourceId, #[anybuffer] data: &[u8]) {
    send_bytes(state, rid, data);
}

#[op2]
fn op_ws_send_binary_ab(state: &OpState, #[smi] rid: ResourceId, #[anybuffer] data: &[u8]) {
    send_bytes(state, rid, data);
}

/// A copy: the plugin may do what it likes with the memory while this is sent.
fn send_bytes(state: &OpState, rid: ResourceId, data: &[u8]) {
    if let Some(socket) = socket(state, rid) {
        socket.send(Message::Binary(Bytes::copy_from_slice(data)));
    }
}

#[op2(fast)]
fn op_ws_send_text(state: &OpState, #[smi] rid: ResourceId, #[string] data: String) {
    if let Some(socket) = socket(state, rid) {
        socket.send(Message::text(data));
    }
}

/// Where JavaScript gives no code, there is none to be sent, nor a reason.
#[op2]
async fn op_ws_close(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] code: Option<u16>,
    #[string] reason: Option<String>,
) {
    let frame = code.map(|code| CloseFrame {
        code: code.into(),
        reason: reason.unwrap_or_default().into(),
    });
    let socket = socket(&state.borrow(), rid);
    if let Some(socket) = socket {
        socket.end(frame).await;
    }
}
