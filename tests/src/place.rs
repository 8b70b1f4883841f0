//! The library finds its parts beside the running program or under the prefix it is installed
//! in, and nowhere else. So the test program is run again from the workspace's `target/release`,
//! where the parts are. Everything temporary lies in one directory, gone afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::parts;

/// Tells the second run that it is the second.
const MARK: &str = "LAZARET_TESTS_IN_PLACE";

/// Whether this is the second run.
pub fn is_in_place() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Puts this program in place, runs it with the same arguments, and removes it.
///
/// # Errors
/// Where a part is missing or the program cannot be put in place.
pub fn run_again() -> anyhow::Result<ExitCode> {
    let temporary = tempfile::Builder::new()
        .prefix("lazaret-tests-")
        .tempdir()?;
    fs_err::set_permissions(&temporary, std::fs::Permissions::from_mode(0o755))?;
    let name = format!("lazaret-tests-{}", std::process::id());
    let placed = Placed::new(&std::env::current_exe()?, parts::directory()?.join(name))?;
    let status = Command::new(&placed.0)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        // The launcher takes no path that leads through a symbolic link.
        .env("TMPDIR", fs_err::canonicalize(&temporary)?)
        .status()
        .with_context(|| format!("failed to run `{}`", placed.0.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The program in its place; removed when dropped.
struct Placed(PathBuf);

impl Placed {
    /// A link where both are on one file system, else a copy.
    fn new(program: &Path, target: PathBuf) -> anyhow::Result<Self> {
        if fs_err::hard_link(program, &target).is_err() {
            fs_err::copy(program, &target)?;
        }
        Ok(Self(target))
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // A program that stays is in nobody's way.
        drop(fs_err::remove_file(&self.0));
    }
}
