//! Ops behind `lazaret.secrets`.

use deno_core::{Extension, OpState, extension, op2};
use lazaret_protocol::GivenSecret;

/// The ops, sorted.
pub(super) const OPS: &[&str] = &["op_lazaret_secret", "op_lazaret_secret_names"];

extension!(
    lazaret_secrets,
    ops = [op_lazaret_secret, op_lazaret_secret_names],
    options = { secrets: Vec<GivenSecret> },
    state = |state, options| {
        state.put(options.secrets);
    },
);

/// The extension over its state.
pub(super) fn extension(secrets: Vec<GivenSecret>) -> Extension {
    lazaret_secrets::init(secrets)
}

/// What stands for the secret of this name, or it itself, if there is one.
#[op2]
#[string]
fn op_lazaret_secret(state: &OpState, #[string] name: &str) -> Option<String> {
    let mut secrets = state.borrow::<Vec<GivenSecret>>().iter();
    let secret = secrets.find(|secret| secret.name == name)?;
    Some(secret.value.clone())
}

/// The names of all, as JSON.
#[op2]
#[string]
fn op_lazaret_secret_names(state: &OpState) -> String {
    let secrets = state.borrow::<Vec<GivenSecret>>().iter();
    let names: Vec<&str> = secrets.map(|secret| secret.name.as_str()).collect();
    serde_json::json!(names).to_string()
}
