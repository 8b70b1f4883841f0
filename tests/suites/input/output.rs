//! Places that cannot be written to.

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::run;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;

use super::{lazaret, plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("input: a full disk leaves no half bundle", full_disk),
        Case::new(
            "input: a bundle's directory that exists already",
            output_exists,
        ),
        Case::new(
            "input: a bundle's directory where none can be made",
            output_nowhere,
        ),
        Case::new("input: a root file system that was changed", changed_rootfs),
        Case::new("input: standard output that takes nothing", closed_output),
    ]
}

/// A file system of so many bytes, gone with this value.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(world: &World, size: &str) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let flags = rustix::mount::MountFlags::empty();
        let options = std::ffi::CString::new(format!("size={size}"))?;
        rustix::mount::mount(
            "tmpfs",
            directory.path(),
            "tmpfs",
            flags,
            Some(options.as_c_str()),
        )?;
        Ok(Self(directory))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What is left of it is told by the look at what is left behind.
        let _left = rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

fn full_disk(world: &World) -> anyhow::Result<()> {
    let disk = Tmpfs::mount(world, "2m")?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let output = disk.0.path().join("bundle").to_string_lossy().into_owned();
    let finished = run(lazaret(world, ["bundle", &path, "-o", &output]))?;
    finished.failed(
        ExitCode::Output,
        &["failed to write the bundle", "No space left on device"],
    )?;
    let left: Vec<_> = fs_err::read_dir(disk.0.path())?.collect();
    ensure!(left.is_empty(), "{left:?} is left");
    let probe = world.parts.probe().to_string_lossy().into_owned();
    let small = Tmpfs::mount(world, "1m")?;
    let output = small.0.path().join("rootfs").to_string_lossy().into_owned();
    let finished = run(lazaret(
        world,
        ["rootfs", "build", "--shim", &probe, "-o", &output],
    ))?;
    finished.failed(ExitCode::Output, &["No space left on device"])?;
    let left: Vec<_> = fs_err::read_dir(small.0.path())?.collect();
    ensure!(left.is_empty(), "{left:?} is left");
    Ok(())
}

fn output_exists(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let output = world.directory()?;
    fs_err::write(output.path().join("mine"), "mine")?;
    let text = output.path().to_string_lossy().into_owned();
    let finished = run(lazaret(world, ["bundle", &path, "-o", &text]))?;
    finished.failed(ExitCode::Output, &["exists already", "hint: "])?;
    ensure!(
        fs_err::read_dir(output.path())?.count() == 1,
        "it was written to"
    );
    Ok(())
}

fn output_nowhere(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let finished = run(lazaret(world, ["bundle", &path, "-o", "/none/bundle"]))?;
    finished.failed(ExitCode::Output, &["/none/"])?;
    let finished = run(lazaret(world, ["bundle", &path, "-o", "/proc/bundle"]))?;
    finished.failed(ExitCode::Output, &["/proc/"])
}

fn changed_rootfs(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let output = directory.path().join("rootfs");
    let text = output.to_string_lossy().into_owned();
    let probe = world.parts.probe().to_string_lossy().into_owned();
    let built = run(lazaret(
        world,
        ["rootfs", "build", "--shim", &probe, "-o", &text],
    ))?;
    ensure!(built.code == Some(0), "{built:?}");
    let verified = run(lazaret(world, ["rootfs", "verify", &text]))?;
    verified.answered(&built.output)?;
    fs_err::write(output.join("tree/etc/passwd"), "root::0:0::/:/bin/sh\n")?;
    let verified = run(lazaret(world, ["rootfs", "verify", &text]))?;
    verified.failed(ExitCode::Rootfs, &["etc/passwd"])
}

fn closed_output(world: &World) -> anyhow::Result<()> {
    // Standard output that is full: the result must not be lost in silence.
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let full = fs_err::OpenOptions::new().write(true).open("/dev/full")?;
    let mut command = lazaret(world, ["run", &path, "--call", "city"]);
    command
        .stdout(full.into_parts().0)
        .stderr(std::process::Stdio::piped());
    let finished = command.spawn()?.wait_with_output()?;
    let errors = String::from_utf8_lossy(&finished.stderr);
    ensure!(
        finished.status.code() == Some(ExitCode::Output as i32),
        "{finished:?}"
    );
    ensure!(
        errors.contains("failed to write to standard output"),
        "{errors}"
    );
    Ok(())
}
