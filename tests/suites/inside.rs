//! What the probe sees and reaches from inside: files, limits, its own identity.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use anyhow::{Context, ensure};
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

use crate::forbidden::REFUSED_ONLY;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("inside: the host's files are not there", host_files),
        Case::asynchronous(
            "inside: another plugin's files are not there",
            another_plugins_files,
        ),
        Case::asynchronous(
            "inside: nothing can be written but in /tmp",
            nothing_is_writable,
        ),
        Case::asynchronous("inside: a granted file is read and not written", granted),
        Case::asynchronous(
            "inside: environment, processes and network are its own",
            its_own_world,
        ),
        Case::asynchronous(
            "inside: identity and privileges are those asked for",
            identity,
        ),
        Case::asynchronous("inside: no mount is there that was not asked for", mounts),
        Case::asynchronous("inside: /tmp holds so many bytes and files", tmp_is_bounded),
        Case::asynchronous("inside: so many files can be open", open_files),
        Case::asynchronous("inside: so many tasks can there be", tasks),
        Case::asynchronous("inside: a fork bomb makes no process", fork_bomb),
    ]
}

async fn launch(world: &World) -> anyhow::Result<(lazaret_tests::host::Host, Session)> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    Ok((host, probe))
}

async fn errno(probe: &Session, ask: &str, path: &str) -> anyhow::Result<String> {
    let answer = probe.call(ask, json!({ "path": path })).await?;
    let errno = answer.get("errno").and_then(Value::as_str);
    errno
        .map(str::to_owned)
        .with_context(|| format!("{ask} {path}: {answer}"))
}

async fn host_files(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    let secret = world.directory()?;
    let path = secret.path().join("secret");
    fs_err::write(&path, "secret")?;
    let path = path.to_string_lossy().into_owned();
    for path in [
        "/etc/shadow",
        "/etc/hostname",
        "/root",
        "/home",
        "/usr/bin",
        "/bin/sh",
        "/sys/kernel",
        "/var",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/sda",
        "/proc/1/root/etc/shadow",
        "/proc/self/cwd/etc/shadow",
        "/run/lazaret/../../etc/shadow",
        "/plugin/../etc/shadow",
        "/plugin/../../../../../etc/shadow",
        path.as_str(),
    ] {
        assert_eq!(errno(&probe, "read", path).await?, "ENOENT", "{path}");
    }
    // What is in place of secrets of the kernel is empty.
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list"] {
        let answer = probe.call("read", json!({ "path": path })).await?;
        let empty = answer == json!({ "ok": "" }) || answer.get("errno").is_some();
        ensure!(empty, "{path}: {answer}");
    }
    let main = probe
        .call("read", json!({ "path": "/plugin/main.js" }))
        .await?;
    assert_eq!(main, json!({ "ok": "// probe: \n" }));
    let users = probe.call("read", json!({ "path": "/etc/passwd" })).await?;
    ensure!(
        users["ok"]
            .as_str()
            .is_some_and(|text| text.starts_with("root:x:0:0")),
        "{users}"
    );
    probe.stop().await?;
    Ok(())
}

async fn another_plugins_files(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::probe("").policy(REFUSED_ONLY);
    let one = host
        .launch(&setup.clone().named("one").with("secret", "1"))
        .await?;
    let other = host.launch(&setup.named("other")).await?;
    let secret = one
        .call("read", json!({ "path": "/plugin/secret" }))
        .await?;
    assert_eq!(secret, json!({ "ok": "1" }));
    one.call("write", json!({ "path": "/tmp/mine" })).await?;
    for path in ["/plugin/secret", "/tmp/mine"] {
        assert_eq!(errno(&other, "read", path).await?, "ENOENT", "{path}");
    }
    let listed = other
        .call("list", json!({ "path": "/run/lazaret" }))
        .await?;
    assert_eq!(listed, json!({ "ok": ["settings.json"] }));
    let listed = other.call("list", json!({ "path": "/tmp" })).await?;
    assert_eq!(listed, json!({ "ok": [] }));
    // The other one's root through /proc: that process is not in this namespace.
    let path = format!("/proc/{}/root/plugin/secret", one.pid());
    assert_eq!(errno(&other, "read", &path).await?, "ENOENT");
    one.stop().await?;
    other.stop().await?;
    Ok(())
}

