//! Plugins that mean harm, in JavaScript.

use anyhow::{Context, bail, ensure};
use lazaret::event::{Act, EndReason, escape};
use lazaret::supervisor::{CallFailure, PluginEvent};
use lazaret_protocol::{CallError, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session, lock};
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

/// Time limits that an endless call reaches soon, and room for the rest.
pub(crate) const SHORT: &str = "resources: { time: { call: 2s, cpu_per_call: 600ms } }";

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "hostile: files of others are denied and named",
            files_denied,
        ),
        Case::on(
            js,
            "hostile: modules are the plugin's own and nothing else",
            modules,
        ),
        Case::on(js, "hostile: no host is reached", no_host),
        Case::on(js, "hostile: there is no door out of the language", no_door),
        Case::on(
            js,
            "hostile: polluted prototypes harm the plugin alone",
            pollution,
        ),
        Case::on(js, "hostile: a log line of 100 MB is cut", huge_line),
        Case::on(
            js,
            "hostile: a flood of log lines is cut and counted",
            flood,
        ),
        Case::on(
            js,
            "hostile: escapes keep their bytes and are shown without them",
            escapes,
        ),
        Case::on(
            js,
            "hostile: whatever is thrown comes back as an error",
            whatever_is_thrown,
        ),
        Case::on(js, "hostile: results that cannot be sent are told", results),
    ]
}

async fn launch(host: &Host, js: Js, file: &str, policy: &str) -> anyhow::Result<Session> {
    let source = plugin_source(&format!("hostile/{file}"))?;
    host.launch(&Setup::javascript(js, "hostile", &source).policy(policy))
        .await
}

/// The plugin answers as if nothing had happened.
async fn goes_on(plugin: &Session) -> anyhow::Result<()> {
    ensure!(
        plugin.call("answer", json!([])).await? == 42,
        "it does not go on"
    );
    Ok(())
}

async fn files_denied(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = launch(&host, js, "reach.js", "level: standard").await?;
    let mut asked = Vec::new();
    for (path, permission) in [
        ("/etc/shadow", "file:read:/etc/shadow"),
        ("../etc/shadow", "file:read:/etc/shadow"),
        ("/plugin/../etc/shadow", "file:read:/etc/shadow"),
        ("/proc/1/environ", "file:read:/proc/1/environ"),
        ("/proc/self/environ", "file:read:/proc/self/environ"),
        (
            "/run/lazaret/settings.json",
            "file:read:/run/lazaret/settings.json",
        ),
        ("/lazaret/shim", "file:read:/lazaret/shim"),
        ("/dev/zero", "file:read:/dev/zero"),
        ("/granted/0", "file:read:/granted/0"),
    ] {
        for function in ["read", "readNow"] {
            match plugin.call_error(function, json!([path])).await? {
                CallError::Denied {
                    permission: found, ..
                } => assert_eq!(found, permission),
                other => bail!("{path}: {other:?}"),
            }
            asked.push(permission);
        }
    }
    let caught = plugin.call("outcome", json!(["/etc/passwd"])).await?;
    assert_eq!(caught, "PermissionDenied");
    let own = plugin.call("outcome", json!(["main.js"])).await?;
    ensure!(
        own.as_str().is_some_and(|text| text.starts_with("read ")),
        "{own}"
    );
    assert_eq!(
        plugin.call("outcome", json!(["/plugin/none"])).await?,
        "NotFound"
    );
    goes_on(&plugin).await?;
    let ended = plugin.stop().await?;
    let denied = |act| match act {
        Act::Permission { permission } => Some(permission),
        _ => None,
    };
    let acts = ended.violations.into_iter().map(|violation| violation.act);
    let mut told: Vec<String> = acts.filter_map(denied).collect();
    told.truncate(asked.len());
    assert_eq!(told, asked);
    assert_eq!(usize::try_from(ended.violation_count)?, asked.len() + 1);
    Ok(())
}

