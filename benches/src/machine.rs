//! On what it was measured, and with which programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use lazaret::host::{Installation, ShimEngine};

/// The programs of one build.
pub struct Programs {
    /// The `lazaret` command.
    pub lazaret: PathBuf,
    /// Its parts.
    pub installation: Installation,
    /// The engines there are.
    pub engines: Vec<ShimEngine>,
}

/// The programs that `make build` left.
///
/// # Errors
/// Where one is missing.
pub fn programs() -> anyhow::Result<Programs> {
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release");
    let lazaret = release.join("lazaret");
    ensure!(
        lazaret.is_file(),
        "no `{}`; run `make build`",
        lazaret.display()
    );
    let installation = Installation::in_directory(&release)?;
    let engines = ShimEngine::ALL
        .into_iter()
        .filter(|engine| installation.has(*engine))
        .collect();
    Ok(Programs {
        lazaret: lazaret.canonicalize()?,
        installation,
        engines,
    })
}

/// Processor, kernel, commit and the command that runs this bench.
///
/// # Errors
/// Where `/proc` does not tell.
pub fn describe(bench: &str) -> anyhow::Result<String> {
    let cpu = fs_err::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let cores = std::thread::available_parallelism().context("failed to count processors")?;
    let commit = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    Ok(format!(
        "machine: {} x {}\nkernel:  {kernel}\ncommit:  {}\ncommand: cargo bench -p lazaret-benches --bench {bench}",
        cores,
        model.map_or("unknown processor", |(_, name)| name),
        commit.unwrap_or_default()
    ))
}
