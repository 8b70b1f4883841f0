//! A way out changes nothing else: other sockets are refused and reported as before, and who has no
//! grant has no socket at all.

use lazaret::event::EndReason;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use super::{Echo, said};
use crate::forbidden::syscall;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("egress: every other socket is refused and reported", others),
        Case::asynchronous("egress: without a grant there is no socket", none),
        Case::asynchronous(
            "egress: a refusal ends the plugin where the policy says so",
            kill,
        ),
    ]
}

async fn others(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(1)?;
    let policy = format!("level: minimal\n{}", echo.granted());
    let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
    let asks = [
        "socket_netlink",
        "socket_packet",
        "socket_raw",
        "socket_tcp",
        "socket_udp_6",
        // Of the family, and not of the kind.
        "socket_unix",
        "socket_vsock",
    ];
    for ask in asks {
        let answer = probe.call(ask, json!({})).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{ask}");
    }
    for name in ["bind", "listen"] {
        let answer = probe.call("call", json!({ "name": name })).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{name}");
    }
    let answer = said(&probe, echo.ask("localhost", "still")).await?;
    assert!(answer.ends_with("still"), "{answer}");
    let ended = probe.stop().await?;
    let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    let mut wanted = vec!["socket"; asks.len()];
    wanted.extend(["bind", "listen"]);
    assert_eq!(named, wanted);
    Ok(())
}

async fn none(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host
        .launch(&Setup::probe("").policy("level: minimal"))
        .await?;
    let there = probe.call("egress_socket", json!({})).await?;
    assert_eq!(there, json!({ "errno": "ENOENT" }));
    let made = probe.call("egress", json!({ "say": "" })).await?;
    assert_eq!(made, json!({ "errno": "EPERM" }));
    let ended = probe.stop().await?;
    let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    assert_eq!(named, ["socket"]);
    Ok(())
}

async fn kill(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(1)?;
    let policy = format!(
        "{}violations: {{ network: {{ reaction: kill }} }}\n",
        echo.granted()
    );
    let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
    let answer = said(&probe, echo.ask("localhost", "harmless")).await?;
    assert!(answer.ends_with("harmless"), "{answer}");
    // Whether it still hears the answer is no matter.
    let ask = echo.ask("other.example", "").to_string();
    drop(probe.try_call("egress", Payload::Json(ask)).await);
    let ended = probe.ended().await;
    assert!(
        matches!(ended.reason, EndReason::Violation { .. }),
        "{:?}",
        ended.reason
    );
    Ok(())
}
