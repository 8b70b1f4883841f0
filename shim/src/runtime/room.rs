//! How much of its stack JavaScript has left.
//!
//! A script of the runtime's that is read at the end of the stack fails half-way, at a place that a
//! plugin chooses, and where not even the error can be made, deno_core panics. Those that load one
//! ask here first, see `js/web.js`.

use deno_core::{OpState, op2};

use super::extension::Host;

/// What the engines take: V8 its `--stack-size`, the binding to QuickJS a little more, both counted
/// from where the engine was made.
const STACK_BYTES: usize = 984 * 1024;

/// Several times what the largest script takes, with what Rust has between it and the next.
const SCRIPT_BYTES: usize = 256 * 1024;

/// Where the stack was when an engine was made.
pub(super) struct Top(usize);

impl Top {
    /// Where it is now.
    pub(super) fn here() -> Self {
        let here = 0_u8;
        Self((&raw const here).addr())
    }
}

/// Whether a script can be read.
#[op2(fast)]
pub(super) fn op_lazaret_room(state: &OpState) -> bool {
    // It grows downwards.
    let used = state.borrow::<Host>().top.0.saturating_sub(Top::here().0);
    used < STACK_BYTES - SCRIPT_BYTES
}
