//! What people get wrong on the command line: one clear message, an exit status of its own,
//! nothing half made.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::command::{Finished, command, run};
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source, policy_text};
use lazaret_tests::world::World;

use crate::story::everyday;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "input: every problem of a policy is told with its place",
            broken_policy,
        ),
        Case::new("input: a policy that is not there", missing_policy),
        Case::new("input: no such plugin", no_such_plugin),
        Case::new("input: a plugin without an entry file", missing_entry),
        Case::new(
            "input: a syntax error has file, line and column",
            syntax_error,
        ),
        Case::new(
            "input: a function that does not exist has near names",
            unknown_function,
        ),
        Case::new("input: arguments that are no JSON", arguments_no_json),
        Case::new(
            "input: arguments without a function to call",
            arguments_alone,
        ),
        Case::new(
            "input: arguments larger than a message",
            arguments_too_large,
        ),
        Case::new("input: an engine nobody knows", unknown_engine),
        Case::new(
            "input: an engine that is not installed",
            engine_not_installed,
        ),
        Case::new("input: somebody who is not root", not_root),
        Case::new("input: a plugin that is too large", plugin_too_large),
        Case::new("input: a symbolic link in a plugin", symbolic_link),
        Case::new("input: a plugin with a socket in it", socket_in_plugin),
        Case::new(
            "input: a granted path that is not there",
            granted_path_missing,
        ),
        Case::new("input: grants that cannot be held are named", unheld_grants),
        Case::new("input: a key this host cannot hold", unenforceable),
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
        Case::new("input: each kind of end has its exit status", ends),
        Case::new(
            "input: results, logs and errors are safe for a terminal",
            safe_output,
        ),
        Case::new("input: a host that can run plugins says so", host_checked),
        Case::new(
            "input: a feature the host lacks is named with what to do",
            host_lacks,
        ),
        Case::new("input: what is right is done", what_is_right),
    ]
}

fn lazaret<'a>(world: &World, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    command(&world.parts.lazaret(), arguments)
}

/// A plugin on disk and the path to it.
fn plugin(world: &World, setup: &Setup) -> anyhow::Result<(tempfile::TempDir, String)> {
    let directory = on_disk(world, setup)?;
    let mut entries = fs_err::read_dir(directory.path())?;
    let path = entries.next().context("the plugin was written")??.path();
    Ok((directory, path.to_string_lossy().into_owned()))
}

fn quick(name: &str, main: &str) -> Setup {
    Setup::javascript(Js::QuickJs, name, main)
}

fn run_plugin(world: &World, setup: &Setup, more: &[&str]) -> anyhow::Result<Finished> {
    let (_directory, path) = plugin(world, setup)?;
    let arguments = ["run", &path].into_iter().chain(more.iter().copied());
    run(lazaret(world, arguments))
}

fn broken_policy(world: &World) -> anyhow::Result<()> {
    let policy = "levle: standard\nresources:\n  memory: { max: 64 }\n  pids: { max: -1 }\npermissions:\n  - file:reed:/srv";
    let finished = run_plugin(world, &quick("p", "").policy(policy), &["--call", "f"])?;
    finished.failed(
        ExitCode::Policy,
        &[
            "levle",
            "did you mean",
            "policy.yaml:3:1",
            "policy.yaml:5:",
            "policy.yaml:6:",
            "policy.yaml:8:",
            "hint:",
        ],
    )
}

fn missing_policy(world: &World) -> anyhow::Result<()> {
    let finished = run_plugin(
        world,
        &everyday(Js::QuickJs)?,
        &["--policy", "/none/policy.yaml"],
    )?;
    finished.failed(ExitCode::Policy, &["/none/policy.yaml"])
}

fn no_such_plugin(world: &World) -> anyhow::Result<()> {
    let finished = run(lazaret(world, ["run", "/none/such"]))?;
    finished.failed(ExitCode::Plugin, &["no plugin at `/none/such`"])
}

fn missing_entry(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    fs_err::write(directory.path().join("index.js"), "")?;
    let path = directory.path().to_string_lossy().into_owned();
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(
        ExitCode::Plugin,
        &["has no entry file", "hint: ", "main.js"],
    )
}

fn syntax_error(world: &World) -> anyhow::Result<()> {
    let source = plugin_source("hostile/syntax-error.js")?;
    let finished = run_plugin(world, &quick("broken", &source), &["--call", "fine"])?;
    finished.failed(
        ExitCode::Exception,
        &["plugin `broken`", "SyntaxError", "main.js:4:"],
    )
}

