//! `debug.yaml`.

use anyhow::ensure;
use lazaret::event::Reaction;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::json;

use super::{Starter, permission};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "starters: who debugs is told of each permission that is missing",
            told,
        ),
        Case::on(js, "starters: who debugs may be slow to start", slow),
    ]
}

async fn told(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let directory = world.directory()?;
    let root = fs_err::canonicalize(directory.path())?;
    let file = root.join("file");
    fs_err::write(&file, "text")?;
    let grant = format!("permissions: ['file:read:{}'] ", root.display());
    let starter = Starter::new(js, "debug", &[("permissions: [] ", &grant)])?;
    let plugin = host.launch(&starter.plugin()?).await?;
    let outcome = plugin.call("attempt", json!({ "read": file })).await?;
    assert_eq!(outcome, json!({ "read": "done" }));

    let list = json!({
        "read": "/etc/shadow",
        "write": file,
        "run": "sh",
        "fetch": "https://example.com/",
    });
    let lacks = [
        "file:read:/etc/shadow".to_owned(),
        format!("file:write:{}", file.display()),
        "exec:run:sh".to_owned(),
        "network:read:example.com".to_owned(),
    ];
    let expected = json!({
        "read": lacks[0], "write": lacks[1], "run": lacks[2], "fetch": lacks[3],
    });
    assert_eq!(plugin.call("attempt", list).await?, expected);
    let again = plugin.call("attempt", json!({ "read": file })).await?;
    assert_eq!(again, json!({ "read": "done" }));
    assert_eq!(fs_err::read_to_string(&file)?, "text");
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 4);
    for violation in &ended.violations {
        if let Some(permission) = permission(violation) {
            ensure!(lacks.iter().any(|one| one == permission), "{violation:?}");
            assert_eq!(violation.reaction, Reaction::Deny);
        }
    }
    Ok(())
}

async fn slow(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    // Longer than the strictest level gives.
    let main = "await new Promise((done) => setTimeout(done, 6000)); export const ready = () => 1;";
    let plugin = host
        .launch(&Starter::new(js, "debug", &[])?.of(main))
        .await?;
    assert_eq!(plugin.call("ready", json!([])).await?, 1);
    plugin.stop().await?;
    let strict = Starter::new(js, "pure-function", &[])?.of(main);
    let reason = host.launch_to_end(&strict).await?.reason.to_string();
    ensure!(reason.contains("startup"), "{reason}");
    Ok(())
}
