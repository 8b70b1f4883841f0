//! The channel between shim and engine, with a shim in somebody else's hands. What is tried in
//! the suites `protocol`, `oversized` and `flood` is in the table from here.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret::supervisor::CallFailure;
use lazaret_protocol::Payload;
use lazaret_tests::attack::{About, Layer, Second, Subject};
use lazaret_tests::case::Case;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::{World, together};
use serde_json::json;

use crate::protocol::rule;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "attacks: a frame that no encoder makes ends the plugin",
            impossible,
        ),
        Case::asynchronous(
            "attacks: a channel closed in one direction ends the plugin",
            half_closed,
        ),
        Case::asynchronous(
            "attacks: what is not read is not kept without end",
            never_reads,
        ),
    ]
}

const ALONE: Second = Second::Nothing("the engine alone reads what a shim says");

const fn about(name: &'static str, tries: &'static str) -> About {
    About {
        subject: Subject::Protocol,
        name,
        tries,
        stopped_by: Layer::ChannelBounds,
        second: ALONE,
    }
}

const fn then_by(about: About, layer: Layer) -> About {
    let second = Second::Layer(layer);
    About { second, ..about }
}

/// What is tried here and in the suites named above.
pub(crate) const ABOUTS: [About; 23] = [
    about("garbage", "sends what is no frame"),
    about("claims", "announces a frame of 100 MB, and one of 4 GiB"),
    about(
        "empty and trailing",
        "sends empty frames and frames with more than a message",
    ),
    about("not UTF-8", "sends text that is none"),
    about(
        "unknown message",
        "sends a message of a kind that there is not",
    ),
    about(
        "lengths that overflow",
        "sends lists and texts of 2^64 items",
    ),
    about(
        "numbers without end",
        "sends a number that goes on past the largest",
    ),
    then_by(
        about("frame cut short", "ends in the middle of a frame"),
        Layer::EngineClocks,
    ),
    then_by(
        about("single bytes", "sends a frame byte by byte"),
        Layer::EngineClocks,
    ),
    about(
        "out of order",
        "says before the hello what comes after it, and greets again after it",
    ),
    about("another version", "speaks a later version of the protocol"),
    about(
        "ready after refusal",
        "is ready although it refused what the kernel enforces",
    ),
    about(
        "reply to no call",
        "answers a call that nobody made, or one twice",
    ),
    about(
        "oversized texts and lists",
        "sends more than any shim of ours does",
    ),
    about(
        "lists of nothing",
        "sends lists of a million empty items, each far larger in memory than in a frame",
    ),
    about(
        "oversized results",
        "sends results a little and far over the policy's limit",
    ),
    then_by(
        about("log flood", "logs without end, in large and in empty lines"),
        Layer::EngineClocks,
    ),
    then_by(
        about("violation flood", "tells of refusals without end"),
        Layer::EngineClocks,
    ),
    about("made-up figures", "tells of figures that cannot be"),
    then_by(
        about(
            "half closed",
            "closes one direction of the channel and lives on",
        ),
        Layer::EngineClocks,
    ),
    then_by(
        about("never reads", "takes calls and does not read"),
        Layer::EngineClocks,
    ),
    About {
        subject: Subject::Protocol,
        name: "descriptors sent along",
        tries: "sends descriptors beside a frame",
        stopped_by: Layer::Kernel,
        second: Second::Layer(Layer::Rlimits),
    },
    About {
        subject: Subject::Protocol,
        name: "result that is no JSON",
        tries: "answers with text that is no JSON, for whoever prints it",
        stopped_by: Layer::Escaping,
        second: Second::Nothing("a caller of the library reads it by itself"),
    },
];

async fn impossible(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, part) in [
        ("frame_not_utf8", "holds no well-formed message"),
        ("frame_unknown", "holds no well-formed message"),
        ("frame_long_list", "holds no well-formed message"),
        ("frame_endless_number", "holds no well-formed message"),
        ("frame_too_short", "holds no well-formed message"),
        ("frame_largest_claim", "frame of `4294967295` bytes exceeds"),
    ] {
        let probe = host.launch(&Setup::probe("")).await?;
        let ended = probe.call_to_end(ask, json!({})).await?;
        let what = rule(&ended.reason)?;
        ensure!(what.contains(part), "{ask}: {what}");
    }
    // The twin: a frame by hand that is as an encoder makes it. It is a line of the log.
    let probe = host.launch(&Setup::probe("")).await?;
    let line = json!({ "text": "\u{4}\u{1}\u{0}\u{2}hi\u{0}" });
    let sent = probe.try_call("frame_of_text", Payload::Json(line.to_string()));
    let soon = std::time::Duration::from_millis(500);
    ensure!(
        tokio::time::timeout(soon, sent).await.is_err(),
        "it was answered"
    );
    probe.call("get_process_id", json!({})).await?;
    probe.stop().await?;
    Ok(())
}

async fn half_closed(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { time: { call: 500ms } }";
    for ask in ["half_closed", "deaf"] {
        let probe = host.launch(&Setup::probe("").policy(policy)).await?;
        ensure!(probe.call(ask, json!({})).await? == 1, "{ask}");
        let next = Payload::Json("{}".to_owned());
        match probe.try_call("get_process_id", next).await {
            Err(CallFailure::Ended(
                EndReason::ShimLost { .. } | EndReason::WallTime { limit_ms: 500 },
            )) => {}
            other => bail!("{ask}: {other:?}"),
        }
    }
    Ok(())
}

async fn never_reads(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "resources: { time: { call: 500ms } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    ensure!(probe.call("never_reads", json!({})).await? == 1);
    let large = || Payload::Bytes(vec![0; 4 << 20]);
    let calls = (0..16).map(|_| probe.try_call("facts", large()));
    let answers = together(calls).await;
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(CallFailure::Backlog { .. })))
        .count();
    ensure!(refused > 0, "all of 64 MiB were taken: {answers:?}");
    for answer in &answers {
        match answer {
            Err(CallFailure::Backlog { .. })
            | Err(CallFailure::Ended(EndReason::WallTime { limit_ms: 500 })) => {}
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}
