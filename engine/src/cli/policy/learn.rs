//! `lazaret policy learn`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use lazaret_policy::{EffectivePolicy, Permission, SecurityPolicy};
use lazaret_protocol::{CallError, Payload};
use serde::Serialize;

use super::{PolicyArguments, warn_unenforced};
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::outcome::{Outcome, describe};
use crate::cli::run::interrupted;
use crate::event::escape;
use crate::host::Installation;
use crate::learn::{Lesson, Observations, Tally, write};
use crate::plugin::Plugin;
use crate::supervisor::{CallFailure, Engine, LaunchError, LaunchOptions};

/// The most bytes of a script.
const MAX_SCRIPT_BYTES: u64 = 4 * 1024 * 1024;

/// The most calls.
const MAX_CALLS: usize = 10_000;

/// As which the permissions of `--allow` are named where they hold.
const ALLOW: &str = "--allow";

#[derive(Debug, Args)]
pub(in crate::cli) struct LearnArguments {
    /// The plugin: a `.js` or `.ts` file, or a directory.
    plugin: PathBuf,
    /// What the plugin may do besides, as `file:read:/srv/in`; to be given once for each permission. What it does not use is not in the policy.
    #[arg(long, value_name = "PERMISSION")]
    allow: Vec<Permission>,
    #[command(flatten)]
    policy: PolicyArguments,
    /// A file of calls, one a line; `-` is standard input. Empty lines and those that begin with `#` are none.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Write the policy to this file, which must not be there; otherwise it goes to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object with the policy and all that was seen.
    #[arg(long)]
    json: bool,
    /// The calls, in their order: each a function's name and, behind a space, what to call it with, as in `'forecast {"city":"Kobe"}'`; an array is the list of arguments.
    #[arg(last = true, value_name = "CALL")]
    calls: Vec<String>,
}

/// One call to learn from.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    function: String,
    /// JSON text.
    arguments: String,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    plugin: &'a str,
    calls: usize,
    policy: &'a str,
    seen: &'a Observations,
}

pub(super) fn run(arguments: &LearnArguments) -> Result<ExitCode, Failure> {
    let calls = calls(arguments)?;
    let plugin = Plugin::locate(&arguments.plugin)?;
    let allowed = allowed(&arguments.allow)?;
    let chosen = arguments.policy.with_more(&plugin, allowed.as_ref())?;
    chosen.warn();
    let policy = chosen.policy;
    if let Some(output) = &arguments.output {
        refuse_to_replace(output)?;
    }
    let engine = Engine::start(Installation::find()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let text = format!("failed to start the runtime: {error}");
            Failure::new(ExitCode::Internal, text)
        })?;
    let seen = runtime.block_on(async {
        tokio::select! {
            seen = observe(&engine, &plugin, &policy, &calls) => seen,
            signal = interrupted() => Err(signal),
        }
    });
    // Dropped here, what still runs is killed and removed before the command returns.
    drop(runtime);
    drop(engine);
    let seen = seen?;
    let text = write(&Lesson {
        plugin: plugin.name(),
        calls: calls.len(),
        policy: &policy,
        seen: &seen,
        real: &|path| Some(fs_err::canonicalize(path).ok()?.to_str()?.to_owned()),
    })
    .map_err(|problems| Failure::of(ExitCode::Internal, &problems))?;
    put(arguments, &plugin, calls.len(), &text, &seen)?;
    Ok(ExitCode::Success)
}

