//! Level `maximum`: nothing can be executed that was not in a file of the container.

use anyhow::ensure;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

use crate::story::everyday;

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(js, "maximum: a plugin works", works),
        Case::on(
            js,
            "maximum: a plugin has no memory that is both its own and executable",
            no_code_of_its_own,
        ),
        Case::on(
            js,
            "maximum: a shim in other hands gets no executable memory",
            refused,
        ),
    ]
}

/// A level, with time to start without a compiler on an emulated processor.
fn at(level: &str) -> String {
    format!("level: {level}\nresources: {{ time: {{ startup: 30s }} }}")
}

async fn works(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let plugin = host.launch(&everyday(js)?.policy(&at("maximum"))).await?;
    assert_eq!(plugin.call("city", json!([])).await?, "Kobe");
    let greeting = plugin.call("greet", json!({ "name": "Ada" })).await?;
    assert_eq!(greeting, "HELLO ADA!");
    assert_eq!(plugin.call("later", json!([7, 20])).await?, 7);
    assert_eq!(plugin.thrown("fail", json!(["no"])).await?.message, "no");
    plugin.stop().await?;
    Ok(())
}

/// The lines of proc_pid_maps(5) that are executable and neither of a file nor of the kernel.
fn own_code(pid: u32) -> anyhow::Result<Vec<String>> {
    let text = fs_err::read_to_string(format!("/proc/{pid}/maps"))?;
    let executable = |line: &&str| {
        let mut words = line.split_whitespace();
        let flags = words.nth(1).unwrap_or_default();
        let of = words.nth(3).unwrap_or_default();
        flags.contains('x') && !of.starts_with('/') && !["[vdso]", "[vsyscall]"].contains(&of)
    };
    ensure!(text.contains("/lazaret/shim"), "no shim is mapped: {text}");
    Ok(text.lines().filter(executable).map(str::to_owned).collect())
}

async fn no_code_of_its_own(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("harmless/compute.js")?;
    for (level, may) in [("maximum", false), ("standard", js == Js::V8)] {
        let setup = Setup::javascript(js, "compute", &source);
        let plugin = host.launch(&setup.policy(&at(level))).await?;
        // Long enough for a compiler to take an interest.
        assert_eq!(plugin.call("primes", json!([5_000])).await?, 669);
        let code = own_code(plugin.pid())?;
        ensure!(code.is_empty() != may, "{level}: {code:#?}");
        plugin.stop().await?;
    }
    Ok(())
}

async fn refused(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    for (level, may) in [("maximum", false), ("standard", js == Js::V8)] {
        let policy = format!("level: {level}\nruntime: {{ engine: {js} }}");
        let probe = host.launch(&Setup::probe("").policy(&policy)).await?;
        let expected = if may {
            json!({ "ok": null })
        } else {
            json!({ "errno": "EPERM" })
        };
        for ask in ["map_executable", "protect_executable"] {
            let answer = probe.call(ask, json!({})).await?;
            assert_eq!(answer, expected, "{ask} under level {level}");
        }
        probe.stop().await?;
    }
    Ok(())
}
