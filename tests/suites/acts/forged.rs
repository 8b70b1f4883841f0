//! A shim in somebody else's hands, and what it asks for.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::Tree;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("acts: a forged ask is held to the policy", held),
        Case::asynchronous("acts: an ask too large for any ends the plugin", too_large),
        Case::asynchronous(
            "acts: a number that is under way ends the plugin",
            duplicate,
        ),
        Case::asynchronous(
            "acts: thousands at once are answered, most of them that it is too much",
            thousands,
        ),
        Case::asynchronous(
            "acts: one that asks and never listens is ended and takes no memory",
            deaf,
        ),
        Case::asynchronous("acts: nothing is done for a plugin that is over", over),
        Case::asynchronous(
            "acts: nothing is done for a call that is not under way",
            no_call,
        ),
    ]
}

async fn probe(host: &Host, tree: &Tree) -> anyhow::Result<Session> {
    let policy = format!("permissions: ['file:write:{}']", tree.at("out"));
    host.launch(&Setup::probe("").policy(&policy)).await
}

fn rule(reason: &EndReason) -> anyhow::Result<&str> {
    match reason {
        EndReason::Protocol { what } => Ok(what),
        other => bail!("{other:?}"),
    }
}

async fn held(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let probe = probe(&host, &tree).await?;
    let write = |path: &str| json!({ "path": path, "content": "x" });
    assert_eq!(
        probe.call("act_write", write(&tree.at("out/a"))).await?,
        "done"
    );
    assert_eq!(tree.text("out/a")?, "x");
    let window = probe
        .call("act_close_window", json!({ "number": 1 }))
        .await?;
    assert_eq!(window, json!({ "denied": "window:close" }));
    let secret = tree.at("other/secret");
    for path in [
        &secret,
        &tree.at("out/../other/secret"),
        &tree.at("out//a"),
        &tree.at("out/./a"),
        &tree.at("out/a\0b"),
        &tree.at("out/a\nb"),
        "",
        "/",
        "a",
        "out/a",
        "/proc/self/mem",
        "/proc/self/root/etc/x",
        "/dev/null",
    ] {
        let outcome = probe.call("act_write", write(path)).await?;
        assert_eq!(outcome, json!({ "denied": format!("file:write:{path}") }));
    }
    let out = json!({ "path": tree.at("out/a"), "to": secret });
    let outcome = probe.call("act_rename", out).await?;
    assert_eq!(outcome, json!({ "denied": format!("file:write:{secret}") }));
    for program in ["sh", "/bin/sh", ""] {
        let outcome = probe.call("act_run", json!({ "program": program })).await?;
        assert_eq!(outcome, json!({ "denied": format!("exec:run:{program}") }));
    }
    assert_eq!(tree.text("other/secret")?, "secret");
    assert_eq!(tree.names("out")?, ["a"]);
    probe.stop().await?;
    Ok(())
}

async fn too_large(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let path = tree.at("out/a");
    let policy = format!(
        "filesystem: {{ write: [{}], sizes: {{ write: 64KiB }} }}",
        tree.at("out")
    );
    let setup = Setup::probe("").policy(&policy);
    let session = host.launch(&setup).await?;
    let bytes = |bytes: u32| json!({ "path": path, "bytes": bytes });
    assert_eq!(
        session.call("act_write_bytes", bytes(65_536)).await?,
        "done"
    );
    assert_eq!(
        session.call("act_write_bytes", bytes(65_537)).await?,
        json!({ "limit": ["filesystem.sizes.write", 65_537, 65_536] })
    );
    let ended = session
        .call_to_end("act_write_bytes", bytes(8 << 20))
        .await?;
    ensure!(
        rule(&ended.reason)?.contains("exceeds the limit"),
        "{:?}",
        ended.reason
    );
    for (function, arguments, part) in [
        (
            "act_long_path",
            json!({ "bytes": 5000 }),
            "the path is too large",
        ),
        (
            "act_run",
            json!({ "program": "p".repeat(300) }),
            "the name of a program is too large",
        ),
        (
            "act_run",
            json!({ "program": "p", "arguments": 1025 }),
            "the list of arguments is too large",
        ),
    ] {
        let session = host.launch(&setup).await?;
        let ended = session.call_to_end(function, arguments).await?;
        ensure!(rule(&ended.reason)?.contains(part), "{:?}", ended.reason);
    }
    Ok(())
}

async fn duplicate(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    // The second one comes in the middle of the first, or else it is none of the kind: then the
    // answer to a call that was never asked for tells.
    let probe = probe(&host, &tree).await?;
    let path = tree.at("out/a");
    let twice = json!({ "path": path });
    let answered = probe.call("act_twice", twice).await;
    let ended = probe.ended_or_stopped().await;
    match ended.reason {
        EndReason::Stopped => assert_eq!(answered?, Value::Null),
        reason => {
            let number = u64::MAX;
            let what = format!("an ask of the number {number}, which is under way");
            assert_eq!(rule(&reason)?, what);
        }
    }
    Ok(())
}

async fn thousands(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let probe = probe(&host, &tree).await?;
    let many = json!({ "path": tree.at("out/none"), "count": 3000 });
    let kinds = probe.call("act_many", many).await?;
    let count = |kind: &str| kinds[kind].as_u64().unwrap_or(0);
    assert_eq!(count("NotFound") + count("Busy"), 3000, "{kinds}");
    ensure!(count("NotFound") >= 64, "{kinds}");
    let denied = json!({ "path": tree.at("other/secret"), "count": 1000 });
    let kinds = probe.call("act_many", denied).await?;
    assert_eq!(kinds, json!({ "denied": 1000 }));
    let ended = probe.stop().await?;
    assert_eq!(ended.violation_count, 1000);
    assert_eq!(tree.text("other/secret")?, "secret");
    Ok(())
}

async fn deaf(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let policy = "resources: { time: { call: 60s, cpu_per_call: 60s } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let deaf = json!({ "path": tree.at("other") });
    let ended = probe.call_to_end("act_deaf", deaf).await?;
    match &ended.reason {
        // Whichever is sooner: it depends on how fast it asks.
        EndReason::WallTime { .. } | EndReason::CpuTime { .. } => {}
        reason => assert_eq!(
            rule(reason)?,
            "it does not read the answers to what it asks for"
        ),
    }
    Ok(())
}

async fn over(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let session = probe(&host, &tree).await?;
    let path = tree.at("out/late");
    session
        .call("act_after_shutdown", json!({ "path": path }))
        .await?;
    session.ended_or_stopped().await;
    assert_eq!(tree.names("out")?, Vec::<String>::new());
    // Of what it asked for before it left, some is done; nothing is once the end is told.
    let session = probe(&host, &tree).await?;
    let leave = json!({ "path": tree.at("out"), "count": 50 });
    let ended = session.call_to_end("act_and_leave", leave).await?;
    assert_eq!(ended.reason, EndReason::Exit { code: 0 });
    let names = tree.names("out")?;
    ensure!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(tree.names("out")?, names);
    Ok(())
}

async fn no_call(world: &World) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let probe = probe(&host, &tree).await?;
    let path = tree.at("out/a");
    probe
        .call("act_write", json!({ "path": path, "content": "x" }))
        .await?;
    let outcome = probe
        .call("act_for_no_call", json!({ "path": path }))
        .await?;
    assert_eq!(
        outcome,
        json!({ "Interrupted": "the call it was asked for is over" })
    );
    assert_eq!(tree.text("out/a")?, "x");
    probe.stop().await?;
    Ok(())
}
