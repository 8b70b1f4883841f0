//! Runs cases and tells how they went.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use crate::case::{Case, Outcome, keep_panics};
use crate::leaks::{Snapshot, left_since};
use crate::parts::Parts;
use crate::temporary;
use crate::world::World;

/// Set to `1` where skipping for want of root would be a failure.
const REQUIRE_ROOT: &str = "LAZARET_TESTS_REQUIRE_ROOT";

/// The line that runs these tests as root.
const AS_ROOT: &str = "sudo -E env \"PATH=$PATH\" cargo test -p lazaret-tests";

/// What the command line asks for. The options are those of Rust's own test programs, as far as
/// `cargo test` and `cargo nextest` use them.
#[derive(Default)]
struct Request {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
}

impl Request {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => request.exact = true,
                "--list" => request.list = true,
                "--ignored" => request.ignored = true,
                "--format" | "--test-threads" | "--color" => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => request.filters.push(argument),
            }
        }
        request
    }

    fn wants(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        !self.ignored && (self.filters.is_empty() || self.filters.iter().any(matches))
    }
}

/// Runs what the command line asks for, and tells how this process is to end.
///
/// # Errors
/// Where a part is missing, or nothing can be printed.
pub fn main(cases: fn(&dyn Fn(crate::setup::Js) -> bool) -> Vec<Case>) -> anyhow::Result<ExitCode> {
    let request = Request::parse(std::env::args().skip(1));
    let root = rustix::process::geteuid().is_root();
    if request.list || !root {
        let release = crate::parts::workspace().join("target/release/rootfs");
        let cases = cases(&|js| release.join(js.name()).is_dir());
        let wanted = cases.iter().filter(|case| request.wants(case.name()));
        return if request.list {
            list(wanted)
        } else {
            skip_all(wanted)
        };
    }
    let _temporary = temporary::take()?;
    // Orphans come to this process, so that none gets out of sight.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .context("failed to take in orphans")?;
    let world = World {
        parts: Parts::find()?,
    };
    // The first runtime opens the sockets through which signals reach all that follow.
    world.block_on(async { Ok(()) })?;
    let cases = cases(&|js| world.parts.has(js));
    let wanted = cases.iter().filter(|case| request.wants(case.name()));
    let mut report = Report::default();
    keep_panics();
    for case in wanted {
        let before = Snapshot::take();
        write!(std::io::stdout(), "{} ... ", case.name())?;
        std::io::stdout().flush()?;
        let mut outcome = case.outcome(&world);
        let left = left_since(&before);
        if !left.is_empty() {
            let left = format!("left behind:\n{}", left.join("\n"));
            outcome = Outcome::Failed(match outcome {
                Outcome::Failed(error) => format!("{error}\n{left}"),
                Outcome::Passed | Outcome::Skipped(_) => left,
            });
        }
        report.add(case.name(), outcome)?;
    }
    report.close()
}

fn list<'a>(cases: impl Iterator<Item = &'a Case>) -> anyhow::Result<ExitCode> {
    for case in cases {
        writeln!(std::io::stdout(), "{}: test", case.name())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn skip_all<'a>(cases: impl Iterator<Item = &'a Case>) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    for case in cases {
        let reason = format!("containers need root; run as root: {AS_ROOT}");
        write!(std::io::stdout(), "{} ... ", case.name())?;
        report.add(case.name(), Outcome::Skipped(reason))?;
    }
    let code = report.close()?;
    if std::env::var(REQUIRE_ROOT).as_deref() == Ok("1") {
        writeln!(
            std::io::stderr(),
            "error: `{REQUIRE_ROOT}` is set and this is not root\n  hint: run: {AS_ROOT}"
        )?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(code)
}

/// How all cases went.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<(String, String)>,
}

impl Report {
    fn add(&mut self, name: &str, outcome: Outcome) -> std::io::Result<()> {
        let mut output = std::io::stdout().lock();
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                writeln!(output, "passed")
            }
            Outcome::Failed(error) => {
                self.failed.push(name.to_owned());
                writeln!(output, "FAILED\n  {}", error.replace('\n', "\n  "))
            }
            Outcome::Skipped(reason) => {
                self.skipped.push((name.to_owned(), reason));
                writeln!(output, "skipped")
            }
        }
    }

    fn close(self) -> anyhow::Result<ExitCode> {
        let mut output = std::io::stdout().lock();
        writeln!(output)?;
        for name in &self.failed {
            writeln!(output, "failed: {name}")?;
        }
        writeln!(
            output,
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )?;
        for (name, reason) in &self.skipped {
            writeln!(output, "skipped: {name}: {reason}")?;
        }
        Ok(if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        Request::parse(words.iter().map(|&word| word.to_owned()))
    }

    #[test]
    fn names_are_filtered_by_their_parts_or_exactly() {
        assert!(request(&[]).wants("story: a"));
        assert!(request(&["--nocapture", "story"]).wants("story: a"));
        assert!(!request(&["ends"]).wants("story: a"));
        assert!(!request(&["--exact", "story"]).wants("story: a"));
        assert!(!request(&["--ignored", "--format", "terse"]).wants("story: a"));
    }
}
