//! Ops behind `lazaret.kv`, `log`, `metrics` and `config`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;
use lazaret_protocol::{
    Act, ActResult, KvAct, KvEntry, MAX_KEY_BYTES, MAX_VALUE_BYTES, Payload, ShimMessage,
};

use super::act_ops::{ask, odd};
use super::extension::{Host, level};
use super::measures::{Kind, MeasureError};

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_config",
    "op_lazaret_kv_get",
    "op_lazaret_kv_list",
    "op_lazaret_kv_put",
    "op_lazaret_kv_swap",
    "op_lazaret_kv_there",
    "op_lazaret_measure",
    "op_lazaret_measured",
    "op_lazaret_metric",
    "op_lazaret_record",
];

extension!(
    lazaret_state,
    ops = [
        op_lazaret_config,
        op_lazaret_kv_get,
        op_lazaret_kv_list,
        op_lazaret_kv_put,
        op_lazaret_kv_swap,
        op_lazaret_kv_there,
        op_lazaret_measure,
        op_lazaret_measured,
        op_lazaret_metric,
        op_lazaret_record,
    ],
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_state::init()
}

/// What the operator gives the plugin, as JSON.
#[op2]
#[string]
fn op_lazaret_config(state: &OpState) -> String {
    state.borrow::<Host>().config.clone()
}

/// Whether the policy lets the plugin keep anything.
#[op2(fast)]
fn op_lazaret_kv_there(state: &OpState) -> bool {
    state.borrow::<Host>().state.kv
}

/// The entry of a key, or none.
#[op2]
#[buffer]
async fn op_lazaret_kv_get(
    state: Rc<RefCell<OpState>>,
    #[string] key: String,
) -> Result<Vec<u8>, JsErrorBox> {
    let act = KvAct::Get {
        key: checked(&key)?,
    };
    match ask(state, Act::Kv(act)).await? {
        ActResult::Value(value) => {
            let entries = value.map(|value| KvEntry { key, value });
            Ok(packed(&[], entries.as_slice()))
        }
        _ => Err(odd()),
    }
}

/// Whether there are more, and entries.
#[op2]
#[buffer]
async fn op_lazaret_kv_list(
    state: Rc<RefCell<OpState>>,
    #[string] prefix: String,
    #[string] after: String,
) -> Result<Vec<u8>, JsErrorBox> {
    if prefix.len() > MAX_KEY_BYTES || after.len() > MAX_KEY_BYTES {
        return Ok(vec![0]);
    }
    let after = (!after.is_empty()).then_some(after);
    match ask(state, Act::Kv(KvAct::List { prefix, after })).await? {
        ActResult::Entries { entries, more } => Ok(packed(&[u8::from(more)], &entries)),
        _ => Err(odd()),
    }
}

/// Whether there was a value. Kinds of values: 0 none, 1 JSON, 2 bytes.
#[op2]
async fn op_lazaret_kv_put(
    state: Rc<RefCell<OpState>>,
    #[string] key: String,
    kind: u32,
    #[string] text: String,
    #[buffer(copy)] bytes: Vec<u8>,
) -> Result<bool, JsErrorBox> {
    let key = checked(&key)?;
    let value = value(kind, text, bytes)?;
    found(ask(state, Act::Kv(KvAct::Put { key, value })).await?)
}

/// Whether the key had the first value and has the second now.
#[op2]
async fn op_lazaret_kv_swap(
    state: Rc<RefCell<OpState>>,
    #[string] key: String,
    expected_kind: u32,
    #[string] expected_text: String,
    #[buffer(copy)] expected_bytes: Vec<u8>,
    kind: u32,
    #[string] text: String,
    #[buffer(copy)] bytes: Vec<u8>,
) -> Result<bool, JsErrorBox> {
    let act = KvAct::Swap {
        key: checked(&key)?,
        expected: value(expected_kind, expected_text, expected_bytes)?,
        value: value(kind, text, bytes)?,
    };
    found(ask(state, Act::Kv(act)).await?)
}

