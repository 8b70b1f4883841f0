//! Policies that are applied, recorded, gone back to, and held over restarts.

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, start};
use lazaret_tests::setup::{Js, policy_text};
use lazaret_tests::world::{World, until};
use serde_json::{Value, json};

use super::kernel::Held;
use super::served::Served;
use crate::story::everyday;

const SMALL: &str = "resources: { memory: { max: 96MiB }, cpu: { max: 50% }, pids: { max: 32 } }";
const LARGE: &str = "resources: { memory: { max: 128MiB }, cpu: { max: 80% }, pids: { max: 24 } }";
const TMP: &str = "resources: { memory: { max: 128MiB }, cpu: { max: 80% }, pids: { max: 24 }, tmp: { size: 3MiB } }";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("live: a policy is applied, recorded and taken back", apply),
        Case::new(
            "live: a dry run and what is refused change nothing",
            refused,
        ),
        Case::new(
            "live: a new container takes the calls, and those under way are answered",
            restart,
        ),
        Case::new(
            "live: the policy applied last outlives the engine, until the file is changed",
            outlives,
        ),
        Case::new(
            "live: no policy applied goes beyond the engine's floor",
            floor,
        ),
    ]
}

/// A plugin under [`SMALL`] that is served.
fn small(world: &World) -> anyhow::Result<Served<'_>> {
    Served::start(world, &[everyday(Js::QuickJs)?.policy(SMALL)])
}

/// Revisions, the latest first: number, origin, whether it holds.
fn revisions(served: &Served<'_>) -> anyhow::Result<Vec<(u64, String, bool)>> {
    let all = served.json(&["policy", "revisions", "everyday"])?;
    let all = all.as_array().context("a list")?;
    let one = |one: &Value| {
        let origin = one["origin"].as_str()?.to_owned();
        Some((one["number"].as_u64()?, origin, one["holds"].as_bool()?))
    };
    all.iter()
        .map(one)
        .collect::<Option<_>>()
        .context("what each has")
}

fn apply(world: &World) -> anyhow::Result<()> {
    let mut served = small(world)?;
    let pid = served.pid()?;
    assert_eq!(Held::now(pid)?, Held::of(96, 50, 32));
    let large = served.policy("large.yaml", LARGE)?;
    let applied = served.ask(&["policy", "apply", "everyday", &large])?;
    ensure!(applied.code == Some(0), "{applied:?}");
    ensure!(
        applied
            .output
            .contains("wider: resources.memory.max: 96MiB -> 128MiB"),
        "{applied:?}"
    );
    ensure!(
        applied.output.contains("revision 2 holds, live"),
        "{applied:?}"
    );
    assert_eq!(served.pid()?, pid, "the container is the same");
    assert_eq!(Held::now(pid)?, Held::of(128, 80, 24));

    let back = served.json(&["policy", "rollback", "everyday"])?;
    assert_eq!(back["revision"], 3);
    assert_eq!(Held::now(pid)?, Held::of(96, 50, 32));
    served.json(&["policy", "rollback", "everyday", "2"])?;
    assert_eq!(Held::now(pid)?, Held::of(128, 80, 24));
    let all = revisions(&served)?;
    let of = |number, origin: &str, holds| (number, origin.to_owned(), holds);
    assert_eq!(
        all,
        [
            of(4, "rollback", true),
            of(3, "rollback", false),
            of(2, "apply", false),
            of(1, "file", false)
        ]
    );
    let text = served.ask(&["policy", "revisions", "everyday", "4"])?;
    text.answered(&policy_text(LARGE))?;
    let none = served.ask(&["policy", "rollback", "everyday", "9"])?;
    none.failed(ExitCode::Policy, &["no revision 9", "hint: "])?;
    served.end()?;
    Ok(())
}

fn refused(world: &World) -> anyhow::Result<()> {
    let mut served = small(world)?;
    let pid = served.pid()?;
    let (large, tmp) = (
        served.policy("large.yaml", LARGE)?,
        served.policy("tmp.yaml", TMP)?,
    );
    let dry = served.ask(&["policy", "apply", "everyday", &large, "--dry-run"])?;
    ensure!(
        dry.code == Some(0) && dry.output.contains("applied live"),
        "{dry:?}"
    );
    let wider = served.ask(&["policy", "apply", "everyday", &large, "--refuse-wider"])?;
    wider.failed(
        ExitCode::Policy,
        &["wider: resources.memory.max", "--refuse-wider"],
    )?;
    let restart = served.ask(&["policy", "apply", "everyday", &tmp])?;
    restart.failed(
        ExitCode::NeedsRestart,
        &["resources.tmp.size", "needs a new container", "--restart"],
    )?;
    let wrong = served.policy("wrong.yaml", "resources: { memory: { max: 64 } }")?;
    let wrong = served.ask(&["policy", "apply", "everyday", &wrong])?;
    wrong.failed(ExitCode::Policy, &["wrong.yaml:3:", "hint: "])?;
    let base = served.policy("base.yaml", SMALL)?;
    let extending = served.policy("extending.yaml", "extends: base.yaml")?;
    let extending = served.ask(&["policy", "apply", "everyday", &extending])?;
    extending.failed(ExitCode::Policy, &["extends another file", "hint: "])?;
    assert_eq!(revisions(&served)?.len(), 1);
    assert_eq!(
        (served.pid()?, Held::now(pid)?),
        (pid, Held::of(96, 50, 32))
    );
    // Their twin: narrower, live and whole.
    let same = served.ask(&["policy", "apply", "everyday", &base, "--refuse-wider"])?;
    ensure!(same.code == Some(0), "{same:?}");
    served.end()?;
    Ok(())
}