fn unknown_function(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?;
    let finished = run_plugin(world, &setup, &["--call", "gret"])?;
    finished.failed(
        ExitCode::NoSuchFunction,
        &[
            "plugin `everyday` has no function `gret`",
            "hint: did you mean `greet`",
        ],
    )?;
    let finished = run_plugin(world, &setup, &["--call", "\u{1b}[2J"])?;
    finished.failed(
        ExitCode::NoSuchFunction,
        &["no function `\\u{1b}[2J`", "hint: it has `add`"],
    )
}

fn arguments_no_json(world: &World) -> anyhow::Result<()> {
    for text in ["{city:Kobe}", "[1,", "", "1 2", "{'city':'Kobe'}"] {
        let setup = everyday(Js::QuickJs)?;
        let finished = run_plugin(world, &setup, &["--call", "greet", "--args", text])?;
        finished.failed(
            ExitCode::Arguments,
            &["`--args` is no JSON", "hint: quote it"],
        )?;
    }
    Ok(())
}

fn arguments_alone(world: &World) -> anyhow::Result<()> {
    let finished = run_plugin(world, &everyday(Js::QuickJs)?, &["--args", "[]"])?;
    finished.failed(ExitCode::Usage, &["--call"])
}

fn arguments_too_large(world: &World) -> anyhow::Result<()> {
    // A single argument of a program holds 128 KiB, so this goes through the library.
    let large = lazaret_protocol::Payload::Json(format!("\"{}\"", "x".repeat(9 << 20)));
    world.block_on(async {
        let host = world.host()?;
        let plugin = host.launch(&everyday(Js::QuickJs)?).await?;
        let result = plugin.try_call("echo", large).await;
        ensure!(
            matches!(
                result,
                Err(lazaret::supervisor::CallFailure::TooLarge { .. })
            ),
            "{:?}",
            result.map(|_| ())
        );
        let sum = plugin.call("add", serde_json::json!([1, 2])).await?;
        ensure!(sum == 3, "it does not go on");
        plugin.stop().await?;
        Ok(())
    })
}

fn unknown_engine(world: &World) -> anyhow::Result<()> {
    let finished = run_plugin(world, &everyday(Js::QuickJs)?, &["--engine", "v9"])?;
    finished.failed(ExitCode::Usage, &["v9", "quickjs"])
}

fn engine_not_installed(world: &World) -> anyhow::Result<()> {
    // A prefix of its own, in which no V8 is.
    let prefix = world.directory()?;
    let lazaret = installed(world, prefix.path(), &["quickjs"])?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let finished = run(command(&lazaret, ["run", &path, "--engine", "v8"]))?;
    finished.failed(
        ExitCode::Host,
        &[
            "JavaScript engine `v8` is not installed",
            "hint: ",
            "make build-v8",
        ],
    )?;
    fs_err::remove_file(prefix.path().join("lib/lazaret/lazaret-launcher"))?;
    let finished = run(command(&lazaret, ["run", &path]))?;
    finished.failed(
        ExitCode::Host,
        &["the launcher is missing", "hint: run `make build`"],
    )
}

/// An installation in which only these engines are.
pub(crate) fn installed(world: &World, prefix: &Path, engines: &[&str]) -> anyhow::Result<PathBuf> {
    let (programs, parts) = (prefix.join("bin"), prefix.join("lib/lazaret"));
    fs_err::create_dir_all(&programs)?;
    fs_err::create_dir_all(parts.join("rootfs"))?;
    let lazaret = programs.join("lazaret");
    fs_err::copy(world.parts.lazaret(), &lazaret)?;
    fs_err::copy(world.parts.launcher(), parts.join("lazaret-launcher"))?;
    let rootfs = world.parts.lazaret().with_file_name("rootfs");
    for engine in engines {
        std::os::unix::fs::symlink(rootfs.join(engine), parts.join("rootfs").join(engine))?;
    }
    Ok(lazaret)
}

fn not_root(world: &World) -> anyhow::Result<()> {
    // Where somebody else can read it: the workspace may be in a home directory.
    let prefix = world.directory()?;
    let lazaret = installed(world, prefix.path(), &["quickjs"])?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let mut command = command(&lazaret, ["run", &path, "--call", "city"]);
    command.uid(65534).gid(65534).current_dir("/");
    let finished = run(command)?;
    finished.failed(ExitCode::Host, &["needs root", "hint: "])
}