/// Makes the calls, one after the other, and tells what was seen.
async fn observe(
    engine: &Engine,
    plugin: &Plugin,
    policy: &EffectivePolicy,
    calls: &[Call],
) -> Result<Observations, Failure> {
    warn_unenforced(&engine.unenforced(policy));
    let tally = Arc::new(Tally::default());
    let options = LaunchOptions {
        learn: Some(Arc::clone(&tally)),
        ..LaunchOptions::default()
    };
    let outcome = |result, functions, ended| Outcome {
        result,
        unprinted: None,
        functions,
        unenforced: Vec::new(),
        ended,
    };
    let running = match engine.launch(plugin, policy.clone(), options).await {
        Ok(running) => running,
        Err(LaunchError::Ended { ended, .. }) => {
            let outcome = outcome(None, Vec::new(), *ended);
            return Err(describe(plugin, policy, None, &outcome).unwrap_or_else(unexplained));
        }
        Err(error) => return Err(error.into()),
    };
    let functions = running.functions().to_vec();
    for (number, call) in (1..).zip(calls) {
        let arguments = Payload::Json(call.arguments.clone());
        let Err(failure) = running.call(&call.function, arguments).await else {
            continue;
        };
        let denied = match &failure {
            CallFailure::Call(CallError::Denied { permission, .. }) => Some(permission.clone()),
            _ => None,
        };
        let ended = match &failure {
            // It has ended already, or is about to for a reason worth more than the stop.
            CallFailure::Ended(_) => running.ended().await,
            _ => running.stop().await,
        };
        let outcome = outcome(Some(Err(failure)), functions, ended);
        let function = Some(call.function.as_str());
        let failure = describe(plugin, policy, function, &outcome).unwrap_or_else(unexplained);
        return Err(of_call(number, call, denied.as_deref(), failure));
    }
    let ended = running.stop().await;
    let outcome = outcome(None, functions, ended);
    match describe(plugin, policy, None, &outcome) {
        Some(failure) => Err(failure),
        None => Ok(tally.observations()),
    }
}

/// There is nothing to learn from calls that fail: which, and why.
fn of_call(number: usize, call: &Call, denied: Option<&str>, failure: Failure) -> Failure {
    let function = escape(&call.function);
    let Failure { code, text } = failure;
    let hint = match denied.filter(|permission| permission.parse::<Permission>().is_ok()) {
        Some(permission) => format!(
            "\n  hint: if the plugin is to do that, let it while it is learned from: `--allow {}`",
            escape(permission)
        ),
        None => String::new(),
    };
    Failure::new(
        code,
        format!("call {number}, `{function}`, failed, so no policy is written: {text}{hint}"),
    )
}

fn unexplained() -> Failure {
    Failure::new(ExitCode::Internal, "the plugin ended and nobody says why")
}

/// What `--allow` grants, as a policy to be laid over the one that holds.
fn allowed(permissions: &[Permission]) -> Result<Option<SecurityPolicy>, Failure> {
    if permissions.is_empty() {
        return Ok(None);
    }
    let mut text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions:\n".to_owned();
    for permission in permissions {
        let quoted = serde_json::Value::from(permission.to_string());
        text.push_str(&format!("  - {quoted}\n"));
    }
    match SecurityPolicy::parse(ALLOW, &text) {
        Ok(policy) => Ok(Some(policy)),
        Err(problems) => Err(Failure::of(ExitCode::Policy, &problems)),
    }
}

/// Those of the command line, and then those of the script.
fn calls(arguments: &LearnArguments) -> Result<Vec<Call>, Failure> {
    let mut calls = Vec::new();
    for (number, text) in (1..).zip(&arguments.calls) {
        calls.push(call(text, &format!("call {number}"))?);
    }
    if let Some(script) = &arguments.script {
        let name = escape(&script.to_string_lossy());
        for (number, line) in (1..).zip(read_script(script)?.lines()) {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                calls.push(call(line, &format!("{name}:{number}"))?);
            }
        }
    }
    if calls.is_empty() {
        let text = "there is no call to learn from\n  hint: write calls behind `--`, as `-- 'forecast {\"city\":\"Kobe\"}'`, or name a file of them with `--script`";
        return Err(Failure::new(ExitCode::Usage, text));
    }
    if calls.len() > MAX_CALLS {
        let text = format!("there are {} calls, more than {MAX_CALLS}", calls.len());
        return Err(Failure::new(ExitCode::Usage, text));
    }
    Ok(calls)
}

