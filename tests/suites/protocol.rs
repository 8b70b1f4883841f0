//! A shim in somebody else's hands: what it can do to the engine through the channel.

use anyhow::{bail, ensure};
use lazaret::event::{Act, EndReason, Witness, escape};
use lazaret::supervisor::{CallFailure, PluginEvent};
use lazaret_protocol::{PROTOCOL_VERSION, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::host::lock;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "protocol: a forged frame ends the plugin with the rule it broke",
            forged,
        ),
        Case::asynchronous("protocol: so does anything out of turn at the start", early),
        Case::asynchronous(
            "protocol: one that refuses and stays is ended for its refusal",
            refuses_and_stays,
        ),
        Case::asynchronous(
            "protocol: a frame cut short is a shim that exited",
            truncated,
        ),
        Case::asynchronous("protocol: a frame in single bytes is as good as any", slow),
        Case::asynchronous(
            "protocol: a reply to no call ends the plugin",
            unknown_reply,
        ),
        Case::asynchronous(
            "protocol: items and ends that no stream has end the plugin, those of one are handed on",
            items,
        ),
        Case::asynchronous(
            "protocol: a flood of log frames is cut, and the call answered",
            log_flood,
        ),
        Case::asynchronous(
            "protocol: a flood of violations is counted, the first are kept",
            violations,
        ),
        Case::asynchronous("protocol: made-up figures change nothing", figures),
        Case::asynchronous(
            "protocol: a log line keeps its bytes and is shown without them",
            log_line,
        ),
        Case::asynchronous("protocol: descriptors sent along reach nobody", descriptors),
        Case::asynchronous(
            "protocol: a result that is no JSON is handed on as it is",
            not_json,
        ),
    ]
}

pub(crate) fn rule(reason: &EndReason) -> anyhow::Result<&str> {
    match reason {
        EndReason::Protocol { what } => Ok(what),
        other => bail!("{other:?}"),
    }
}

async fn forged(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, part) in [
        ("forge_garbage", "exceeds the limit"),
        (
            "forge_huge_claim",
            "frame of `100000000` bytes exceeds the limit",
        ),
        ("forge_empty_frame", "frame is empty"),
        ("forge_trailing_bytes", "message ends after"),
        ("forge_hello", "`hello` came after the plugin was ready"),
        ("forge_ready", "`ready` came after the plugin was ready"),
        ("forge_refusal", "`refused` came after the plugin was ready"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        assert_eq!(
            probe.call("get_process_id", json!({})).await?,
            json!({ "ok": 1 })
        );
        let ended = probe.call_to_end(ask, json!({})).await?;
        let what = rule(&ended.reason)?;
        ensure!(what.contains(part), "{ask}: {what}");
    }
    Ok(())
}

async fn early(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let version = format!("version {} of the protocol", PROTOCOL_VERSION + 1);
    for (behaviour, part) in [
        ("garbage before hello", "exceeds the limit"),
        ("log before hello", "`log` came before the hello"),
        ("ready before hello", "`ready` came before the hello"),
        (
            "reply before ready",
            "`reply` came before the plugin was ready",
        ),
        (
            "refuse, then ready",
            "`ready` came before the plugin was ready",
        ),
        ("refuse twice", "`refused` came before the plugin was ready"),
        ("wrong version", version.as_str()),
    ] {
        let ended = host.launch_to_end(&Setup::probe(behaviour)).await?;
        let what = rule(&ended.reason)?;
        ensure!(what.contains(part), "{behaviour}: {what}");
    }
    Ok(())
}

async fn refuses_and_stays(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    // Not by the limit of the start, which is far away.
    let setup = Setup::probe("refuse and stay").policy("resources: { time: { startup: 50s } }");
    let ended = host.launch_to_end(&setup).await?;
    let differences = Vec::new();
    assert_eq!(ended.reason, EndReason::ReadBack { differences });
    Ok(())
}

async fn truncated(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let ended = probe.call_to_end("forge_truncated", json!({})).await?;
    assert_eq!(ended.reason, EndReason::Exit { code: 0 });
    Ok(())
}

async fn slow(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    assert_eq!(
        probe.call("forge_slow_frame", json!({})).await?,
        json!("slow")
    );
    probe.stop().await?;
    Ok(())
}

async fn unknown_reply(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let ended = probe.call_to_end("forge_unknown_reply", json!({})).await?;
    assert_eq!(
        rule(&ended.reason)?,
        "a reply to call 1001, which is not under way"
    );
    let probe = host.launch(&Setup::probe("")).await?;
    // The first of two replies is as good as any; the second is one too many.
    assert_eq!(probe.call("forge_second_reply", json!({})).await?, json!(1));
    let ended = probe.ended().await;
    assert_eq!(
        rule(&ended.reason)?,
        "a reply to call 1, which is not under way"
    );
    Ok(())
}

