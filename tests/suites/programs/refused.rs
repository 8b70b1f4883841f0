//! Programs that cannot be run, and what is said of them.

use std::os::unix::fs::{PermissionsExt, symlink};

use anyhow::{Context, bail, ensure};
use lazaret::programs::{ProgramEnd, ProgramError};
use lazaret_tests::case::Case;
use lazaret_tests::world::World;

use super::{Shelf, program};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "programs: a root file system that cannot be used is named",
            rootfs,
        ),
        Case::asynchronous(
            "programs: a program that cannot be started is named",
            not_started,
        ),
        Case::asynchronous("programs: arguments out of bounds are refused", arguments),
    ]
}

/// All that an error says.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

async fn refusal(shelf: &Shelf, rootfs: &std::path::Path, path: &str) -> anyhow::Result<String> {
    let program = program(rootfs, path, "")?;
    let ran = shelf
        .programs
        .run(&program, vec!["true".into()], Vec::new())
        .await;
    Ok(text(&ran.err().context("it ran")?))
}

async fn rootfs(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let good = shelf.path().canonicalize()?;
    let place = world.directory()?;
    let place = place.path().canonicalize()?;
    let link = place.join("link");
    symlink(&good, &link)?;
    let none = place.join("none");
    let file = place.join("file");
    fs_err::write(&file, "")?;
    let bare = place.join("bare");
    fs_err::create_dir(&bare)?;
    for (rootfs, reason) in [
        (&link, "symbolic link"),
        (&none, "No such file"),
        (&file, "no directory"),
        (&bare, "has no directory `proc`"),
    ] {
        let said = refusal(&shelf, rootfs, "/bin/busybox").await?;
        ensure!(said.contains(reason), "`{reason}` is not in: {said}");
    }
    // A link in the place of a mount point could lead the mount elsewhere.
    fs_err::remove_dir(good.join("tmp"))?;
    symlink("/etc", good.join("tmp"))?;
    let said = refusal(&shelf, &good, "/bin/busybox").await?;
    ensure!(said.contains("has no directory `tmp`"), "{said}");
    fs_err::remove_file(good.join("tmp"))?;
    fs_err::create_dir(good.join("tmp"))?;
    fs_err::set_permissions(&good, std::fs::Permissions::from_mode(0o700))?;
    let said = refusal(&shelf, &good, "/bin/busybox").await?;
    ensure!(said.contains("hint: `chmod o+rx"), "{said}");
    fs_err::set_permissions(&good, std::fs::Permissions::from_mode(0o755))?;
    assert_eq!(shelf.shell("echo well").await?, "well\n");
    Ok(())
}

async fn not_started(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let said = refusal(&shelf, shelf.path(), "/bin/none").await?;
    ensure!(said.contains("/bin/none"), "{said}");
    let said = refusal(&shelf, shelf.path(), "/etc/motto").await?;
    ensure!(said.contains("permission"), "{said}");
    let said = refusal(&shelf, shelf.path(), "/bin").await?;
    ensure!(said.contains("permission"), "{said}");
    // Executable, and no program: it is not handed to a shell.
    let odd = shelf.path().join("bin/odd");
    fs_err::write(&odd, "touch /tmp/x\n")?;
    fs_err::set_permissions(&odd, std::fs::Permissions::from_mode(0o755))?;
    let program = program(shelf.path(), "/bin/odd", "")?;
    let ran = shelf.programs.run(&program, Vec::new(), Vec::new()).await?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(
        ran.end != ProgramEnd::Code(0) && said.contains("/bin/odd"),
        "{ran:?}"
    );
    Ok(())
}

async fn arguments(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let program = shelf.busybox("")?;
    let run =
        async |arguments: Vec<String>| shelf.programs.run(&program, arguments, Vec::new()).await;
    let each = "x".repeat(63);
    let mut most = vec!["echo".to_owned()];
    most.extend(vec![each.clone(); 255]);
    let ran = run(most.clone()).await?;
    assert_eq!(ran.stdout.len(), 255 * 64);
    most.push(each);
    for arguments in [most, vec!["echo".into(), "x".repeat(17_000)]] {
        match run(arguments).await {
            Err(ProgramError::TooManyArguments { .. }) => {}
            other => bail!("{other:?}"),
        }
    }
    match run(vec!["echo".into(), "a\0b".into()]).await {
        Err(ProgramError::NulInArgument { .. }) => Ok(()),
        other => bail!("{other:?}"),
    }
}
