//! Plugins that are kept: called, listed, stopped, and ended with the engine.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run, start};
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::{World, until};
use serde_json::json;

use super::served::Served;
use crate::story::everyday;

/// Somebody who is neither root nor the engine's user.
const NOBODY: u32 = 65534;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "live: what is served is listed, called and stopped, and ends with the engine",
            life,
        ),
        Case::new(
            "live: a plugin that ends by itself is told, others go on",
            crash,
        ),
        Case::new(
            "live: an engine that is killed leaves nothing but its socket, which the next one replaces",
            killed,
        ),
        Case::new(
            "live: another user is refused by file and by credentials",
            other_user,
        ),
        Case::new(
            "live: a call whose client goes away is given up",
            client_gone,
        ),
        Case::new(
            "live: items are printed as they come, and their call is given up with who reads them",
            items,
        ),
    ]
}

fn life(world: &World) -> anyhow::Result<()> {
    let other = Setup::javascript(
        Js::QuickJs,
        "other",
        "export const f = () => new Uint8Array([1, 2]);",
    );
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?, other])?;
    let mode = |path| anyhow::Ok(fs_err::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!(mode(served.socket())?, 0o600);
    assert_eq!(mode(served.path("control"))?, 0o700);

    served
        .ask(&["call", "everyday", "add", "--args", "[1,2]"])?
        .answered("3\n")?;
    let call = served.json(&["call", "everyday", "greet", "--args", "{\"name\":\"you\"}"])?;
    assert_eq!(call, json!({ "result": "HELLO YOU!" }));
    served
        .ask(&["call", "other", "f"])?
        .answered("\u{1}\u{2}")?;
    let failed = served.ask(&["call", "everyday", "fail", "--args", "\"badly\""])?;
    failed.failed(ExitCode::Exception, &["RangeError: badly", "main.js"])?;
    let unknown = served.ask(&["call", "everyday", "ad"])?;
    unknown.failed(ExitCode::NoSuchFunction, &["`ad`", "`add`"])?;

    let list = served.json(&["list"])?;
    assert_eq!(list[0]["plugin"], "everyday");
    assert_eq!(
        (&list[0]["state"], &list[0]["calls"]),
        (&json!("running"), &json!(4))
    );
    ensure!(list[0]["memory_bytes"].as_u64() > Some(1 << 20), "{list}");
    served
        .ask(&["stop", "other"])?
        .answered("other: stopped\n")?;
    let again = served.ask(&["stop", "other"])?;
    again.failed(ExitCode::NotRunning, &["other"])?;
    served
        .ask(&["call", "other", "f"])?
        .failed(ExitCode::NotRunning, &["hint: "])?;
    let table = served.ask(&["list"])?;
    ensure!(table.output.contains("stopped"), "{table:?}");
    served
        .ask(&["call", "everyday", "add", "--args", "[2,2]"])?
        .answered("4\n")?;
    served.end()?;
    ensure!(!served.path("control").exists(), "its directory is left");
    Ok(())
}

fn crash(world: &World) -> anyhow::Result<()> {
    let bomb = "export const eat = () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)); };";
    let bomb = Setup::javascript(Js::QuickJs, "bomb", bomb);
    let mut served = Served::start(world, &[bomb, everyday(Js::QuickJs)?])?;
    let eaten = served.ask(&["call", "bomb", "eat"])?;
    eaten.failed(ExitCode::OutOfMemory, &["out of memory"])?;
    let list = served.json(&["list"])?;
    assert_eq!(list[0]["state"], "ended");
    assert_eq!(list[1]["state"], "running");
    served.end()?;
    Ok(())
}

fn killed(world: &World) -> anyhow::Result<()> {
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?])?;
    served.kill()?;
    ensure!(served.socket().exists(), "nobody was there to remove it");
    let nobody = served.ask(&["list"])?;
    nobody.failed(ExitCode::Server, &["no `lazaret serve` answers", "hint: "])?;
    served.serve(&[])?;
    ensure!(served.errors().contains("replaced"), "{}", served.errors());
    served.end()?;
    Ok(())
}

fn other_user(world: &World) -> anyhow::Result<()> {
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?])?;
    // Where somebody else may run it.
    let program = served.path("lazaret");
    fs_err::copy(world.parts.lazaret(), &program)?;
    let socket = served.socket();
    let ask = || {
        let mut command = command(&program, ["list", "--socket", &socket.to_string_lossy()]);
        command.uid(NOBODY).gid(NOBODY).env_clear();
        run(command)
    };
    ask()?.failed(ExitCode::Server, &["you may not use"])?;
    let open = |path, mode| fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode));
    open(served.path("control"), 0o755)?;
    open(socket.clone(), 0o666)?;
    // The file lets them in now; the engine looks at who it is.
    ask()?.failed(ExitCode::Server, &["user 65534 may not ask"])?;
    served.plugin()?;
    served.end()?;
    Ok(())
}

