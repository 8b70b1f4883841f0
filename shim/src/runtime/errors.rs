//! From whatever was thrown to a [`PluginError`]: capped, and without trust in the value.

use deno_core::error::{CoreError, CoreErrorKind, JsError};
use deno_core::v8;
use deno_error::JsErrorClass;
use lazaret_protocol::{CallError, PluginError};

use super::convert::{bounded_text, cut};

/// The longest name of an error in bytes.
pub(super) const NAME_BYTES: usize = 256;
/// The longest message in bytes.
pub(super) const MESSAGE_BYTES: usize = 8 * 1024;
/// The longest stack in bytes.
const STACK_BYTES: usize = 16 * 1024;
/// The longest permission in bytes.
const PERMISSION_BYTES: usize = 4 * 1024;

/// Where the plugin's modules are, in a stack.
const PLUGIN_URL: &str = "file:///plugin/";

/// Why a call failed, from what it threw or its promise was rejected with.
pub(super) fn call_error(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> CallError {
    let error = plugin_error(scope, value);
    let permission = v8::Local::<v8::Object>::try_from(value)
        .ok()
        .filter(|_| error.name == "PermissionDenied")
        .and_then(|object| property(scope, object, "permission", PERMISSION_BYTES));
    match permission {
        Some(permission) => CallError::Denied { permission, error },
        None => CallError::Exception(error),
    }
}

/// Reads name, message and stack off a thrown value. Getters and traps of the value may run; what
/// they throw is ignored, and the turn's limits hold for the time they take.
pub(super) fn plugin_error(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> PluginError {
    let Ok(object) = v8::Local::<v8::Object>::try_from(value) else {
        return PluginError {
            name: "Error".to_owned(),
            message: primitive_text(scope, value),
            stack: String::new(),
            location: None,
        };
    };
    let name = property(scope, object, "name", NAME_BYTES).filter(|name| !name.is_empty());
    let message = property(scope, object, "message", MESSAGE_BYTES);
    let stack = property(scope, object, "stack", STACK_BYTES);
    assemble(name, message, stack.as_deref())
}

/// What ended a load or a round of the event loop.
pub(super) fn core_error(error: &CoreError) -> PluginError {
    match error.as_kind() {
        CoreErrorKind::Js(error) => js_error(error),
        _ => PluginError {
            name: cut(&error.get_class(), NAME_BYTES),
            message: cut(&error.to_string(), MESSAGE_BYTES),
            stack: String::new(),
            location: None,
        },
    }
}

/// Whether it is what `deno_core` throws where a call was interrupted between the start of an asynchronous op and the
/// keeping of its promise: nobody can wait for that result any more. A plugin that throws the same loses its own error.
pub(super) fn is_of_an_interruption(error: &PluginError) -> bool {
    error.message.starts_with("Missing promise @ ")
        && error.stack.is_empty()
        && error.location.is_none()
}

fn js_error(error: &JsError) -> PluginError {
    let message = error.message.clone().unwrap_or_else(|| {
        // Thrown values that are no errors, and a stalled `await`, have only this.
        let text = error.exception_message.as_str();
        let text = text.strip_prefix("Uncaught ").unwrap_or(text);
        text.strip_prefix("(in promise) ")
            .unwrap_or(text)
            .to_owned()
    });
    let name = error.name.as_deref().map(|name| cut(name, NAME_BYTES));
    let message = Some(cut(&message, MESSAGE_BYTES));
    let stack = error.stack.as_deref().map(|stack| cut(stack, STACK_BYTES));
    let mut plugin = assemble(name, message, stack.as_deref());
    if plugin.location.is_none() {
        plugin.location = error.frames.iter().find_map(|frame| {
            let file = frame.file_name.as_deref()?.strip_prefix(PLUGIN_URL)?;
            Some(cut(
                &format!("{file}:{}:{}", frame.line_number?, frame.column_number?),
                NAME_BYTES,
            ))
        });
    }
    plugin
}

fn assemble(name: Option<String>, message: Option<String>, stack: Option<&str>) -> PluginError {
    let stack = stack.map(only_frames).unwrap_or_default();
    PluginError {
        name: name.unwrap_or_else(|| "Error".to_owned()),
        message: message.unwrap_or_default(),
        location: location(&stack),
        stack,
    }
}

/// The lines of a stack that are frames of the plugin or the engine: the runtime's own say nothing
/// to a plugin's author, and one engine starts the stack with the message.
fn only_frames(stack: &str) -> String {
    let frames = stack
        .lines()
        .filter(|line| line.trim_start().starts_with("at ") && !line.contains("ext:"));
    frames.collect::<Vec<_>>().join("\n")
}

/// The first place in the plugin's own files, as `main.js:3:9`.
fn location(stack: &str) -> Option<String> {
    let (_, rest) = stack.split_once(PLUGIN_URL)?;
    let end = rest.find([')', '\n', ' ']).unwrap_or(rest.len());
    Some(cut(&rest[..end], NAME_BYTES))
}

/// A property that is a string; `None` if it is none or cannot be read.
pub(super) fn property(
    scope: &mut v8::PinScope,
    object: v8::Local<v8::Object>,
    name: &str,
    bytes: usize,
) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let key = v8::String::new(scope, name)?;
    let value = object.get(scope, key.into())?;
    let value = v8::Local::<v8::String>::try_from(value).ok()?;
    Some(bounded_text(scope, value, bytes))
}

/// The text of a thrown value that is no object; no code of the plugin's runs for it.
fn primitive_text(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> String {
    v8::tc_scope!(let scope, scope);
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(value) {
        let description = v8::Local::<v8::String>::try_from(symbol.description(scope));
        let description = description.map(|text| bounded_text(scope, text, NAME_BYTES));
        return format!("Symbol({})", description.unwrap_or_default());
    }
    value
        .to_string(scope)
        .map(|text| bounded_text(scope, text, MESSAGE_BYTES))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_and_the_runtimes_own_frames_are_left_out_of_the_stack() {
        let stack = "TypeError: a\nb\n    at f (file:///plugin/lib/x.js:3:9)\n    at g (ext:core/x.js:1:1)\n    at file:///plugin/main.js:1:1";
        let error = assemble(None, None, Some(stack));
        assert_eq!(error.location.as_deref(), Some("lib/x.js:3:9"));
        assert_eq!(error.stack.lines().count(), 2);
    }

    #[test]
    fn only_the_runtimes_own_word_is_of_an_interruption() {
        let own = |message: &str, stack| assemble(None, Some(message.to_owned()), stack);
        let lost = "Missing promise @ 107";
        assert!(is_of_an_interruption(&own(lost, None)));
        assert!(!is_of_an_interruption(&own("missing", None)));
        let thrown = Some("    at f (file:///plugin/main.js:3:9)");
        assert!(!is_of_an_interruption(&own(lost, thrown)));
    }

    #[test]
    fn a_place_outside_the_plugin_is_no_location() {
        assert_eq!(location("    at file:///etc/x.js:1:1"), None);
    }
}
