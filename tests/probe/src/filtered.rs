//! The second filter, put on by the same code as in the shim.

use serde_json::{Value, json};

use crate::Ask;

pub(crate) const ASKS: &[Ask] = &[("second_filter", |_| install())];

fn install() -> Value {
    match lazaret_guard::filter::install(true) {
        Ok(()) => json!({ "ok": true }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
