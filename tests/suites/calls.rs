//! Results that come in items, and calls that their callers give so long.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::cli::ExitCode;
use lazaret::supervisor::{CallFailure, Items, PluginEvent};
use lazaret_protocol::{CallError, Payload};
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run};
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
    export async function* large() { for (;;) yield new Uint8Array(100_000); }
    export const left = () => lazaret.call.deadline - Date.now();
"#;

pub(crate) fn commands() -> Vec<Case> {
    vec![Case::new(
        "calls: `lazaret run` prints items, takes bytes, and holds a call to its time",
        command_line,
    )]
}

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
        Case::on(
            js,
            "calls: a slow reader costs no plugin its call, and no caller its deadline",
            slow,
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

async fn slow(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let limits = "resources: { time: { call: 4s }, output: { result: 4MiB } }";
    let setup = Setup::javascript(js, "streams", STREAMS).policy(limits);
    let plugin = host.launch(&setup).await?;
    let mut items = plugin.stream("large", json!([])).await?;
    next(&mut items).await?;
    // Longer than all of the plugin's time and what the engine adds to it.
    tokio::time::sleep(Duration::from_secs(6)).await;
    for number in 0..8 {
        let bytes = next(&mut items).await?.bytes();
        ensure!(bytes == 100_000, "{number}: {bytes}");
    }
    drop(items);
    let soon = Some(Duration::from_secs(2));
    let mut items = plugin.stream_within("large", json!([]), soon).await?;
    next(&mut items).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let end = loop {
        match items.next().await {
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    let late = matches!(end, Some(Err(CallFailure::Deadline { limit_ms: 2000 })));
    ensure!(late, "{end:?}");
    plugin.call("howMany", json!([])).await?;
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
        Err(CallFailure::Deadline { limit_ms: 1..=300 }) => {}
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

fn command_line(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let plugin = path("streams.js");
    let source =
        "export function* two(bytes) { yield { length: bytes?.length }; yield bytes ?? 'no'; }
        export const waits = () => new Promise(() => {});";
    fs_err::write(&plugin, source)?;
    let bytes = path("bytes");
    fs_err::write(&bytes, [0, 10, 255])?;
    let call = |arguments: &[&str]| {
        let arguments = ["run", &plugin, "--call"]
            .into_iter()
            .chain(arguments.iter().copied());
        run(command(&world.parts.lazaret(), arguments))
    };
    call(&["two", "--stream", "--bytes", &bytes])?
        .answered("{\"length\":3}\n{\"bytes\":\"AAr/\"}\n")?;
    call(&["two", "--stream", "--raw", "--args", "[\"a\"]"])?
        .answered("{\"length\":1}\n\"a\"\n")?;
    let done = call(&["two", "--stream", "--json"])?;
    let lines: Vec<_> = done.output.lines().collect();
    ensure!(done.code == Some(0) && lines.len() == 3, "{done:?}");
    ensure!(lines[1] == "{\"item\":\"no\"}", "{done:?}");
    ensure!(lines[2].contains("\"error\":null"), "{done:?}");
    let late = ["`waits`", "deadline (timeout 300ms)"];
    call(&["waits", "--timeout", "300ms"])?.failed(ExitCode::WallTime, &late)?;
    call(&["two"])?.failed(
        ExitCode::Result,
        &["`lazaret call --stream` prints its items"],
    )?;
    let loaded = run(command(
        &world.parts.lazaret(),
        ["run", &plugin, "--stream"],
    ))?;
    loaded.failed(ExitCode::Usage, &["`--stream` is for a call", "`--call`"])
}
