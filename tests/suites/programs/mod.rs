//! Programs that a policy names, each in a container of its own: a real shell and its tools, from
//! `busybox`, in a root file system made for the case.

mod confined;
mod ends;
mod many;
mod plugin;
mod refused;
mod runs;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use lazaret::container::Launcher;
use lazaret::host::CgroupVersion;
use lazaret::programs::{ProgramEnd, ProgramError, ProgramHost, ProgramOutput, Programs};
use lazaret_policy::{EffectivePolicy, Program, SecurityLevel, SecurityPolicy};
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, policy_text};
use lazaret_tests::world::World;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = runs::cases();
    cases.extend(confined::cases());
    cases.extend(ends::cases());
    cases.extend(refused::cases());
    cases.extend(many::cases());
    cases
}

/// Those in which a plugin runs them.
pub(crate) fn javascript_cases(js: Js) -> Vec<Case> {
    plugin::cases(js)
}

/// A root file system, and programs in it.
struct Shelf {
    rootfs: tempfile::TempDir,
    host: Arc<ProgramHost>,
    programs: Programs,
}

impl Shelf {
    fn new(world: &World) -> anyhow::Result<Self> {
        let launcher = Arc::new(Launcher::start(&world.parts.launcher())?);
        let cgroup = CgroupVersion::detect().context("no cgroups")?;
        let host = ProgramHost::new(&launcher, cgroup);
        Ok(Self {
            rootfs: rootfs(world)?,
            programs: Programs::new(&host),
            host,
        })
    }

    fn path(&self) -> &Path {
        self.rootfs.path()
    }

    /// The shell and its tools, with limits in the policy's words, as `memory: 32MiB`.
    fn busybox(&self, limits: &str) -> anyhow::Result<Program> {
        program(self.path(), "/bin/busybox", limits)
    }

    /// Runs a tool to its end.
    async fn try_run(
        &self,
        limits: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> anyhow::Result<Result<ProgramOutput, ProgramError>> {
        let program = self.busybox(limits)?;
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        Ok(self.programs.run(&program, arguments, input.to_vec()).await)
    }

    /// Runs a line of the shell that is to succeed and say nothing on standard error; what it says.
    async fn shell(&self, line: &str) -> anyhow::Result<String> {
        let ran = self.try_run("", &["sh", "-c", line], b"").await??;
        let error = String::from_utf8_lossy(&ran.stderr);
        ensure!(
            ran.end == ProgramEnd::Code(0) && ran.stderr.is_empty(),
            "`{line}`: {:?}: {error}",
            ran.end
        );
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// Runs a line of the shell that is to fail; what it says on standard error.
    async fn fails(&self, line: &str) -> anyhow::Result<String> {
        let ran = self.try_run("", &["sh", "-c", line], b"").await??;
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        match ran.end {
            ProgramEnd::Code(code) if code != 0 => Ok(error),
            end => bail!("`{line}` ended with {end:?}: {error}"),
        }
    }

    /// Runs a line of the shell that has no end to give.
    async fn error(&self, limits: &str, line: &str) -> anyhow::Result<ProgramError> {
        let ran = self.try_run(limits, &["sh", "-c", line], b"").await?;
        ran.err().with_context(|| format!("`{line}` had an end"))
    }
}

/// An entry of a policy. What `limits` leaves out is ample also for slow machines.
pub(crate) fn entry(name: &str, rootfs: &Path, path: &str, limits: &str) -> String {
    let ample = "memory: 64MiB, cpu: 100%, pids: 16, time: 60s, input: 2MiB, output: 2MiB";
    let named = |text: &str| -> Vec<(String, String)> {
        let parts = text.split(',').filter_map(|part| part.split_once(':'));
        parts
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect()
    };
    let given = named(limits);
    let left = named(ample).into_iter();
    let left = left.filter(|(key, _)| given.iter().all(|(other, _)| other != key));
    let limits: Vec<String> = left
        .chain(given.clone())
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    format!(
        "{{ name: {name}, rootfs: \"{}\", path: {path}, limits: {{ {} }} }}",
        rootfs.display(),
        limits.join(", ")
    )
}

/// As a policy names it.
fn program(rootfs: &Path, path: &str, limits: &str) -> anyhow::Result<Program> {
    let entry = entry("tool", rootfs, path, limits);
    let policy = format!("exec: {{ programs: [ {entry} ] }}");
    let policy = SecurityPolicy::parse("policy.yaml", &policy_text(&policy))?;
    let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
    policy
        .exec()
        .programs
        .first()
        .cloned()
        .context("the policy names no program")
}

/// A new root file system with `busybox` in it, under the names of a few of its tools.
pub(crate) fn rootfs(world: &World) -> anyhow::Result<tempfile::TempDir> {
    let directory = world.directory()?;
    for name in ["bin", "dev", "proc", "tmp", "etc"] {
        let path = directory.path().join(name);
        fs_err::create_dir(&path)?;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    fs_err::copy(busybox()?, directory.path().join("bin/busybox"))?;
    for tool in TOOLS {
        symlink("busybox", directory.path().join("bin").join(tool))?;
    }
    fs_err::write(directory.path().join("etc/motto"), "festina lente\n")?;
    Ok(directory)
}

const TOOLS: [&str; 22] = [
    "cat", "chmod", "cp", "dd", "env", "head", "id", "ls", "mkdir", "mount", "nc", "sh", "sleep",
    "sort", "tail", "touch", "tr", "true", "umount", "unshare", "wc", "yes",
];

/// Static, so that it needs no libraries in a root file system.
fn busybox() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join("busybox"))
        .find(|path| path.is_file())
        .context("no `busybox` in PATH; it is Debian's package busybox-static")
}
