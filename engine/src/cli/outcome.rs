//! How a run went, in words, in an exit status, and as JSON.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret_policy::{EffectivePolicy, Granted, Permission};
use lazaret_protocol::{CallError, Payload};
use serde::Serialize;
use serde_json::value::RawValue;

use super::failure::Failure;
use super::{ExitCode, place};
use crate::acts::{KV, grant_hint};
use crate::api::{self, no_json};
use crate::bundle::unheld_reason;
use crate::event::{EndReason, escape};
use crate::host::{Landlock, Unenforced};
use crate::plugin::Plugin;
use crate::supervisor::{CallFailure, Ended};

/// What came of a run.
pub(super) struct Outcome {
    /// Of the call, where one was asked for and the plugin got ready.
    pub(super) result: Option<Result<Payload, CallFailure>>,
    /// Why not all items of a stream were printed.
    pub(super) unprinted: Option<Failure>,
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
        _ if outcome.unprinted.is_some() => outcome.unprinted.clone(),
        Some(Ok(Payload::Json(text)))
            if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() =>
        {
            Some(no_json(name, "a result").into())
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
    match failure {
        CallFailure::Ended(_) => None,
        CallFailure::Call(CallError::Denied { permission, .. }) => {
            Some(denied(plugin, policy, permission))
        }
        failure => Some(api::of_call(plugin.name(), function, failure).into()),
    }
}

/// What is said of an end; `None` where it was asked for.
pub(super) fn ended(name: &str, reason: &EndReason) -> Option<Failure> {
    match reason {
        EndReason::Stopped => None,
        reason => Some(api::of_end(name, reason).into()),
    }
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
    /// The result where it is bytes, as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
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
        Some(Payload::Bytes(raw)) => bytes = Some(STANDARD.encode(raw)),
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
            unprinted: None,
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
    fn bytes_are_base64() {
        let mut outcome = outcome("");
        outcome.result = Some(Ok(Payload::Bytes(vec![0, 10, 255])));
        let report = to_json("p", Some(&outcome), None).unwrap();
        assert!(report.contains("\"bytes\":\"AAr/\","), "{report}");
    }

    #[test]
    fn items_that_cannot_be_printed_leave_the_report_of_the_end() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("p.js"), "").unwrap();
        let plugin = Plugin::locate(&directory.path().join("p.js")).unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Standard);
        let mut outcome = outcome("");
        outcome.result = None;
        assert!(describe(&plugin, &policy, Some("f"), &outcome).is_none());
        outcome.unprinted = Some(no_json("p", "an item").into());
        let failure = describe(&plugin, &policy, Some("f"), &outcome);
        let report = to_json("p", Some(&outcome), failure.as_ref()).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["error"], "plugin `p` sent an item that is no JSON");
        assert_eq!(report["exit_code"], 17);
        assert_eq!(report["ended"]["reason"]["reason"], "stopped");
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
}
