//! How a run's end is told: the exit status, and text that is safe to look at.

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::run;
use lazaret_tests::setup::plugin_source;
use lazaret_tests::world::World;

use super::{lazaret, quick, run_plugin};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("input: each kind of end has its exit status", ends),
        Case::new(
            "input: results, logs and errors are safe for a terminal",
            safe_output,
        ),
    ]
}

fn ends(world: &World) -> anyhow::Result<()> {
    let example = |name: &str| {
        let path = lazaret_tests::parts::workspace()
            .join("docs/examples")
            .join(name);
        path.to_string_lossy().into_owned()
    };
    for (name, function, code, parts) in [
        (
            "nosy",
            "peek",
            ExitCode::Denied,
            [
                "`file:read:/etc/shadow` denied for plugin `nosy`",
                "no rule grants it",
                "hint: ",
            ],
        ),
        (
            "caller",
            "call",
            ExitCode::Denied,
            ["`network:read:example.com` denied", "policy: ", "hint: "],
        ),
        (
            "bomb",
            "eat",
            ExitCode::OutOfMemory,
            ["out of memory", "memory.max 64MiB", "peak 6"],
        ),
        (
            "loop",
            "spin",
            ExitCode::CpuTime,
            ["CPU time", "cpu_per_call 500ms", "`spin`"],
        ),
    ] {
        let finished = run(lazaret(world, ["run", &example(name), "--call", function]))?;
        finished.failed(code, &parts)?;
    }
    for (main, policy, code, parts) in [
        (
            "export const f = () => { throw new TypeError('no'); };",
            "level: standard",
            ExitCode::Exception,
            ["threw TypeError: no", "main.js:1:"],
        ),
        (
            "export const f = () => new Promise(() => {});",
            "resources: { time: { call: 300ms, cpu_per_call: 200ms } }",
            ExitCode::WallTime,
            ["wall time", "call 300ms"],
        ),
        (
            "export const f = () => { const v = {}; v.v = v; return v; };",
            "level: standard",
            ExitCode::Result,
            ["the result cannot be sent", "hint: "],
        ),
        (
            "export const f = () => 'x'.repeat(1e5);",
            "resources: { output: { result: 64KiB } }",
            ExitCode::Result,
            ["100002 bytes exceeds the limit of 65536", "hint: "],
        ),
    ] {
        let finished = run_plugin(world, &quick("p", main).policy(policy), &["--call", "f"])?;
        finished.failed(code, &parts)?;
    }
    Ok(())
}

fn safe_output(world: &World) -> anyhow::Result<()> {
    let source = plugin_source("hostile/speech.js")?;
    let setup = quick("hostile", &source);
    for function in ["escapesInLog", "escapesInResult", "escapesInError"] {
        for more in [&["--call", function][..], &["--call", function, "--json"]] {
            let finished = run_plugin(world, &setup, more)?;
            for text in [&finished.output, &finished.errors] {
                let odd =
                    |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
                ensure!(!text.contains(odd), "{function}: {text:?}");
                ensure!(
                    !text.lines().any(|line| line.starts_with("[other]")),
                    "{text:?}"
                );
            }
            if let Some(text) = more.get(2).map(|_| &finished.output) {
                serde_json::from_str::<serde_json::Value>(text).with_context(|| text.clone())?;
            }
        }
    }
    Ok(())
}
