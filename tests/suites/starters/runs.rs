//! `one-program.yaml`.

use anyhow::Context;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::json;

use super::{Starter, killed};
use crate::programs::rootfs;

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "starters: a plugin puts its one program to use",
            its_program,
        ),
        Case::on(
            js,
            "starters: a plugin that asks for another program is ended",
            another,
        ),
    ]
}

fn starter(js: Js, rootfs: &tempfile::TempDir) -> anyhow::Result<Starter> {
    let rootfs = rootfs.path().to_str().context("a plain path")?;
    let places = [("/srv/images/tool", rootfs), ("/bin/tool", "/bin/sort")];
    Starter::new(js, "one-program", &places)
}

async fn its_program(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, rootfs) = (world.host()?, rootfs(world)?);
    let plugin = host.launch(&starter(js, &rootfs)?.plugin()?).await?;
    let lines = json!({ "lines": ["Kobe", "Bergen", "Lagos"], "reverse": true });
    let sorted = plugin.call("sorted", lines).await?;
    assert_eq!(sorted, json!(["Lagos", "Kobe", "Bergen"]));
    assert_eq!(plugin.stop().await?.violation_count, 0);
    Ok(())
}

async fn another(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, rootfs) = (world.host()?, rootfs(world)?);
    let hostile = starter(js, &rootfs)?.hostile();
    for (call, lacks) in [
        // It is there, beside the one that is granted.
        (("run", json!(["sh"])), "exec:run:sh"),
        (("read", json!(["/etc/shadow"])), "file:read:/etc/shadow"),
    ] {
        killed(&host, &hostile, call, lacks).await?;
    }
    Ok(())
}
