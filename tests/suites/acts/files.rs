//! Files a plugin may write, and what it sees of an environment.

use std::os::unix::fs::MetadataExt;

use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::{Tree, writer};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "acts: a plugin writes where it may, and reads it back",
            writes,
        ),
        Case::on(
            js,
            "acts: what is written belongs to whom the directory belongs",
            ownership,
        ),
        Case::on(
            js,
            "acts: files are read in parts, copied, searched, watched and removed together",
            together,
        ),
        Case::on(js, "acts: many files are written at once", many),
        Case::on(js, "acts: a quota holds for the plugin's life", quota),
        Case::on(js, "acts: a granted file is written alone", single_file),
        Case::on(js, "acts: two plugins write each in its own place", two),
        Case::on(
            js,
            "acts: the environment is what the policy grants and sets",
            environment,
        ),
    ]
}

async fn writes(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let policy = format!("filesystem: {{ read: [{out}], write: [{out}] }}");
    let plugin = writer(&host, js, &policy).await?;
    let file = tree.at("out/text");
    plugin.call("write", json!([file, "one\n"])).await?;
    plugin
        .call("write", json!([file, "zwö\n", { "append": true }]))
        .await?;
    assert_eq!(plugin.call("read", json!([file])).await?, "one\nzwö\n");
    assert_eq!(tree.text("out/text")?, "one\nzwö\n");
    plugin
        .call("mkdir", json!([tree.at("out/a/b"), { "recursive": true }]))
        .await?;
    plugin
        .call("rename", json!([file, tree.at("out/a/b/c")]))
        .await?;
    assert_eq!(plugin.call("list", json!([out])).await?, json!(["a"]));
    assert_eq!(
        plugin.call("size", json!([tree.at("out/a/b/c")])).await?,
        json!(9)
    );
    plugin.call("remove", json!([tree.at("out/a/b/c")])).await?;
    plugin.call("remove", json!([tree.at("out/a/b")])).await?;
    assert_eq!(tree.names("out/a")?, Vec::<String>::new());
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    Ok(())
}

async fn together(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let (out, input) = (tree.at("out"), tree.at("in"));
    fs_err::create_dir_all(tree.at("in/deep"))?;
    fs_err::write(tree.at("in/deep/list"), "one\ntwo secret\n")?;
    fs_err::write(tree.at("in/key.pem"), "secret\n")?;
    std::os::unix::fs::symlink("../other", tree.at("in/link"))?;
    let policy =
        format!("filesystem: {{ read: [{input}, {out}], write: [{out}], ignore: ['*.pem'] }}");
    let plugin = writer(&host, js, &policy).await?;
    let list = tree.at("in/deep/list");
    assert_eq!(
        plugin.call("parts", json!([list])).await?,
        "one\ntwo secret\n"
    );
    let names = plugin
        .call("search", json!(["names", { "root": input }]))
        .await?;
    let expected = ["in/deep", "in/link", "in/text", "in/deep/list"].map(|name| tree.at(name));
    assert_eq!(names, json!(expected));
    let wanted = json!(["contents", { "root": input, "pattern": "secret$" }]);
    let found = plugin.call("search", wanted).await?;
    assert_eq!(found, json!([format!("{list}:2")]));
    let copy = tree.at("out/copy");
    plugin.call("copy", json!([list, copy])).await?;
    assert_eq!(tree.text("out/copy")?, "one\ntwo secret\n");
    let made = tree.at("out/a/b/made");
    let above = json!([tree.at("out/a/b"), { "recursive": true }]);
    plugin.call("mkdir", above).await?;
    assert_eq!(
        plugin.call("watch", json!([out, made])).await?,
        json!(["create", made])
    );
    plugin.call("removeAll", json!([tree.at("out/a")])).await?;
    assert_eq!(tree.names("out")?, ["copy"]);
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    Ok(())
}

async fn ownership(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    std::os::unix::fs::chown(&out, Some(12_345), Some(54_321))?;
    let plugin = writer(&host, js, &format!("permissions: ['file:write:{out}']")).await?;
    plugin
        .call("write", json!([tree.at("out/file"), "x"]))
        .await?;
    plugin.call("mkdir", json!([tree.at("out/made")])).await?;
    plugin
        .call("write", json!([tree.at("out/made/file"), "x"]))
        .await?;
    for (name, mode) in [
        ("file", 0o100_644),
        ("made", 0o40_755),
        ("made/file", 0o100_644),
    ] {
        let found = fs_err::metadata(tree.at(&format!("out/{name}")))?;
        assert_eq!((found.uid(), found.gid()), (12_345, 54_321), "{name}");
        assert_eq!(found.mode(), mode, "{name}");
    }
    plugin.stop().await?;
    Ok(())
}

