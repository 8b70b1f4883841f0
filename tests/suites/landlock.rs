//! Landlock: what the shim puts on itself before its runtime starts, and hosts that have none.
//!
//! What each of its rights denies is held by the tests of the guard, which need no container.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret::host::Landlock;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::command::{command, run};
use lazaret_tests::host::Session;
use lazaret_tests::setup::{Js, Setup, on_disk};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use crate::forbidden::REFUSED_ONLY;
use crate::story::everyday;

pub(crate) fn probe_cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "landlock: of what is mounted only the plugin's own and what is granted is read",
            only_what_is_granted,
        ),
        Case::asynchronous(
            "landlock: nothing is written, not even where the mount lets it",
            nothing_is_written,
        ),
        Case::asynchronous(
            "landlock: no program is executed, not even the shim's own",
            nothing_is_executed,
        ),
        Case::asynchronous("landlock: behind both filters nobody makes rules", sealed),
        Case::new(
            "landlock: a kernel without it runs no plugin that requires it",
            required,
        ),
        Case::new(
            "landlock: a kernel without it runs what does without, and says so",
            best_effort,
        ),
        Case::new("landlock: a kernel without it is told by `check`", checked),
        Case::new(
            "landlock: a bundle that requires it is not written where it is not",
            bundled,
        ),
    ]
}

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "landlock: plugins work behind it at every level",
            every_level,
        ),
        Case::on(
            js,
            "landlock: a granted file and a granted directory are read through it",
            granted,
        ),
    ]
}

/// Skips where this kernel has no Landlock at all.
fn needed() -> anyhow::Result<()> {
    if Landlock::detect().abi == 0 {
        return Err(Skip("this kernel has no Landlock".to_owned()).into());
    }
    Ok(())
}

/// What the probe is told at each path: `ok`, or the error's name.
async fn told(probe: &Session, ask: &str, paths: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for path in paths {
        let answer = probe.call(ask, json!({ "path": path })).await?;
        let errno = answer.get("errno").and_then(Value::as_str);
        told.push(errno.unwrap_or("ok").to_owned());
    }
    Ok(told)
}

/// Has the probe put Landlock on itself, by the shim's own code and the settings of its bundle.
async fn restrict(probe: &Session) -> anyhow::Result<()> {
    let done = probe
        .call("guard", json!({ "layers": ["memory", "landlock"] }))
        .await?;
    ensure!(done == json!({ "ok": true }), "{done}");
    Ok(())
}

