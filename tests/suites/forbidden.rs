//! System calls that no plugin has any business with, tried from inside by the probe.

use anyhow::{Context, bail, ensure};
use lazaret::event::{Act, EndReason, Violation};
use lazaret_protocol::{Payload, REPORTED_SYSTEM_CALLS};
use lazaret_tests::case::Case;
use lazaret_tests::patience::patience;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

/// A policy under which a reported call is refused and nothing more.
pub(crate) const REFUSED_ONLY: &str = "level: minimal";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "forbidden: each call is refused and named [minimal]",
            each_is_refused,
        ),
        Case::asynchronous(
            "forbidden: each call ends the plugin by its name [standard]",
            each_ends_it,
        ),
        Case::asynchronous(
            "forbidden: a call that ends the plugin never returns to it",
            never_returns,
        ),
        Case::asynchronous(
            "forbidden: calls of no use are refused without a report",
            refused_quietly,
        ),
        Case::asynchronous(
            "forbidden: harmless twins succeed under every level",
            harmless_twins,
        ),
        Case::asynchronous(
            "forbidden: calls of the 32-bit table end the plugin",
            async |world: &World| foreign_table(world, "call_32_bit").await,
        ),
        Case::asynchronous(
            "forbidden: calls of the x32 table end the plugin",
            async |world: &World| foreign_table(world, "call_x32").await,
        ),
        Case::asynchronous("forbidden: executable memory", executable_memory),
    ]
}

/// What is reported: the ask, its arguments, the call's name. A call that the probe does not know
/// is answered with no errno, which no case takes for a refusal.
pub(crate) fn reported() -> Vec<(&'static str, Value, &'static str)> {
    let calls = REPORTED_SYSTEM_CALLS
        .iter()
        .map(|&name| ("call", json!({ "name": name }), name));
    let asks = [
        ("clone_as_fork", "clone"),
        ("clone_as_vfork", "clone"),
        ("clone_new_user", "clone"),
        ("socket_raw", "socket"),
        ("socket_tcp", "socket"),
        ("socket_udp_6", "socket"),
        ("socket_unix", "socket"),
        ("socket_netlink", "socket"),
        ("socket_packet", "socket"),
        ("socket_vsock", "socket"),
    ];
    let asks = asks.into_iter().map(|(ask, name)| (ask, json!({}), name));
    calls.chain(asks).collect()
}

