//! A shim in somebody else's hands, and what it keeps and measures.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "state: forged asks are held to the policy, and those too large end the plugin",
            asks,
        ),
        Case::asynchronous(
            "state: forged measures are bounded, and hostile names end the plugin",
            measures,
        ),
    ]
}

async fn probe(host: &Host, policy: &str) -> anyhow::Result<Session> {
    host.launch(&Setup::probe("").policy(policy)).await
}

async fn asks(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    // Without the section nothing is kept, whoever asks.
    let none = probe(&host, "level: standard").await?;
    for function in ["kv_put", "kv_get", "kv_list"] {
        let denied = none
            .call(function, json!({ "key": "a", "bytes": 1 }))
            .await?;
        assert_eq!(denied, json!({ "denied": "kv" }), "{function}");
    }
    assert_eq!(none.stop().await?.violation_count, 3);

    let probe_with = |policy| probe(&host, policy);
    let kept = probe_with("kv: { size: 1KiB, keys: 30, value: 20B }").await?;
    let many = kept
        .call("kv_many", json!({ "count": 64, "bytes": 20 }))
        .await?;
    assert_eq!(many, json!({ "done": 30, "limit": 34 }));
    let large = kept
        .call("kv_put", json!({ "key": "000", "bytes": 21 }))
        .await?;
    assert_eq!(large, json!({ "limit": ["kv.value", 21, 20] }));
    let empty = kept
        .call("kv_put", json!({ "key": "", "bytes": 1 }))
        .await?;
    ensure!(empty.get("Other").is_some(), "{empty}");
    let longest = kept.call("kv_get", json!({ "key_bytes": 512 })).await?;
    assert_eq!(longest, "done");
    for (function, arguments, what) in [
        ("kv_get", json!({ "key_bytes": 513 }), "key"),
        (
            "kv_put",
            json!({ "key": "a", "bytes": (1 << 20) + 1 }),
            "value of a key",
        ),
    ] {
        let probe = probe_with("kv: { size: 8MiB, value: 1MiB }").await?;
        let whole = json!({ "key": "a", "bytes": 1 << 20 });
        assert_eq!(probe.call("kv_put", whole).await?, "done");
        ended_for(probe, function, arguments, what).await?;
    }
    kept.stop().await?;
    Ok(())
}

async fn measures(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let flood = probe(&host, "level: standard").await?;
    flood.call("measure_many", json!({ "count": 1200 })).await?;
    flood
        .call("measure", json!({ "name": "m7", "value": "" }))
        .await?;
    let report = flood.metrics();
    assert_eq!((report.metrics.len(), report.refused), (1000, 201));
    flood.stop().await?;
    let good = json!({ "name": "m", "value": "\"} 1\nx{ \u{1b}[2J" });
    for name in ["a{b=\"c\"} 1\nd", &"a".repeat(65)] {
        let probe = probe(&host, "level: standard").await?;
        probe.call("measure", good.clone()).await?;
        assert_eq!(probe.metrics().metrics.len(), 1);
        let wrong = json!({ "name": name, "value": "" });
        ended_for(probe, "measure", wrong, "name of a measure").await?;
    }
    Ok(())
}

async fn ended_for(
    probe: Session,
    function: &str,
    arguments: Value,
    what: &str,
) -> anyhow::Result<()> {
    match probe.call_to_end(function, arguments).await?.reason {
        EndReason::Protocol { what: found } if found.contains(what) => Ok(()),
        other => bail!("{function}: {other:?}"),
    }
}
