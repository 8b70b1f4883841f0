//! A policy that changes while the plugin runs.

use anyhow::bail;
use lazaret::supervisor::ApplyError;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::{Echo, said};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("egress: another policy holds for the next connection", next),
        Case::asynchronous(
            "egress: a first grant of the network needs a new container",
            first,
        ),
    ]
}

async fn next(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(2)?;
    let granted = Setup::probe("").policy(&echo.granted());
    let probe = host.launch(&granted).await?;
    assert!(
        said(&probe, echo.ask("localhost", "one"))
            .await?
            .ends_with("one")
    );
    let other = Setup::probe("").policy("permissions: [ network:read:other.example ]");
    if let Err(error) = probe.apply(&other).await? {
        bail!("{error}");
    }
    let answer = said(&probe, echo.ask("localhost", "two")).await?;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    if let Err(error) = probe.apply(&granted).await? {
        bail!("{error}");
    }
    assert!(
        said(&probe, echo.ask("localhost", "three"))
            .await?
            .ends_with("three")
    );
    assert_eq!(probe.stop().await?.violation_count, 1);
    Ok(())
}

async fn first(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host
        .launch(&Setup::probe("").policy("level: standard"))
        .await?;
    let granted = Setup::probe("").policy("permissions: [ network:read:a.example ]");
    match probe.apply(&granted).await? {
        Err(ApplyError::NeedsRestart { .. }) => {}
        other => bail!("{other:?}"),
    }
    let there = probe.call("egress_socket", json!({})).await?;
    assert_eq!(there, json!({ "errno": "ENOENT" }));
    drop(probe.stop().await?);
    Ok(())
}