async fn modules(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("hostile/reach.js")?;
    let setup = Setup::javascript(js, "hostile", &source)
        .with("lib/own.js", "export const own = 1;")
        .with("own.json", "{\"own\":1}");
    let plugin = host.launch(&setup).await?;
    for specifier in [
        "file:///etc/passwd",
        "/etc/passwd",
        "../etc/passwd",
        "file:///proc/self/environ",
        "file:///run/lazaret/settings.json",
        "https://example.com/x.js",
        "data:text/javascript,export const x = 1",
        "node:fs",
        "npm:left-pad",
        "ext:core/mod.js",
        "ext:core/ops",
        "blob:null/1",
        "bare",
        "",
        "./none.js",
        "./lib",
        "./%2e%2e/%2e%2e/etc/passwd",
        "./%2e%2e%2f%2e%2e%2fetc/passwd.json",
        "..\\..\\etc\\passwd",
        "file:/etc/hostname.json",
        "file://localhost/etc/passwd",
        "FILE:///etc/passwd",
        "file:///plugin/../etc/passwd",
        "file:///plugin\u{0}/main.js",
        "./main.js\u{0}.json",
        "jsr:@x/y",
        "javascript:1",
        "std",
        "os",
    ] {
        let error = plugin.call_error("load", json!([specifier])).await?;
        ensure!(
            matches!(error, CallError::Exception(_) | CallError::Denied { .. }),
            "{specifier}: {error:?}"
        );
        let error = plugin.call_error("loadJson", json!([specifier])).await?;
        ensure!(
            matches!(error, CallError::Exception(_) | CallError::Denied { .. }),
            "{specifier} as JSON: {error:?}"
        );
    }
    assert_eq!(
        plugin.call("load", json!(["./lib/own.js"])).await?,
        json!(["own"])
    );
    assert_eq!(
        plugin.call("loadJson", json!(["./own.json"])).await?,
        json!({"own": 1})
    );
    goes_on(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}

async fn no_host(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = launch(&host, js, "reach.js", "level: standard").await?;
    for (url, permission) in [
        ("https://example.com/x", "network:read:example.com"),
        (
            "http://example.com:8080/",
            "network:connect:example.com:8080",
        ),
        ("http://127.0.0.1:22/", "network:connect:127.0.0.1:22"),
    ] {
        match plugin.call_error("reach", json!([url])).await? {
            CallError::Denied {
                permission: found, ..
            } => assert_eq!(found, permission),
            other => bail!("{url}: {other:?}"),
        }
    }
    for url in ["file:///etc/shadow", "unix:/run/x", "", "data:x"] {
        plugin
            .call_error("reach", json!([url]))
            .await
            .with_context(|| url)?;
    }
    goes_on(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}

async fn no_door(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = launch(&host, js, "reach.js", "level: standard").await?;
    assert_eq!(plugin.call("doors", json!([])).await?, json!([]));
    let constructed = plugin.call("constructed", json!([])).await?;
    assert_eq!(constructed, json!(["undefined", true, "undefined"]));
    plugin.stop().await?;
    Ok(())
}

async fn pollution(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = launch(&host, js, "reach.js", "level: standard").await?;
    // It may fail over what it has done to itself, but the shim must keep to the protocol.
    drop(
        plugin
            .try_call("pollute", Payload::Json("[]".to_owned()))
            .await,
    );
    match plugin
        .try_call("answer", Payload::Json("[]".to_owned()))
        .await
    {
        Ok(Payload::Json(text)) => assert_eq!(text, "42"),
        Err(CallFailure::Call(CallError::Exception(_) | CallError::InvalidResult { .. })) => {}
        Err(CallFailure::Ended(EndReason::Exception { .. })) => return Ok(()),
        other => bail!("{other:?}"),
    }
    match plugin.ended_or_stopped().await.reason {
        EndReason::Stopped | EndReason::Exception { .. } => Ok(()),
        other => bail!("{other:?}"),
    }
}

fn logged(events: &[PluginEvent]) -> Vec<(&str, u64)> {
    let log = |event| match event {
        &PluginEvent::Log {
            ref text, dropped, ..
        } => Some((text.as_str(), dropped)),
        PluginEvent::Violation { .. } | PluginEvent::Unread { .. } => None,
    };
    events.iter().filter_map(log).collect()
}

async fn huge_line(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { memory: { max: 512MiB }, output: { line: 4KiB }, time: { call: 60s, cpu_per_call: 60s } }";
    let plugin = launch(&host, js, "speech.js", policy).await?;
    assert_eq!(plugin.call("hugeLine", json!([])).await?, 42);
    let events = plugin.later_events();
    plugin.stop().await?;
    let events = lock(&events);
    let [(line, 0)] = logged(&events)[..] else {
        bail!("{} lines", events.len())
    };
    ensure!(
        line.starts_with("xxxx") && line.len() <= 4096 + 64,
        "{} bytes",
        line.len()
    );
    Ok(())
}

async fn flood(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { output: { log: 4KiB }, time: { call: 60s, cpu_per_call: 60s } }";
    let plugin = launch(&host, js, "speech.js", policy).await?;
    assert_eq!(plugin.call("flood", json!([10])).await?, 42);
    assert_eq!(plugin.call("flood", json!([20_000])).await?, 42);
    let events = plugin.later_events();
    plugin.stop().await?;
    let events = lock(&events);
    let lines = logged(&events);
    ensure!(
        lines.len() >= 10 && lines.len() < 10_000,
        "{} lines got through",
        lines.len()
    );
    assert_eq!(lines[0].0, format!("line 0 {}", "x".repeat(100)));
    Ok(())
}

async fn escapes(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = launch(&host, js, "speech.js", "level: standard").await?;
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n[other] all is well\u{202e}";
    assert_eq!(plugin.call("escapesInResult", json!([])).await?, hostile);
    assert_eq!(plugin.call("escapesInLog", json!([])).await?, 42);
    assert_eq!(plugin.call("loggingGetter", json!([])).await?, 42);
    let error = plugin.thrown("escapesInError", json!([])).await?;
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        (hostile, hostile)
    );
    let events = plugin.later_events();
    plugin.stop().await?;
    let events = lock(&events);
    let lines = logged(&events);
    assert_eq!(lines[0], (hostile, 0));
    for (line, _) in lines {
        ensure!(
            !escape(line).contains(['\u{1b}', '\n', '\r', '\u{202e}']),
            "{}",
            escape(line)
        );
    }
    Ok(())
}

async fn whatever_is_thrown(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    // Room for the copies an engine makes of a huge message.
    let policy = "resources: { memory: { max: 256MiB } }";
    let plugin = launch(&host, js, "speech.js", policy).await?;
    for kind in [
        "null",
        "undefined",
        "number",
        "text",
        "object",
        "proxy",
        "frozen",
        "symbol",
        "function",
    ] {
        plugin
            .thrown("throwing", json!([kind]))
            .await
            .with_context(|| kind)?;
    }
    let error = plugin.thrown("throwing", json!(["number"])).await?;
    assert_eq!(error.message, "7");
    let error = plugin.thrown("hugeError", json!([])).await?;
    ensure!(
        (1000..20_000).contains(&error.message.len()),
        "{} bytes",
        error.message.len()
    );
    goes_on(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}

async fn results(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { memory: { max: 256MiB }, output: { result: 64KiB } }";
    let plugin = launch(&host, js, "speech.js", policy).await?;
    for function in ["hugeResult", "hugeBytes"] {
        match plugin.call_error(function, json!([])).await? {
            CallError::ResultTooLarge { bytes, limit } => {
                assert_eq!(limit, 64 << 10);
                ensure!(bytes > limit, "{bytes} bytes");
            }
            other => bail!("{function}: {other:?}"),
        }
    }
    for function in ["cycle", "big"] {
        match plugin.call_error(function, json!([])).await? {
            CallError::InvalidResult { .. } => {}
            other => bail!("{function}: {other:?}"),
        }
    }
    plugin.call_error("toJson", json!([])).await?;
    goes_on(&plugin).await?;
    plugin.stop().await?;
    Ok(())
}
