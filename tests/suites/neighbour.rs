//! While one plugin attacks, the one beside it answers every call as if it were alone.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, ensure};
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use crate::forbidden::REFUSED_ONLY;
use crate::hostile::SHORT;
use crate::story::everyday;

/// An attack: who makes it, and which function with which arguments.
struct Attack {
    setup: Setup,
    function: &'static str,
    arguments: Value,
}

pub(crate) fn probe_cases() -> Vec<Case> {
    [
        (
            "a fork bomb",
            "fork_bomb",
            json!({ "at_most": 2000 }),
            REFUSED_ONLY,
        ),
        (
            "memory over its limit",
            "touch_memory",
            json!({ "mib": 1024 }),
            "level: standard",
        ),
        (
            "too many threads",
            "threads",
            json!({ "at_most": 1000 }),
            "level: standard",
        ),
        (
            "a full /tmp",
            "fill_bytes",
            json!({ "path": "/tmp" }),
            "level: standard",
        ),
        (
            "signals to everybody",
            "kill_all",
            json!({}),
            "level: standard",
        ),
        ("an endless loop", "spin", json!({}), SHORT),
        (
            "a mount",
            "call",
            json!({ "name": "mount" }),
            "level: standard",
        ),
        (
            "a flood of log frames",
            "forge_log_flood",
            json!({ "lines": 2000, "bytes": 50_000 }),
            "level: standard",
        ),
        (
            "a flood of violations",
            "forge_violations",
            json!({ "count": 20_000 }),
            "level: standard",
        ),
        (
            "a forged frame",
            "forge_huge_claim",
            json!({}),
            "level: standard",
        ),
        (
            "descriptors sent along",
            "forge_descriptors",
            json!({}),
            "level: standard",
        ),
        ("a fault", "segfault", json!({}), "level: standard"),
    ]
    .into_iter()
    .map(|(what, function, arguments, policy)| {
        let setup = Setup::probe("").policy(policy);
        let attack = Attack {
            setup,
            function,
            arguments,
        };
        let name = format!("neighbour: beside {what} by the probe");
        Case::asynchronous(name, async move |world: &World| {
            beside(world, &attack).await
        })
    })
    .collect()
}

pub(crate) fn cases(js: Js) -> Vec<Case> {
    [
        ("an endless loop", "endless.js", "loop"),
        ("an endless chain of promises", "endless.js", "chain"),
        ("a memory bomb", "memory.js", "arrays"),
        ("a flood of log lines", "speech.js", "flood"),
        ("polluted prototypes", "reach.js", "pollute"),
    ]
    .into_iter()
    .map(|(what, file, function)| {
        let name = format!("neighbour: beside {what} [{js}]");
        Case::asynchronous(name, async move |world: &World| {
            let source = plugin_source(&format!("hostile/{file}"))?;
            let setup = Setup::javascript(js, "hostile", &source).policy(SHORT);
            let arguments = json!([100_000]);
            beside(
                world,
                &Attack {
                    setup,
                    function,
                    arguments,
                },
            )
            .await
        })
    })
    .collect()
}

async fn beside(world: &World, attack: &Attack) -> anyhow::Result<()> {
    let host = world.host()?;
    let neighbour = host
        .launch(&everyday(Js::QuickJs)?.named("neighbour"))
        .await?;
    let pid = neighbour.pid();
    let attacker = host.launch(&attack.setup).await?;
    let over = Cell::new(false);
    let arguments = Payload::Json(attack.arguments.to_string());
    let attacking = async {
        drop(attacker.try_call(attack.function, arguments).await);
        over.set(true);
    };
    let answering = async {
        let mut answered = 0;
        loop {
            // One more once the attack is over.
            let last = over.get();
            answer(&neighbour, answered).await?;
            answered += 1;
            if last {
                return anyhow::Ok(answered);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (_, answered) = tokio::join!(attacking, answering);
    let answered: u64 = answered?;
    ensure!(answered >= 2, "{answered} calls");
    ensure!(
        neighbour.pid() == pid && neighbour.events().is_empty(),
        "it noticed something"
    );
    let ended = neighbour.stop().await?;
    ensure!(ended.violation_count == 0, "{ended:?}");
    drop(attacker.ended_or_stopped().await);
    Ok(())
}

async fn answer(neighbour: &Session, number: u64) -> anyhow::Result<()> {
    let sum = neighbour.call("add", json!([number, 1])).await;
    let sum = sum.with_context(|| format!("call {number} of the neighbour"))?;
    ensure!(sum == json!(number + 1), "{number} + 1 is not {sum}");
    Ok(())
}
