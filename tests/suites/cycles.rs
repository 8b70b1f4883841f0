//! Starting, calling and ending plugins a thousand times leaves engine and launcher as they were.

use std::time::Duration;

use anyhow::{Context, ensure};
use lazaret::supervisor::{CallFailure, LaunchError};
use lazaret_protocol::{CallError, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::host::Host;
use lazaret_tests::leaks::{Snapshot, left_since};
use lazaret_tests::processes::{self, Held};
use lazaret_tests::resident::give_back_free_memory;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;

use crate::story::everyday;

/// How many cycles, where it is not to be [`CYCLES`]: on an emulated processor a thousand take
/// longer than all other cases together.
const NUMBER: &str = "LAZARET_TESTS_CYCLES";

/// How many cycles.
const CYCLES: u64 = 1000;

/// A thousand take about a minute; a tenth of them on an emulated processor, thirteen times as slow,
/// a little more.
pub(crate) const DEADLINE: Duration = Duration::from_secs(600);

/// The part of the cycles before the first look: caches, pools and free lists have filled by then.
const WARM_UP: u64 = 5;

/// How much memory may be had more by the last look, however many cycles lie between, in bytes:
/// pages that the allocator has taken and not given back go up and down by a third of this.
const NOISE: u64 = 256 * 1024;

/// And how much more for each cycle, in bytes: less than anything of a plugin's would take. With
/// both, what takes 400 bytes a cycle is noticed in a thousand.
const NOISE_OF_A_CYCLE: u64 = 64;

/// What is in a cycle, now and then, in place of the everyday.
const ODD_ENDS: [&str; 8] = [
    "out of memory",
    "a fault",
    "a kill",
    "a broken rule",
    "a call's limit",
    "a plugin that does not load",
    "a container that cannot be made",
    "a plugin nobody holds",
];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "cycles: a thousand starts, calls and ends leave nothing",
            |world| world.block_on_within(DEADLINE, thousand(world)),
        ),
        Case::asynchronous(
            "cycles: a descriptor a cycle is noticed",
            async |world: &World| {
                let mut held = Vec::new();
                noticed(world, "descriptors", || {
                    held.push(fs_err::File::open("/dev/null")?);
                    Ok(())
                })
                .await
            },
        ),
        Case::asynchronous(
            "cycles: half a kilobyte a cycle is noticed",
            async |world: &World| {
                let mut held = Vec::new();
                noticed(world, "memory", || {
                    held.push(vec![1_u8; 512]);
                    Ok(())
                })
                .await
            },
        ),
        Case::asynchronous(
            "cycles: a single thread is noticed",
            async |world: &World| {
                let (end, over) = std::sync::mpsc::channel::<()>();
                let mut waits = Some(over);
                let mut cycle = 0;
                let found = noticed(world, "threads", || {
                    cycle += 1;
                    if cycle == CYCLES / 2
                        && let Some(waits) = waits.take()
                    {
                        std::thread::spawn(move || waits.recv());
                    }
                    Ok(())
                })
                .await;
                drop(end);
                found
            },
        ),
    ]
}

/// As many threads as the runtime may have for what blocks, whatever it had before.
const POOL: usize = 8;

/// How many cycles there are to be.
pub(crate) fn number() -> anyhow::Result<u64> {
    match std::env::var(NUMBER) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("`{NUMBER}` is no number: {text}")),
        Err(_) => Ok(CYCLES),
    }
}

async fn thousand(world: &World) -> anyhow::Result<()> {
    let cycles = number()?;
    let host = world.host()?;
    let everyday = everyday(Js::QuickJs)?;
    hold(cycles, async |cycle| {
        if cycle % 10 < 9 {
            let plugin = host.launch(&everyday).await?;
            ensure!(plugin.call("add", json!([cycle, 1])).await? == json!(cycle + 1));
            plugin.stop().await?;
            return Ok(());
        }
        let odd = ODD_ENDS[usize::try_from(cycle / 10)? % ODD_ENDS.len()];
        odd_end(&host, odd)
            .await
            .with_context(|| format!("cycle {cycle}: {odd}"))
    })
    .await
}

