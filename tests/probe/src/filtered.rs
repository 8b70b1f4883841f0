//! What the shim puts on by itself, put on by the same code.

use serde_json::{Value, json};

use crate::Ask;

pub(crate) const ASKS: &[Ask] = &[
    ("close_memory", |_| close_memory()),
    ("second_filter", |_| install()),
];

fn install() -> Value {
    match lazaret_guard::filter::install(true) {
        Ok(()) => json!({ "ok": true }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn close_memory() -> Value {
    match lazaret_guard::memory::close().as_slice() {
        [] => json!({ "ok": true }),
        differences => json!({ "error": format!("{differences:?}") }),
    }
}
