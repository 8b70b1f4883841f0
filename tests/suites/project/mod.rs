//! A plugin from its author's side: new, run, called as it says it is to be, run again after each change.

use std::path::Path;

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{Started, command, run, start};
use lazaret_tests::world::{World, until};
use rustix::process::Signal;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("project: a new plugin is called as it says", called),
        Case::new(
            "project: what a plugin is started from is not for it to write",
            own,
        ),
        Case::new(
            "project: what its plugin.yaml does not say is refused, by name",
            unlisted,
        ),
        Case::new(
            "project: a change starts it again, and a mistake waits for the next",
            dev,
        ),
    ]
}

/// A new plugin `greeter` in a directory of its own.
fn new(world: &World) -> anyhow::Result<(tempfile::TempDir, String)> {
    new_in(world, "--javascript")
}

fn new_in(world: &World, language: &str) -> anyhow::Result<(tempfile::TempDir, String)> {
    let directory = world.directory()?;
    let path = directory
        .path()
        .join("greeter")
        .to_string_lossy()
        .into_owned();
    let made = run(command(&world.parts.lazaret(), ["new", language, &path]))?;
    ensure!(made.code == Some(0), "{made:?}");
    Ok((directory, path))
}

fn call(
    world: &World,
    path: &str,
    function: &str,
    arguments: &str,
) -> anyhow::Result<lazaret_tests::command::Finished> {
    let arguments = ["run", path, "--call", function, "--args", arguments];
    run(command(&world.parts.lazaret(), arguments))
}

fn called(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = new_in(world, "--typescript")?;
    ensure!(Path::new(&path).join("main.ts").is_file(), "{path}");
    let done = call(world, &path, "greet", r#"{"name":"Ada"}"#)?;
    done.answered("{\"greeting\":\"Hello, Ada!\"}\n")?;
    let (_directory, path) = new(world)?;
    let done = call(world, &path, "greet", r#"{"name":"Ada"}"#)?;
    done.answered("{\"greeting\":\"Hello, Ada!\"}\n")?;
    call(world, &path, "greet", r#"{"name":5}"#)?.failed(
        ExitCode::Arguments,
        &["`/name` is `5`: it must be of type `string`"],
    )?;
    // The plugin was not asked: it would have said that it is greeting somebody.
    let done = call(world, &path, "greet", r#"{"nam":"Ada"}"#)?;
    ensure!(!done.errors.contains("greeting"), "{done:?}");
    done.failed(
        ExitCode::Arguments,
        &["`/name` is missing", "`/nam` is not known"],
    )?;
    let main = Path::new(&path).join("main.js");
    fs_err::write(main, "export const greet = () => ({ greeting: 5 });")?;
    call(world, &path, "greet", r#"{"name":"Ada"}"#)?.failed(
        ExitCode::Result,
        &["the result is not what", "`/greeting` is `5`"],
    )
}

fn own(world: &World) -> anyhow::Result<()> {
    let (directory, path) = new(world)?;
    let manifest = Path::new(&path).join("plugin.yaml");
    let asked = fs_err::read_to_string(&manifest)?;
    let root = directory.path().canonicalize()?;
    let file = |name: &str| root.join(name).to_string_lossy().into_owned();
    let (base, data) = (file("policies/base.yaml"), file("data"));
    let (policy, socket) = (file("policies/greeter.yaml"), file("socket"));
    for made in ["policies", "data", "state"] {
        fs_err::create_dir(root.join(made))?;
    }
    let head = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";
    fs_err::write(&base, head)?;
    let grant = |written: &str| -> anyhow::Result<()> {
        let wanted = format!("permissions:\n  - file:write:{written}\n");
        let text = asked
            .lines()
            .take_while(|line| !line.starts_with("permissions:"));
        let text: String = text.map(|line| format!("{line}\n")).collect();
        fs_err::write(&manifest, format!("{text}{wanted}"))?;
        Ok(fs_err::write(
            &policy,
            format!("{head}extends: ./base.yaml\n{wanted}"),
        )?)
    };
    let lazaret = |arguments: &[&str]| run(command(&world.parts.lazaret(), arguments));
    for wrong in [&path, &file(""), &file("policies"), &base] {
        let wrong = wrong.trim_end_matches('/');
        grant(wrong)?;
        let parts = [
            "lets plugin `greeter` write",
            wrong,
            "hint: grant a directory apart",
        ];
        let done = lazaret(&["run", &path, "--policy", &policy])?;
        done.failed(ExitCode::Policy, &parts)?;
        let serve = [
            "serve",
            &path,
            "--policy-dir",
            &file("policies"),
            "--socket",
            &socket,
        ];
        let state = file("state");
        let serve: Vec<_> = serve.into_iter().chain(["--state", &state]).collect();
        lazaret(&serve)?.failed(ExitCode::Policy, &parts)?;
    }
    grant(&data)?;
    let arguments = [
        "run",
        &path,
        "--policy",
        &policy,
        "--call",
        "greet",
        "--args",
        r#"{"name":"Ada"}"#,
    ];
    lazaret(&arguments)?.answered("{\"greeting\":\"Hello, Ada!\"}\n")
}

fn unlisted(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = new(world)?;
    let main = Path::new(&path).join("main.js");
    let greet = "export const greet = ({ name }) => ({ greeting: name });";
    fs_err::write(&main, format!("{greet}\nexport const peek = () => 1;"))?;
    call(world, &path, "peek", "[]")?.failed(
        ExitCode::NoSuchFunction,
        &["exports `peek`", "does not list it"],
    )?;
    fs_err::write(&main, "export const great = 1;")?;
    call(world, &path, "greet", r#"{"name":"Ada"}"#)?.failed(
        ExitCode::Plugin,
        &["does not export what its `plugin.yaml` lists: `greet`"],
    )
}

fn says(started: &Started, text: &str) -> anyhow::Result<()> {
    let said = || started.errors().contains(text);
    until(&format!("it says `{text}`"), said).with_context(|| started.errors())
}

fn dev(world: &World) -> anyhow::Result<()> {
    let (_directory, path) = new(world)?;
    let arguments = [
        "dev",
        &path,
        "--call",
        "greet",
        "--args",
        r#"{"name":"Ada"}"#,
    ];
    let started = start(command(&world.parts.lazaret(), arguments))?;
    says(&started, "greeting Ada")?;
    let main = Path::new(&path).join("main.js");
    fs_err::write(&main, "export const greet = ({ name }) => {{{")?;
    says(&started, "waiting for a change")?;
    let peek = "export const greet = async ({ name }) => { console.log('again', name); await Deno.readTextFile('/etc/shadow'); };";
    fs_err::write(&main, peek)?;
    says(&started, "again Ada")?;
    says(
        &started,
        "hint: add `file:read:/etc/shadow` to `permissions` (",
    )?;
    started.signal(Signal::INT)?;
    let done = started.finish()?;
    ensure!(done.code == Some(0), "{done:?}");
    ensure!(
        done.output == "{\"greeting\":\"Hello, Ada!\"}\n",
        "{done:?}"
    );
    Ok(())
}