async fn nothing_is_writable(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    for path in [
        "/plugin/main.js",
        "/plugin/new",
        "/lazaret/shim",
        "/lazaret/new",
        "/run/lazaret/settings.json",
        "/run/lazaret/new",
        "/etc/passwd",
        "/new",
        "/granted/new",
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/self/uid_map",
        "/proc/1/oom_score_adj_",
        "/dev/new",
    ] {
        let errno = errno(&probe, "write", path).await?;
        let refused = ["EROFS", "EACCES", "EPERM", "ENOENT"].contains(&errno.as_str());
        ensure!(refused, "{path}: {errno}");
    }
    let written = probe.call("write", json!({ "path": "/tmp/new" })).await?;
    assert_eq!(written, json!({ "ok": null }));
    probe.stop().await?;
    Ok(())
}

async fn granted(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let path = directory.path().join("data");
    fs_err::write(&path, "granted")?;
    // Its mode lets everybody write: only the mount stands in the way.
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
    let policy = format!(
        "level: minimal\npermissions: [\"file:read:{}\"]",
        path.display()
    );
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
    let read = probe.call("read", json!({ "path": "/granted/0" })).await?;
    assert_eq!(read, json!({ "ok": "granted" }));
    assert_eq!(errno(&probe, "write", "/granted/0").await?, "EROFS");
    let listed = probe.call("list", json!({ "path": "/granted" })).await?;
    assert_eq!(
        listed,
        json!({ "ok": ["0"] }),
        "what is beside the granted file is not there"
    );
    probe.stop().await?;
    assert_eq!(fs_err::read_to_string(&path)?, "granted");
    Ok(())
}

