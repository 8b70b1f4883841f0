//! What a program cannot see, reach and do.

use anyhow::{Context, ensure};
use lazaret_tests::case::Case;
use lazaret_tests::world::World;

use super::Shelf;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("programs: it sees its own files and processes only", sees),
        Case::asynchronous(
            "programs: it writes to its own /tmp only, and runs nothing there",
            writes,
        ),
        Case::asynchronous("programs: it reaches no host", network),
        Case::asynchronous("programs: it has no privileges and gains none", privileges),
    ]
}

async fn sees(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    assert_eq!(shelf.shell("ls /").await?, "bin\ndev\netc\nproc\ntmp\n");
    assert_eq!(shelf.shell("cat /etc/motto").await?, "festina lente\n");
    for path in [
        "/etc/passwd",
        "/plugin",
        "/run/lazaret",
        "/granted",
        "/sys/kernel",
    ] {
        let error = shelf.fails(&format!("ls {path}")).await?;
        ensure!(error.contains("No such file"), "{error}");
    }
    let processes = shelf.shell("cd /proc; ls -d [0-9]* | wc -l").await?;
    ensure!(processes.trim().parse::<u32>()? <= 4, "{processes}");
    let root = shelf.fails("ls /proc/1/root/../root/home").await?;
    ensure!(root.contains("No such file"), "{root}");
    let masked = "for file in kcore keys timer_list; do if [ -e /proc/$file ]; then head -c 1 /proc/$file; fi; done";
    assert_eq!(shelf.shell(masked).await?, "");
    assert_eq!(
        shelf
            .shell("ls -d /proc/self/fd/[3-9]* 2>/dev/null; ls /proc/self/fd | sort")
            .await?,
        "0\n1\n2\n3\n"
    );
    Ok(())
}

async fn writes(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    for path in [
        "/x",
        "/bin/x",
        "/bin/busybox",
        "/etc/motto",
        "/proc/sys/kernel/hostname",
        "/dev/x",
    ] {
        let error = shelf.fails(&format!("echo x >{path}")).await?;
        ensure!(
            error.contains("Read-only") || error.contains("ermission denied"),
            "{path}: {error}"
        );
    }
    let motto = fs_err::read_to_string(shelf.path().join("etc/motto"))?;
    assert_eq!(motto, "festina lente\n");
    shelf.shell("echo x >/tmp/x").await?;
    let copied = "cp /bin/busybox /tmp/sh && chmod 755 /tmp/sh && /tmp/sh -c true";
    let error = shelf.fails(copied).await?;
    ensure!(error.contains("ermission denied"), "{error}");
    let full = shelf
        .fails("dd if=/dev/zero of=/tmp/x bs=1M count=17")
        .await?;
    ensure!(
        full.contains("No space") || full.contains("too large"),
        "{full}"
    );
    let many = "i=0; while [ $i -lt 5000 ]; do >/tmp/$i || exit 1; i=$((i+1)); done";
    let error = shelf.fails(many).await?;
    ensure!(error.contains("No space"), "{error}");
    Ok(())
}

async fn network(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let error = shelf.fails(&format!("nc 127.0.0.1 {port}")).await?;
    ensure!(error.contains("not permitted"), "{error}");
    let interfaces = shelf.shell("cat /proc/net/dev").await?;
    let names: Vec<&str> = interfaces
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    ensure!(names == ["lo"], "{names:?}");
    Ok(())
}

async fn privileges(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let status = shelf.shell("cat /proc/self/status").await?;
    let line = |key: &str| -> anyhow::Result<String> {
        let found = status.lines().find_map(|line| line.strip_prefix(key));
        Ok(found
            .with_context(|| format!("no `{key}`"))?
            .trim()
            .to_owned())
    };
    for (key, value) in [
        ("Uid:", "1000\t1000\t1000\t1000"),
        ("Gid:", "1000\t1000\t1000\t1000"),
        ("Groups:", ""),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
        ("Seccomp:", "2"),
    ] {
        assert_eq!(line(key)?, value, "{key}");
    }
    for line in [
        "unshare -U true",
        "unshare -r true",
        "unshare -n true",
        "mount -t tmpfs none /tmp",
        "umount /tmp",
        "chroot / /bin/true",
        "mknod /tmp/x b 8 0",
        "sethostname x || hostname x",
        "setsid -c true </dev/tty",
    ] {
        shelf.fails(line).await?;
    }
    // A copy that would be root's, were there no `nosuid`.
    let setuid = shelf.path().join("etc/busybox");
    fs_err::copy(shelf.path().join("bin/busybox"), &setuid)?;
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(&setuid, std::fs::Permissions::from_mode(0o4755))?;
    let program = super::program(shelf.path(), "/etc/busybox", "")?;
    let ran = shelf
        .programs
        .run(&program, vec!["id".into(), "-u".into()], Vec::new())
        .await?;
    assert_eq!(ran.stdout, b"1000\n");
    Ok(())
}
