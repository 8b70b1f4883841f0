//! A shim in somebody else's hands: results, texts, lists and figures larger than there may be.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::resident::{Idle, MOST_GROWTH};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use crate::protocol::rule;

const SMALL_RESULTS: &str = "resources: { output: { result: 64KiB } }";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "oversized: a result over the limit ends the plugin",
            large_result,
        ),
        Case::asynchronous(
            "oversized: so does one that is a little over it",
            result_little_over,
        ),
        Case::asynchronous(
            "oversized: so do texts and lists larger than any shim's",
            texts_and_lists,
        ),
        Case::asynchronous(
            "oversized: so does a list of functions at the start",
            functions,
        ),
        Case::asynchronous(
            "oversized: a list of a million empty items does not grow the engine",
            empty_items,
        ),
        Case::asynchronous(
            "oversized: figures do not break what is told of an end",
            figures,
        ),
    ]
}

async fn large_result(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(SMALL_RESULTS)).await?;
    let fits = probe
        .call("forge_large_result", json!({ "bytes": 60_000 }))
        .await?;
    assert_eq!(fits.as_str().map(str::len), Some(60_000));
    let ended = probe
        .call_to_end("forge_large_result", json!({ "bytes": 5_000_000 }))
        .await?;
    let what = rule(&ended.reason)?;
    ensure!(what.contains("exceeds the limit"), "{what}");
    Ok(())
}

async fn result_little_over(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("").policy(SMALL_RESULTS);
    // Two quotes are part of it.
    let most = host.launch(&setup).await?;
    most.call("forge_large_result", json!({ "bytes": 65_534 }))
        .await?;
    most.stop().await?;
    let probe = host.launch(&setup).await?;
    let ended = probe
        .call_to_end("forge_large_result", json!({ "bytes": 65_535 }))
        .await?;
    assert_eq!(
        rule(&ended.reason)?,
        "a result of 65537 bytes, with a limit of 65536"
    );
    Ok(())
}

async fn texts_and_lists(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, bytes, what) in [
        ("forge_permission", 1_000_000, "refused permission"),
        ("forge_functions", 2000, "list of functions"),
        ("forge_exception", 1_000_000, "stack of an error"),
        ("forge_crash", 1_000_000, "stack of an error"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        let ended = probe.call_to_end(ask, json!({ "bytes": bytes })).await?;
        assert_eq!(rule(&ended.reason)?, format!("the {what} is too large"));
        ensure!(ended.violation_count == 0, "{ask}: {ended:?}");
    }
    Ok(())
}

async fn functions(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let ended = host
        .launch_to_end(&Setup::probe("too many functions"))
        .await?;
    assert_eq!(rule(&ended.reason)?, "the list of functions is too large");
    Ok(())
}

async fn empty_items(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, list) in [
        ("frame_many_names", "list of functions"),
        ("frame_many_functions", "list of functions"),
        ("frame_many_differences", "list of differences"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        let memory = Idle::now()?;
        let ended = probe.call_to_end(ask, json!({})).await?;
        let growth = memory.growth()?;
        ensure!(
            growth < MOST_GROWTH,
            "{ask}: the engine grew by {growth} bytes"
        );
        assert_eq!(rule(&ended.reason)?, format!("the {list} is too large"));
    }
    Ok(())
}

async fn figures(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    let answer = probe.call("forge_figures", json!({ "count": 1 })).await?;
    assert_eq!(answer, json!(1));
    let ended = probe
        .call_to_end("touch_memory", json!({ "mib": 1024 }))
        .await?;
    let EndReason::OutOfMemory {
        limit_bytes,
        heap_bytes,
        ..
    } = ended.reason
    else {
        bail!("{ended:?}")
    };
    assert_eq!(limit_bytes, 64 << 20);
    let shown = ended.reason.to_string();
    ensure!(
        shown.starts_with("out of memory (memory.max 64MiB, peak 6"),
        "{shown}"
    );
    // More than there is memory for is nobody's heap.
    ensure!(heap_bytes.is_none_or(|heap| heap == u64::MAX), "{shown}");
    Ok(())
}