fn restart(world: &World) -> anyhow::Result<()> {
    let mut served = small(world)?;
    let pid = served.pid()?;
    let socket = served.socket();
    let call = |milliseconds: u32| {
        let arguments = format!("[{milliseconds}, {milliseconds}]");
        let call = [
            "call", "everyday", "later", "--args", &arguments, "--socket",
        ];
        let call = call.into_iter().map(str::to_owned);
        let call = call.chain([socket.to_string_lossy().into_owned()]);
        start(command(&world.parts.lazaret(), call))
    };
    let slow: Vec<_> = (0..4).map(|_| call(6000)).collect::<anyhow::Result<_>>()?;
    until("calls are under way", || {
        served
            .plugin()
            .is_ok_and(|plugin| plugin["calls_under_way"] == 4)
    })?;
    let tmp = served.policy("tmp.yaml", TMP)?;
    let applied = served.json(&["policy", "apply", "everyday", &tmp, "--restart"])?;
    assert_eq!(
        (&applied["restarted"], &applied["revision"]),
        (&json!(true), &json!(2))
    );
    let new = served.pid()?;
    ensure!(new != pid, "the container is another one");
    assert_eq!(Held::now(new)?, Held::of(128, 80, 24));
    // New calls go to the new one while the old one is at work.
    served
        .ask(&["call", "everyday", "add", "--args", "[1,2]"])?
        .answered("3\n")?;
    for call in slow {
        call.finish()?.answered("6000\n")?;
    }
    until("the old container is gone", || {
        served.plugin().is_ok_and(|plugin| plugin["draining"] == 0)
            && !std::path::Path::new(&format!("/proc/{pid}")).exists()
    })?;
    served.end()?;
    Ok(())
}

fn outlives(world: &World) -> anyhow::Result<()> {
    let mut served = small(world)?;
    let large = served.policy("large.yaml", LARGE)?;
    served.json(&["policy", "apply", "everyday", &large])?;
    served.end()?;
    served.serve(&[])?;
    ensure!(
        served
            .errors()
            .contains("revision 2, which was applied last"),
        "{}",
        served.errors()
    );
    assert_eq!(Held::now(served.pid()?)?, Held::of(128, 80, 24));
    served.end()?;
    // Somebody changes the file: it holds from now on.
    let changed = "resources: { memory: { max: 80MiB }, cpu: { max: 50% }, pids: { max: 32 } }";
    fs_err::write(served.policy_file("everyday"), policy_text(changed))?;
    served.serve(&[])?;
    ensure!(
        served.errors().contains("changed since revision 2"),
        "{}",
        served.errors()
    );
    assert_eq!(Held::now(served.pid()?)?, Held::of(80, 50, 32));
    assert_eq!(revisions(&served)?[0], (3, "file".to_owned(), true));
    served.end()?;
    // And is no new revision as long as it stays as it is.
    served.serve(&[])?;
    assert_eq!(revisions(&served)?.len(), 3);
    assert_eq!(Held::now(served.pid()?)?, Held::of(80, 50, 32));
    served.end()?;
    Ok(())
}

fn floor(world: &World) -> anyhow::Result<()> {
    let mut served = Served::prepare(world, &[everyday(Js::QuickJs)?.policy(SMALL)])?;
    let floor = served.policy("floor.yaml", "resources: { memory: { max: 112MiB } }")?;
    served.serve(&["--floor", &floor])?;
    let large = served.policy("large.yaml", LARGE)?;
    let applied = served.json(&["policy", "apply", "everyday", &large])?;
    assert_eq!(
        applied["cuts"].as_array().map(Vec::len),
        Some(1),
        "{applied}"
    );
    assert_eq!(Held::now(served.pid()?)?, Held::of(112, 80, 24));
    // One that was tightened holds from the next change on, and one that is broken stops it.
    served.policy("floor.yaml", "resources: { memory: { max: 100MiB } }")?;
    served.json(&["policy", "apply", "everyday", &large])?;
    assert_eq!(Held::now(served.pid()?)?, Held::of(100, 80, 24));
    served.policy("floor.yaml", "resources: { memory: { max: 1 } }")?;
    let broken = served.ask(&["policy", "apply", "everyday", &large])?;
    broken.failed(ExitCode::Policy, &["floor"])?;
    served.end()?;
    Ok(())
}
