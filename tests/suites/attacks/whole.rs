//! Attacks in whole containers, made by the engine.

use anyhow::{Context, bail, ensure};
use lazaret::event::EndReason;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::layers::Facts;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::POLICY;
use super::trial::{Came, Native, Trial};
use crate::forbidden::syscall;

/// Nobody to attack is seen from a whole container.
const NOBODY: Facts<'_> = Facts {
    directory: "/nowhere",
    victim: 2,
    address: 0x10_0000,
    key: 1,
};

/// The probe with everything on that the shim puts on.
async fn launch(host: &Host) -> anyhow::Result<Session> {
    let probe = host.launch(&Setup::probe("").policy(POLICY)).await?;
    let layers = json!({ "layers": ["memory", "landlock", "filter"] });
    let guarded = probe.call("guard", layers).await?;
    ensure!(guarded == json!({ "ok": true }), "{guarded}");
    Ok(probe)
}

/// Each attack is stopped by what it must be stopped by, and its twin works before and after.
pub(super) async fn stopped(world: &World, attacks: Vec<Native>) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = launch(&host).await?;
    let mut wrong = Vec::new();
    let mut named = Vec::new();
    let mut deadly = Vec::new();
    for attack in &attacks {
        let name = attack.about.name;
        let expected = attack.attempt.whole().with_context(|| name)?;
        if expected.is_end() {
            deadly.push(attack);
            continue;
        }
        for trial in [&attack.twin, &attack.attempt, &attack.twin] {
            wrong.extend(wrong_answer(&probe, name, trial).await?);
        }
        if let Came::Refused { named: call, .. } = expected {
            named.extend(*call);
        }
    }
    let ended = probe.stop().await?;
    let told: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(told, named, "what the engine was told");
    for attack in deadly {
        kills(&host, attack)
            .await
            .with_context(|| attack.about.name)?;
    }
    Ok(())
}

async fn wrong_answer(
    probe: &Session,
    name: &str,
    trial: &Trial,
) -> anyhow::Result<Option<String>> {
    let expected = trial.whole().context("there is none")?;
    let answer = probe
        .call(trial.ask, trial.arguments(NOBODY))
        .await
        .with_context(|| format!("{name}: {}", trial.ask))?;
    let wrong = || format!("{name}: {}: {answer}, {expected} expected", trial.ask);
    Ok((!expected.is(&answer)).then(wrong))
}

/// An attack that ends its plugin, with the filter for a reason.
async fn kills(host: &Host, attack: &Native) -> anyhow::Result<()> {
    let probe = launch(host).await?;
    let wrong = wrong_answer(&probe, attack.about.name, &attack.twin).await?;
    ensure!(wrong.is_none(), "{wrong:?}");
    let arguments = attack.attempt.arguments(NOBODY);
    let ended = probe.call_to_end(attack.attempt.ask, arguments).await?;
    match (attack.attempt.whole(), ended.reason) {
        (Some(Came::Killed), EndReason::ForbiddenSyscall { .. }) => Ok(()),
        (_, other) => bail!("{other:?}"),
    }
}