fn checked(key: &str) -> Result<String, JsErrorBox> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(key.to_owned()),
        _ => Err(JsErrorBox::type_error(format!(
            "a key has 1 to {MAX_KEY_BYTES} bytes"
        ))),
    }
}

/// No larger than the engine takes one for; the policy may say less.
fn value(kind: u32, text: String, bytes: Vec<u8>) -> Result<Option<Payload>, JsErrorBox> {
    let value = match kind {
        0 => return Ok(None),
        1 => Payload::Json(text),
        _ => Payload::Bytes(bytes),
    };
    if value.bytes() > MAX_VALUE_BYTES as u64 {
        let message = format!(
            "a value: {} bytes would exceed the limit of {MAX_VALUE_BYTES}",
            value.bytes()
        );
        return Err(JsErrorBox::new("QuotaExceeded", message));
    }
    Ok(Some(value))
}

fn found(result: ActResult) -> Result<bool, JsErrorBox> {
    match result {
        ActResult::Found(found) => Ok(found),
        _ => Err(odd()),
    }
}

/// For each entry: length of the key as four bytes from the least, the key; whether the value is
/// JSON; its length likewise, the value.
fn packed(head: &[u8], entries: &[KvEntry]) -> Vec<u8> {
    let mut all = head.to_vec();
    let mut put = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        all.extend(length.to_le_bytes());
        all.extend(bytes);
    };
    for KvEntry { key, value } in entries {
        put(key.as_bytes());
        match value {
            Payload::Json(text) => {
                put(&[1]);
                put(text.as_bytes());
            }
            Payload::Bytes(bytes) => {
                put(&[0]);
                put(bytes);
            }
        }
    }
    all
}

/// Writes a record to the log. `fields` is the JSON of an object, or nothing; where there is no room
/// for it beside the text, how much it is stands in its place.
#[op2(fast)]
fn op_lazaret_record(
    state: &mut OpState,
    number: u32,
    #[string] text: &str,
    #[string] fields: &str,
) {
    let host = state.borrow_mut::<Host>();
    let fields = fields.starts_with('{').then_some(fields);
    host.say(level(number), text, fields, Instant::now());
}

/// The number of a measure. Kinds: 0 counter, 1 gauge, 2 histogram. `labels` is a JSON list of pairs.
#[op2(fast)]
fn op_lazaret_metric(
    state: &mut OpState,
    kind: u32,
    #[string] name: String,
    #[string] labels: &str,
) -> Result<u32, JsErrorBox> {
    let kind = match kind {
        0 => Kind::Counter,
        1 => Kind::Gauge,
        _ => Kind::Histogram,
    };
    let labels = serde_json::from_str(labels);
    let labels = labels.map_err(|_| JsErrorBox::type_error("labels are names and texts"))?;
    let measures = &mut state.borrow_mut::<Host>().measures;
    measures.number(kind, name, labels).map_err(error)
}

/// Adds to a measure. True where it is to be told later, which nobody saw to yet.
#[op2(fast)]
fn op_lazaret_measure(state: &mut OpState, number: u32, value: f64) -> Result<bool, JsErrorBox> {
    let measures = &mut state.borrow_mut::<Host>().measures;
    measures.add(number, value).map_err(error)
}

/// Tells the engine what was measured.
#[op2(fast)]
fn op_lazaret_measured(state: &mut OpState) {
    state.borrow_mut::<Host>().tell_measures();
}

fn error(error: MeasureError) -> JsErrorBox {
    let class = match &error {
        MeasureError::TooMany => "QuotaExceeded",
        _ => "TypeError",
    };
    JsErrorBox::new(class, error.to_string())
}

impl Host {
    /// Tells the engine what was measured since the last time.
    pub(super) fn tell_measures(&mut self) {
        for measures in self.measures.take() {
            self.sink.send(ShimMessage::Measured { measures });
        }
    }
}
