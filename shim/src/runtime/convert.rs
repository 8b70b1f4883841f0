//! Between JavaScript values and payloads. No function of the plugin's globals is used, so
//! nothing a plugin does to `JSON` or `Array` changes how its calls arrive and leave.

use deno_core::v8;
use lazaret_protocol::{CallError, MAX_FRAME_BYTES, Payload};

use super::errors::plugin_error;

/// The most arguments one call may have.
const MAX_ARGUMENTS: u32 = 1024;

/// What a reply needs of a frame beside the result, in bytes.
const FRAME_OVERHEAD: u64 = 1024;

/// The arguments of a call as JavaScript values.
pub(super) fn arguments<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    payload: Payload,
) -> Result<Vec<v8::Local<'s, v8::Value>>, CallError> {
    match payload {
        Payload::Json(text) => json_arguments(scope, &text),
        Payload::Bytes(bytes) => {
            let length = bytes.len();
            let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes).make_shared();
            let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
            v8::Uint8Array::new(scope, buffer, 0, length)
                .map(|array| vec![array.into()])
                .ok_or_else(|| invalid_arguments("the bytes are too long"))
        }
    }
}

fn json_arguments<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    text: &str,
) -> Result<Vec<v8::Local<'s, v8::Value>>, CallError> {
    v8::tc_scope!(let scope, scope);
    let source = v8::String::new(scope, text)
        .ok_or_else(|| invalid_arguments("the JSON text is too long"))?;
    let Some(value) = v8::json::parse(scope, source) else {
        let message = match scope.exception() {
            Some(exception) => plugin_error(scope, exception).message,
            None => "the JSON text is not understood".to_owned(),
        };
        return Err(CallError::InvalidArguments { message });
    };
    let Ok(list) = v8::Local::<v8::Array>::try_from(value) else {
        return Ok(vec![value]);
    };
    if list.length() > MAX_ARGUMENTS {
        return Err(invalid_arguments(&format!(
            "more than {MAX_ARGUMENTS} arguments"
        )));
    }
    (0..list.length())
        .map(|index| {
            list.get_index(scope, index)
                .ok_or_else(|| invalid_arguments("the list of arguments cannot be read"))
        })
        .collect()
}

fn invalid_arguments(message: &str) -> CallError {
    CallError::InvalidArguments {
        message: message.to_owned(),
    }
}

/// A result as it is sent: bytes if it is a buffer or a view of one, else JSON; `undefined` is
/// `null`. `bytes_of` is the function of that name in `js/host.js`.
pub(super) fn result<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    limit: u64,
    bytes_of: &v8::Global<v8::Function>,
) -> Result<Payload, CallError> {
    let limit = limit.min(MAX_FRAME_BYTES as u64 - FRAME_OVERHEAD);
    let check = |bytes: usize| match bytes as u64 {
        bytes if bytes > limit => Err(CallError::ResultTooLarge { bytes, limit }),
        _ => Ok(()),
    };
    if value.is_object()
        && let Some(array) = bytes(scope, value, bytes_of)?
    {
        check(array.byte_length())?;
        return Ok(Payload::Bytes(copy(array)));
    }
    if value.is_undefined() {
        return Ok(Payload::Json("null".to_owned()));
    }
    if value.is_function() || value.is_symbol() {
        return Err(invalid_result("a function or symbol is no JSON"));
    }
    v8::tc_scope!(let scope, scope);
    let Some(text) = v8::json::stringify(scope, value) else {
        let message = match scope.exception() {
            Some(exception) => plugin_error(scope, exception).message,
            None => "the result cannot be made JSON".to_owned(),
        };
        return Err(CallError::InvalidResult { message });
    };
    let is_text = v8::Local::<v8::Value>::from(text).is_string();
    let bytes = if is_text { text.utf8_length(scope) } else { 0 };
    check(bytes)?;
    let text = if is_text {
        bounded_text(scope, text, bytes)
    } else {
        String::new()
    };
    // `toJSON` may have made nothing of it, for which the engines have different words.
    if text.is_empty() || text == "undefined" {
        return Err(invalid_result("nothing is left of it as JSON"));
    }
    Ok(Payload::Json(text))
}

fn invalid_result(message: &str) -> CallError {
    CallError::InvalidResult {
        message: message.to_owned(),
    }
}

/// What a buffer, or a view of one, holds; `None` for anything else.
fn bytes<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    bytes_of: &v8::Global<v8::Function>,
) -> Result<Option<v8::Local<'s, v8::Uint8Array>>, CallError> {
    v8::tc_scope!(let scope, scope);
    let bytes_of = v8::Local::new(scope, bytes_of);
    let this = v8::undefined(scope).into();
    match bytes_of.call(scope, this, &[value]) {
        Some(found) => Ok(v8::Local::try_from(found).ok()),
        None => Err(match scope.exception() {
            Some(exception) => invalid_result(&plugin_error(scope, exception).message),
            None => invalid_result("a buffer that cannot be read"),
        }),
    }
}

fn copy(array: v8::Local<v8::Uint8Array>) -> Vec<u8> {
    let mut bytes = vec![0; array.byte_length()];
    let count = array.copy_contents(&mut bytes);
    bytes.truncate(count);
    bytes
}

/// At most `limit` bytes of a string, never allocating more than that.
pub(super) fn bounded_text(
    scope: &v8::Isolate,
    text: v8::Local<v8::String>,
    limit: usize,
) -> String {
    // A UTF-16 unit is at most three bytes of UTF-8.
    let mut bytes = vec![0; limit.min(text.length().saturating_mul(3))];
    let flags = v8::WriteFlags::kReplaceInvalidUtf8;
    let count = text.write_utf8_v2(scope, &mut bytes, flags, None);
    bytes.truncate(count);
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// At most `limit` bytes of a string, cut at a character.
pub(super) fn cut(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}
