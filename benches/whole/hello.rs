//! The whole command, from nothing to nothing: `lazaret run` of a hello plugin, and `runc run` of
//! the same root file system with `deno` and a hello script in it. The two take turns.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lazaret_benches::machine::Programs;
use serde_json::{Value, json};

use crate::figures::{Row, median};

const RUNS: usize = 25;

/// What both are to print.
const GREETING: &str = "hello";

/// Measures every engine, and the peer where it is there.
pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("hello.js");
    fs_err::write(&script, format!("console.log(\"{GREETING}\");\n"))?;
    let peer = peer(programs, &script, directory.path());
    let mut ours: Vec<Vec<Duration>> = vec![Vec::new(); programs.engines.len()];
    let mut theirs = Vec::new();
    for _ in 0..RUNS {
        for (engine, times) in programs.engines.iter().zip(&mut ours) {
            let mut command = Command::new(&programs.lazaret);
            command
                .arg("run")
                .arg(&script)
                .args(["--engine", engine.name()]);
            times.push(time(&mut command)?);
        }
        if let Ok(bundle) = &peer {
            let mut command = Command::new("runc");
            command
                .arg("run")
                .arg("--bundle")
                .arg(bundle)
                .arg("lazaret-bench");
            theirs.push(time(&mut command)?);
        }
    }
    let mut rows = Vec::new();
    for (engine, times) in programs.engines.iter().zip(ours) {
        rows.push(Row::times(
            format!("lazaret run hello.js ({})", engine.name()),
            times,
        ));
    }
    match peer {
        Err(reason) => rows.push(Row::text(
            "runc run deno hello.js",
            format!("skipped: {reason:#}"),
        )),
        Ok(_) => {
            theirs.sort();
            let theirs_median = median(&theirs);
            rows.push(Row::times("runc run deno hello.js", theirs));
            if let Some(Row::Times { times, .. }) = rows.first() {
                let ratio = median(times).as_secs_f64() / theirs_median.as_secs_f64();
                rows.push(Row::text(
                    "lazaret / runc with deno",
                    format!("{ratio:>10.2}"),
                ));
            }
        }
    }
    Ok(rows)
}

/// Runs the command and checks that it greeted.
fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("failed to start {command:?}"))?;
    let time = start.elapsed();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    ensure!(
        output.status.success() && text.contains(GREETING),
        "{command:?}: {text}"
    );
    Ok(time)
}

/// A bundle with our root file system, `deno` and the libraries it loads in it, without our
/// filter and limits, which are for our own runtimes.
fn peer(programs: &Programs, script: &Path, directory: &Path) -> anyhow::Result<PathBuf> {
    let deno = find("deno").context("`deno` is not in PATH; it is an npm package")?;
    find("runc").context("`runc` is not in PATH; it is a Debian package")?;
    let bundle = directory.join("bundle");
    let status = Command::new(&programs.lazaret)
        .arg("bundle")
        .arg(script)
        .arg("-o")
        .arg(&bundle)
        .status()?;
    ensure!(status.success(), "`lazaret bundle` failed");
    let rootfs = bundle.join("rootfs");
    for library in libraries(&deno)? {
        let target = rootfs.join(library.strip_prefix("/").unwrap_or(&library));
        fs_err::create_dir_all(
            target
                .parent()
                .context("a library lies in the root directory")?,
        )?;
        fs_err::copy(&library, &target)?;
    }
    fs_err::copy(&deno, rootfs.join("lazaret/deno"))?;
    let config = bundle.join("config.json");
    let mut spec: Value = serde_json::from_str(&fs_err::read_to_string(&config)?)?;
    spec["process"]["args"] = json!(["/lazaret/deno", "run", "/plugin/hello.js"]);
    spec["process"]["env"] = json!([
        "PATH=/lazaret",
        "HOME=/tmp",
        "DENO_DIR=/tmp/deno",
        "DENO_NO_UPDATE_CHECK=1"
    ]);
    spec["process"]["rlimits"] = json!([]);
    spec["linux"]["resources"] = json!({});
    if let Some(linux) = spec["linux"].as_object_mut() {
        linux.remove("seccomp");
    }
    fs_err::remove_file(&config)?;
    fs_err::write(&config, spec.to_string())?;
    Ok(bundle)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|directory| directory.join(program));
    // A script that starts another program is not the program.
    found
        .filter_map(|path| path.canonicalize().ok())
        .find(|path| path.is_file())
}

/// The libraries a dynamic program loads, by the dynamic linker's own word (ldd(1)).
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("failed to start ldd")?;
    let text = String::from_utf8(output.stdout)?;
    let paths = text
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from);
    Ok(paths.collect())
}