async fn only_what_is_granted(world: &World) -> anyhow::Result<()> {
    needed()?;
    let directory = world.directory()?;
    fs_err::write(directory.path().join("data"), "granted")?;
    let policy = format!(
        "{REFUSED_ONLY}\npermissions: [\"file:read:{}\"]",
        directory.path().display()
    );
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
    // Each is mounted where the plugin could read it.
    let others = [
        "/etc/passwd",
        "/run/lazaret/settings.json",
        "/lazaret/shim",
        "/proc/self/status",
        "/proc/self/mountinfo",
        "/proc/sys/kernel/ostype",
        "/dev/zero",
    ];
    let own = [
        "/plugin/main.js",
        "/plugin/../plugin/main.js",
        "/granted/0/data",
        "/tmp/mine",
    ];
    let listed = ["/plugin", "/granted/0", "/tmp"];
    let hidden = [
        "/",
        "/etc",
        "/proc",
        "/proc/self",
        "/dev",
        "/run/lazaret",
        "/granted",
    ];
    assert_eq!(told(&probe, "write", &["/tmp/mine"]).await?, ["ok"]);
    assert_eq!(told(&probe, "read", &others).await?, ["ok"; 7]);
    assert_eq!(told(&probe, "list", &hidden).await?, ["ok"; 7]);
    restrict(&probe).await?;
    assert_eq!(told(&probe, "read", &others).await?, ["EACCES"; 7]);
    assert_eq!(told(&probe, "list", &hidden).await?, ["EACCES"; 7]);
    assert_eq!(told(&probe, "read", &own).await?, ["ok"; 4]);
    assert_eq!(told(&probe, "list", &listed).await?, ["ok"; 3]);
    // What is not there is still not there: no name is kept secret by it.
    assert_eq!(told(&probe, "read", &["/etc/shadow"]).await?, ["ENOENT"]);
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn nothing_is_written(world: &World) -> anyhow::Result<()> {
    needed()?;
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    let files = ["/tmp/file", "/dev/null"];
    assert_eq!(told(&probe, "write", &files).await?, ["ok"; 2]);
    restrict(&probe).await?;
    let more = ["/tmp/file", "/dev/null", "/tmp/new"];
    assert_eq!(told(&probe, "write", &more).await?, ["EACCES"; 3]);
    assert_eq!(told(&probe, "remove", &["/tmp/file"]).await?, ["EACCES"]);
    assert_eq!(told(&probe, "read", &["/tmp/file"]).await?, ["ok"]);
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn nothing_is_executed(world: &World) -> anyhow::Result<()> {
    needed()?;
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    restrict(&probe).await?;
    let answer = probe.call("execute", json!({})).await?;
    assert_eq!(answer, json!({ "errno": "EACCES" }));
    probe.stop().await?;
    // Its twin: without Landlock the program is started anew, and knows nothing of its engine.
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    let ended = probe.call_to_end("execute", json!({})).await?;
    ensure!(
        !matches!(ended.reason, lazaret::event::EndReason::Stopped),
        "{ended:?}"
    );
    Ok(())
}

async fn sealed(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    let probe = host.launch(&Setup::probe("").policy(REFUSED_ONLY)).await?;
    let version = async || {
        let name = "landlock_create_ruleset";
        probe.call("call", json!({ "name": name })).await
    };
    let found = u64::from(Landlock::detect().abi);
    if found > 0 {
        assert_eq!(version().await?, json!({ "ok": found }));
    }
    let layers = json!({ "layers": ["memory", "landlock", "filter"] });
    assert_eq!(probe.call("guard", layers).await?, json!({ "ok": true }));
    assert_eq!(version().await?, json!({ "errno": "EPERM" }));
    assert_eq!(probe.stop().await?.violation_count, 0);
    Ok(())
}

async fn every_level(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    for level in ["minimal", "standard", "maximum"] {
        let setup = everyday(js)?.policy(&format!("level: {level}"));
        let plugin = host.launch(&setup).await?;
        for (function, arguments, answer) in [
            ("add", json!([2, 3]), json!(5)),
            ("readOwn", json!([]), json!("Kobe")),
            ("later", json!([7, 20]), json!(7)),
        ] {
            let found = plugin.call(function, arguments).await?;
            assert_eq!(found, answer, "{function} under level {level}");
        }
        assert_eq!(plugin.stop().await?.violation_count, 0, "{level}");
    }
    Ok(())
}

async fn granted(world: &World, js: Js) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    fs_err::create_dir(path("all"))?;
    for name in ["all/one", "two", "three"] {
        fs_err::write(path(name), name)?;
    }
    let policy = format!(
        "permissions: [\"file:read:{}\", \"file:read:{}\"]",
        path("all"),
        path("two")
    );
    let main = "export const read = path => Deno.readTextFileSync(path);";
    let setup = Setup::javascript(js, "reader", main).policy(&policy);
    let host = world.host()?;
    let plugin = host.launch(&setup).await?;
    for name in ["all/one", "two"] {
        let found = plugin.call("read", json!([path(name)])).await?;
        assert_eq!(found, json!(name));
    }
    plugin.call_error("read", json!([path("three")])).await?;
    plugin.stop().await?;
    Ok(())
}

/// Has the kernel say to a command, and to all it starts, that it knows nothing of Landlock.
#[cfg(target_arch = "x86_64")]
fn without_landlock(mut command: Command) -> anyhow::Result<Command> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
    let calls = [
        libc::SYS_landlock_create_ruleset,
        libc::SYS_landlock_add_rule,
        libc::SYS_landlock_restrict_self,
    ];
    let filter = SeccompFilter::new(
        calls.map(|call| (call, Vec::new())).into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
        TargetArch::x86_64,
    )?;
    let program: BpfProgram = filter.try_into()?;
    let apply = move || apply_filter(&program).map_err(std::io::Error::other);
    #[expect(unsafe_code, reason = "a filter is put on between fork and exec")]
    // SAFETY: it runs in the child, which has one thread: it makes two system calls on memory
    // that was ready before the fork, and allocates only to tell of an error.
    unsafe {
        command.pre_exec(apply);
    }
    Ok(command)
}

