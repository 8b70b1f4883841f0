//! `--json`: one object, whatever came of it.

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Finished, run};
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::Value;

use super::{lazaret, quick, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "input: `--json` gives a result as the plugin sent it",
            as_it_was,
        ),
        Case::new(
            "input: `--json` tells what went wrong before the start",
            before_the_start,
        ),
        Case::new(
            "input: `--json` tells what went wrong in the plugin",
            in_the_plugin,
        ),
        Case::new("input: `--json` has the same fields each time", fields),
        Case::new(
            "input: a violation is a record in JSON, and in words what ended the plugin",
            violation,
        ),
    ]
}

/// The one line on standard output, which is an object.
fn object(finished: &Finished) -> anyhow::Result<Value> {
    let line = finished.output.strip_suffix('\n');
    let line = line.with_context(|| format!("no line: {finished:?}"))?;
    ensure!(!line.contains('\n'), "more than a line: {finished:?}");
    let value: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    ensure!(value.is_object(), "no object: {line}");
    Ok(value)
}

fn as_it_was(world: &World) -> anyhow::Result<()> {
    const DEPTH: usize = 1000;
    let deep = format!("{}1.5{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let nested = format!(
        "export const f = () => {{ let v = 1.5; for (let i = 0; i < {DEPTH}; i++) v = [v]; return v; }};"
    );
    for (main, result) in [
        (nested.as_str(), deep.as_str()),
        ("export const f = () => 2 ** 64;", "18446744073709552000"),
        (
            "export const f = () => ({ b: 1, a: -0, c: 1e21 });",
            r#"{"b":1,"a":0,"c":1e+21}"#,
        ),
        ("export const f = () => undefined;", "null"),
    ] {
        let finished = run_plugin(world, &quick("p", main), &["--call", "f", "--json"])?;
        ensure!(finished.code == Some(0), "{finished:?}");
        let part = format!("\"result\":{result},");
        ensure!(
            finished.output.contains(&part),
            "`{part}` is not in {finished:?}"
        );
    }
    Ok(())
}

/// The object tells this failure, and the exit status is its own.
fn failed(finished: &Finished, code: ExitCode, part: &str) -> anyhow::Result<Value> {
    let value = object(finished)?;
    ensure!(finished.code == Some(code as i32), "{finished:?}");
    ensure!(value["exit_code"] == code as i32, "{value}");
    let error = value["error"].as_str().unwrap_or_default();
    ensure!(error.contains(part), "`{part}` is not in `{error}`");
    ensure!(value["result"].is_null(), "{value}");
    ensure!(
        !finished.errors.contains("error: "),
        "told twice: {finished:?}"
    );
    Ok(value)
}

fn before_the_start(world: &World) -> anyhow::Result<()> {
    let finished = run(lazaret(world, ["run", "/none/such", "--json"]))?;
    failed(&finished, ExitCode::Plugin, "no plugin at `/none/such`")?;
    let setup = everyday(Js::QuickJs)?;
    for (setup, more, code, part) in [
        (
            setup.clone().policy("levle: standard"),
            &["--call", "city"][..],
            ExitCode::Policy,
            "levle",
        ),
        (
            setup.clone(),
            &["--policy", "/none/policy.yaml"],
            ExitCode::Policy,
            "/none/policy.yaml",
        ),
        (
            setup.clone(),
            &["--call", "echo", "--args", "{oops"],
            ExitCode::Arguments,
            "is no JSON",
        ),
        (
            setup.policy("permissions: [\"file:read:/none/data\"]"),
            &["--call", "city"],
            ExitCode::Policy,
            "`/none/data`",
        ),
    ] {
        let finished = run_plugin(world, &setup, &[more, &["--json"]].concat())?;
        let value = failed(&finished, code, part)?;
        ensure!(value["ended"].is_null(), "{value}");
    }
    Ok(())
}

