//! `api-client.yaml`.

use anyhow::Context;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::json;

use super::server::Api;
use super::{Starter, killed};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(js, "starters: a client asks its API by HTTPS", asks),
        Case::on(
            js,
            "starters: a client that asks for more than its API is ended, and nobody is asked",
            asks_for_more,
        ),
    ]
}

fn starter(js: Js, api: &Api) -> anyhow::Result<Starter> {
    let port = format!("port: {}\n", api.port);
    let places = [
        // It is on this host, which nobody means who writes the name of an API.
        (
            "host: api.example.com ",
            "host: localhost\n      addresses: [loopback] ",
        ),
        ("port: 443\n", port.as_str()),
    ];
    Starter::new(js, "api-client", &places)
}

async fn asks(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, api) = (world.host()?, Api::start()?);
    let rootfs = api.rootfs(world, js)?;
    let tree = rootfs.path().join("rootfs").join(lazaret_rootfs::TREE);
    let setup = starter(js, &api)?.plugin()?.rootfs(&tree);
    let plugin = host.launch(&setup).await?;
    let project = json!({ "project": "a b", "api": api.base() });
    assert_eq!(plugin.call("newest", project).await?, "2.0.0");
    assert_eq!(api.asked(), ["GET /v1/projects/a%20b/releases"]);
    assert_eq!(plugin.stop().await?.violation_count, 0);

    // Who is not trusted is not asked.
    let plugin = host.launch(&starter(js, &api)?.plugin()?).await?;
    let project = json!({ "project": "x", "api": api.base() });
    let thrown = plugin.thrown("newest", project).await?;
    assert!(thrown.message.contains("TLS failed"), "{thrown:?}");
    assert_eq!(api.asked().len(), 1);
    assert_eq!(plugin.stop().await?.violation_count, 0);
    Ok(())
}

async fn asks_for_more(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, api) = (world.host()?, Api::start()?);
    let rootfs = api.rootfs(world, js)?;
    let tree = rootfs.path().join("rootfs").join(lazaret_rootfs::TREE);
    let hostile = starter(js, &api)?.hostile().rootfs(&tree);
    let base = api.base();
    let plain = base.replacen("https", "http", 1);
    let here = format!("network:connect:localhost:{}", api.port);
    for (method, url, lacks) in [
        (
            "GET",
            "https://other.example/v1/x".to_owned(),
            "network:read:other.example",
        ),
        ("POST", format!("{base}/v1/x"), &here),
        ("GET", format!("{base}/admin"), &here),
        ("GET", format!("{base}/v1/moved"), &here),
        ("GET", format!("{plain}/v1/x"), &here),
    ] {
        let ended = killed(&host, &hostile, ("ask", json!([method, url])), lacks).await;
        ended.with_context(|| format!("{method} {url}"))?;
    }
    // It is what led elsewhere.
    assert_eq!(api.asked(), ["GET /v1/moved"]);
    Ok(())
}
