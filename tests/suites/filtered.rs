//! Behind the second filter, which the probe puts on by the shim's own code: what the first filter
//! reports still reaches the engine, and of the rest next to nothing is left.

use anyhow::{Context, bail};
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::json;

use crate::forbidden::{REFUSED_ONLY, reported, syscall};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "filtered: a reported call ends the plugin by its name [standard]",
            ends_it,
        ),
        Case::asynchronous(
            "filtered: each reported call is refused and named [minimal]",
            refused_and_named,
        ),
        Case::asynchronous(
            "filtered: other calls of no use are refused without a report",
            refused_quietly,
        ),
        Case::asynchronous("filtered: what a running engine needs is left", left),
    ]
}

/// The probe behind both filters.
async fn filtered(host: &Host, policy: &str) -> anyhow::Result<Session> {
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let installed = probe.call("second_filter", json!({})).await?;
    assert_eq!(installed, json!({ "ok": true }));
    Ok(probe)
}

async fn ends_it(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for (ask, arguments, call) in [
        ("call", json!({ "name": "mount" }), "mount"),
        ("call", json!({ "name": "ptrace" }), "ptrace"),
        ("call", json!({ "name": "unshare" }), "unshare"),
        ("call", json!({ "name": "setuid" }), "setuid"),
        ("socket_tcp", json!({}), "socket"),
        ("clone_new_user", json!({}), "clone"),
        ("clone_as_fork", json!({}), "clone"),
    ] {
        let probe = filtered(&host, "level: standard").await?;
        let ended = probe.call_to_end(ask, arguments).await?;
        match &ended.reason {
            EndReason::ForbiddenSyscall {
                name,
                arguments: Some(_),
            } => assert_eq!(name, call),
            other => bail!("{call}: {other:?}"),
        }
        let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
        assert_eq!(named, [call]);
    }
    Ok(())
}

async fn refused_and_named(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = filtered(&host, REFUSED_ONLY).await?;
    let reported = reported();
    for (ask, arguments, name) in &reported {
        let answer = probe
            .call(ask, arguments.clone())
            .await
            .with_context(|| (*name).to_owned())?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{ask} {arguments}");
    }
    let ended = probe.stop().await?;
    let expected: Vec<_> = reported.iter().map(|(_, _, name)| *name).collect();
    let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    assert_eq!(named, expected);
    Ok(())
}

async fn refused_quietly(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = filtered(&host, "level: standard").await?;
    for ask in [
        "socket_pair",
        "thread",
        "clone_thread",
        "clone_3",
        "map_executable",
        "protect_executable",
        "kill_all",
    ] {
        let answer = probe.call(ask, json!({})).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{ask}");
    }
    for name in ["prctl", "capset", "chown", "sync", "link"] {
        let answer = probe.call("call", json!({ "name": name })).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{name}");
    }
    let write = probe.call("write", json!({ "path": "/tmp/x" })).await?;
    assert_eq!(write, json!({ "errno": "EPERM" }));
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn left(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = filtered(&host, "level: standard").await?;
    for (ask, arguments, answer) in [
        ("get_process_id", json!({}), json!(1)),
        ("map_plain", json!({}), json!(null)),
        ("protect_plain", json!({}), json!(null)),
        (
            "read",
            json!({ "path": "/plugin/main.js" }),
            json!("// probe: \n"),
        ),
    ] {
        let found = probe.call(ask, arguments).await?;
        assert_eq!(found, json!({ "ok": answer }), "{ask}");
    }
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}
