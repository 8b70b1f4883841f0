//! Who gives up on a call gives it up in the plugin: it is interrupted, and the next one answered.

use std::time::Duration;

use anyhow::{Context, ensure};
use lazaret::event::EndReason;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

use crate::story::everyday;

/// Limits that no call of these cases reaches before the case's own.
const LONG: &str = "resources: { time: { call: 10m, cpu_per_call: 10m } }";

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "cancel: an endless call is interrupted, and the next one works",
            endless,
        ),
        Case::on(
            js,
            "cancel: calls beside a cancelled one are answered",
            beside,
        ),
        Case::on(
            js,
            "cancel: a call that is given up at once leaves no trace",
            at_once,
        ),
    ]
}

/// Gives up on a call that is under way.
async fn give_up(plugin: &Session, function: &str, arguments: &str) -> anyhow::Result<()> {
    let call = plugin.try_call(function, Payload::Json(arguments.to_owned()));
    let soon = Duration::from_millis(200);
    let answered = tokio::time::timeout(soon, call).await;
    ensure!(answered.is_err(), "{function}: {answered:?}");
    Ok(())
}

async fn endless(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("hostile/endless.js")?;
    let setup = Setup::javascript(js, "endless", &source).policy(LONG);
    let plugin = host.launch(&setup).await?;
    for function in ["loop", "chain", "never", "timers", "stubborn"] {
        give_up(&plugin, function, "[]").await?;
        let answer = plugin.call("answer", json!([])).await;
        ensure!(answer.with_context(|| function)? == 42, "{function}");
    }
    let ended = plugin.ended_or_stopped().await;
    assert_eq!(ended.reason, EndReason::Stopped);
    Ok(())
}

async fn beside(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?.policy(LONG)).await?;
    let slow = plugin.call("later", json!([7, 1500]));
    let given_up = give_up(&plugin, "later", "[8, 600000]");
    let (slow, given_up) = tokio::join!(slow, given_up);
    given_up?;
    assert_eq!(slow?, 7);
    assert_eq!(plugin.call("add", json!([1, 2])).await?, 3);
    plugin.stop().await?;
    Ok(())
}

async fn at_once(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?.policy(LONG)).await?;
    for _ in 0..300 {
        // Sent, and nobody waits for the answer any more.
        let call = plugin.try_call("later", Payload::Json("[1, 600000]".to_owned()));
        drop(tokio::time::timeout(Duration::ZERO, call).await);
    }
    // More than there may be under way at once: they are gone, or this one would be refused.
    let answered = async {
        loop {
            if let Ok(sum) = plugin.call("add", json!([1, 2])).await {
                return sum;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(answered.await, 3);
    plugin.stop().await?;
    Ok(())
}