async fn items(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, expected) in [
        (
            "forge_item_of_no_call",
            "an item of call 1001, which is not under way",
        ),
        ("forge_item", "an item of call 1, which takes no stream"),
        ("forge_end", "an end of call 1, which takes no stream"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        let ended = probe.call_to_end(ask, json!({})).await?;
        assert_eq!(rule(&ended.reason)?, expected, "{ask}");
    }
    for (ask, expected) in [
        (
            "forge_second_end",
            "an end of call 1, which is not under way",
        ),
        (
            "forge_item_after_end",
            "an item of call 1, which is not under way",
        ),
        (
            "forge_result_after_item",
            "a result of call 1 after items of it",
        ),
        ("forge_items", "an item of call 1 beyond its credit"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        // Not read: no more is granted.
        let unread = probe.stream(ask, json!({ "count": 100_000 })).await?;
        let ended = probe.ended().await;
        assert_eq!(rule(&ended.reason)?, expected, "{ask}");
        drop(unread);
    }
    let probe = host.launch(&Setup::probe("")).await?;
    let mut items = probe.stream("forge_items", json!({ "count": 500 })).await?;
    let mut count = 0;
    while let Some(item) = items.next().await {
        ensure!(item == Ok(Payload::Bytes(Vec::new())), "{item:?}");
        count += 1;
    }
    assert_eq!(count, 500);
    // They cost something, so that they come to an end also where somebody reads them.
    let endless = json!({ "count": 1_000_000_000 });
    let mut items = probe.stream("forge_items", endless).await?;
    let last = loop {
        match items.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    match last {
        Some(Err(CallFailure::Ended(EndReason::Protocol { what }))) => {
            ensure!(what.contains("item"), "{what}");
        }
        other => bail!("{other:?}"),
    }
    drop(probe.ended().await);
    Ok(())
}

async fn log_flood(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    // Time enough to make that much on an emulated processor.
    let time = "time: { call: 60s, cpu_per_call: 60s }";
    let policy = format!("resources: {{ output: {{ log: 16KiB }}, {time} }}");
    let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
    // 100 MB of log in frames of 100 KB.
    let flood = json!({ "lines": 1000, "bytes": 100_000 });
    assert_eq!(
        probe.call("forge_log_flood", flood).await?,
        json!("flooded")
    );
    let lines = json!({ "lines": 10_000, "bytes": 1000 });
    assert_eq!(
        probe.call("forge_log_flood", lines).await?,
        json!("flooded")
    );
    let events = probe.later_events();
    probe.stop().await?;
    let bytes: usize = lock(&events)
        .iter()
        .map(|event| match event {
            PluginEvent::Log { text, .. } => text.len(),
            PluginEvent::Violation { .. } | PluginEvent::Unread { .. } => 0,
        })
        .sum();
    // Two seconds' worth at once, and what the flood's own time adds.
    ensure!((1..4_000_000).contains(&bytes), "{bytes} bytes got through");
    Ok(())
}

async fn violations(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    assert_eq!(
        probe
            .call("forge_violations", json!({ "count": 5000 }))
            .await?,
        json!(1)
    );
    let ended = probe.stop().await?;
    assert_eq!((ended.violations.len(), ended.violation_count), (100, 5000));
    let first = ended.violations.iter().find_map(|kept| match &kept.act {
        Act::Permission { permission } => Some((permission.as_str(), kept.witness)),
        _ => None,
    });
    assert_eq!(first, Some(("file:read:/0\u{1b}[2J", Witness::Shim)));
    Ok(())
}

async fn figures(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    assert_eq!(
        probe
            .call("forge_figures", json!({ "count": 5000 }))
            .await?,
        json!(1)
    );
    let ended = probe.stop().await?;
    ensure!(
        ended.cpu_us.is_some_and(|us| us < 60_000_000),
        "its word is taken for CPU time: {:?}",
        ended.cpu_us
    );
    ensure!(
        ended.memory_peak_bytes.is_some_and(|peak| peak <= 64 << 20),
        "{ended:?}"
    );
    Ok(())
}

async fn log_line(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n[other] all is well\u{202e}";
    assert_eq!(
        probe.call("forge_log", json!({ "text": hostile })).await?,
        json!(1)
    );
    let events = probe.later_events();
    probe.stop().await?;
    match &lock(&events)[..] {
        [PluginEvent::Log { text, dropped, .. }] => {
            assert_eq!((text.as_str(), *dropped), (hostile, u64::MAX));
            ensure!(
                !escape(text).chars().any(char::is_control),
                "{}",
                escape(text)
            );
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

async fn descriptors(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let count = || fs_err::read_dir("/proc/self/fd").map(Iterator::count);
    assert_eq!(
        probe.call("get_process_id", json!({})).await?,
        json!({ "ok": 1 })
    );
    let before = count()?;
    for _ in 0..100 {
        assert_eq!(
            probe.call("forge_descriptors", json!({})).await?,
            json!("passed")
        );
    }
    assert_eq!(count()?, before);
    probe.stop().await?;
    Ok(())
}

async fn not_json(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    for text in ["{oops", "", "\u{1b}[2J", "[1] [2]"] {
        let arguments = Payload::Json(json!({ "text": text }).to_string());
        // The library hands text on and never needs its shape; the command line refuses it.
        match probe.try_call("forge_result", arguments).await {
            Ok(Payload::Json(found)) => assert_eq!(found, text),
            other => bail!("{other:?}"),
        }
    }
    let null: Value = probe
        .call("forge_result", json!({ "text": "null" }))
        .await?;
    assert_eq!(null, Value::Null);
    probe.stop().await?;
    Ok(())
}
