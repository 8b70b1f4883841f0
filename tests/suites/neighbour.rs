//! While one plugin attacks, the one beside it answers every call as if it were alone.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::resident::{Idle, MOST_GROWTH};
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::storm::{Attacker, Storm, by_a_plugin, by_the_probe};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use crate::forbidden::REFUSED_ONLY;
use crate::hostile::SHORT;
use crate::story::everyday;

/// How often a storm is made.
const ROUNDS: u64 = 3;

/// An attack: who makes it, and which function with which arguments.
struct Attack {
    setup: Setup,
    function: &'static str,
    arguments: Value,
}

pub(crate) fn probe_cases() -> Vec<Case> {
    let mut cases = attacks_of_the_probe();
    cases.extend(storms("probe", || Ok(by_the_probe())));
    cases
}

fn attacks_of_the_probe() -> Vec<Case> {
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
    let mut cases = attacks_of_javascript(js);
    cases.extend(storms(js.name(), move || by_a_plugin(js)));
    cases
}

fn attacks_of_javascript(js: Js) -> Vec<Case> {
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

/// The attacks that the bench measures, each for some rounds.
fn storms(by: &str, storms: impl Fn() -> anyhow::Result<Vec<Storm>>) -> Vec<Case> {
    match storms() {
        Ok(storms) => storms
            .into_iter()
            .map(|storm| {
                let name = format!("neighbour: in a storm of {}", storm.name);
                Case::asynchronous(name, async move |world: &World| {
                    in_a_storm(world, &storm).await
                })
            })
            .collect(),
        Err(error) => {
            let error = format!("{error:#}");
            let name = format!("neighbour: storms by {by}");
            vec![Case::new(name, move |_| bail!("{error}"))]
        }
    }
}

async fn in_a_storm(world: &World, storm: &Storm) -> anyhow::Result<()> {
    let host = world.host()?;
    let neighbour = Neighbour::launch(&host).await?;
    let mut attacker = Attacker::new(&host, storm).await?;
    let idle = Idle::now()?;
    let over = Cell::new(false);
    let rounds = Cell::new(0);
    let attacking = async {
        // The first look is before the first round.
        let struck = attacker.strike(|| rounds.replace(rounds.get() + 1) == ROUNDS);
        let struck = struck.await;
        over.set(true);
        struck
    };
    let (struck, answered) = tokio::join!(attacking, neighbour.answers_until(&over));
    struck?;
    answered?;
    let growth = idle.growth()?;
    ensure!(growth < MOST_GROWTH, "the engine grew by {growth} bytes");
    attacker.stop().await?;
    neighbour.noticed_nothing().await
}

async fn beside(world: &World, attack: &Attack) -> anyhow::Result<()> {
    let host = world.host()?;
    let neighbour = Neighbour::launch(&host).await?;
    let attacker = host.launch(&attack.setup).await?;
    let idle = Idle::now()?;
    let over = Cell::new(false);
    let arguments = Payload::Json(attack.arguments.to_string());
    let attacking = async {
        drop(attacker.try_call(attack.function, arguments).await);
        over.set(true);
    };
    let ((), answered) = tokio::join!(attacking, neighbour.answers_until(&over));
    answered?;
    let growth = idle.growth()?;
    ensure!(growth < MOST_GROWTH, "the engine grew by {growth} bytes");
    neighbour.noticed_nothing().await?;
    drop(attacker.ended_or_stopped().await);
    Ok(())
}

/// The plugin beside the one that attacks.
struct Neighbour {
    session: Session,
    pid: u32,
}

impl Neighbour {
    async fn launch(host: &Host) -> anyhow::Result<Self> {
        let setup = everyday(Js::QuickJs)?.named("neighbour");
        let session = host.launch(&setup).await?;
        let pid = session.pid();
        Ok(Self { session, pid })
    }

    /// Holds that every call is answered, until the attack is over and once more.
    async fn answers_until(&self, over: &Cell<bool>) -> anyhow::Result<()> {
        let mut answered: u64 = 0;
        loop {
            let last = over.get();
            answer(&self.session, answered).await?;
            answered += 1;
            if last {
                ensure!(answered >= 2, "{answered} calls");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn noticed_nothing(self) -> anyhow::Result<()> {
        ensure!(
            self.session.pid() == self.pid && self.session.events().is_empty(),
            "it noticed something"
        );
        let ended = self.session.stop().await?;
        ensure!(ended.violation_count == 0, "{ended:?}");
        Ok(())
    }
}

async fn answer(neighbour: &Session, number: u64) -> anyhow::Result<()> {
    let sum = neighbour.call("add", json!([number, 1])).await;
    let sum = sum.with_context(|| format!("call {number} of the neighbour"))?;
    ensure!(sum == json!(number + 1), "{number} + 1 is not {sum}");
    Ok(())
}
