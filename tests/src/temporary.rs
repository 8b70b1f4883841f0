//! Everything temporary lies in one directory, gone afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

/// Makes the directory and has everything temporary of this process lie in it. Who is not root
/// may pass through. Removed when dropped.
///
/// # Errors
/// Where it cannot be made, or something temporary was made before.
pub fn take() -> anyhow::Result<tempfile::TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("lazaret-tests-")
        .tempdir()?;
    fs_err::set_permissions(&directory, std::fs::Permissions::from_mode(0o755))?;
    // The launcher takes no path that leads through a symbolic link.
    let path = fs_err::canonicalize(&directory)?;
    tempfile::env::override_temp_dir(&path)
        .map_err(|other| anyhow!("it is `{}` already", other.display()))
        .context("failed to name the directory for what is temporary")?;
    Ok(directory)
}

/// Where what is temporary lies.
pub fn directory() -> PathBuf {
    tempfile::env::temp_dir()
}