fn plugin_too_large(world: &World) -> anyhow::Result<()> {
    let (directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let file = fs_err::File::create(Path::new(&path).join("big.bin"))?;
    file.set_len(65 << 20)?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["too large", "67108864 bytes", "hint: "])?;
    drop(directory);
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let many = Path::new(&path).join("many");
    fs_err::create_dir(&many)?;
    for number in 0..10_001 {
        fs_err::write(many.join(number.to_string()), "")?;
    }
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["too large", "10000 files"])
}

fn symbolic_link(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    std::os::unix::fs::symlink("/etc/shadow", Path::new(&path).join("lib/own.js"))?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(
        ExitCode::Plugin,
        &["`lib/own.js`, which is a symbolic link"],
    )
}

fn socket_in_plugin(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let _socket = std::os::unix::net::UnixListener::bind(Path::new(&path).join("s"))?;
    let finished = run(lazaret(world, ["run", &path]))?;
    finished.failed(ExitCode::Plugin, &["`s`, which is no plain file"])
}

fn granted_path_missing(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?.policy("permissions: [\"file:read:/none/data\"]");
    let finished = run_plugin(world, &setup, &["--call", "city"])?;
    finished.failed(
        ExitCode::Policy,
        &["granted path `/none/data` cannot be used"],
    )
}

fn unheld_grants(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?.policy(
        "permissions:\n  - network:read:example.com\n  - exec:run:git\n  - file:write:/srv",
    );
    let finished = run_plugin(world, &setup, &["--call", "city"])?;
    finished.failed(
        ExitCode::Policy,
        &[
            "`network:read:example.com`",
            "`exec:run:git`",
            "`file:write:/srv`",
            "policy.yaml:4",
        ],
    )
}