fn in_the_plugin(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?;
    let finished = run_plugin(world, &setup, &["--call", "gret", "--json"])?;
    let value = failed(&finished, ExitCode::NoSuchFunction, "no function `gret`")?;
    ensure!(value["ended"]["reason"]["reason"] == "stopped", "{value}");
    let finished = run_plugin(
        world,
        &quick("p", "throw new TypeError('no');"),
        &["--json"],
    )?;
    let value = failed(&finished, ExitCode::Exception, "TypeError: no")?;
    ensure!(value["ended"]["reason"]["reason"] == "exception", "{value}");
    Ok(())
}

fn fields(world: &World) -> anyhow::Result<()> {
    let names = |finished: &Finished| -> anyhow::Result<Vec<String>> {
        let value = object(finished)?;
        let names = value.as_object().context("an object")?.keys().cloned();
        Ok(names.collect())
    };
    let expected = [
        "ended",
        "error",
        "exit_code",
        "functions",
        "landlock",
        "plugin",
        "result",
        "unenforced",
    ];
    let setup = everyday(Js::QuickJs)?;
    for more in [
        &["--json"][..],
        &["--call", "city", "--json"],
        &["--call", "fail", "--json"],
    ] {
        let finished = run_plugin(world, &setup, more)?;
        let mut names = names(&finished)?;
        names.sort();
        assert_eq!(names, expected, "{more:?}");
        let ended = object(&finished)?["ended"].clone();
        for name in [
            "violations",
            "violation_count",
            "limit_event_count",
            "violations_dropped",
            "events_unread",
            "quarantined",
            "cpu_us",
            "memory_peak_bytes",
            "cleanup",
        ] {
            ensure!(ended.get(name).is_some(), "no `{name}`: {ended}");
        }
    }
    let bytes = "export const f = () => new Uint8Array([1, 255]);";
    let finished = run_plugin(world, &quick("p", bytes), &["--call", "f", "--json"])?;
    let value = object(&finished)?;
    ensure!(
        value["bytes"] == "Af8=" && value["result"].is_null(),
        "{value}"
    );
    Ok(())
}

fn violation(world: &World) -> anyhow::Result<()> {
    let main = "export const f = (path) => Deno.readTextFile(path);";
    let setup = quick("nosy", main)
        .with("own.txt", "mine")
        .policy("violations: { permission: { severity: critical, reaction: kill } }");
    let finished = run_plugin(world, &setup, &["--call", "f", "--args", "\"own.txt\""])?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let call = ["--call", "f", "--args", "\"/etc/shadow\""];
    let finished = run_plugin(world, &setup, &[&call[..], &["--json"]].concat())?;
    ensure!(finished.code == Some(19), "{finished:?}");
    let ended = object(&finished)?["ended"].clone();
    let records = ended["violations"].as_array().context("a list")?.iter();
    let mut records = records.filter(|record| record["act"]["kind"] == "permission");
    let mut record = records.next().context("no record")?.clone();
    let time = record["at_unix_ms"].take();
    ensure!(
        time.as_u64().is_some_and(|time| time > 1_700_000_000_000),
        "{time}"
    );
    let act = serde_json::json!({ "kind": "permission", "permission": "file:read:/etc/shadow" });
    let expected = serde_json::json!({
        "at_unix_ms": null,
        "plugin": "nosy",
        "act": act,
        "severity": "critical",
        "reaction": "kill",
        "witness": "shim",
    });
    assert_eq!(record, expected);
    let reason = serde_json::json!({ "reason": "violation", "act": act });
    assert_eq!(ended["reason"], reason);
    let finished = run_plugin(world, &setup, &call)?;
    for line in [
        "[nosy] violation: `file:read:/etc/shadow` denied, the plugin is ended\n",
        "error: plugin `nosy` ended: its policy ends it for this: `file:read:/etc/shadow` denied\n",
    ] {
        ensure!(finished.errors.contains(line), "{finished:?}");
    }
    Ok(())
}
