//! `lazaret policy …`, and the operator's floor.

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Finished, run};
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::{lazaret, plugin, quick, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("input: many policies are checked at once", checked),
        Case::new("input: a policy's problems as annotations", annotated),
        Case::new(
            "input: what holds for a plugin is shown with its origins",
            effective,
        ),
        Case::new("input: why an act is allowed or denied", why),
        Case::new(
            "input: a policy that allows more is found by its difference",
            diff,
        ),
        Case::new("input: the schema is JSON", schema),
        Case::new(
            "input: a floor holds every policy and says what it cut",
            floor,
        ),
        Case::new(
            "input: a floor that cannot be read lets nothing run",
            broken_floor,
        ),
    ]
}

const HEAD: &str = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";

/// Policy files in a directory of their own.
struct Files(tempfile::TempDir);

impl Files {
    fn new(world: &World, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        for (name, body) in files {
            fs_err::write(directory.path().join(name), format!("{HEAD}{body}\n"))?;
        }
        Ok(Self(directory))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }
}

fn policy(world: &World, arguments: &[&str]) -> anyhow::Result<Finished> {
    run(lazaret(
        world,
        ["policy"].into_iter().chain(arguments.iter().copied()),
    ))
}

fn json(finished: &Finished) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&finished.output)?)
}

fn checked(world: &World) -> anyhow::Result<()> {
    let files = Files::new(
        world,
        &[
            ("good.yaml", "level: maximum"),
            ("bad.yaml", "levle: maximum"),
        ],
    )?;
    let (good, bad) = (files.path("good.yaml"), files.path("bad.yaml"));
    policy(world, &["check", &good])?.answered(&format!("{good}: ok\n"))?;
    let gone = files.path("gone.yaml");
    let finished = policy(world, &["check", &good, &bad, &gone])?;
    ensure!(
        finished.code == Some(ExitCode::Policy as i32),
        "{finished:?}"
    );
    let lines: Vec<&str> = finished.output.lines().collect();
    ensure!(lines[0] == format!("{good}: ok"), "{finished:?}");
    ensure!(
        lines[1] == format!("{bad}:3:1: unknown key `levle`"),
        "{finished:?}"
    );
    ensure!(lines[2] == "  hint: did you mean `level`?", "{finished:?}");
    ensure!(lines[3].starts_with(&format!("{gone}: ")), "{finished:?}");
    ensure!(
        finished.errors == "error: 2 of 3 policies invalid\n",
        "{finished:?}"
    );
    let finished = policy(world, &["check", "--json", &good, &bad])?;
    ensure!(
        finished.code == Some(ExitCode::Policy as i32),
        "{finished:?}"
    );
    let expected = json!([
        { "file": good, "problems": [] },
        { "file": bad, "problems": [{
            "message": "unknown key `levle`", "line": 3, "column": 1, "hint": "did you mean `level`?",
        }] },
    ]);
    ensure!(json(&finished)? == expected, "{finished:?}");
    Ok(())
}

fn annotated(world: &World) -> anyhow::Result<()> {
    let files = Files::new(world, &[("a,b.yaml", "levle: maximum")])?;
    let finished = policy(world, &["check", "--github", &files.path("a,b.yaml")])?;
    let place = files.path("a%2Cb.yaml");
    let expected = format!(
        "::error file={place},line=3,col=1::unknown key `levle`%0Ahint: did you mean `level`?\n"
    );
    ensure!(finished.output == expected, "{finished:?}");
    Ok(())
}

fn effective(world: &World) -> anyhow::Result<()> {
    let files = Files::new(
        world,
        &[
            (
                "base.yaml",
                "level: maximum\nresources: { pids: { max: 9 } }",
            ),
            (
                "top.yaml",
                "extends: ./base.yaml\npermissions: [ file:read:/srv, exec:run:jq ]",
            ),
        ],
    )?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let top = files.path("top.yaml");
    let finished = policy(world, &["effective", &path, "--policy", &top, "--json"])?;
    let report = json(&finished)?;
    let key = |name: &str| {
        report["keys"]
            .as_array()
            .and_then(|keys| keys.iter().find(|key| key["key"] == name))
    };
    let pids = key("resources.pids.max").cloned().unwrap_or_default();
    ensure!(
        pids["value"] == "9" && pids["held_by"] == "cgroup pids.max",
        "{pids}"
    );
    ensure!(
        pids["origin"]
            .as_str()
            .is_some_and(|origin| origin.ends_with("base.yaml:4:27")),
        "{pids}"
    );
    ensure!(
        key("level").is_some_and(|level| level["value"] == "maximum"),
        "{report}"
    );
    let grants = &report["grants"];
    ensure!(
        grants[0]["permission"] == "file:read:/srv" && grants[0]["refused"].is_null(),
        "{grants}"
    );
    ensure!(
        grants[1]["refused"] == "no entry of `exec.programs` says what program that is",
        "{grants}"
    );
    let shown = policy(world, &["effective", &path, "--policy", &top])?;
    ensure!(
        shown.code == Some(0) && shown.output.starts_with("KEY "),
        "{shown:?}"
    );
    ensure!(
        shown
            .output
            .contains("refused: no entry of `exec.programs` says what program that is"),
        "{shown:?}"
    );
    Ok(())
}