fn unenforceable(world: &World) -> anyhow::Result<()> {
    if lazaret::host::CgroupVersion::detect() != Some(lazaret::host::CgroupVersion::V1) {
        return Err(
            Skip("this host can hold every key: its cgroups are version 2".to_owned()).into(),
        );
    }
    let setup = everyday(Js::QuickJs)?.policy("resources: { memory: { max: 64MiB, high: 48MiB } }");
    let finished = run_plugin(world, &setup, &["--call", "city"])?;
    finished.failed(
        ExitCode::Host,
        &["`memory.high`", "policy.yaml:3", "best_effort"],
    )?;
    let policy = "resources: { memory: { max: 64MiB, high: 48MiB } }\nrequirements: { memory.high: best_effort }";
    let setup = everyday(Js::QuickJs)?.policy(policy);
    run_plugin(world, &setup, &["--call", "city"])?.answered("\"Kobe\"\n")
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

fn ends(world: &World) -> anyhow::Result<()> {
    let example = |name: &str| {
        let path = lazaret_tests::parts::workspace()
            .join("docs/examples")
            .join(name);
        path.to_string_lossy().into_owned()
    };
    for (name, function, code, parts) in [
        (
            "nosy",
            "peek",
            ExitCode::Denied,
            [
                "`file:read:/etc/shadow` denied for plugin `nosy`",
                "no rule grants it",
                "hint: ",
            ],
        ),
        (
            "caller",
            "call",
            ExitCode::Denied,
            ["`network:read:example.com` denied", "policy: ", "hint: "],
        ),
        (
            "bomb",
            "eat",
            ExitCode::OutOfMemory,
            ["out of memory", "memory.max 64MiB", "peak 6"],
        ),
        (
            "loop",
            "spin",
            ExitCode::CpuTime,
            ["CPU time", "cpu_per_call 500ms", "`spin`"],
        ),
    ] {
        let finished = run(lazaret(world, ["run", &example(name), "--call", function]))?;
        finished.failed(code, &parts)?;
    }
    for (main, policy, code, parts) in [
        (
            "export const f = () => { throw new TypeError('no'); };",
            "level: standard",
            ExitCode::Exception,
            ["threw TypeError: no", "main.js:1:"],
        ),
        (
            "export const f = () => new Promise(() => {});",
            "resources: { time: { call: 300ms, cpu_per_call: 200ms } }",
            ExitCode::WallTime,
            ["wall time", "call 300ms"],
        ),
        (
            "export const f = () => { const v = {}; v.v = v; return v; };",
            "level: standard",
            ExitCode::Result,
            ["the result cannot be sent", "hint: "],
        ),
        (
            "export const f = () => 'x'.repeat(1e5);",
            "resources: { output: { result: 64KiB } }",
            ExitCode::Result,
            ["100002 bytes exceeds the limit of 65536", "hint: "],
        ),
    ] {
        let finished = run_plugin(world, &quick("p", main).policy(policy), &["--call", "f"])?;
        finished.failed(code, &parts)?;
    }
    Ok(())
}

fn safe_output(world: &World) -> anyhow::Result<()> {
    let source = plugin_source("hostile/speech.js")?;
    let setup = quick("hostile", &source);
    for function in ["escapesInLog", "escapesInResult", "escapesInError"] {
        for more in [&["--call", function][..], &["--call", function, "--json"]] {
            let finished = run_plugin(world, &setup, more)?;
            for text in [&finished.output, &finished.errors] {
                let odd =
                    |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
                ensure!(!text.contains(odd), "{function}: {text:?}");
                ensure!(
                    !text.lines().any(|line| line.starts_with("[other]")),
                    "{text:?}"
                );
            }
            if let Some(text) = more.get(2).map(|_| &finished.output) {
                serde_json::from_str::<serde_json::Value>(text).with_context(|| text.clone())?;
            }
        }
    }
    Ok(())
}

fn host_checked(world: &World) -> anyhow::Result<()> {
    let finished = run(lazaret(world, ["check"]))?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let finished = run(lazaret(world, ["check", "--json"]))?;
    let findings: serde_json::Value = serde_json::from_str(&finished.output)?;
    ensure!(
        findings.as_array().is_some_and(|list| list.len() > 5),
        "{findings}"
    );
    Ok(())
}

/// In a mount namespace of its own, a file of the kernel says that there is no such feature.
fn host_lacks(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let fake = directory.path().join("fake");
    for (file, text, name) in [
        (
            "/proc/sys/user/max_user_namespaces",
            "0\n",
            "user namespaces",
        ),
        (
            "/proc/sys/kernel/seccomp/actions_avail",
            "kill_process errno allow\n",
            "seccomp",
        ),
    ] {
        fs_err::write(&fake, text)?;
        let script = format!(
            "mount --bind '{}' {file} && exec \"$0\" check",
            fake.display()
        );
        let mut command = command(Path::new("unshare"), ["--mount", "sh", "-c", &script]);
        command.arg(world.parts.lazaret());
        let finished = run(command)?;
        ensure!(finished.code == Some(ExitCode::Host as i32), "{finished:?}");
        ensure!(
            finished.errors.contains("this host cannot run plugins"),
            "{finished:?}"
        );
        let mut lines = finished.output.lines();
        let found = lines.find(|line| line.starts_with("missing") && line.contains(name));
        ensure!(found.is_some(), "`{name}` is not missing: {finished:?}");
        let advice: Vec<_> = lines.take(2).map(|line| line.trim()).collect();
        ensure!(
            advice[0].starts_with("for: ") && advice[1].starts_with("do: "),
            "{advice:?}"
        );
    }
    Ok(())
}

fn what_is_right(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?;
    run_plugin(world, &setup, &["--call", "city"])?.answered("\"Kobe\"\n")?;
    run_plugin(
        world,
        &setup,
        &["--call", "greet", "--args", r#"{"name":"Ada"}"#],
    )?
    .answered("\"HELLO ADA!\"\n")?;
    run_plugin(world, &setup, &[])?.answered("")?;
    let finished = run_plugin(world, &setup, &["--call", "city", "--json"])?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let json: serde_json::Value = serde_json::from_str(&finished.output)?;
    ensure!(json["result"] == "Kobe", "{json}");
    let (directory, path) = plugin(world, &setup)?;
    let policy = directory.path().join("other.yaml");
    fs_err::write(&policy, policy_text("level: maximum"))?;
    let policy = policy.to_string_lossy().into_owned();
    run(lazaret(
        world,
        ["run", &path, "--policy", &policy, "--call", "city"],
    ))?
    .answered("\"Kobe\"\n")?;
    let file = directory.path().join("alone.js");
    fs_err::write(&file, "export default () => 7;")?;
    let file = file.to_string_lossy().into_owned();
    run(lazaret(world, ["run", &file, "--call", "default"]))?.answered("7\n")
}
