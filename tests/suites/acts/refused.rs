//! What plugins may not do on the host, and what is left of it.

use std::os::unix::fs::symlink;
use std::time::Duration;

use anyhow::{bail, ensure};
use lazaret::event::{Act, Witness};
use lazaret_protocol::CallError;
use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;
use lazaret_tests::world::{World, until};
use serde_json::json;

use super::{Tree, writer};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "acts: what is not granted is refused, on the engine's own word",
            not_granted,
        ),
        Case::on(
            js,
            "acts: what may be written may not be read for it",
            write_only,
        ),
        Case::on(
            js,
            "acts: links, pipes and mounts lead nowhere",
            leads_nowhere,
        ),
        Case::on(js, "acts: ignored names do not exist", ignored),
        Case::on(js, "acts: a call that is over acts no more", call_over),
        Case::on(
            js,
            "acts: a violation of files ends the plugin where the policy says so",
            kills,
        ),
        Case::on(
            js,
            "acts: an environment is kept from who may not see it",
            secret,
        ),
    ]
}

async fn not_granted(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let (out, input) = (tree.at("out"), tree.at("in"));
    let policy = format!("filesystem: {{ read: [{input}], write: [{out}] }}");
    let plugin = writer(&host, js, &policy).await?;
    let inside = tree.at("in/text");
    let secret = tree.at("other/secret");
    let mut expected = Vec::new();
    let mut acts = Vec::new();
    for path in [
        &inside,
        &secret,
        "/etc/lazaret-test",
        "/tmp/x",
        "/plugin/main.js",
        "/proc/self/comm",
    ] {
        for act in [
            json!(["writeTextFile", path, "x"]),
            json!(["writeTextFile", path, "x", { "append": true }]),
            json!(["remove", path]),
            json!(["mkdir", path]),
            json!(["rename", path, tree.at("out/x")]),
        ] {
            acts.push(act);
            expected.push(format!("file:write:{path}"));
        }
    }
    for path in [format!("{out}/../other/secret"), format!("{out}x/a")] {
        acts.push(json!(["remove", path]));
        let plain = path.replace("out/../", "");
        expected.push(format!("file:write:{plain}"));
    }
    let outcomes = plugin.call("tries", json!([acts])).await?;
    assert_eq!(outcomes, json!(expected));
    assert_eq!(plugin.call("answer", json!([])).await?, json!(42));
    assert_eq!(
        (tree.text("in/text")?, tree.text("other/secret")?),
        ("in".into(), "secret".into())
    );
    assert_eq!(tree.names("out")?, Vec::<String>::new());
    match plugin.call_error("write", json!([secret, ""])).await? {
        CallError::Denied { permission, .. } => {
            assert_eq!(permission, format!("file:write:{secret}"));
        }
        other => bail!("{other:?}"),
    }
    let ended = plugin.stop().await?;
    // Where the processor is slow, the limit on it is met too.
    let refused = ended.violations.iter();
    let refused: Vec<_> = refused
        .filter(|violation| !matches!(violation.act, Act::Cpu(_)))
        .collect();
    assert_eq!(refused.len(), expected.len() + 1);
    for violation in refused {
        ensure!(
            matches!(violation.act, Act::Permission { .. }),
            "{violation:?}"
        );
        assert_eq!(violation.witness, Witness::Engine);
    }
    Ok(())
}

async fn write_only(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let plugin = writer(&host, js, &format!("permissions: ['file:write:{out}']")).await?;
    let file = tree.at("out/file");
    plugin.call("write", json!([file, "x"])).await?;
    let reading = json!([[
        ["readTextFile", file],
        ["stat", file],
        ["lstat", out],
        ["open", file],
        ["realPath", file],
        ["copyFile", file, tree.at("out/copy")],
        ["watchFs", out],
    ]]);
    let outcomes = plugin.call("tries", reading).await?;
    for what in ["names", "contents"] {
        let wanted = json!([what, { "root": out, "pattern": "x" }]);
        let refused = plugin.call_error("search", wanted).await?;
        ensure!(
            matches!(
                refused,
                CallError::Denied { .. } | CallError::Exception { .. }
            ),
            "{refused:?}"
        );
    }
    plugin.call("removeAll", json!([file])).await?;
    assert_eq!(tree.names("out")?, Vec::<String>::new());
    for outcome in outcomes.as_array().into_iter().flatten() {
        // The tests' directory is below the host's `/tmp`; for the plugin that is a place of its own.
        let text = outcome.as_str().unwrap_or_default();
        let refused = text.starts_with("file:read:") || text.starts_with("NotFound: ");
        ensure!(refused, "{text}");
    }
    plugin.stop().await?;
    Ok(())
}

/// Something mounted, until it is let go of.
struct Mounted(String);

impl Mounted {
    fn tmpfs(at: String) -> anyhow::Result<Self> {
        let flags = rustix::mount::MountFlags::NODEV;
        rustix::mount::mount("tmpfs", &at, "tmpfs", flags, None::<&std::ffi::CStr>)?;
        Ok(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).ok();
    }
}

