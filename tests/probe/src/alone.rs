//! Started with arguments and no engine: does what they ask for, and answers on standard output,
//! one line of JSON each. Another container runtime starts it like this.

use std::io::Write;

use serde_json::{Value, json};

use crate::{Ask, stage};

/// Whether there were arguments, which are then dealt with.
pub(crate) fn run(asks: &[Ask]) -> bool {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => return false,
        ["--asked", wanted] => answer_all(asks, wanted),
        ["--say", ..] => say(&json!({ "ok": "executed" })),
        ["--stage", directory] => stage::run(directory),
        _ => std::process::exit(93),
    }
    true
}

/// Asks as `[["read", {"path": "/"}], ...]`.
fn answer_all(asks: &[Ask], wanted: &str) {
    let wanted: Vec<(String, Value)> = serde_json::from_str(wanted).unwrap_or_default();
    for (name, arguments) in wanted {
        let ask = asks.iter().find(|(known, _)| *known == name);
        say(&match ask {
            Some((_, ask)) => ask(&arguments),
            None => json!({ "error": "no such ask" }),
        });
    }
}

/// One line. Whoever does not listen is not told.
pub(crate) fn say(value: &Value) {
    let line = format!("{value}\n");
    if std::io::stdout().write_all(line.as_bytes()).is_err() {
        std::process::exit(94);
    }
}
