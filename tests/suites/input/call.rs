//! What a plugin is called with.

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::run;
use lazaret_tests::setup::{Js, policy_text};
use lazaret_tests::world::World;

use super::{lazaret, plugin, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "input: a function that does not exist has near names",
            unknown_function,
        ),
        Case::new("input: arguments that are no JSON", arguments_no_json),
        Case::new(
            "input: arguments without a function to call",
            arguments_alone,
        ),
        Case::new(
            "input: arguments larger than a message",
            arguments_too_large,
        ),
        Case::new("input: what is right is done", what_is_right),
    ]
}

fn unknown_function(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?;
    let finished = run_plugin(world, &setup, &["--call", "gret"])?;
    finished.failed(
        ExitCode::NoSuchFunction,
        &[
            "plugin `everyday` has no function `gret`",
            "hint: did you mean `greet`",
        ],
    )?;
    let finished = run_plugin(world, &setup, &["--call", "\u{1b}[2J"])?;
    finished.failed(
        ExitCode::NoSuchFunction,
        &["no function `\\u{1b}[2J`", "hint: it has `add`"],
    )
}

fn arguments_no_json(world: &World) -> anyhow::Result<()> {
    for text in ["{city:Kobe}", "[1,", "", "1 2", "{'city':'Kobe'}"] {
        let setup = everyday(Js::QuickJs)?;
        let finished = run_plugin(world, &setup, &["--call", "greet", "--args", text])?;
        finished.failed(
            ExitCode::Arguments,
            &["`--args` is no JSON", "hint: quote it"],
        )?;
    }
    Ok(())
}

fn arguments_alone(world: &World) -> anyhow::Result<()> {
    let finished = run_plugin(world, &everyday(Js::QuickJs)?, &["--args", "[]"])?;
    finished.failed(ExitCode::Usage, &["--call"])
}

fn arguments_too_large(world: &World) -> anyhow::Result<()> {
    // A single argument of a program holds 128 KiB, so this goes through the library.
    let large = lazaret_protocol::Payload::Json(format!("\"{}\"", "x".repeat(9 << 20)));
    world.block_on(async {
        let host = world.host()?;
        let plugin = host.launch(&everyday(Js::QuickJs)?).await?;
        let result = plugin.try_call("echo", large).await;
        ensure!(
            matches!(
                result,
                Err(lazaret::supervisor::CallFailure::TooLarge { .. })
            ),
            "{:?}",
            result.map(|_| ())
        );
        let sum = plugin.call("add", serde_json::json!([1, 2])).await?;
        ensure!(sum == 3, "it does not go on");
        plugin.stop().await?;
        Ok(())
    })
}

fn what_is_right(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?;
    run_plugin(world, &setup, &["--call", "city"])?.answered("\"Kobe\"\n")?;
    run_plugin(
        world,
        &setup,
        &["--call", "greet", "--args", r#"{"name":"Ada"}"#],
    )?
    .answered("\"HELLO ADA!\"\n")?;
    run_plugin(world, &setup, &[])?.answered("")?;
    let finished = run_plugin(world, &setup, &["--call", "city", "--json"])?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let json: serde_json::Value = serde_json::from_str(&finished.output)?;
    ensure!(json["result"] == "Kobe", "{json}");
    let (directory, path) = plugin(world, &setup)?;
    let policy = directory.path().join("other.yaml");
    fs_err::write(&policy, policy_text("level: maximum"))?;
    let policy = policy.to_string_lossy().into_owned();
    run(lazaret(
        world,
        ["run", &path, "--policy", &policy, "--call", "city"],
    ))?
    .answered("\"Kobe\"\n")?;
    let file = directory.path().join("alone.js");
    fs_err::write(&file, "export default () => 7;")?;
    let file = file.to_string_lossy().into_owned();
    run(lazaret(world, ["run", &file, "--call", "default"]))?.answered("7\n")
}
