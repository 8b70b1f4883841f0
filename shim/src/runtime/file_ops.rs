//! Ops that look at files without reading them, and those that look at the environment.

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;
use serde_json::{Value, json};

use super::extension::{Host, only_needed, to_js};
use crate::beneath::{EntryKind, Metadata};

extension!(
    lazaret_files,
    ops = [
        op_lazaret_environment,
        op_lazaret_environment_lacks,
        op_lazaret_list,
        op_lazaret_metadata,
    ],
    middleware = only_needed,
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_files::init()
}

/// The names in a directory and what has them, as a JSON list of pairs.
#[op2]
#[string]
fn op_lazaret_list(state: &OpState, #[string] path: &str) -> Result<String, JsErrorBox> {
    let entries = state.borrow::<Host>().places.list(path);
    let entries = entries.map_err(|error| to_js(&error))?;
    let pairs = entries
        .into_iter()
        .map(|entry| json!([entry.name, number(entry.kind)]));
    Ok(Value::from_iter(pairs).to_string())
}

/// What is known of a file: kind, bytes, time of the last write in milliseconds, mode, as a JSON
/// list.
#[op2]
#[string]
fn op_lazaret_metadata(
    state: &OpState,
    #[string] path: &str,
    follow: bool,
) -> Result<String, JsErrorBox> {
    let metadata = state.borrow::<Host>().places.metadata(path, follow);
    metadata
        .map(|file| metadata_of(&file))
        .map_err(|error| to_js(&error))
}

/// What `js/acts.js` makes an object of.
pub(super) fn metadata_of(file: &Metadata) -> String {
    json!([number(file.kind), file.size, file.modified_ms, file.mode]).to_string()
}

/// As `js/acts.js` knows them.
pub(super) fn number(kind: EntryKind) -> u32 {
    match kind {
        EntryKind::File => 0,
        EntryKind::Directory => 1,
        EntryKind::Link => 2,
        EntryKind::Other => 3,
    }
}

/// All variables the plugin may see, as a JSON object. Who looks at the `whole` of it uses all.
#[op2]
#[string]
fn op_lazaret_environment(state: &mut OpState, whole: bool) -> String {
    let host = state.borrow_mut::<Host>();
    let names: Vec<String> = match whole {
        true => host.environment.values.keys().cloned().collect(),
        false => Vec::new(),
    };
    for name in names {
        host.used(Some(format!("env:read:{name}")));
    }
    json!(host.environment.values).to_string()
}

/// The permission that reading a variable lacks; empty if it is granted.
#[op2]
#[string]
fn op_lazaret_environment_lacks(state: &mut OpState, #[string] name: &str) -> String {
    let host = state.borrow_mut::<Host>();
    let environment = &host.environment;
    let permission = format!("env:read:{name}");
    if environment.values.contains_key(name) || environment.unset.contains(name) {
        host.used(Some(permission));
        return String::new();
    }
    host.violation(&permission);
    permission
}
