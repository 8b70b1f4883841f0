//! What a plugin keeps and measures, asked for and told by a shim in other hands.

use lazaret_protocol::{Act, CallId, KvAct, Measure, MeasureChange, Payload, Series, ShimMessage};
use serde_json::{Value, json};

use crate::acts;
use crate::answer::{number, text};
use crate::channel::{Channel, send};

/// Does what the function names, if it is one of these.
pub(crate) fn act(channel: &mut Channel, id: CallId, function: &str, arguments: &Value) -> bool {
    let result = match function {
        "kv_put" => acts::one(channel, Some(id), put(&key(arguments), bytes(arguments))),
        "kv_get" => {
            let key = key(arguments);
            acts::one(channel, Some(id), Act::Kv(KvAct::Get { key }))
        }
        "kv_list" => {
            let prefix = key(arguments);
            let after = None;
            acts::one(channel, Some(id), Act::Kv(KvAct::List { prefix, after }))
        }
        "kv_many" => {
            let bytes = bytes(arguments);
            let puts = (0..number(arguments, "count")).map(|n| put(&format!("{n:03}"), bytes));
            acts::all(channel, id, puts.collect())
        }
        "measure" => {
            let label = vec![("label".to_owned(), text(arguments, "value").to_owned())];
            send(&ShimMessage::Measured {
                measures: vec![measure(text(arguments, "name"), label)],
            });
            json!("told")
        }
        "measure_many" => {
            let names: Vec<_> = (0..number(arguments, "count"))
                .map(|number| format!("m{number}"))
                .collect();
            for names in names.chunks(256) {
                let measures = names.iter().map(|name| measure(name, Vec::new()));
                send(&ShimMessage::Measured {
                    measures: measures.collect(),
                });
            }
            json!("told")
        }
        _ => return false,
    };
    send(&acts::reply(id, &result));
    true
}

fn put(key: &str, bytes: usize) -> Act {
    Act::Kv(KvAct::Put {
        key: key.to_owned(),
        value: Some(Payload::Bytes(vec![0; bytes])),
    })
}

/// As long as it is said to be, where it is not given.
fn key(arguments: &Value) -> String {
    match arguments["key"].as_str() {
        Some(key) => key.to_owned(),
        None => "k".repeat(usize::try_from(number(arguments, "key_bytes")).unwrap_or(0)),
    }
}

fn bytes(arguments: &Value) -> usize {
    usize::try_from(number(arguments, "bytes")).unwrap_or(0)
}

fn measure(name: &str, labels: Vec<(String, String)>) -> Measure {
    Measure {
        series: Series {
            name: name.to_owned(),
            labels,
        },
        change: MeasureChange::Counter(1.0),
    }
}
