//! Ops behind `lazaret.window`.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;
use lazaret_protocol::{Act, ActResult, WindowAct};

use super::act_ops::{ask, odd};
use super::extension::Host;

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_window_close",
    "op_lazaret_window_focus",
    "op_lazaret_window_list",
    "op_lazaret_window_move",
    "op_lazaret_window_there",
];

extension!(
    lazaret_window,
    ops = [
        op_lazaret_window_close,
        op_lazaret_window_focus,
        op_lazaret_window_list,
        op_lazaret_window_move,
        op_lazaret_window_there,
    ],
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_window::init()
}

/// Whether the policy lets the plugin do anything with windows.
#[op2(fast)]
fn op_lazaret_window_there(state: &OpState) -> bool {
    state.borrow::<Host>().state.windows
}

/// The windows, as JSON.
#[op2]
#[string]
async fn op_lazaret_window_list(state: Rc<RefCell<OpState>>) -> Result<String, JsErrorBox> {
    match ask(state, Act::Window(WindowAct::List)).await? {
        ActResult::Windows(windows) => serde_json::to_string(&windows).map_err(|_| odd()),
        _ => Err(odd()),
    }
}

#[op2]
async fn op_lazaret_window_focus(state: Rc<RefCell<OpState>>, id: u32) -> Result<(), JsErrorBox> {
    done(state, WindowAct::Focus { id }).await
}

/// Bits of `given` say which of the four hold, as `js/window.js` has them.
#[op2]
async fn op_lazaret_window_move(
    state: Rc<RefCell<OpState>>,
    id: u32,
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    given: u32,
) -> Result<(), JsErrorBox> {
    let is = |bit| given & bit != 0;
    let place = |value: i32, bit| i16::try_from(value).ok().filter(|_| is(bit));
    let size = |value: u32, bit| u16::try_from(value).ok().filter(|_| is(bit));
    let act = WindowAct::Move {
        id,
        x: place(x, 1),
        y: place(y, 2),
        width: size(width, 4),
        height: size(height, 8),
    };
    done(state, act).await
}

#[op2]
async fn op_lazaret_window_close(state: Rc<RefCell<OpState>>, id: u32) -> Result<(), JsErrorBox> {
    done(state, WindowAct::Close { id }).await
}

async fn done(state: Rc<RefCell<OpState>>, act: WindowAct) -> Result<(), JsErrorBox> {
    match ask(state, Act::Window(act)).await? {
        ActResult::Done => Ok(()),
        _ => Err(odd()),
    }
}