async fn leads_nowhere(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    symlink("../other", tree.at("out/directory"))?;
    symlink(tree.at("other/secret"), tree.at("out/file"))?;
    symlink("../other/made", tree.at("out/dangling"))?;
    fs_err::hard_link(tree.at("other/secret"), tree.at("out/second"))?;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        tree.at("out/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )?;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        tree.at("out/null"),
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::RWXU,
        rustix::fs::makedev(1, 3),
    )?;
    fs_err::create_dir_all(tree.at("out/full/deep"))?;
    symlink("../../../other", tree.at("out/full/deep/link"))?;
    fs_err::create_dir(tree.at("out/mount"))?;
    let mount = Mounted::tmpfs(tree.at("out/mount"))?;
    let plugin = writer(&host, js, &format!("permissions: ['file:write:{out}']")).await?;
    let mut acts = Vec::new();
    for name in [
        "file",
        "dangling",
        "second",
        "pipe",
        "null",
        "directory/secret",
        "mount/x",
        "mount",
    ] {
        let path = tree.at(&format!("out/{name}"));
        acts.push(json!(["writeTextFile", path, "x"]));
        acts.push(json!(["writeTextFile", path, "x", { "append": true }]));
        acts.push(json!(["remove", path]));
        acts.push(json!(["rename", path, tree.at("out/renamed")]));
    }
    for name in ["directory", "full", "mount", "second"] {
        let path = tree.at(&format!("out/{name}"));
        acts.push(json!(["remove", path, { "recursive": true }]));
    }
    for name in ["directory/a", "mount/a"] {
        acts.push(json!(["mkdir", tree.at(&format!("out/{name}"))]));
    }
    let outcomes = plugin.call("tries", json!([acts])).await?;
    for (act, outcome) in acts.iter().zip(outcomes.as_array().into_iter().flatten()) {
        ensure!(outcome.as_str() != Some("done"), "{act}");
    }
    drop(mount);
    assert_eq!(tree.text("other/secret")?, "secret");
    assert_eq!(tree.names("other")?, ["secret"]);
    let names = [
        "dangling",
        "directory",
        "file",
        "full",
        "mount",
        "null",
        "pipe",
        "second",
    ];
    assert_eq!(tree.names("out")?, names);
    // The same beside them is done.
    plugin
        .call("write", json!([tree.at("out/plain"), "x"]))
        .await?;
    plugin.stop().await?;
    Ok(())
}

async fn ignored(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    fs_err::create_dir(tree.at("out/.git"))?;
    fs_err::write(tree.at("out/.git/config"), "kept")?;
    fs_err::write(tree.at("out/key.pem"), "kept")?;
    let policy =
        format!("filesystem: {{ read: [{out}], write: [{out}], ignore: ['.git', '*.pem'] }}");
    let plugin = writer(&host, js, &policy).await?;
    let mut acts = Vec::new();
    for name in [".git/config", ".git", "key.pem", "new.pem", ".git/new"] {
        let path = tree.at(&format!("out/{name}"));
        acts.push(json!(["readTextFile", path]));
        acts.push(json!(["writeTextFile", path, "x"]));
        acts.push(json!(["remove", path]));
        acts.push(json!(["mkdir", path]));
        acts.push(json!(["stat", path]));
        acts.push(json!(["rename", path, tree.at("out/x")]));
    }
    let outcomes = plugin.call("tries", json!([acts])).await?;
    for (act, outcome) in acts.iter().zip(outcomes.as_array().into_iter().flatten()) {
        let text = outcome.as_str().unwrap_or_default();
        ensure!(text.starts_with("NotFound: "), "{act}: {text}");
    }
    assert_eq!(plugin.call("list", json!([out])).await?, json!([]));
    assert_eq!(tree.text("out/.git/config")?, "kept");
    plugin
        .call("write", json!([tree.at("out/.gitignore"), "x"]))
        .await?;
    assert_eq!(
        plugin.call("list", json!([out])).await?,
        json!([".gitignore"])
    );
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 0);
    Ok(())
}

async fn call_over(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let policy = format!(
        "permissions: ['file:write:{out}']\nresources: {{ time: {{ call: 2s, cpu_per_call: 2s }} }}"
    );
    let plugin = writer(&host, js, &policy).await?;
    let file = tree.at("out/file");
    let error = plugin.call_error("forever", json!([file])).await?;
    ensure!(
        matches!(
            error,
            CallError::WallTime { .. } | CallError::CpuTime { .. }
        ),
        "{error:?}"
    );
    ensure!(
        fs_err::metadata(tree.at("out/file"))?.len() > 0,
        "nothing was written"
    );
    // Others are served meanwhile, and it is not the end of the plugin.
    plugin
        .call("write", json!([tree.at("out/other"), "x"]))
        .await?;
    plugin.stop().await?;
    let length = || fs_err::metadata(tree.at("out/file")).map_or(0, |found| found.len());
    let last = length();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(length(), last, "the plugin is over and writes on");
    Ok(())
}

async fn kills(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, tree) = (world.host()?, Tree::new(world)?);
    let out = tree.at("out");
    let policy = format!(
        "permissions: ['file:write:{out}']\nviolations: {{ permission: {{ reaction: kill }} }}"
    );
    let plugin = writer(&host, js, &policy).await?;
    let pid = plugin.pid();
    plugin
        .call("write", json!([tree.at("out/file"), "x"]))
        .await?;
    let secret = tree.at("other/secret");
    let ended = plugin.call_to_end("write", json!([secret, "x"])).await?;
    let reason = ended.reason.to_string();
    ensure!(
        reason.ends_with(&format!("`file:write:{secret}` denied")),
        "{reason}"
    );
    assert_eq!(tree.text("other/secret")?, "secret");
    until("the process is gone", || {
        !std::path::Path::new(&format!("/proc/{pid}")).exists()
    })
}

async fn secret(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = writer(&host, js, "env: { read: [LAZARET_TESTS_NOT_SET] }").await?;
    for name in ["PATH", "HOME", "LD_PRELOAD"] {
        match plugin.call_error("variable", json!([name])).await? {
            CallError::Denied { permission, .. } => {
                assert_eq!(permission, format!("env:read:{name}"));
            }
            other => bail!("{other:?}"),
        }
    }
    assert_eq!(plugin.call("variables", json!([])).await?, json!({}));
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 3);
    Ok(())
}
