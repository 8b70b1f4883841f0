//! How a run went, in words, in an exit status, and as JSON.

use std::fmt::Write;

use lazaret_policy::{EffectivePolicy, Granted, Permission};
use lazaret_protocol::{CallError, Payload, PluginError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::failure::Failure;
use super::{ExitCode, place};
use crate::acts::{KV, grant_hint};
use crate::bundle::unheld_reason;
use crate::event::{EndReason, escape};
use crate::host::{Landlock, Unenforced};
use crate::plugin::Plugin;
use crate::schema::{unfit_text, unlisted};
use crate::supervisor::{CallFailure, Ended};

/// The most near names proposed for a function that does not exist.
const MAX_NEAR_NAMES: usize = 3;

/// What came of a run.
pub(super) struct Outcome {
    /// Of the call, where one was asked for and the plugin got ready.
    pub(super) result: Option<Result<Payload, CallFailure>>,
    /// The plugin's functions.
    pub(super) functions: Vec<String>,
    /// Keys of the policy that this host does not hold.
    pub(super) unenforced: Vec<Unenforced>,
    /// How the plugin ended.
    pub(super) ended: Ended,
}

/// What went wrong, if anything did.
pub(super) fn describe(
    plugin: &Plugin,
    policy: &EffectivePolicy,
    function: Option<&str>,
    outcome: &Outcome,
) -> Option<Failure> {
    let name = plugin.name();
    match &outcome.result {
        Some(Ok(Payload::Json(text)))
            if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() =>
        {
            Some(Failure::new(
                ExitCode::ShimLost,
                format!("plugin `{name}` sent a result that is no JSON"),
            ))
        }
        Some(Ok(_)) => None,
        Some(Err(CallFailure::Ended(_))) | None => ended(name, &outcome.ended.reason),
        Some(Err(failure)) => of_call(plugin, policy, function.unwrap_or_default(), failure),
    }
}

/// What went wrong with a call; `None` where it is the end of the plugin that tells.
pub(super) fn of_call(
    plugin: &Plugin,
    policy: &EffectivePolicy,
    function: &str,
    failure: &CallFailure,
) -> Option<Failure> {
    let name = plugin.name();
    let function = escape(function);
    Some(match failure {
        CallFailure::Ended(_) => return None,
        CallFailure::Call(error) => call_error(plugin, &function, policy, error),
        CallFailure::Deadline { limit_ms } => Failure::new(
            ExitCode::WallTime,
            format!("call `{function}` of plugin `{name}` ended: deadline (timeout {limit_ms}ms)"),
        ),
        CallFailure::Unread { patience_ms } => Failure::new(
            ExitCode::WallTime,
            format!(
                "call `{function}` of plugin `{name}` was given up: nobody read its items for {patience_ms}ms\n  hint: send them to a file, or read on within that time"
            ),
        ),
        CallFailure::Busy { limit } => Failure::new(
            ExitCode::Internal,
            format!("more than {limit} calls are under way"),
        ),
        CallFailure::Backlog { bytes, limit } => Failure::new(
            ExitCode::Internal,
            format!("{bytes} bytes of {limit} wait to be read by the plugin's shim"),
        ),
        CallFailure::TooLarge { message } => Failure::new(
            ExitCode::Arguments,
            format!("the arguments are too large: {message}"),
        ),
        CallFailure::Unlisted { exported, listed } => Failure::new(
            ExitCode::NoSuchFunction,
            unlisted(name, &function, *exported, listed),
        ),
        CallFailure::Arguments(unfit) => {
            let call = format!("call `{function}` of plugin `{name}`");
            let text = unfit_text(&call, "arguments", unfit);
            Failure::new(ExitCode::Arguments, text)
        }
        CallFailure::Result(unfit) => {
            let call = format!("call `{function}` of plugin `{name}`");
            let text = unfit_text(&call, "result", unfit);
            Failure::new(ExitCode::Result, text)
        }
    })
}

pub(super) fn ended(name: &str, reason: &EndReason) -> Option<Failure> {
    let code = match reason {
        EndReason::Stopped => return None,
        EndReason::Exit { .. } => ExitCode::Exited,
        EndReason::Exception { .. } => ExitCode::Exception,
        EndReason::OutOfMemory { .. } => ExitCode::OutOfMemory,
        EndReason::CpuTime { .. } => ExitCode::CpuTime,
        EndReason::WallTime { .. } => ExitCode::WallTime,
        EndReason::ForbiddenSyscall { .. } => ExitCode::ForbiddenSyscall,
        EndReason::Violation { .. } => ExitCode::Violation,
        EndReason::StartupTimeout { .. } => ExitCode::StartupTimeout,
        EndReason::ReadBack { .. } => ExitCode::ReadBack,
        EndReason::Protocol { .. } | EndReason::ShimLost { .. } => ExitCode::ShimLost,
        EndReason::Engine { .. } => ExitCode::Internal,
    };
    let mut text = format!("plugin `{name}` ended: {reason}");
    if let EndReason::Exception { stack, .. } = reason {
        append_stack(&mut text, stack);
    }
    Some(Failure::new(code, text))
}

fn call_error(
    plugin: &Plugin,
    function: &str,
    policy: &EffectivePolicy,
    error: &CallError,
) -> Failure {
    let name = plugin.name();
    let call = format!("call `{function}` of plugin `{name}`");
    match error {
        CallError::NoSuchFunction { functions } => no_such_function(name, function, functions),
        CallError::Exception(error) => {
            let mut text = format!("plugin `{name}` threw {}", error_text(error));
            append_stack(&mut text, &error.stack);
            Failure::new(ExitCode::Exception, text)
        }
        CallError::Denied { permission, .. } => denied(plugin, policy, permission),
        CallError::CpuTime { .. } => {
            let limit = policy.resources().time.cpu_per_call.value;
            Failure::new(
                ExitCode::CpuTime,
                format!("{call} ended: CPU time (cpu_per_call {limit})"),
            )
        }
        CallError::WallTime { .. } => {
            let limit = policy.resources().time.call.value;
            Failure::new(
                ExitCode::WallTime,
                format!("{call} ended: wall time (call {limit})"),
            )
        }
        CallError::Cancelled => {
            Failure::new(ExitCode::Interrupted, format!("{call} was cancelled"))
        }
        CallError::InvalidArguments { message } => Failure::new(
            ExitCode::Arguments,
            format!("{call}: arguments are no JSON: {}", escape(message)),
        ),
        CallError::InvalidResult { message } => Failure::new(
            ExitCode::Result,
            format!(
                "{call}: the result cannot be sent: {}\n  hint: return JSON values or a Uint8Array",
                escape(message)
            ),
        ),
        CallError::ResultTooLarge { bytes, limit } => Failure::new(
            ExitCode::Result,
            format!(
                "{call}: the result of {bytes} bytes exceeds the limit of {limit}\n  hint: raise `resources.output.result` in the policy"
            ),
        ),
        CallError::Stream => Failure::new(
            ExitCode::Result,
            format!(
                "{call}: the result is a stream\n  hint: `lazaret run --stream` prints its items"
            ),
        ),
        CallError::ShuttingDown => Failure::new(
            ExitCode::ShimLost,
            format!("{call}: the plugin is going down"),
        ),
    }
}

fn error_text(error: &PluginError) -> String {
    format!("{}: {}", escape(&error.name), escape(&error.message))
}

/// Frames, one a line; the lines a plugin writes itself are escaped like the rest.
fn append_stack(text: &mut String, stack: &str) {
    for frame in stack
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("at "))
    {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\n    {}", escape(frame));
    }
}

