//! What a program is given, and what comes back.

use anyhow::ensure;
use lazaret::programs::ProgramEnd;
use lazaret_tests::case::Case;
use lazaret_tests::world::World;

use super::Shelf;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "programs: arguments arrive as they are, whatever a shell would do with them",
            arguments,
        ),
        Case::asynchronous("programs: input and output go through whole", streams),
        Case::asynchronous("programs: how it ended is told", ends),
        Case::asynchronous("programs: the environment is the same for all", environment),
        Case::asynchronous(
            "programs: it can start others and open its streams",
            everyday,
        ),
    ]
}

async fn arguments(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let given = [
        "a b",
        "$(cat /etc/motto)",
        "`true`",
        ";",
        "&&",
        "|",
        ">/tmp/x",
        "*",
        "~",
        "",
        "\"'\\",
        "-n",
        "--",
        "ü\u{1}\n",
    ];
    let mut arguments = vec!["printf", "[%s]"];
    arguments.extend(given);
    let ran = shelf.try_run("", &arguments, b"").await??;
    let expected: String = given.iter().map(|text| format!("[{text}]")).collect();
    assert_eq!(String::from_utf8(ran.stdout)?, expected);
    assert_eq!(ran.end, ProgramEnd::Code(0));
    Ok(())
}

async fn streams(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let input: Vec<u8> = (0..1_000_000_u32)
        .map(|number| b'a' + (number % 26) as u8)
        .collect();
    let ran = shelf.try_run("", &["tr", "a-z", "A-Z"], &input).await??;
    assert!(
        ran.stdout == input.to_ascii_uppercase(),
        "{} bytes",
        ran.stdout.len()
    );
    let both = shelf
        .try_run(
            "",
            &["sh", "-c", "head -c 3; echo out; echo error >&2"],
            &input,
        )
        .await??;
    assert_eq!(both.stdout, b"abcout\n");
    assert_eq!(both.stderr, b"error\n");
    let unread = shelf.try_run("", &["true"], &input).await??;
    assert_eq!(unread.end, ProgramEnd::Code(0));
    Ok(())
}

async fn ends(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    for code in [0, 1, 7, 255] {
        let line = format!("exit {code}");
        let ran = shelf.try_run("", &["sh", "-c", &line], b"").await??;
        assert_eq!(ran.end, ProgramEnd::Code(code));
    }
    // The kernel's own signal: its processor time is up.
    let line = "ulimit -t 1; while :; do :; done";
    let ran = shelf.try_run("", &["sh", "-c", line], b"").await??;
    assert_eq!(ran.end, ProgramEnd::Signal(libc::SIGKILL));
    Ok(())
}

async fn environment(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let ran = shelf.try_run("", &["env"], b"").await??;
    let text = String::from_utf8(ran.stdout)?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "HOME=/tmp",
            "LANG=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]
    );
    assert_eq!(shelf.shell("pwd").await?, "/tmp\n");
    assert_eq!(shelf.shell("hostname").await?, "program\n");
    Ok(())
}

async fn everyday(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let said = shelf
        .shell("cat /etc/motto | tr a-z A-Z | sort >/dev/stdout; x=$(id -u); echo $x")
        .await?;
    assert_eq!(said, "FESTINA LENTE\n1000\n");
    let said = shelf
        .shell("mkdir a && echo one >a/b && cp a/b c && cat c && ls")
        .await?;
    assert_eq!(said, "one\na\nc\n");
    // What one leaves in `/tmp`, the next does not find.
    let left = shelf.shell("ls /tmp").await?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}
