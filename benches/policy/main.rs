//! How long a large policy takes: 1,000 endpoints read, checked and laid over their level, beside the same text read as
//! plain YAML by `saphyr`, which checks nothing.
//!
//! `cargo bench -p lazaret-benches --bench policy`. Fails where the median of the whole is 10 ms or more.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use lazaret_benches::machine;
use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};
use saphyr::{LoadableYamlNode, Yaml};

/// The median is to be below this.
const MOST: Duration = Duration::from_millis(10);

const ENDPOINTS: usize = 1_000;

const RUNS: usize = 200;

fn main() -> anyhow::Result<ExitCode> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("policy")?)?;
    let text = policy()?;
    writeln!(
        output,
        "{ENDPOINTS} endpoints, {} bytes\n{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        text.len(),
        "",
        "median",
        "min",
        "p90",
        "max",
        "runs"
    )?;
    let whole = measure(&mut output, "read, checked and layered", || {
        let policy = SecurityPolicy::parse("policy.yaml", &text)?;
        let effective = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
        black_box(effective);
        Ok(())
    })?;
    measure(&mut output, "written anew (`policy fmt`)", || {
        black_box(lazaret_policy::format("policy.yaml", &text)?);
        Ok(())
    })?;
    measure(&mut output, "plain YAML (saphyr)", || {
        black_box(Yaml::load_from_str(&text)?);
        Ok(())
    })?;
    if whole < MOST {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output, "not held: the median is to be below {MOST:?}")?;
    Ok(ExitCode::FAILURE)
}

/// A policy whose endpoints all differ.
fn policy() -> anyhow::Result<String> {
    let mut text =
        "apiVersion: lazaret/v1\nkind: SecurityPolicy\nlevel: standard\n\nnetwork:\n  endpoints:\n"
            .to_owned();
    for number in 0..ENDPOINTS {
        writeln!(
            text,
            "    - {{ host: host-{number}.example.com, port: {}, reason: what number {number} is for }}",
            1_000 + number
        )?;
    }
    Ok(text)
}

/// Runs it and writes a line of the table; gives the median.
fn measure(
    output: &mut impl Write,
    name: &str,
    run: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<Duration> {
    // The levels are read once in a process.
    run()?;
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        run()?;
        times.push(started.elapsed());
    }
    times.sort();
    let at = |part: usize, of: usize| times.get((times.len() - 1) * part / of).copied();
    let median = at(1, 2).context("there are runs")?;
    let shown =
        |time: Option<Duration>| format!("{:.3} ms", time.unwrap_or_default().as_secs_f64() * 1e3);
    writeln!(
        output,
        "{name:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        shown(at(1, 2)),
        shown(at(0, 1)),
        shown(at(9, 10)),
        shown(at(1, 1)),
        times.len()
    )?;
    Ok(median)
}
