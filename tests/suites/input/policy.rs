//! Policies that are wrong, or ask for what cannot be held.

use lazaret::cli::ExitCode;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;

use super::{quick, run_plugin};
use crate::story::everyday;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "input: every problem of a policy is told with its place",
            broken_policy,
        ),
        Case::new("input: a policy that is not there", missing_policy),
        Case::new(
            "input: a granted path that is not there",
            granted_path_missing,
        ),
        Case::new("input: a granted path that is never granted", never_granted),
        Case::new("input: grants that cannot be held are named", unheld_grants),
        Case::new("input: a key this host cannot hold", unenforceable),
    ]
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

fn granted_path_missing(world: &World) -> anyhow::Result<()> {
    let setup = everyday(Js::QuickJs)?.policy("permissions: [\"file:read:/none/data\"]");
    let finished = run_plugin(world, &setup, &["--call", "city"])?;
    finished.failed(
        ExitCode::Policy,
        &["granted path `/none/data` cannot be used"],
    )
}

fn never_granted(world: &World) -> anyhow::Result<()> {
    for path in ["/dev/null", "/proc/sys/kernel", "/sys"] {
        let setup = everyday(Js::QuickJs)?.policy(&format!("permissions: [\"file:read:{path}\"]"));
        let finished = run_plugin(world, &setup, &["--call", "city"])?;
        finished.failed(ExitCode::Policy, &["never granted", path, "hint: "])?;
    }
    Ok(())
}

fn unheld_grants(world: &World) -> anyhow::Result<()> {
    let setup =
        everyday(Js::QuickJs)?.policy("permissions:\n  - message:send:store\n  - exec:run:git");
    let finished = run_plugin(world, &setup, &["--call", "city"])?;
    finished.failed(
        ExitCode::Policy,
        &["`message:send:store`", "`exec:run:git`", "policy.yaml:4"],
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
