//! What a plugin waits for when it runs a program: the program alone, and in a container of its own;
//! beside it `runc run` of the same bundle, with the same root file system, limits and filter.
//!
//! `cargo bench -p lazaret-benches --bench program`, as root, after `make build build-tests`. Every
//! output is checked before its time counts. The three take turns.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lazaret::bundle::{ProgramRequest, build_program};
use lazaret::container::Launcher;
use lazaret::host::CgroupVersion;
use lazaret::programs::{ProgramHost, Programs};
use lazaret_benches::machine;
use lazaret_policy::{EffectivePolicy, Program, SecurityLevel, SecurityPolicy};
use lazaret_tests::parts::Parts;

const RUNS: usize = 100;

/// What all are to print.
const GREETING: &[u8] = b"hello\n";

fn main() -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("program")?)?;
    if !rustix::process::geteuid().is_root() {
        writeln!(output, "skipped: containers need root; run as root")?;
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let rootfs = rootfs(directory.path())?;
    let bundle = directory.path().to_owned();
    let cgroup = CgroupVersion::detect().context("no cgroups")?;
    let launcher = Arc::new(Launcher::start(&Parts::find()?.launcher())?);
    let programs = Programs::new(&ProgramHost::new(&launcher, cgroup));
    let program = program(&rootfs)?;
    write_bundle(&bundle, cgroup)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rows: [(&str, Vec<Duration>); 3] = [
        ("busybox echo, alone", Vec::new()),
        ("busybox echo, as a plugin's program", Vec::new()),
        ("busybox echo, `runc run` of that bundle", Vec::new()),
    ];
    for _ in 0..RUNS {
        let [(_, alone), (_, ours), (_, theirs)] = &mut rows;
        let mut command = Command::new(rootfs.join("bin/busybox"));
        alone.push(time(command.args(["echo", "hello"]))?);
        let start = Instant::now();
        let arguments = vec!["echo".to_owned(), "hello".to_owned()];
        let ran = runtime.block_on(programs.run(&program, arguments, Vec::new()))?;
        ours.push(start.elapsed());
        ensure!(ran.stdout == GREETING, "{ran:?}");
        let mut command = Command::new("runc");
        command.arg("run").arg("--bundle").arg(&bundle);
        theirs.push(time(command.arg("lazaret-bench-program"))?);
    }
    writeln!(
        output,
        "{:44}{:>12}{:>12}{:>12}{:>7}",
        "", "median", "min", "p90", "runs"
    )?;
    for (what, mut times) in rows {
        times.sort();
        let at = |part: usize, of| times.get(times.len() * part / of).copied();
        let shown = |time: Option<Duration>| {
            format!("{:.1} ms", time.unwrap_or_default().as_secs_f64() * 1e3)
        };
        writeln!(
            output,
            "{what:44}{:>12}{:>12}{:>12}{:>7}",
            shown(at(1, 2)),
            shown(times.first().copied()),
            shown(at(9, 10)),
            times.len()
        )?;
    }
    Ok(())
}

fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("failed to start {command:?}"))?;
    let time = start.elapsed();
    ensure!(
        output.status.success() && output.stdout == GREETING,
        "{command:?}: {output:?}"
    );
    Ok(time)
}

fn rootfs(directory: &Path) -> anyhow::Result<PathBuf> {
    let rootfs = directory.join("rootfs");
    for name in ["", "bin", "dev", "proc", "tmp"] {
        let path = rootfs.join(name);
        fs_err::create_dir(&path)?;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    fs_err::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    let busybox = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join("busybox"))
        .find(|path| path.is_file())
        .context("no `busybox` in PATH; it is Debian's package busybox-static")?;
    fs_err::copy(busybox, rootfs.join("bin/busybox"))?;
    Ok(rootfs)
}

fn program(rootfs: &Path) -> anyhow::Result<Program> {
    let text = format!(
        "apiVersion: lazaret/v1\nkind: SecurityPolicy\nexec: {{ programs: [ {{ name: busybox, rootfs: \"{}\", path: /bin/busybox }} ] }}\n",
        rootfs.display()
    );
    let policy = SecurityPolicy::parse("policy.yaml", &text)?;
    let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
    let program = policy.exec().program("busybox").cloned();
    program.context("the policy names no program")
}

/// What our launcher is given, for another runtime.
fn write_bundle(directory: &Path, cgroup: CgroupVersion) -> anyhow::Result<()> {
    let policy = EffectivePolicy::of(SecurityLevel::Standard);
    let bundle = build_program(&ProgramRequest {
        path: "/bin/busybox",
        arguments: &["echo".to_owned(), "hello".to_owned()],
        resources: policy.resources(),
        id: &"lazaret-bench-program".parse()?,
        directory: directory.to_owned(),
        first_host_id: 0x5fff_0000,
        cgroup,
    })?;
    Ok(fs_err::write(directory.join("config.json"), bundle.config)?)
}