/// Runs `lazaret` with a plugin, on a kernel without Landlock.
fn lazaret(
    world: &World,
    policy: &str,
    words: &[&str],
) -> anyhow::Result<lazaret_tests::command::Finished> {
    let directory = on_disk(world, &everyday(Js::QuickJs)?.policy(policy))?;
    let plugin = directory.path().join("everyday");
    let plugin = plugin.to_str().context("a path that is text")?;
    let output = directory.path().join("bundle");
    let output = output.to_str().context("a path that is text")?;
    let words = words.iter().map(|word| match *word {
        "PLUGIN" => plugin,
        "OUTPUT" => output,
        word => word,
    });
    run(without_landlock(command(&world.parts.lazaret(), words))?)
}

const RUN: [&str; 4] = ["run", "PLUGIN", "--call", "city"];

fn required(world: &World) -> anyhow::Result<()> {
    for policy in [
        "level: standard",
        "level: maximum",
        "level: minimal\nrequirements: { landlock: required }",
    ] {
        lazaret(world, policy, &RUN)?.failed(
            ExitCode::Host,
            &[
                "`landlock` (",
                "is not enforced: this kernel has no Landlock",
                "hint: ",
                "requirements: { landlock: best_effort }",
            ],
        )?;
    }
    Ok(())
}

fn best_effort(world: &World) -> anyhow::Result<()> {
    for policy in [
        "level: minimal",
        "level: maximum\nrequirements: { landlock: best_effort }",
    ] {
        let finished = lazaret(world, policy, &RUN)?;
        finished.answered("\"Kobe\"\n")?;
        ensure!(
            finished.errors.starts_with("warning: `landlock` ("),
            "{finished:?}"
        );
        let finished = lazaret(world, policy, &[&RUN[..], &["--json"]].concat())?;
        let report: Value = serde_json::from_str(&finished.output)?;
        ensure!(report["result"] == "Kobe", "{report}");
        ensure!(report["unenforced"][0]["key"] == "landlock", "{report}");
        ensure!(report["landlock"]["abi"] == 0, "{report}");
        let finished = lazaret(world, policy, &["policy", "effective", "PLUGIN"])?;
        let line = finished
            .output
            .lines()
            .find(|line| line.starts_with("requirements.landlock"));
        ensure!(
            line.is_some_and(|line| line.contains("unenforced: ")),
            "{finished:?}"
        );
    }
    Ok(())
}

fn checked(world: &World) -> anyhow::Result<()> {
    let finished = lazaret(world, "level: standard", &["check"])?;
    ensure!(finished.code == Some(ExitCode::Host as i32), "{finished:?}");
    let mut lines = finished.output.lines();
    ensure!(
        lines.any(|line| line.starts_with("missing") && line.contains("landlock")),
        "{finished:?}"
    );
    needed()?;
    let finished = run(command(&world.parts.lazaret(), ["check"]))?;
    let abi = format!("ABI {}: files", Landlock::detect().abi);
    let mut lines = finished.output.lines();
    ensure!(
        lines.any(|line| line.starts_with("ok      landlock") && line.contains(&abi)),
        "{finished:?}"
    );
    Ok(())
}

fn bundled(world: &World) -> anyhow::Result<()> {
    let words = ["bundle", "PLUGIN", "-o", "OUTPUT"];
    lazaret(world, "level: standard", &words)?.failed(ExitCode::Host, &["`landlock` ("])?;
    let finished = lazaret(world, "level: minimal", &words)?;
    finished.answered("")
}
