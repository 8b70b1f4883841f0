//! `pure-function.yaml`.

use lazaret_tests::case::Case;
use lazaret_tests::parts::workspace;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::json;

use super::{Starter, killed};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "starters: a pure function computes, by its policy as it is",
            computes,
        ),
        Case::on(
            js,
            "starters: a pure function that asks for anything is ended",
            asks,
        ),
    ]
}

/// With time to start without a compiler on an emulated processor.
fn starter(js: Js) -> anyhow::Result<Starter> {
    let time = ("  time:\n", "  time:\n    startup: 30s\n");
    Starter::new(js, "pure-function", &[time])
}

async fn computes(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&starter(js)?.plugin()?).await?;
    let paid = json!({ "paid": { "Ada": 1000, "Bob": 501 } });
    let owes = json!({ "total": 1501, "owes": { "Ada": -249, "Bob": 249 } });
    assert_eq!(plugin.call("split", paid).await?, owes);
    let thrown = plugin.thrown("split", json!({ "paid": {} })).await?;
    assert_eq!(thrown.message, "nobody has paid anything");
    assert_eq!(plugin.stop().await?.violation_count, 0);
    let read = |path: &str| fs_err::read_to_string(workspace().join(path));
    let copied = read("docs/examples/pure-function/policy.yaml")?;
    assert_eq!(copied, read("policies/examples/pure-function.yaml")?);
    Ok(())
}

async fn asks(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let hostile = starter(js)?.hostile();
    for (call, lacks) in [
        (("read", json!(["/etc/shadow"])), "file:read:/etc/shadow"),
        (("write", json!(["/tmp/x"])), "file:write:/tmp/x"),
        (("run", json!(["sh"])), "exec:run:sh"),
        (
            ("ask", json!(["GET", "https://example.com/"])),
            "network:read:example.com",
        ),
    ] {
        killed(&host, &hostile, call, lacks).await?;
    }
    Ok(())
}
