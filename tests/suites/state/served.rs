//! What a served plugin measures, logs and is given.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

use crate::live::served::Served;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new(
        "state: what a served plugin measures is asked for, its log is shown, its config seen",
        told,
    )]
}

fn told(world: &World) -> anyhow::Result<()> {
    let source = plugin_source("harmless/keeper.js")?;
    let setup = Setup::javascript(Js::QuickJs, "keeper", &source);
    let mut served = Served::prepare(world, &[setup.policy("log: { level: info }")])?;
    let config = served.path("config.yaml");
    fs_err::write(&config, "cities: [ Kobe ]\n")?;
    let given = |plugin: &str| format!("{plugin}={}", config.display());
    let unknown = served.fails(&["--config", &given("keepr")])?;
    unknown.failed(ExitCode::Plugin, &["`keepr`"])?;
    served.serve(&["--config", &given("keeper")])?;
    let call = ["call", "keeper", "config"];
    served.ask(&call)?.answered("{\"cities\":[\"Kobe\"]}\n")?;

    // Told at once where none was told for a while; what is more is told within a second.
    served
        .ask(&["call", "keeper", "work", "--args", "[1000]"])?
        .answered("null\n")?;
    let measured = |served: &Served<'_>| served.json(&["metrics", "keeper"]);
    let done = |report: &serde_json::Value| report["metrics"][0]["value"].as_f64();
    lazaret_tests::world::until("it is told", || {
        measured(&served).is_ok_and(|report| done(&report) == Some(1000.0))
    })?;
    let report = measured(&served)?;
    let expected =
        json!({ "name": "done", "kind": "counter", "labels": { "kind": "work" }, "value": 1000.0 });
    assert_eq!(report["metrics"][0], expected);
    assert_eq!(report["metrics"][1]["value"], 1000.0);
    assert_eq!(report["metrics"][2]["buckets"][15], json!([null, 1]));
    assert_eq!(report["refused"], 0);
    let text = get(&served, "/metrics")?;
    let line = "lazaret_plugin_counter_done{plugin=\"keeper\",kind=\"work\"} 1000\n";
    ensure!(
        text.starts_with("HTTP/1.1 200 ") && text.contains(line),
        "{text}"
    );

    let log = "[keeper] worked {\"times\":1000}";
    lazaret_tests::world::until("it is shown", || served.errors().contains(log))?;
    ensure!(
        !served.errors().contains("in detail"),
        "{}",
        served.errors()
    );
    served.end()?;
    Ok(())
}

fn get(served: &Served<'_>, path: &str) -> anyhow::Result<String> {
    let mut socket = UnixStream::connect(served.socket())?;
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nhost: lazaret\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}