async fn facts(probe: &Session) -> anyhow::Result<impl Fn(&str) -> String + use<>> {
    let facts = probe.call("facts", json!({})).await?;
    Ok(move |name: &str| match &facts[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

async fn its_own_world(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    let fact = facts(&probe).await?;
    let environment = fact("/proc/1/environ");
    let mut environment: Vec<_> = environment.split_terminator('\0').collect();
    environment.sort_unstable();
    assert_eq!(
        environment,
        ["HOME=/tmp", "PATH=/lazaret", "V82JSC_NO_BC_CACHE=1"]
    );
    assert_eq!(fact("/proc/self/cmdline"), "/lazaret/shim\0");
    assert_eq!(fact("processes"), "[1]");
    assert_eq!(fact("/proc/sys/kernel/hostname"), "plugin\n");
    assert_eq!(
        fact("/proc/self/cgroup")
            .lines()
            .filter(|line| !line.ends_with(":/"))
            .count(),
        0
    );
    let devices: Vec<String> = fact("/proc/net/dev")
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .collect();
    assert_eq!(devices, ["lo"]);
    assert_eq!(
        fact("/proc/net/unix").lines().count(),
        1,
        "no socket but those in pairs"
    );
    // Standard streams, the channel, and the directory being listed.
    assert_eq!(fact("descriptors"), "[0,1,2,3,4]");
    probe.stop().await?;
    Ok(())
}

async fn identity(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    let fact = facts(&probe).await?;
    let status = fact("/proc/self/status");
    let line = |key: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(key));
        value.unwrap_or("no such line").trim().to_owned()
    };
    for (key, value) in [
        ("Uid:", "1000\t1000\t1000\t1000"),
        ("Gid:", "1000\t1000\t1000\t1000"),
        ("Groups:", ""),
        ("CapInh:", "0000000000000000"),
        ("CapPrm:", "0000000000000000"),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("CapAmb:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
        ("Seccomp:", "2"),
        ("Umask:", "0077"),
    ] {
        assert_eq!(line(key), value, "{key}");
    }
    let owner = fs_err::metadata(format!("/proc/{}", probe.pid()))?.uid();
    for file in ["/proc/self/uid_map", "/proc/self/gid_map"] {
        let map: Vec<u32> = fact(file)
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [0, first, count] = map[..] else {
            panic!("{file}: {map:?}")
        };
        assert_eq!(first + 1000, owner);
        ensure!(first >= 0x2000_0000 && count == 0x1_0000, "{file}: {map:?}");
    }
    let limits = fact("/proc/self/limits");
    for (name, limit) in [
        ("Max core file size", "0"),
        ("Max open files", "1024"),
        ("Max processes", "129"),
        ("Max locked memory", "0"),
        ("Max msgqueue size", "0"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let words: Vec<_> = line
            .unwrap_or_default()
            .split_whitespace()
            .take(2)
            .collect();
        assert_eq!(words, [limit, limit], "{name}");
    }
    probe.stop().await?;
    Ok(())
}

async fn mounts(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    let fact = facts(&probe).await?;
    let text = fact("/proc/self/mountinfo");
    let mut seen = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let (target, options) = (words[4], words[5]);
        let has = |wanted: &str| options.split(',').any(|option| option == wanted);
        let known = match target {
            "/" => has("ro"),
            "/plugin" | "/run/lazaret" => {
                has("ro") && has("nosuid") && has("nodev") && has("noexec")
            }
            "/tmp" => has("nosuid") && has("nodev") && has("noexec"),
            "/proc" => has("nosuid") && has("nodev") && has("noexec"),
            "/dev" => has("nosuid") && has("noexec"),
            "/dev/null" | "/dev/zero" | "/dev/full" | "/dev/random" | "/dev/urandom"
            | "/dev/tty" => true,
            // Masked: `/dev/null` in a file's place, an empty read-only directory in another's.
            _ => target.starts_with("/proc/") && (has("ro") || words[3] == "/null"),
        };
        ensure!(known, "{line}");
        ensure!(!line.contains("shared:"), "changes outside get in: {line}");
        seen.push(target.to_owned());
    }
    for target in ["/", "/plugin", "/run/lazaret", "/tmp", "/proc", "/dev"] {
        assert_eq!(
            seen.iter().filter(|seen| *seen == target).count(),
            1,
            "{target}"
        );
    }
    probe.stop().await?;
    Ok(())
}

async fn tmp_is_bounded(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "level: minimal\nresources: { tmp: { size: 1MiB } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let filled = probe.call("fill_bytes", json!({ "path": "/tmp" })).await?;
    // The limit on one file's size and that of all are the same number.
    ensure!(
        ["ENOSPC", "EFBIG"].contains(&filled["errno"].as_str().unwrap_or("")),
        "{filled}"
    );
    ensure!(
        filled["bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes <= 1 << 20),
        "{filled}"
    );
    let filled = probe.call("fill_inodes", json!({ "path": "/tmp" })).await?;
    assert_eq!(filled["errno"], "ENOSPC", "{filled}");
    ensure!(
        filled["files"].as_u64().is_some_and(|files| files <= 256),
        "{filled}"
    );
    let written = probe.call("write", json!({ "path": "/tmp/room" })).await?;
    assert_eq!(written, json!({ "ok": null }), "there is room again");
    for path in ["/dev", "/granted"] {
        let filled = probe.call("fill_bytes", json!({ "path": path })).await?;
        ensure!(filled.get("bytes").is_none(), "{path}: {filled}");
    }
    probe.stop().await?;
    Ok(())
}

async fn open_files(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "level: minimal\nresources: { files: { open: 40 } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let few = probe.call("open_files", json!({ "at_most": 30 })).await?;
    assert_eq!(few, json!({ "ok": 30 }));
    let many = probe.call("open_files", json!({ "at_most": 1000 })).await?;
    assert_eq!(many, json!({ "open": 36, "errno": "EMFILE" }));
    probe.stop().await?;
    Ok(())
}

async fn tasks(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let policy = "level: minimal\nresources: { pids: { max: 12 } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let few = probe.call("threads", json!({ "at_most": 5 })).await?;
    assert_eq!(few, json!({ "ok": 5 }));
    let many = probe.call("threads", json!({ "at_most": 1000 })).await?;
    assert_eq!(many["errno"], "EAGAIN", "{many}");
    ensure!(
        many["started"].as_u64().is_some_and(|count| count < 12),
        "{many}"
    );
    probe.stop().await?;
    Ok(())
}

async fn fork_bomb(world: &World) -> anyhow::Result<()> {
    let (_host, probe) = launch(world).await?;
    let answer = probe.call("fork_bomb", json!({ "at_most": 1000 })).await?;
    assert_eq!(answer, json!({ "made": 0, "errno": "EPERM" }));
    let ended = probe.stop().await?;
    assert_eq!(ended.violation_count, 1000);
    assert_eq!(ended.violations.len(), 100, "only the first are kept");
    Ok(())
}