async fn odd_end(host: &Host, odd: &str) -> anyhow::Result<()> {
    let ask = match odd {
        "out of memory" => ("touch_memory", json!({ "mib": 1024 })),
        "a fault" => ("segfault", json!({})),
        "a kill" => ("call", json!({ "name": "mount" })),
        "a broken rule" => ("forge_huge_claim", json!({})),
        other => return odd_end_of_javascript(host, other).await,
    };
    let plugin = host.launch(&Setup::probe("")).await?;
    plugin.call_to_end(ask.0, ask.1).await?;
    Ok(())
}

async fn odd_end_of_javascript(host: &Host, odd: &str) -> anyhow::Result<()> {
    let javascript = |main: &str| Setup::javascript(Js::QuickJs, "odd", main);
    match odd {
        "a call's limit" => {
            let policy = "resources: { time: { call: 2s, cpu_per_call: 20ms } }";
            let setup = javascript("export function loop() { for (;;) {} }").policy(policy);
            let plugin = host.launch(&setup).await?;
            let arguments = Payload::Json("[]".to_owned());
            let result = plugin.try_call("loop", arguments).await;
            let ended = matches!(result, Err(CallFailure::Call(CallError::CpuTime { .. })));
            ensure!(ended, "{result:?}");
            plugin.stop().await?;
        }
        "a plugin that does not load" => {
            host.launch_to_end(&javascript("export const broken = (;"))
                .await?;
        }
        "a container that cannot be made" => {
            let setup = javascript("").rootfs(std::path::Path::new("/none/tree"));
            let error = host.try_launch(&setup).await?.err();
            ensure!(matches!(error, Some(LaunchError::Launcher(_))), "{error:?}");
        }
        _ => drop(host.launch(&javascript("")).await?),
    }
    Ok(())
}

/// Holds that what is planted with every cycle is found and named.
async fn noticed(
    world: &World,
    what: &str,
    mut plant: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let host = world.host()?;
    // All that comes with the first plugin is there before the first look.
    host.launch(&everyday(Js::QuickJs)?).await?.stop().await?;
    let found = hold(CYCLES, async |_| plant()).await.err();
    let found = found.context("nothing was found")?.to_string();
    ensure!(found.contains(what), "`{what}` is not in: {found}");
    Ok(())
}

/// Holds that the cycles after the first leave engine and launcher with no more than they had.
pub(crate) async fn hold(
    cycles: u64,
    mut cycle: impl AsyncFnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let warm_up = cycles / WARM_UP;
    for number in 0..warm_up {
        cycle(number).await?;
    }
    let before = Look::now().await?;
    for number in warm_up..cycles {
        cycle(number).await?;
    }
    let after = Look::now().await?;
    let grown = after.more_than(&before, cycles - warm_up);
    ensure!(grown.is_empty(), "{}", grown.join("\n"));
    Ok(())
}

/// What there is between two cycles.
struct Look {
    host: Snapshot,
    engine: Held,
    launcher: Held,
}

impl Look {
    async fn now() -> anyhow::Result<Self> {
        // A plugin nobody holds is stopped in turns of this runtime.
        while processes::named("shim").is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        give_back_free_memory();
        let launcher = processes::named("lazaret-launche").context("there is no launcher")?;
        Ok(Self {
            engine: Held::by(std::process::id())?,
            launcher: Held::by(launcher.id)?,
            host: Snapshot::take(),
        })
    }

    /// What has come since, a line each.
    fn more_than(&self, before: &Self, cycles: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, held, had) in [
            ("engine", &self.engine, &before.engine),
            ("launcher", &self.launcher, &before.launcher),
        ] {
            let mut count = |what, now: usize, then: usize| {
                if now > then {
                    lines.push(format!("{what} of the {name}: {then}, then {now}"));
                }
            };
            count("threads", held.threads, had.threads);
            count("threads of the pool", held.pool, had.pool.max(POOL));
            count("descriptors", held.descriptors, had.descriptors);
            count("mounts", held.mounts, had.mounts);
            count("files", held.files, had.files);
            let more = held.memory.saturating_sub(had.memory);
            if more > NOISE + cycles * NOISE_OF_A_CYCLE {
                lines.push(format!(
                    "memory of the {name}: {more} bytes in {cycles} cycles"
                ));
            }
        }
        if lines.is_empty() {
            // Waits for what is on its way out, which counts are not.
            lines = left_since(&before.host);
        }
        lines
    }
}
