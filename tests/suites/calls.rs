//! Results that come in items, and calls that their callers give so long.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::supervisor::{CallFailure, Items, PluginEvent};
use lazaret_protocol::{CallError, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::host::lock;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;

/// Limits that no call of these cases reaches before the case's own.
const LONG: &str =
    "resources: { time: { call: 10m, cpu_per_call: 10m }, output: { result: 4MiB } }";

const STREAMS: &str = r#"
    let made = 0;
    export async function* count() {
        const { signal } = lazaret.call;
        try {
            for (;;) { await null; made++; yield made; }
        } finally {
            console.log(`over: ${signal.reason?.name}`);
        }
    }
    export const howMany = () => made;
    export const readable = (n) => new ReadableStream({
        pull(controller) {
            if (n-- > 0) controller.enqueue(new Uint8Array(1000).fill(n));
            else controller.close();
        },
    });
    export const waits = () => new Promise((_, no) => {
        const { signal } = lazaret.call;
        signal.onabort = () => { console.log(signal.reason.name); no(signal.reason); };
    });
    export const left = () => lazaret.call.deadline - Date.now();
"#;

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "calls: items come while they are read, and a stream that is left ends",
            items,
        ),
        Case::on(
            js,
            "calls: the sooner of a caller's deadline and the policy's limit holds, and reaches the plugin",
            deadlines,
        ),
    ]
}

async fn next(items: &mut Items) -> anyhow::Result<Payload> {
    let item = items.next().await.context("it has ended")?;
    item.map_err(|failure| anyhow::anyhow!("{failure:?}"))
}

async fn items(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::javascript(js, "streams", STREAMS).policy(LONG);
    let plugin = host.launch(&setup).await?;
    // Four times what may be under way.
    let mut whole = plugin.stream("readable", json!([1000])).await?;
    for left in (0..1000).rev() {
        let expected = vec![u8::try_from(left % 256)?; 1000];
        ensure!(
            next(&mut whole).await? == Payload::Bytes(expected),
            "{left}"
        );
    }
    ensure!(whole.next().await.is_none(), "it goes on");

    let mut endless = plugin.stream("count", json!([])).await?;
    for number in 1..=10 {
        assert_eq!(next(&mut endless).await?, Payload::Json(number.to_string()));
    }
    // It stands still at what may be sent ahead.
    let mut made = plugin.call("howMany", json!([])).await?;
    loop {
        let later = plugin.call("howMany", json!([])).await?;
        if later == made {
            break;
        }
        made = later;
    }
    let most = lazaret::supervisor::STREAM_WINDOW / lazaret_protocol::ITEM_BYTES + 1;
    ensure!(made.as_u64().is_some_and(|made| made <= most), "{made}");
    drop(endless);
    let events = plugin.later_events();
    loop {
        let over = lock(&events).iter().any(
            |event| matches!(event, PluginEvent::Log { text, .. } if text == "over: AbortError"),
        );
        if over {
            break;
        }
        plugin.call("howMany", json!([])).await?;
    }
    plugin.stop().await?;
    Ok(())
}

async fn deadlines(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup =
        Setup::javascript(js, "streams", STREAMS).policy("resources: { time: { call: 30s } }");
    let plugin = host.launch(&setup).await?;
    let soon = Duration::from_millis(300);
    match plugin.call_within("waits", json!([]), soon).await {
        Err(CallFailure::Deadline { limit_ms: 300 }) => {}
        other => bail!("{other:?}"),
    }
    let later = Duration::from_secs(600);
    match plugin.call_within("left", json!([]), later).await {
        Ok(Payload::Json(text)) => {
            let left: f64 = text.parse()?;
            ensure!((1.0..=30_000.0).contains(&left), "{left}");
        }
        other => bail!("{other:?}"),
    }
    let short = setup.policy("resources: { time: { call: 300ms } }");
    plugin.apply(&short).await??;
    match plugin.call_within("waits", json!([]), later).await {
        Err(CallFailure::Call(CallError::WallTime { limit_ms: 300 })) => {}
        other => bail!("{other:?}"),
    }
    // Answered after what the end of the call before left to do.
    plugin.call("howMany", json!([])).await?;
    let events = plugin.later_events();
    plugin.stop().await?;
    let aborted = |event: &&PluginEvent| matches!(event, PluginEvent::Log { text, .. } if text == "TimeoutError");
    assert_eq!(lock(&events).iter().filter(aborted).count(), 2);
    Ok(())
}