fn client_gone(world: &World) -> anyhow::Result<()> {
    let mut served = Served::start(world, &[everyday(Js::QuickJs)?])?;
    let socket = served.socket();
    let arguments = [
        "call",
        "everyday",
        "later",
        "--args",
        "[1, 20000]",
        "--socket",
    ];
    let arguments = arguments.into_iter().map(str::to_owned);
    let arguments = arguments.chain([socket.to_string_lossy().into_owned()]);
    let call = start(command(&world.parts.lazaret(), arguments))?;
    let under_way = || served.plugin().ok()?["calls_under_way"].as_u64();
    until("the call is under way", || under_way() == Some(1))?;
    call.signal(rustix::process::Signal::KILL)?;
    call.finish().context("a call that is killed ends")?;
    until("the call is given up", || under_way() == Some(0))?;
    served.end()?;
    Ok(())
}

fn items(world: &World) -> anyhow::Result<()> {
    let source = "
        export async function* count(n) { for (let i = 0; i < n; i++) yield { i }; }
        export async function* bytes() { yield new Uint8Array([0, 10]); yield 'text'; }
        export async function* fails() { yield 1; throw new RangeError('enough'); }
        export const size = (bytes) => bytes instanceof Uint8Array ? bytes.length : -1;
        export const never = () => new Promise(() => {});";
    let policy = "resources: { time: { call: 10m, cpu_per_call: 10m }, output: { result: 4MiB } }";
    let streams = Setup::javascript(Js::QuickJs, "streams", source).policy(policy);
    let mut served = Served::start(world, &[streams])?;
    let ask = |rest: &[&str]| served.ask(&[&["call", "streams"][..], rest].concat());
    ask(&["count", "--args", "[2]", "--stream"])?.answered("{\"i\":0}\n{\"i\":1}\n")?;
    ask(&["count", "--args", "[1]", "--stream", "--json"])?.answered("{\"item\":{\"i\":0}}\n")?;
    ask(&["bytes", "--stream"])?.answered("{\"bytes\":\"AAo=\"}\n\"text\"\n")?;
    ask(&["bytes", "--stream", "--raw"])?.answered("\u{0}\n\"text\"\n")?;
    ask(&["size", "--stream", "--args", "7"])?.answered("-1\n")?;
    let file = served.path("input");
    fs_err::write(&file, [0, 159, 10])?;
    ask(&["size", "--bytes", &file.to_string_lossy()])?.answered("3\n")?;

    // What came before is told.
    let mut failed = ask(&["fails", "--stream"])?;
    ensure!(std::mem::take(&mut failed.output) == "1\n", "{failed:?}");
    failed.failed(ExitCode::Exception, &["RangeError: enough"])?;
    let unknown = ask(&["counts", "--stream"])?;
    unknown.failed(ExitCode::NoSuchFunction, &["`count`"])?;
    let whole = ask(&["count"])?;
    whole.failed(ExitCode::Result, &["--stream"])?;
    let late = ask(&["never", "--timeout", "300ms"])?;
    late.failed(ExitCode::WallTime, &["deadline (timeout 300ms)"])?;

    // Nobody reads what it prints: the plugin stands still, and is let go of with the command.
    let socket = served.socket();
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let mut unread = std::process::Command::new(world.parts.lazaret());
        unread.args([
            "call", "streams", "count", "--args", "[60000]", "--stream", "--socket",
        ]);
        unread.arg(&socket);
        unread.stdout(std::process::Stdio::piped());
        unread.stderr(std::process::Stdio::null());
        let mut unread = unread.spawn()?;
        let under_way = || served.plugin().ok()?["calls_under_way"].as_u64();
        let begun = until("the call is under way", || under_way() == Some(1));
        rustix::process::kill_process(rustix::process::Pid::from_child(&unread), signal)?;
        let status = unread.wait()?;
        begun?;
        if signal == rustix::process::Signal::INT {
            ensure!(
                status.code() == Some(ExitCode::Interrupted as i32),
                "{status}"
            );
        }
        until("the call is given up", || under_way() == Some(0))?;
    }
    served.end()?;
    Ok(())
}
