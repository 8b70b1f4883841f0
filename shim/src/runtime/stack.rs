//! The text of `error.stack`, made here and nowhere else.
//!
//! deno_core's own callback hands the frames, as objects, to `Error.prepareStackTrace` if the
//! plugin sets that. Their methods lead to functions and receivers of other code's, and on QuickJS
//! to a property by which a plugin can end the process with a panic. It is not called here, so it
//! is a property like any other.

use deno_core::error::format_stack_trace;
use deno_core::v8;

use super::errors::{MESSAGE_BYTES, NAME_BYTES, property};

/// Has the stacks of all errors made by [`stack`].
pub(super) fn install(isolate: &mut v8::Isolate) {
    isolate.set_prepare_stack_trace_callback(stack);
}

/// `name: message` and a line for each frame. A long message is cut: every copy of it would count
/// towards the plugin's memory.
fn stack<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    error: v8::Local<'s, v8::Value>,
    frames: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Value> {
    let nobody = v8::undefined(scope).into();
    let frames = format_stack_trace(scope, nobody, frames);
    let (Ok(error), Ok(frames)) = (
        v8::Local::<v8::Object>::try_from(error),
        v8::Local::<v8::String>::try_from(frames),
    ) else {
        return frames;
    };
    let name = property(scope, error, "name", NAME_BYTES).unwrap_or_else(|| "Error".to_owned());
    let message = property(scope, error, "message", MESSAGE_BYTES).unwrap_or_default();
    let between = if name.is_empty() || message.is_empty() {
        ""
    } else {
        ": "
    };
    v8::String::new(scope, &format!("{name}{between}{message}"))
        .and_then(|head| v8::String::concat(scope, head, frames))
        .map_or(frames.into(), Into::into)
}
