//! Who has a grant reaches whom it names, through all layers, and nobody else.

use std::time::Duration;

use anyhow::Context;
use lazaret::event::{Act, Reaction, Witness};
use lazaret_tests::case::Case;
use lazaret_tests::patience::patience;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::{DEADLINE, World};
use serde_json::json;

use super::{Echo, said};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("egress: a granted host is reached, and no other", granted),
        Case::asynchronous(
            "egress: a granted host is reached through every layer",
            every_layer,
        ),
        Case::asynchronous(
            "egress: a name that leads to this host is refused where that is not granted",
            loopback,
        ),
    ]
}

async fn granted(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(1)?;
    let probe = host
        .launch(&Setup::probe("").policy(&echo.granted()))
        .await?;
    let answer = said(&probe, echo.ask("localhost", "hello")).await?;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\n\r\nhello");
    for (name, permission) in [
        (
            "other.example",
            format!("network:connect:other.example:{}", echo.port),
        ),
        (
            "127.0.0.1",
            format!("network:connect:127.0.0.1:{}", echo.port),
        ),
    ] {
        let answer = said(&probe, echo.ask(name, "")).await?;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("\r\nlazaret-refusal: "), "{answer}");
        // The broker answers in a thread of its own.
        let told = async {
            while probe.events().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let told = tokio::time::timeout(patience(DEADLINE / 3), told).await;
        told.with_context(|| format!("{permission} is never told"))?;
    }
    let ended = probe.stop().await?;
    assert_eq!(ended.violation_count, 2);
    let [missing, address] = &ended.violations[..] else {
        anyhow::bail!("{:?}", ended.violations);
    };
    let permission = format!("network:connect:other.example:{}", echo.port);
    let reason = None;
    assert_eq!(missing.act, Act::Network { permission, reason });
    assert_eq!(missing.witness, Witness::Engine);
    assert_eq!(missing.reaction, Reaction::Deny);
    let why = address.act.to_string();
    assert!(
        why.contains("is an address, and a policy names hosts"),
        "{why}"
    );
    Ok(())
}

async fn every_layer(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(1)?;
    let probe = host
        .launch(&Setup::probe("").policy(&echo.granted()))
        .await?;
    let layers = json!({ "layers": ["memory", "landlock", "filter"] });
    assert_eq!(probe.call("guard", layers).await?, json!({ "ok": true }));
    let answer = said(&probe, echo.ask("localhost", "through")).await?;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\n\r\nthrough");
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn loopback(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "permissions: [ network:connect:localhost:9 ]";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let ask = json!({ "say": "CONNECT localhost:9 HTTP/1.1\r\n\r\n" });
    let answer = said(&probe, ask).await?;
    assert!(answer.contains("class `loopback`"), "{answer}");
    assert_eq!(probe.stop().await?.violation_count, 1);
    Ok(())
}
