//! Runs cases and tells how they went.

use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lazaret::host::CgroupVersion;

use crate::case::{Case, Outcome, keep_panics};
use crate::leaks::{Snapshot, left_since};
use crate::parts::Parts;
use crate::report::Report;
use crate::setup::Js;
use crate::skips::Here;
use crate::temporary;
use crate::world::World;

/// Set to `1` where skipping for want of root would be a failure.
const REQUIRE_ROOT: &str = "LAZARET_TESTS_REQUIRE_ROOT";

/// The line that runs these tests as root.
const AS_ROOT: &str = "sudo -E env \"PATH=$PATH\" cargo test -p lazaret-tests";

/// No case takes that long anywhere. One that does not even meet its own deadline waits without one.
const LONGEST: Duration = Duration::from_secs(900);

/// What the command line asks for. The options are those of Rust's own test programs, as far as
/// `cargo test` and `cargo nextest` use them; `--shard 1/2` is the first of two halves.
#[derive(Default)]
struct Request {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
    shard: Option<(usize, usize)>,
}

impl Request {
    fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => request.exact = true,
                "--list" => request.list = true,
                "--ignored" => request.ignored = true,
                "--shard" => {
                    let text = arguments.next().unwrap_or_default();
                    let (number, of) = text
                        .split_once('/')
                        .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)))
                        .filter(|(number, of)| (1..=*of).contains(number))
                        .with_context(|| format!("no shard as `1/2` is: `{text}`"))?;
                    request.shard = Some((number, of));
                }
                "--format" | "--test-threads" | "--color" => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => request.filters.push(argument),
            }
        }
        Ok(request)
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

    /// The cases asked for. Neighbours in the list are alike: each shard has its part of them.
    fn choose<'a>(&self, cases: &'a [Case]) -> Vec<&'a Case> {
        let (number, of) = self.shard.unwrap_or((1, 1));
        let wanted = cases.iter().filter(|case| self.wants(case.name()));
        wanted.skip(number - 1).step_by(of).collect()
    }
}

/// Runs what the command line asks for, and tells how this process is to end.
///
/// # Errors
/// Where a part is missing, or nothing can be printed.
pub fn main(cases: fn(&dyn Fn(Js) -> bool) -> Vec<Case>) -> anyhow::Result<ExitCode> {
    let request = Request::parse(std::env::args().skip(1))?;
    let root = rustix::process::geteuid().is_root();
    if request.list || !root {
        let release = crate::parts::workspace().join("target/release/rootfs");
        let cases = cases(&|js| release.join(js.name()).is_dir());
        let wanted = request.choose(&cases);
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
    let cgroups = CgroupVersion::detect().context("no cgroups are mounted at `/sys/fs/cgroup`")?;
    let here = Here::this(cgroups, world.parts.has(Js::V8));
    let unknown = here.unknown(cases.iter().map(Case::name));
    if !unknown.is_empty() {
        bail!("`tests/src/skips.rs` lists cases there are not: {unknown:?}");
    }
    let mut report = Report::new(here.name())?;
    keep_panics();
    let begins = watch()?;
    for case in request.choose(&cases) {
        begins.send(case.name().to_owned())?;
        let start = Instant::now();
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
        let outcome = here.judge(case.name(), outcome);
        report.add(case.name(), outcome, start.elapsed())?;
    }
    report.close()
}

/// Ends the run where a case does not: what comes after it would never be told. Takes the name of
/// each that begins.
fn watch() -> anyhow::Result<Sender<String>> {
    let (begins, begun) = mpsc::channel();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || {
            let mut case = String::new();
            loop {
                case = match begun.recv_timeout(LONGEST) {
                    Ok(next) => next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                };
            }
            let seconds = LONGEST.as_secs();
            let told = format!("error: case `{case}` hangs, after {seconds} s the run ends");
            drop(writeln!(std::io::stderr(), "{told}"));
            std::process::exit(1);
        })
        .context("failed to start a thread")?;
    Ok(begins)
}

fn list(cases: Vec<&Case>) -> anyhow::Result<ExitCode> {
    for case in cases {
        writeln!(std::io::stdout(), "{}: test", case.name())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn skip_all(cases: Vec<&Case>) -> anyhow::Result<ExitCode> {
    let mut report = Report::new("no root")?;
    for case in cases {
        let reason = format!("containers need root; run as root: {AS_ROOT}");
        write!(std::io::stdout(), "{} ... ", case.name())?;
        report.add(case.name(), Outcome::Skipped(reason), Duration::ZERO)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        Request::parse(words.iter().map(|&word| word.to_owned())).unwrap()
    }

    #[test]
    fn names_are_filtered_by_their_parts_or_exactly() {
        assert!(request(&[]).wants("story: a"));
        assert!(request(&["--nocapture", "story"]).wants("story: a"));
        assert!(!request(&["ends"]).wants("story: a"));
        assert!(!request(&["--exact", "story"]).wants("story: a"));
        assert!(!request(&["--ignored", "--format", "terse"]).wants("story: a"));
    }

    #[test]
    fn every_case_is_in_one_shard() {
        let cases: Vec<_> = ["a", "b", "c"]
            .map(|name| Case::new(name, |_| Ok(())))
            .into();
        let names = |shard: &str| {
            let chosen = request(&["--shard", shard]).choose(&cases);
            chosen.iter().map(|case| case.name()).collect::<String>()
        };
        assert_eq!(
            [names("1/2"), names("2/2"), names("1/1")],
            ["ac", "b", "abc"]
        );
        for wrong in ["0/2", "3/2", "1", "a/b", ""] {
            assert!(Request::parse(["--shard", wrong].map(str::to_owned).into_iter()).is_err());
        }
    }
}
