//! Limits, each met and told apart, and ends from outside.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lazaret::programs::{ProgramEnd, ProgramError, Programs};
use lazaret_tests::case::Case;
use lazaret_tests::leaks::{Snapshot, left_since};
use lazaret_tests::processes::{descendants, named};
use lazaret_tests::world::{World, until};

use super::Shelf;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("programs: more output than its limit is its end", output),
        Case::asynchronous("programs: more input than its limit is refused", input),
        Case::asynchronous("programs: its time limit is its end", time),
        Case::asynchronous("programs: its memory limit is its end", memory),
        Case::asynchronous("programs: a fork bomb is held", fork_bomb),
        Case::asynchronous("programs: what nobody waits for is killed", given_up),
        Case::asynchronous(
            "programs: the end of a plugin is that of its programs",
            plugin_end,
        ),
        Case::asynchronous(
            "programs: a launcher that is killed leaves no program",
            launcher_killed,
        ),
    ]
}

/// It runs as ever.
async fn works(shelf: &Shelf) -> anyhow::Result<()> {
    assert_eq!(shelf.shell("echo well").await?, "well\n");
    Ok(())
}

async fn output(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let line = "yes | head -c 1000; yes | head -c 1000 >&2";
    let exactly = shelf
        .try_run("output: 1000B", &["sh", "-c", line], b"")
        .await??;
    assert_eq!((exactly.stdout.len(), exactly.stderr.len()), (1000, 1000));
    for line in [
        "yes",
        "yes >&2",
        "yes | head -c 1001",
        "yes | head -c 1001 >&2",
    ] {
        match shelf.error("output: 1000B", line).await? {
            ProgramError::TooMuchOutput { limit: 1000, .. } => {}
            other => bail!("{line}: {other}"),
        }
    }
    works(&shelf).await
}

async fn input(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let ran = shelf
        .try_run("input: 100B", &["wc", "-c"], &[0; 100])
        .await??;
    assert_eq!(ran.stdout, b"100\n");
    match shelf
        .try_run("input: 100B", &["wc", "-c"], &[0; 101])
        .await?
    {
        Err(ProgramError::TooMuchInput {
            bytes: 101,
            limit: 100,
            ..
        }) => Ok(()),
        other => bail!("{other:?}"),
    }
}

async fn time(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    for line in [
        "sleep 1000",
        "while :; do :; done",
        "trap '' TERM INT; sleep 1000 & wait",
    ] {
        match shelf.error("time: 500ms", line).await? {
            ProgramError::TooLong { .. } => {}
            other => bail!("{line}: {other}"),
        }
    }
    works(&shelf).await
}

async fn memory(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    // It keeps all it reads until a line ends; here alone, and there as a child of the shell.
    for arguments in [
        &["tail", "/dev/zero"][..],
        &["sh", "-c", "tail /dev/zero; echo on"],
    ] {
        match shelf.try_run("memory: 32MiB", arguments, b"").await? {
            Err(ProgramError::OutOfMemory { limit, .. }) => assert_eq!(limit, 32 << 20),
            other => bail!("{arguments:?}: {other:?}"),
        }
    }
    // What is in `/tmp` is its memory as well.
    let line = "dd if=/dev/zero of=/tmp/x bs=1M count=15 2>/dev/null; echo on";
    match shelf.error("memory: 12MiB", line).await? {
        ProgramError::OutOfMemory { .. } => {}
        other => bail!("{other}"),
    }
    works(&shelf).await
}

async fn fork_bomb(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    works(&shelf).await?;
    let before = Snapshot::take();
    let line = "f() { f | f & f; }; f";
    match shelf
        .try_run("pids: 8, time: 5s", &["sh", "-c", line], b"")
        .await?
    {
        // The shell gives up where it may start no more, and takes all with it.
        Ok(ran) => {
            let error = String::from_utf8_lossy(&ran.stderr);
            ensure!(
                ran.end != ProgramEnd::Code(0) && error.contains("fork"),
                "{ran:?}"
            );
        }
        Err(ProgramError::TooLong { .. } | ProgramError::OutOfMemory { .. }) => {}
        Err(other) => bail!("{other}"),
    }
    let left = left_since(&before);
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    // So many and no more.
    let line = "i=0; while [ $i -lt 12 ]; do sleep 100 & i=$((i+1)); done; echo all";
    let held = shelf.try_run("pids: 8", &["sh", "-c", line], b"").await??;
    ensure!(held.end != ProgramEnd::Code(0), "{held:?}");
    let line = "i=0; while [ $i -lt 6 ]; do sleep 0 & i=$((i+1)); done; wait; echo all";
    let enough = shelf.try_run("pids: 8", &["sh", "-c", line], b"").await??;
    assert_eq!(enough.stdout, b"all\n");
    works(&shelf).await
}

/// A program that says so once it runs, and does nothing more; looked for by its name.
const WAITS: &str = "exec sleep 31557600";

pub(super) fn waits() -> bool {
    let arguments = |id| fs_err::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
    descendants().iter().any(|process| {
        let arguments = arguments(process.id);
        arguments.contains("31557600") && !arguments.contains("exec")
    })
}

async fn given_up(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    works(&shelf).await?;
    let before = Snapshot::take();
    let running = shelf.try_run("", &["sh", "-c", WAITS], b"");
    let timeout = async {
        while !waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ran = running => bail!("it ended: {ran:?}"),
        () = timeout => {}
    }
    // The runtime goes on, and with it what removes the container.
    shelf.programs.end().await;
    let left = left_since(&before);
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    Ok(())
}

async fn plugin_end(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    works(&shelf).await?;
    let before = Snapshot::take();
    let program = shelf.busybox("")?;
    let arguments = || ["sh", "-c", WAITS].map(str::to_owned).to_vec();
    let runs = [(); 6].map(|()| shelf.programs.run(&program, arguments(), Vec::new()));
    let [one, two, three, four, five, six] = runs;
    let end = async {
        while !waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        shelf.programs.end().await;
        left_since(&before)
    };
    let (one, two, three, four, five, six, left) =
        tokio::join!(one, two, three, four, five, six, end);
    for ran in [one, two, three, four, five, six] {
        ensure!(matches!(ran, Err(ProgramError::GivenUp)), "{ran:?}");
    }
    ensure!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    // None after the end; another plugin's go on.
    let late = shelf
        .programs
        .run(&program, vec!["true".into()], Vec::new())
        .await;
    ensure!(matches!(late, Err(ProgramError::GivenUp)), "{late:?}");
    let other = Programs::new(&shelf.host);
    let ran = other.run(&program, vec!["true".into()], Vec::new()).await?;
    assert_eq!(ran.end, ProgramEnd::Code(0));
    Ok(())
}

async fn launcher_killed(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let running = shelf.try_run("", &["sh", "-c", WAITS], b"");
    let kill = async {
        while !waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let launcher = named("lazaret-launche").context("no launcher")?.id;
        let process = rustix::process::Pid::from_raw(i32::try_from(launcher)?).context("no id")?;
        rustix::process::kill_process(process, rustix::process::Signal::KILL)?;
        anyhow::Ok(())
    };
    let (ran, killed) = tokio::join!(running, kill);
    killed?;
    let ran = ran?;
    ensure!(ran.is_err(), "{ran:?}");
    until("the program is gone", || !waits())?;
    // The next launcher removes what is left of this one's directory.
    works(&Shelf::new(world)?).await
}