fn no_such_function(name: &str, function: &str, functions: &[String]) -> Failure {
    let mut near: Vec<(f64, &String)> = functions
        .iter()
        .map(|candidate| (strsim::jaro_winkler(function, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.7)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let quoted = |names: &mut dyn Iterator<Item = &String>| {
        names
            .map(|name| format!("`{}`", escape(name)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let hint = if functions.is_empty() {
        "it exports no functions".to_owned()
    } else if near.is_empty() {
        format!("it has {}", quoted(&mut functions.iter().take(20)))
    } else {
        format!(
            "did you mean {}?",
            quoted(&mut near.into_iter().map(|(_, name)| name).take(MAX_NEAR_NAMES))
        )
    };
    Failure::new(
        ExitCode::NoSuchFunction,
        format!("plugin `{name}` has no function `{function}`\n  hint: {hint}"),
    )
}

/// A refused permission: what was missing, the entry that comes nearest to it, and where it would stand.
pub(super) fn denied(plugin: &Plugin, policy: &EffectivePolicy, permission: &str) -> Failure {
    let name = plugin.name();
    let shown = escape(permission);
    let source = match policy.source() {
        Some(file) => file.to_owned(),
        None => format!("level `{}`, no policy file", policy.level().value),
    };
    let mut nearest = None;
    let (rule, hint) = match permission.parse::<Permission>() {
        Err(_) if permission == KV => (
            "no section grants it".to_owned(),
            Some(grant_hint(permission)),
        ),
        Err(invalid) => (format!("no rule can grant it: {invalid}"), None),
        Ok(act) if policy.grants(&act).is_some() => (
            "a rule grants it, but what it names is not there".to_owned(),
            None,
        ),
        Ok(act) => {
            let place = match policy.source() {
                Some(source) => format!("to `permissions` ({})", place::permissions(source)),
                None => "to `permissions` in a policy, and name it with `--policy`".to_owned(),
            };
            let why = place::why(plugin, policy, permission);
            let hint = match unheld_reason(&act) {
                None => format!("add `{shown}` {place}, or see `{why}`"),
                Some(why) => format!("it cannot be granted: {why}"),
            };
            nearest = place::nearest(policy, &act);
            ("no rule grants it".to_owned(), Some(hint))
        }
    };
    let mut text = format!("`{shown}` denied for plugin `{name}`\n  policy: {rule} ({source})");
    // Writing to a string cannot fail.
    if let Some(Granted {
        permission, origin, ..
    }) = nearest
    {
        let _infallible = write!(text, "\n  nearest: `{permission}` ({origin})");
    }
    if let Some(hint) = hint {
        let _infallible = write!(text, "\n  hint: {hint}");
    }
    Failure::new(ExitCode::Denied, text)
}

/// JSON with the same meaning and nothing in it a terminal acts on.
pub(super) fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let shown =
            letter.is_ascii() || escape(letter.encode_utf8(&mut [0; 4])).chars().eq([letter]);
        if shown {
            safe.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _infallible = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// A run as one JSON object.
#[derive(Serialize)]
struct Report<'a> {
    plugin: &'a str,
    /// The result, as the plugin's shim sent it, where it is JSON.
    result: Option<&'a RawValue>,
    /// The result where it is bytes, as numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<&'a [u8]>,
    error: Option<&'a str>,
    exit_code: u8,
    functions: &'a [String],
    unenforced: &'a [Unenforced],
    /// What of Landlock this host has.
    landlock: Landlock,
    ended: Option<&'a Ended>,
}

/// A run as one JSON object on one line; without an outcome where the plugin was not started.
pub(super) fn to_json(
    plugin: &str,
    outcome: Option<&Outcome>,
    failure: Option<&Failure>,
) -> Result<String, serde_json::Error> {
    let result = outcome.and_then(|outcome| outcome.result.as_ref()?.as_ref().ok());
    let (mut json, mut bytes) = (None, None);
    match result.filter(|_| failure.is_none()) {
        Some(Payload::Json(text)) => json = Some(serde_json::from_str(text)?),
        Some(Payload::Bytes(raw)) => bytes = Some(raw.as_slice()),
        None => {}
    }
    let report = Report {
        plugin,
        result: json,
        bytes,
        error: failure.map(|failure| failure.text.as_str()),
        exit_code: failure.map_or(ExitCode::Success, |failure| failure.code) as u8,
        functions: outcome.map_or(&[], |outcome| &outcome.functions),
        unenforced: outcome.map_or(&[], |outcome| &outcome.unenforced),
        landlock: Landlock::detect(),
        ended: outcome.map(|outcome| &outcome.ended),
    };
    Ok(safe_json(&serde_json::to_string(&report)?))
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    #[test]
    fn json_keeps_its_meaning_without_what_a_terminal_acts_on() {
        let value = serde_json::json!({ "a\u{9b}31m\u{202e}": "Köbe 神戸 🌤\u{e0041}" });
        let safe = safe_json(&value.to_string());
        assert!(
            !safe.contains('\u{9b}') && !safe.contains('\u{202e}') && !safe.contains('\u{e0041}')
        );
        assert!(safe.contains("Köbe 神戸 🌤"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            value
        );
    }

    fn outcome(text: &str) -> Outcome {
        Outcome {
            result: Some(Ok(Payload::Json(text.to_owned()))),
            functions: Vec::new(),
            unenforced: Vec::new(),
            ended: Ended {
                reason: EndReason::Stopped,
                violations: Vec::new(),
                violation_count: 0,
                limit_event_count: 0,
                violations_dropped: 0,
                events_unread: None,
                quarantined: None,
                cpu_us: Some(1),
                memory_peak_bytes: None,
                cleanup: None,
            },
        }
    }

    #[test]
    fn a_result_reaches_the_report_as_it_was_sent() {
        let deep = format!("{}1.0{}", "[".repeat(120), "]".repeat(120));
        let report = to_json("p", Some(&outcome(&deep)), None).unwrap();
        assert!(report.contains(&format!("\"result\":{deep},")), "{report}");
    }

    #[test]
    fn a_report_without_an_outcome_tells_the_failure() {
        let failure = Failure::new(ExitCode::Plugin, "no plugin");
        let report: serde_json::Value =
            serde_json::from_str(&to_json("p", None, Some(&failure)).unwrap()).unwrap();
        assert_eq!(
            (&report["error"], &report["exit_code"]),
            (&"no plugin".into(), &4.into())
        );
    }

    #[test]
    fn near_names_are_proposed() {
        let functions = ["forecast", "history"].map(str::to_owned);
        let failure = no_such_function("weather", "forcast", &functions);
        assert_eq!(
            failure.text,
            "plugin `weather` has no function `forcast`\n  hint: did you mean `forecast`?"
        );
        let failure = no_such_function("weather", "zzz", &functions);
        assert!(
            failure.text.ends_with("it has `forecast`, `history`"),
            "{}",
            failure.text
        );
        assert!(
            no_such_function("weather", "x", &[])
                .text
                .ends_with("exports no functions")
        );
    }

    #[test]
    fn a_denial_names_the_rule_that_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        fs_err::write(directory.join("nosy.js"), "").unwrap();
        let nosy = Plugin::locate(&directory.join("nosy.js")).unwrap();
        let told = |policy: &EffectivePolicy, permission: &str| {
            let failure = denied(&nosy, policy, permission);
            assert_eq!(failure.code, ExitCode::Denied);
            failure.text.replace(directory.to_str().unwrap(), "DIR")
        };
        let policy = EffectivePolicy::of(SecurityLevel::Standard);
        insta::assert_snapshot!(told(&policy, "file:read:/etc/shadow"), @r"
        `file:read:/etc/shadow` denied for plugin `nosy`
          policy: no rule grants it (level `standard`, no policy file)
          hint: add `file:read:/etc/shadow` to `permissions` in a policy, and name it with `--policy`, or see `lazaret policy why DIR/nosy.js file:read:/etc/shadow`
        ");
        let file = directory.join("p.yaml");
        let text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions:\n  - file:read:/etc/hosts\n  - env:read:TZ\n";
        fs_err::write(&file, text).unwrap();
        let policy = policy.layer(&SecurityPolicy::load(&file).unwrap());
        insta::assert_snapshot!(told(&policy, "file:read:/etc/shadow"), @r"
        `file:read:/etc/shadow` denied for plugin `nosy`
          policy: no rule grants it (DIR/p.yaml)
          nearest: `file:read:/etc/hosts` (DIR/p.yaml:4:5)
          hint: add `file:read:/etc/shadow` to `permissions` (DIR/p.yaml:3), or see `lazaret policy why DIR/nosy.js file:read:/etc/shadow --policy DIR/p.yaml`
        ");
        let failure = denied(&nosy, &policy, "file:read:/proc/1/environ");
        assert!(
            failure.text.contains("no rule can grant it"),
            "{}",
            failure.text
        );
    }

    #[test]
    fn a_hostile_stack_cannot_forge_lines() {
        let mut text = String::new();
        append_stack(
            &mut text,
            "    at f (main.js:1:2)\nerror: all is well\n    at \u{1b}[2Jg",
        );
        assert_eq!(text, "\n    at f (main.js:1:2)\n    at \\u{1b}[2Jg");
    }
}
