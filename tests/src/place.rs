//! The library finds its parts beside the running program or, installed, in `lib/lazaret` of the
//! same prefix, and nowhere else. So the test program is run again from a prefix made for it,
//! whose `lib/lazaret` is the workspace's `target/release`. Everything temporary lies there too.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::parts;

/// Tells the second run that it is the second.
const MARK: &str = "LAZARET_TESTS_PLACE";

/// The prefix this program runs from, if it is the second run.
pub fn prefix() -> Option<PathBuf> {
    std::env::var_os(MARK).map(PathBuf::from)
}

/// Makes a prefix, runs this program from it with the same arguments, and removes the prefix.
///
/// # Errors
/// Where a part is missing or the prefix cannot be made.
pub fn run_again() -> anyhow::Result<ExitCode> {
    let parts = parts::directory()?;
    let prefix = tempfile::Builder::new()
        .prefix("lazaret-tests-")
        .tempdir()?;
    fs_err::set_permissions(&prefix, std::fs::Permissions::from_mode(0o755))?;
    let directory = |name: &str| -> anyhow::Result<PathBuf> {
        let path = prefix.path().join(name);
        fs_err::create_dir(&path)?;
        Ok(path)
    };
    let program = directory("bin")?.join("lazaret-tests");
    place(&std::env::current_exe()?, &program)?;
    symlink(parts, directory("lib")?.join("lazaret")).context("failed to link the parts")?;
    let status = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .env(MARK, prefix.path())
        .env("TMPDIR", directory("tmp")?)
        .status()
        .with_context(|| format!("failed to run `{}`", program.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A link where both are on one file system, else a copy.
fn place(program: &Path, target: &Path) -> anyhow::Result<()> {
    if fs_err::hard_link(program, target).is_err() {
        fs_err::copy(program, target)?;
    }
    Ok(())
}
