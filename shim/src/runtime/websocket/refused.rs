//! What Deno's `WebSocket` finds where there is no way out: the ops that ask for one, which tell the
//! engine and name the permission that is missing.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::convert::ByteString;
use deno_core::{Extension, OpState, ResourceId, extension, op2};
use deno_error::JsErrorBox;

use super::super::extension::{Endpoint, Host};
use super::super::fetch::DENIED;
use super::target;

/// The ops, sorted; with a way out there are others under the same names.
pub(in crate::runtime) const OPS: &[&str] =
    &["op_ws_check_permission_and_cancel_handle", "op_ws_create"];

extension!(
    lazaret_websocket_refused,
    ops = [op_ws_check_permission_and_cancel_handle, op_ws_create],
);

pub(super) fn extension() -> Extension {
    lazaret_websocket_refused::init()
}

/// The refusal is an event, and comes later.
#[op2]
#[smi]
fn op_ws_check_permission_and_cancel_handle(
    #[string] _api: &str,
    #[string] _url: &str,
    _cancel: bool,
) -> Option<ResourceId> {
    None
}

#[op2]
async fn op_ws_create(
    state: Rc<RefCell<OpState>>,
    #[string] _api: String,
    #[string] url: String,
    #[string] _protocols: String,
    #[smi] _cancel: Option<ResourceId>,
    #[scoped] _headers: Option<Vec<(ByteString, ByteString)>>,
) -> Result<(), JsErrorBox> {
    let endpoint = Endpoint::at(&target(&url)?);
    let endpoint = endpoint.ok_or_else(|| JsErrorBox::type_error("the URL names no host"))?;
    let mut state = state.borrow_mut();
    let permission = state.borrow_mut::<Host>().refuse(&endpoint);
    Err(JsErrorBox::new(DENIED, permission))
}
