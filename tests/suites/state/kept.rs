//! What is kept, for how long and for whom.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Finished, command, run};
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "state: what is kept is there after the end of plugin and engine, and for nobody else",
            survives,
        ),
        Case::asynchronous(
            "state: a quota holds to the key under calls at once, and another one at the next act",
            quota,
        ),
    ]
}

fn keeper(name: &str, policy: &str) -> anyhow::Result<Setup> {
    let source = plugin_source("harmless/keeper.js")?;
    Ok(Setup::javascript(Js::QuickJs, name, &source).policy(policy))
}

/// Each run is an engine of its own.
fn survives(world: &World) -> anyhow::Result<()> {
    let kv = "kv: { size: 1MiB }";
    let state = world.directory()?;
    let state = state.path().join("state");
    let plugins = [
        on_disk(world, &keeper("one", kv)?)?,
        on_disk(world, &keeper("other", kv)?)?,
        on_disk(world, &keeper("none", "level: standard")?)?,
    ];
    let call = |number: usize, name: &str, function: &str, arguments: &str| {
        let plugin = plugins[number].path().join(name);
        let arguments = ["--call", function, "--args", arguments, "--state"];
        let mut command = command(&world.parts.lazaret(), ["run"]);
        command.arg(plugin).args(arguments).arg(&state);
        run(command)
    };
    let answered = |finished: Finished, output: &str| finished.answered(output);
    answered(call(2, "none", "there", "[]")?, "\"undefined\"\n")?;
    ensure!(!state.exists(), "made for a plugin that keeps nothing");
    answered(
        call(0, "one", "set", r#"["a", {"n": [1, "é"]}]"#)?,
        "null\n",
    )?;
    answered(call(0, "one", "set", r#"["b", null]"#)?, "null\n")?;
    answered(
        call(0, "one", "list", r#"[""]"#)?,
        "{\"a\":{\"n\":[1,\"é\"]},\"b\":null}\n",
    )?;
    answered(call(1, "other", "list", r#"[""]"#)?, "{}\n")?;
    shown(world, &state)?;
    let mode = |path| anyhow::Ok(fs_err::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!(mode(state.join("kv"))?, 0o700);
    Ok(())
}

/// What an operator sees of it and takes away, without an engine.
fn shown(world: &World, state: &Path) -> anyhow::Result<()> {
    let of = |arguments: &[&str]| {
        let mut command = command(&world.parts.lazaret(), ["state"]);
        command.args(arguments).arg("--state").arg(state);
        run(command)
    };
    let json = |arguments: &[&str]| -> anyhow::Result<serde_json::Value> {
        let finished = of(&[arguments, &["--json"]].concat())?;
        Ok(serde_json::from_str(&finished.output)?)
    };
    let one = json!({ "plugin": "one", "keys": 2, "bytes": 20, "in_use": false });
    let other = json!({ "plugin": "other", "keys": 0, "bytes": 0, "in_use": false });
    assert_eq!(json(&["list"])?, json!([one, other]));
    let a = json!({ "key": "a", "kind": "json", "bytes": 14 });
    let b = json!({ "key": "b", "kind": "json", "bytes": 4 });
    assert_eq!(json(&["list", "one"])?, json!([a, b]));
    of(&["show", "one", "a"])?.answered("{\"n\":[1,\"é\"]}\n")?;
    let value = json(&["show", "one", "a"])?;
    assert_eq!(value, json!({ "value": { "n": [1, "é"] } }));
    of(&["delete", "one", "b"])?.answered("one: deleted 1 key\n")?;
    for (arguments, part) in [
        (["show", "one", "b"], "nothing under `b`"),
        (["show", "none", "b"], "plugin `none` keeps nothing"),
    ] {
        of(&arguments)?.failed(ExitCode::Plugin, &[part, "hint: "])?;
    }
    of(&["delete", "one"])?.failed(ExitCode::Usage, &["KEY"])?;
    assert_eq!(json(&["delete", "one", "--all"])?, json!({ "deleted": 1 }));
    assert_eq!(json(&["list", "one"])?, json!([]));
    Ok(())
}

async fn quota(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = |policy| keeper("keeper", policy);
    let plugin = host
        .launch(&setup("kv: { size: 1KiB, keys: 20, value: 10B }")?)
        .await?;
    assert_eq!(
        plugin.call("fill", json!([60, 1])).await?,
        json!([20, "QuotaExceeded"])
    );
    // What has its place already takes no other.
    assert_eq!(
        plugin.call("fill", json!([20, 2])).await?,
        json!([20, "none"])
    );
    let large = plugin.thrown("set", json!(["fill/0", "ten bytes"])).await?;
    assert_eq!(large.message, "kv.value: 11 would exceed the limit of 10");
    // 20 keys have 6 or 7 bytes and one of a value: 150 in all.
    plugin
        .apply(&setup("kv: { size: 152B, keys: 100 }")?)
        .await??;
    let over = plugin.thrown("set", json!(["a", 10])).await?;
    assert_eq!(over.message, "kv.size: 153 would exceed the limit of 152");
    plugin.call("set", json!(["a", 1])).await?;
    plugin.apply(&setup("kv: { size: 1B }")?).await??;
    assert_eq!(plugin.call("get", json!(["a"])).await?, 1);
    assert_eq!(
        plugin.call("fill", json!([1, 3])).await?,
        json!([1, "none"])
    );
    plugin.apply(&setup("level: standard")?).await??;
    assert_eq!(plugin.call("there", json!([])).await?, "undefined");
    plugin.apply(&setup("kv: { size: 1KiB }")?).await??;
    assert_eq!(plugin.call("get", json!(["fill/0"])).await?, 3);
    let counts = (0..3).map(|_| plugin.call("count", json!([10])));
    for counted in lazaret_tests::world::together(counts).await {
        counted?;
    }
    assert_eq!(plugin.call("get", json!(["count"])).await?, 30);
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    Ok(())
}