async fn many(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let policy = format!("filesystem: {{ read: [{out}], write: [{out}] }}");
    let plugin = writer(&host, js, &policy).await?;
    assert_eq!(plugin.call("many", json!([out, 300])).await?, json!(300));
    assert_eq!(tree.text("out/299")?, "299");
    assert_eq!(tree.names("out")?.len(), 300);
    plugin.stop().await?;
    Ok(())
}

async fn quota(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let policy = format!(
        "filesystem: {{ write: [{{ path: {out}, size: 10KiB }}], sizes: {{ write: 8KiB }} }}"
    );
    let plugin = writer(&host, js, &policy).await?;
    let file = tree.at("out/file");
    plugin.call("writeBytes", json!([file, 8192])).await?;
    let over = plugin.thrown("writeBytes", json!([file, 2049])).await?;
    assert_eq!(over.name, "QuotaExceeded");
    assert_eq!(
        over.message,
        format!("the bytes written below `{out}`: 10241 would exceed the limit of 10240")
    );
    assert_eq!(fs_err::metadata(tree.at("out/file"))?.len(), 8192);
    let large = plugin.thrown("writeBytes", json!([file, 8193])).await?;
    assert_eq!(large.name, "QuotaExceeded");
    plugin.call("writeBytes", json!([file, 2048])).await?;
    plugin.call("remove", json!([file])).await?;
    let used_up = plugin.thrown("writeBytes", json!([file, 1])).await?;
    assert_eq!(used_up.name, "QuotaExceeded");
    plugin.stop().await?;
    Ok(())
}

async fn single_file(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let text = tree.at("in/text");
    let policy = format!("permissions: ['file:read:{text}', 'file:write:{text}']");
    let plugin = writer(&host, js, &policy).await?;
    plugin.call("write", json!([text, "changed"])).await?;
    assert_eq!(plugin.call("read", json!([text])).await?, "changed");
    let beside = tree.at("in/beside");
    let denied = plugin
        .call("tries", json!([[["writeTextFile", beside, "x"]]]))
        .await?;
    assert_eq!(denied, json!([format!("file:write:{beside}")]));
    assert_eq!(tree.names("in")?, ["text"]);
    plugin.stop().await?;
    Ok(())
}

async fn two(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let grant = |name: &str| format!("permissions: ['file:write:{}']", tree.at(name));
    let one = writer(&host, js, &grant("out")).await?;
    let other = writer(&host, js, &grant("other")).await?;
    let [mine, theirs] = [tree.at("out/mine"), tree.at("other/mine")];
    one.call("write", json!([mine, "one"])).await?;
    other.call("write", json!([theirs, "other"])).await?;
    for (plugin, path) in [(&one, &theirs), (&other, &mine)] {
        let denied = plugin
            .call(
                "tries",
                json!([[["writeTextFile", path, "x"], ["remove", path]]]),
            )
            .await?;
        let permission = format!("file:write:{path}");
        assert_eq!(denied, json!([permission, permission]));
    }
    assert_eq!(
        (tree.text("out/mine")?, tree.text("other/mine")?),
        ("one".into(), "other".into())
    );
    one.stop().await?;
    other.stop().await?;
    Ok(())
}

async fn environment(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("harmless/writer.js")?;
    let policy = "env: { read: [LAZARET_TESTS_NOT_SET], set: { MODE: batch, HOME: mine } }";
    let setup = Setup::javascript(js, "writer", &source).policy(policy);
    let plugin = host.launch(&setup).await?;
    assert_eq!(plugin.call("variable", json!(["MODE"])).await?, "batch");
    assert_eq!(plugin.call("variable", json!(["HOME"])).await?, "mine");
    let unset = plugin
        .call("variable", json!(["LAZARET_TESTS_NOT_SET"]))
        .await?;
    assert_eq!(unset, Value::Null);
    assert_eq!(
        plugin.call("variables", json!([])).await?,
        json!({ "HOME": "mine", "MODE": "batch" })
    );
    plugin.stop().await?;
    let plugin = host
        .launch(&Setup::javascript(js, "writer", &source).policy("permissions: ['env:read:PATH']"))
        .await?;
    // The tests' own environment has a `PATH`, by which they were started.
    let path = std::env::var("PATH")?;
    assert_eq!(plugin.call("variable", json!(["PATH"])).await?, path);
    plugin.stop().await?;
    Ok(())
}