/// One call as it is written: a function's name and what to call it with.
fn call(text: &str, place: &str) -> Result<Call, Failure> {
    let text = text.trim();
    let (function, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, "[]"));
    let arguments = arguments.trim();
    if function.is_empty() {
        let text = format!("{place} names no function");
        return Err(Failure::new(ExitCode::Usage, text));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(arguments) {
        Ok(_) => Ok(Call {
            function: function.to_owned(),
            arguments: arguments.to_owned(),
        }),
        Err(error) => {
            let text = format!(
                "{place}: what `{}` is called with is no JSON: {error}\n  hint: write the function's name, a space and JSON, as `forecast {{\"city\":\"Kobe\"}}`",
                escape(function)
            );
            Err(Failure::new(ExitCode::Arguments, text))
        }
    }
}

fn read_script(script: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if script == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_SCRIPT_BYTES + 1)
            .read_to_string(&mut text)
    } else {
        fs_err::File::open(script)
            .and_then(|file| file.take(MAX_SCRIPT_BYTES + 1).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_SCRIPT_BYTES => {
            let name = escape(&script.to_string_lossy());
            let text = format!("script `{name}` is larger than {MAX_SCRIPT_BYTES} bytes");
            Err(Failure::new(ExitCode::Usage, text))
        }
        Ok(_) => Ok(text),
        Err(error) => {
            let text = format!("failed to read the script: {error}");
            Err(Failure::new(ExitCode::Usage, text))
        }
    }
}

/// Before anything is started: whoever waited for the calls is not to be told then.
fn refuse_to_replace(output: &Path) -> Result<(), Failure> {
    match fs_err::symlink_metadata(output) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => {
            let name = escape(&output.to_string_lossy());
            let text = format!(
                "`{name}` is there already\n  hint: name another file with `--output`, and compare with `lazaret policy diff`"
            );
            Err(Failure::new(ExitCode::Output, text))
        }
    }
}

fn put(
    arguments: &LearnArguments,
    plugin: &Plugin,
    calls: usize,
    policy: &str,
    seen: &Observations,
) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::new(ExitCode::Output, format!("failed to write: {error}"));
    if let Some(output) = &arguments.output {
        let mut options = fs_err::OpenOptions::new();
        let file = options.write(true).create_new(true).open(output);
        file.and_then(|mut file| file.write_all(policy.as_bytes()))
            .map_err(failed)?;
    }
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        let report = Report {
            plugin: plugin.name(),
            calls,
            policy,
            seen,
        };
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::of(ExitCode::Internal, &error))?;
        writeln!(stdout, "{text}").map_err(failed)
    } else if arguments.output.is_none() {
        stdout.write_all(policy.as_bytes()).map_err(failed)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Call, String> {
        call(text, "call 1").map_err(|failure| failure.text)
    }

    fn known(function: &str, arguments: &str) -> Result<Call, String> {
        Ok(Call {
            function: function.to_owned(),
            arguments: arguments.to_owned(),
        })
    }

    #[test]
    fn a_call_is_a_name_and_json() {
        assert_eq!(read("stats"), known("stats", "[]"));
        assert_eq!(
            read(" forecast  {\"city\": \"Kobe\"} "),
            known("forecast", "{\"city\": \"Kobe\"}")
        );
        assert_eq!(read("add [1, 2]"), known("add", "[1, 2]"));
    }

    #[test]
    fn what_is_no_call_is_told_with_its_place() {
        assert_eq!(read("  ").unwrap_err(), "call 1 names no function");
        let error = read("forecast Kobe").unwrap_err();
        assert!(
            error.starts_with("call 1: what `forecast` is called with is no JSON: "),
            "{error}"
        );
    }

    #[test]
    fn what_is_allowed_is_a_policy_of_its_own() {
        let permissions = ["file:read:/srv/a \"b\"", "env:read:TZ"];
        let permissions: Vec<Permission> = permissions
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let policy = allowed(&permissions).unwrap().unwrap();
        let granted = policy.permissions().iter();
        let granted: Vec<_> = granted.map(|granted| granted.permission.clone()).collect();
        assert_eq!(granted, permissions);
        assert!(allowed(&[]).unwrap().is_none());
    }
}
