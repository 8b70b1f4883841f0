//! A plugin in quarantine is not started again, until somebody lets it.

use anyhow::{bail, ensure};
use lazaret::event::{Act, EndReason, Reaction};
use lazaret::supervisor::LaunchError;
use lazaret_tests::case::Case;
use lazaret_tests::host::Host;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::{goes_on, record};

/// How a system call is to be taken.
fn at(reaction: &str) -> Setup {
    let policy = format!("violations: {{ syscall: {{ reaction: {reaction} }} }}");
    Setup::probe("").policy(&policy)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "violations: quarantine refuses the next launch, and release allows it",
            refused_and_released,
        ),
        Case::asynchronous("violations: a plugin that is killed starts again", killed),
        Case::asynchronous(
            "violations: what the kernel killed is quarantined too",
            killed_by_the_kernel,
        ),
    ]
}

async fn offend(host: &Host, setup: &Setup) -> anyhow::Result<Option<String>> {
    let probe = host.launch(setup).await?;
    goes_on(&probe).await?;
    let ended = probe
        .call_to_end("call", json!({ "name": "mount" }))
        .await?;
    ensure!(
        matches!(ended.reason, EndReason::ForbiddenSyscall { .. }),
        "{ended:?}"
    );
    Ok(ended.quarantined)
}

async fn in_quarantine(host: &Host, setup: &Setup, name: &str) -> anyhow::Result<String> {
    match host.try_launch(setup).await? {
        Err(LaunchError::Quarantined { plugin, why }) => {
            assert_eq!(plugin, name);
            Ok(why)
        }
        Err(error) => Err(error.into()),
        Ok(_) => bail!("it was launched"),
    }
}

async fn refused_and_released(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = at("quarantine").named("offender");
    let why = offend(&host, &setup).await?;
    assert_eq!(why.as_deref(), Some("system call `mount` refused"));
    // Under whatever policy: it is the plugin that is in quarantine.
    for again in [&setup, &at("deny").named("offender")] {
        let found = in_quarantine(&host, again, "offender").await?;
        assert_eq!(Some(found), why);
    }
    let other = host.launch(&setup.clone().named("other")).await?;
    goes_on(&other).await?;
    other.stop().await?;

    ensure!(!host.release("other"), "it never was in quarantine");
    ensure!(host.release("offender"), "it was in quarantine");
    let back = host.launch(&setup).await?;
    goes_on(&back).await?;
    assert_eq!(back.stop().await?.quarantined, None);
    // Let go once is not let go for ever.
    offend(&host, &setup).await?;
    in_quarantine(&host, &setup, "offender").await?;
    Ok(())
}

async fn killed(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    assert_eq!(offend(&host, &at("kill")).await?, None);
    let again = host.launch(&at("kill")).await?;
    goes_on(&again).await?;
    again.stop().await?;
    Ok(())
}

async fn killed_by_the_kernel(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let filtered = at("quarantine").named("filtered");
    let probe = host.launch(&filtered).await?;
    let installed = probe.call("second_filter", json!({})).await?;
    assert_eq!(installed, json!({ "ok": true }));
    let ended = probe.call_to_end("execute", json!({})).await?;
    let filter = record(&ended, |act| matches!(act, Act::Filter { .. }))?;
    assert_eq!(filter.reaction, Reaction::Quarantine);
    in_quarantine(&host, &filtered, "filtered").await?;

    let policy = "violations: { memory: { reaction: quarantine } }";
    let eater = Setup::probe("").named("eater").policy(policy);
    let probe = host.launch(&eater).await?;
    let ended = probe
        .call_to_end("touch_memory", json!({ "mib": 200 }))
        .await?;
    ensure!(ended.quarantined.is_some(), "{ended:?}");
    in_quarantine(&host, &eater, "eater").await?;
    Ok(())
}
