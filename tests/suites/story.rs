//! Plugins that do what they are for.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use lazaret::supervisor::{CallFailure, MAX_CALLS_IN_FLIGHT, PluginEvent};
use lazaret_protocol::{CallError, LogLevel, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, start};
use lazaret_tests::patience::patience;
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source};
use lazaret_tests::world::{World, together};
use serde_json::json;

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(js, "story: a call is answered", a_call_is_answered),
        Case::on(js, "story: arguments and results keep their shape", shapes),
        Case::on(js, "story: bytes go both ways", bytes_go_both_ways),
        Case::on(
            js,
            "story: a plugin reads its own files and those granted",
            files,
        ),
        Case::on(
            js,
            "story: many calls at once are each answered",
            many_calls,
        ),
        Case::on(
            js,
            "story: more calls at once than there may be are refused",
            too_many_calls,
        ),
        Case::on(
            js,
            "story: commands side by side each get their answer",
            side_by_side,
        ),
        Case::on(
            js,
            "story: what is thrown comes back with its place",
            thrown,
        ),
        Case::on(js, "story: the console goes to the log", the_console),
        Case::on(
            js,
            "story: an unknown function names the known ones",
            unknown,
        ),
        Case::on(
            js,
            "story: two plugins have host users of their own",
            two_plugins,
        ),
        Case::on(js, "story: a plugin that nobody holds is stopped", let_go),
    ]
}

/// The plugin the cases of this file are about.
pub(crate) fn everyday(js: Js) -> anyhow::Result<Setup> {
    let main = plugin_source("harmless/everyday.js")?;
    Ok(Setup::javascript(js, "everyday", &main)
        .with("lib/text.js", plugin_source("harmless/lib/text.js")?)
        .with("data.json", r#"{"city":"Kobe"}"#))
}

async fn a_call_is_answered(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    assert_eq!(plugin.call("add", json!([2, 3])).await?, json!(5));
    let greeting = plugin.call("greet", json!({"name": "Ada"})).await?;
    assert_eq!(greeting, json!("HELLO ADA!"));
    assert_eq!(plugin.call("city", json!([])).await?, json!("Kobe"));
    assert_eq!(plugin.call("later", json!([7, 20])).await?, json!(7));
    let default = plugin.call("default", json!([])).await?;
    assert_eq!(default, json!("the default export"));
    let known = [
        "add", "city", "count", "default", "echo", "fail", "greet", "later",
    ];
    assert_eq!(plugin.functions()[..known.len()], known);
    plugin.stop().await?;
    Ok(())
}

async fn shapes(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    for (arguments, result) in [
        (json!([]), json!([])),
        (json!(null), json!([null])),
        (json!("one"), json!(["one"])),
        (
            json!([1, [2], {"three": null}]),
            json!([1, [2], {"three": null}]),
        ),
        (
            json!(["\u{0}\u{1b}\u{202e}\u{1f324}"]),
            json!(["\u{0}\u{1b}\u{202e}\u{1f324}"]),
        ),
        (
            json!({"__proto__": {"x": 1}}),
            json!([{"__proto__": {"x": 1}}]),
        ),
    ] {
        assert_eq!(plugin.call("echo", arguments).await?, result);
    }
    plugin.stop().await?;
    Ok(())
}

async fn bytes_go_both_ways(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let result = plugin
        .try_call("reverse", Payload::Bytes(bytes.clone()))
        .await;
    let reversed = bytes.into_iter().rev().collect();
    assert_eq!(result, Ok(Payload::Bytes(reversed)));
    plugin.stop().await?;
    Ok(())
}

async fn files(world: &World, js: Js) -> anyhow::Result<()> {
    let granted = world.directory()?;
    fs_err::write(granted.path().join("in"), "12345")?;
    let policy = format!("permissions: [\"file:read:{}\"]", granted.path().display());
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?.policy(&policy)).await?;
    assert_eq!(plugin.call("readOwn", json!([])).await?, json!("Kobe"));
    let path = granted.path().join("in");
    assert_eq!(plugin.call("readBytes", json!([path])).await?, json!(5));
    plugin.stop().await?;
    Ok(())
}

async fn many_calls(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    let calls = (0..200).map(|_| plugin.call("count", json!([])));
    let mut answers = BTreeSet::new();
    for answer in together(calls).await {
        answers.insert(answer?.to_string());
    }
    let expected: BTreeSet<_> = (1..=200).map(|number: u32| number.to_string()).collect();
    assert_eq!(answers, expected);
    plugin.stop().await?;
    Ok(())
}

async fn too_many_calls(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    // None is answered before the last is made.
    let time = patience(Duration::from_secs(1)).as_millis();
    let arguments = || Payload::Json(format!("[1, {time}]"));
    let calls = (0..MAX_CALLS_IN_FLIGHT + 44).map(|_| plugin.try_call("later", arguments()));
    let answers = together(calls).await;
    let busy = Err(CallFailure::Busy {
        limit: MAX_CALLS_IN_FLIGHT,
    });
    let refused = answers.iter().filter(|answer| **answer == busy).count();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((answered, refused), (MAX_CALLS_IN_FLIGHT, 44));
    plugin.stop().await?;
    Ok(())
}

async fn side_by_side(world: &World, js: Js) -> anyhow::Result<()> {
    // Eight at once are slow where the processor is.
    let setup = everyday(js)?.policy("resources: { time: { startup: 60s } }");
    let plugin = on_disk(world, &setup)?;
    let path = plugin
        .path()
        .join("everyday")
        .to_string_lossy()
        .into_owned();
    let arguments = ["run", &path, "--engine", js.name(), "--call", "city"];
    let commands = (0..8).map(|_| start(command(&world.parts.lazaret(), arguments)));
    let commands: Vec<_> = commands.collect::<anyhow::Result<_>>()?;
    for command in commands {
        command.finish()?.answered("\"Kobe\"\n")?;
    }
    Ok(())
}

async fn thrown(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    let error = plugin.thrown("fail", json!(["no such city"])).await?;
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("RangeError", "no such city")
    );
    let place = error.location.unwrap_or_default();
    let line = plugin_source("harmless/everyday.js")?
        .lines()
        .position(|line| line.contains("throw new RangeError"))
        .map_or(0, |index| index + 1);
    ensure!(
        place.starts_with(&format!("main.js:{line}:")),
        "thrown at {place}"
    );
    ensure!(
        error.stack.contains("fail"),
        "no frame of `fail`: {}",
        error.stack
    );
    assert_eq!(plugin.call("add", json!([1, 1])).await?, json!(2));
    plugin.stop().await?;
    Ok(())
}

