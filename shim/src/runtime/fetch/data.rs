//! `data:` URLs: what they say is in them, and nothing is asked of anyone.

use data_url::DataUrl;
use deno_core::convert::Uint8Array;
use deno_core::{Extension, ToV8, extension, op2};
use deno_error::JsErrorBox;

/// The ops, sorted; they take no grant.
pub(in crate::runtime) const OPS: &[&str] = &["op_lazaret_data_url"];

extension!(lazaret_data, ops = [op_lazaret_data_url]);

/// The extension.
pub(in crate::runtime) fn extension() -> Extension {
    lazaret_data::init()
}

/// What is in a URL.
#[derive(ToV8)]
struct Content {
    kind: String,
    bytes: Uint8Array,
}

#[op2]
fn op_lazaret_data_url(#[string] url: &str) -> Result<Content, JsErrorBox> {
    let broken = |error: &dyn std::fmt::Display| {
        JsErrorBox::type_error(format!("the `data:` URL is broken: {error}"))
    };
    let read = DataUrl::process(url).map_err(|error| broken(&error))?;
    let (bytes, _fragment) = read.decode_to_vec().map_err(|error| broken(&error))?;
    Ok(Content {
        kind: read.mime_type().to_string(),
        bytes: bytes.into(),
    })
}
