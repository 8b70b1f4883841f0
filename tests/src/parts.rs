//! Where the programs under test are: the workspace's `target/release`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lazaret::host::{Installation, ShimEngine};

use crate::setup::Js;

/// The programs under test.
#[derive(Clone)]
pub struct Parts {
    directory: PathBuf,
    /// As the library finds them.
    pub installation: Installation,
}

/// What `make build build-tests` leaves in `target/release`.
const NEEDED: [&str; 4] = [
    "lazaret",
    "lazaret-launcher",
    "lazaret-probe",
    "rootfs/quickjs/manifest.json",
];

/// The workspace's `target/release`.
///
/// # Errors
/// Where a part is missing; the error says how to get it.
fn directory() -> anyhow::Result<PathBuf> {
    let directory = fs_err::canonicalize(workspace())?.join("target/release");
    for part in NEEDED {
        if !directory.join(part).exists() {
            bail!(
                "`{}` is missing\n  hint: run `make build build-tests`",
                directory.join(part).display()
            );
        }
    }
    Ok(directory)
}

/// The workspace's own directory.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

impl Parts {
    /// Finds them.
    ///
    /// # Errors
    /// Where a part is missing.
    pub fn find() -> anyhow::Result<Self> {
        let directory = directory()?;
        Ok(Self {
            installation: Installation::in_directory(&directory)?,
            directory,
        })
    }

    /// The `lazaret` command.
    pub fn lazaret(&self) -> PathBuf {
        self.directory.join("lazaret")
    }

    /// The program that asks from inside.
    pub fn probe(&self) -> PathBuf {
        self.directory.join("lazaret-probe")
    }

    /// The launcher's program.
    pub fn launcher(&self) -> PathBuf {
        self.directory.join("lazaret-launcher")
    }

    /// Whether plugins can run on an engine.
    pub fn has(&self, js: Js) -> bool {
        self.installation.has(match js {
            Js::QuickJs => ShimEngine::QuickJs,
            Js::V8 => ShimEngine::V8,
        })
    }
}