async fn each_is_refused(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    let reported = reported();
    let mut wrong = Vec::new();
    for (ask, arguments, name) in &reported {
        let answer = probe
            .call(ask, arguments.clone())
            .await
            .with_context(|| format!("{ask} {arguments}"))?;
        if answer != json!({ "errno": "EPERM" }) {
            wrong.push(format!("{ask} {arguments} ({name}): {answer}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let ended = probe.stop().await?;
    let expected: Vec<_> = reported.iter().map(|(_, _, name)| *name).collect();
    let named: Vec<_> = ended.violations.iter().filter_map(syscall).collect();
    assert_eq!(named, expected);
    assert_eq!(usize::try_from(ended.violation_count)?, expected.len());
    Ok(())
}

pub(crate) fn syscall(violation: &Violation) -> Option<&str> {
    match &violation.act {
        Act::Syscall(call) => Some(&call.name),
        _ => None,
    }
}

async fn each_ends_it(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let mut wrong = Vec::new();
    for (ask, arguments, name) in reported() {
        let shown = format!("{ask} {arguments} ({name})");
        let probe = host.launch(&Setup::probe("")).await?;
        let asked = probe
            .try_call(ask, Payload::Json(arguments.to_string()))
            .await;
        let patience = patience(std::time::Duration::from_secs(10));
        let Ok(ended) = tokio::time::timeout(patience, probe.ended()).await else {
            wrong.push(format!("{shown}: it goes on after {asked:?}"));
            continue;
        };
        match &ended.reason {
            EndReason::ForbiddenSyscall {
                name: found,
                arguments: Some(_),
            } if found == name => {}
            other => wrong.push(format!("{shown}: {other:?} after {asked:?}")),
        }
        if ended.violations.iter().filter_map(syscall).ne([name]) {
            wrong.push(format!("{shown}: {:?}", ended.violations));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    Ok(())
}

async fn never_returns(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for _ in 0..20 {
        let probe = host.launch(&Setup::probe("")).await?;
        let ended = probe
            .call_to_end("call", json!({ "name": "mount" }))
            .await?;
        ensure!(
            matches!(ended.reason, EndReason::ForbiddenSyscall { .. }),
            "{ended:?}"
        );
    }
    Ok(())
}

async fn refused_quietly(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    for name in [
        "chown",
        "clock_settime",
        "link",
        "msgget",
        "pkey_alloc",
        "remap_file_pages",
        "setdomainname",
        "setpgid",
        "setrlimit",
        "setsid",
        "settimeofday",
        "shmget",
        "symlink",
        "sync",
    ] {
        let answer = probe.call("call", json!({ "name": name })).await?;
        assert_eq!(answer, json!({ "errno": "EPERM" }), "{name}");
    }
    for (ask, errno) in [
        // The C library then takes clone, whose flags the filter sees.
        ("clone_3", "ENOSYS"),
        ("socket_pair_inet", "EPERM"),
        ("kill_all", "ESRCH"),
    ] {
        assert_eq!(
            probe.call(ask, json!({})).await?,
            json!({ "errno": errno }),
            "{ask}"
        );
    }
    // Allowed by the filter and of no use: there is nothing to be gained.
    let answer = probe.call("call", json!({ "name": "capset" })).await?;
    ensure!(answer.get("errno").is_some(), "capset: {answer}");
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn harmless_twins(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    for level in ["minimal", "standard", "maximum"] {
        let setup = Setup::probe("").policy(&format!("level: {level}"));
        let probe = host.launch(&setup).await?;
        for (ask, arguments, answer) in [
            ("get_process_id", json!({}), json!(1)),
            ("socket_pair", json!({}), json!("x")),
            ("thread", json!({}), json!(true)),
            ("clone_thread", json!({}), json!(true)),
            ("call", json!({ "name": "prctl" }), json!(1)),
            ("threads", json!({ "at_most": 8 }), json!(8)),
            ("map_plain", json!({}), json!(null)),
            ("protect_plain", json!({}), json!(null)),
            ("touch_memory", json!({ "mib": 8 }), json!(8)),
            ("open_files", json!({ "at_most": 32 }), json!(32)),
            ("write", json!({ "path": "/tmp/file" }), json!(null)),
            ("read", json!({ "path": "/tmp/file" }), json!("h")),
            ("remove", json!({ "path": "/tmp/file" }), json!(null)),
            ("kill_parent_group", json!({}), json!(0)),
        ] {
            let found = probe.call(ask, arguments).await?;
            // Of the groups `directory-changes` and `signals`, which that level does not leave.
            let optional = ["remove", "kill_parent_group"].contains(&ask);
            let expected = match optional && level == "maximum" {
                true => json!({ "errno": "EPERM" }),
                false => json!({ "ok": answer }),
            };
            assert_eq!(found, expected, "{ask} under level {level}");
        }
        assert_eq!(probe.stop().await?.violation_count, 0);
    }
    Ok(())
}

async fn foreign_table(world: &World, ask: &str) -> anyhow::Result<()> {
    if !cfg!(target_arch = "x86_64") {
        return Err(
            lazaret_tests::case::Skip("this processor has no such table".to_owned()).into(),
        );
    }
    let host = world.host()?;
    for policy in [REFUSED_ONLY, "level: standard"] {
        let probe = host.launch(&Setup::probe("").policy(policy)).await?;
        assert_eq!(
            probe.call("get_process_id", json!({})).await?,
            json!({ "ok": 1 })
        );
        match probe.call_to_end(ask, json!({})).await?.reason {
            // The kernel does not tell which call it was, so none may be made up.
            EndReason::ForbiddenSyscall { name, .. } => {
                ensure!(name != "execve", "it is named `{name}`")
            }
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

async fn executable_memory(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("")).await?;
    for ask in ["map_executable", "protect_executable"] {
        assert_eq!(
            probe.call(ask, json!({})).await?,
            json!({ "errno": "EPERM" }),
            "{ask}"
        );
    }
    probe.stop().await?;
    Ok(())
}