fn why(world: &World) -> anyhow::Result<()> {
    let body = "permissions: [ { permission: 'file:read:/srv', reason: 'tables' } ]";
    let files = Files::new(world, &[("p.yaml", body)])?;
    let (_directory, path) = plugin(world, &everyday(Js::QuickJs)?)?;
    let p = files.path("p.yaml");
    let allowed = policy(world, &["why", &path, "file:read:/srv/a", "--policy", &p])?;
    let begins = format!(
        "file:read:/srv/a: allowed\n  by `file:read:/srv` ({p}:3:30)\n  reason: tables\n  held: "
    );
    ensure!(
        allowed.code == Some(0) && allowed.output.starts_with(&begins),
        "{allowed:?}"
    );
    let reported = policy(world, &["why", &path, "syscall:ptrace"])?;
    ensure!(
        reported.code == Some(ExitCode::Denied as i32) && reported.output.contains("reports it"),
        "{reported:?}"
    );
    let denied = policy(
        world,
        &["why", &path, "exec:run:sh", "--policy", &p, "--json"],
    )?;
    ensure!(denied.code == Some(ExitCode::Denied as i32), "{denied:?}");
    let answer = json(&denied)?;
    ensure!(
        answer["allowed"] == false && answer["by"].is_null(),
        "{answer}"
    );
    ensure!(
        answer["layers"]
            .as_array()
            .is_some_and(|layers| layers.len() > 1),
        "{answer}"
    );
    policy(world, &["why", &path, "file:raed:/srv"])?.failed(
        ExitCode::Usage,
        &[
            "`file:raed:/srv` is no permission",
            "did you mean `file:read`?",
        ],
    )
}

fn diff(world: &World) -> anyhow::Result<()> {
    let files = Files::new(
        world,
        &[
            ("old.yaml", "resources: { pids: { max: 8 } }"),
            ("new.yaml", "resources: { pids: { max: 16 } }"),
        ],
    )?;
    let (old, new) = (files.path("old.yaml"), files.path("new.yaml"));
    let lines = format!("wider: resources.pids.max: 8 ({old}:3:27) -> 16 ({new}:3:27)\n");
    policy(world, &["diff", &old, &new])?.answered(&lines)?;
    policy(world, &["diff", &old, &old])?.answered("no difference\n")?;
    policy(world, &["diff", "--refuse-wider", &new, &old])?.answered(&format!(
        "other: resources.pids.max: 16 ({new}:3:27) -> 8 ({old}:3:27)\n"
    ))?;
    let refused = policy(world, &["diff", "--refuse-wider", &old, &new])?;
    ensure!(
        refused.code == Some(ExitCode::Policy as i32) && refused.output == lines,
        "{refused:?}"
    );
    ensure!(refused.errors.contains("allows more than"), "{refused:?}");
    Ok(())
}

fn schema(world: &World) -> anyhow::Result<()> {
    let finished = policy(world, &["schema"])?;
    ensure!(finished.code == Some(0), "{finished:?}");
    ensure!(
        json(&finished)?["title"] == "SecurityPolicy v1",
        "{finished:?}"
    );
    Ok(())
}

fn floor(world: &World) -> anyhow::Result<()> {
    let body = "resources: { pids: { max: 8 } }\npermissions: []";
    let files = Files::new(world, &[("floor.yaml", body)])?;
    let floor = files.path("floor.yaml");
    let setup = everyday(Js::QuickJs)?.policy("permissions: [ file:read:/srv ]");
    let finished = run_plugin(world, &setup, &["--call", "city", "--floor", &floor])?;
    ensure!(
        finished.code == Some(0) && finished.output == "\"Kobe\"\n",
        "{finished:?}"
    );
    for cut in [
        format!("warning: resources.pids.max: 32 (`standard` level) cut to 8 ({floor}:3:27)"),
        "cut to nothing (no line of the floor)".to_owned(),
    ] {
        ensure!(
            finished.errors.contains(&cut),
            "`{cut}` is not in {finished:?}"
        );
    }
    // What the command line asks for is within it as well.
    let quickjs = Files::new(world, &[("floor.yaml", "runtime: { engine: quickjs }")])?;
    let path = quickjs.path("floor.yaml");
    let more = ["--call", "city", "--engine", "v8", "--floor", &path];
    let finished = run_plugin(world, &everyday(Js::QuickJs)?, &more)?;
    ensure!(finished.code == Some(0), "{finished:?}");
    let cut = "warning: runtime.engine: v8 (`--engine`) cut to quickjs";
    ensure!(finished.errors.contains(cut), "{finished:?}");
    // Within the floor nothing is said.
    let setup = everyday(Js::QuickJs)?.policy("resources: { pids: { max: 8 } }");
    let finished = run_plugin(world, &setup, &["--call", "city", "--floor", &floor])?;
    ensure!(
        finished.code == Some(0) && finished.errors.is_empty(),
        "{finished:?}"
    );
    Ok(())
}

fn broken_floor(world: &World) -> anyhow::Result<()> {
    let files = Files::new(
        world,
        &[("floor.yaml", "resources: { pids: { max: few } }")],
    )?;
    for (floor, part) in [
        (files.path("floor.yaml"), "floor.yaml:3:27"),
        (files.path("gone.yaml"), "gone.yaml"),
    ] {
        let finished = run_plugin(world, &quick("p", ""), &["--floor", &floor])?;
        finished.failed(ExitCode::Policy, &[part])?;
    }
    Ok(())
}