async fn the_console(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    assert_eq!(plugin.call("say", json!(["hello"])).await?, json!(5));
    let events = plugin.later_events();
    plugin.stop().await?;
    let events = lazaret_tests::host::lock(&events);
    let lines = events.iter().map(|event| match event {
        PluginEvent::Log {
            level,
            text,
            fields: None,
            dropped: 0,
            ..
        } => Ok((*level, text.as_str())),
        other => Err(other),
    });
    assert_eq!(
        lines.collect::<Result<Vec<_>, _>>(),
        Ok(vec![
            (LogLevel::Info, "hello"),
            (LogLevel::Warn, "careful: hello")
        ])
    );
    Ok(())
}

async fn unknown(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    for name in ["gret", "toString", "__proto__", "constructor", ""] {
        match plugin.call_error(name, json!([])).await? {
            CallError::NoSuchFunction { functions } => assert_eq!(functions, plugin.functions()),
            other => panic!("`{name}`: {other:?}"),
        }
    }
    plugin.stop().await?;
    Ok(())
}

async fn two_plugins(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let one = host.launch(&everyday(js)?.named("one")).await?;
    let other = host.launch(&everyday(js)?.named("other")).await?;
    let user = |pid: u32| -> anyhow::Result<String> {
        let status = fs_err::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("Uid:"));
        Ok(line.unwrap_or_default().to_owned())
    };
    let (first, second) = (user(one.pid())?, user(other.pid())?);
    ensure!(first != second, "both run as {first}");
    ensure!(!first.contains("\t0"), "it runs as root: {first}");
    for namespace in ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"] {
        let link = |pid: u32| fs_err::read_link(format!("/proc/{pid}/ns/{namespace}"));
        let here = link(std::process::id())?;
        let (first, second) = (link(one.pid())?, link(other.pid())?);
        ensure!(
            first != second && first != here && second != here,
            "`{namespace}` is shared"
        );
    }
    assert_eq!(one.call("add", json!([1, 2])).await?, json!(3));
    one.stop().await?;
    assert_eq!(other.call("add", json!([3, 4])).await?, json!(7));
    other.stop().await?;
    Ok(())
}

async fn let_go(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?).await?;
    let pid = plugin.pid();
    drop(plugin);
    // The engine's task has to be given turns for it.
    let process = format!("/proc/{pid}");
    while std::path::Path::new(&process).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
