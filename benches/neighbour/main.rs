//! What a plugin notices of the attacks of another one: its median call while the attacker is
//! there and idle, and while it attacks, in turns, so that what else the machine does cancels out.
//!
//! `cargo bench -p lazaret-benches --bench neighbour [-- PART OF A NAME...]`, as root, after
//! `make build build-tests`. Fails where a median is twice the quiet one or more, where a call is
//! lost, or where the engine grows by 20 MB or more. The engine is this process: its memory is what
//! is resident of it, by the kernel's own note of the most (`VmHWM`), so that no peak is missed.

mod figures;
mod victim;

use std::io::Write;
use std::process::ExitCode;

use figures::{Figures, HEADING};
use lazaret_benches::machine;
use lazaret_tests::parts::Parts;
use lazaret_tests::setup::Js;
use lazaret_tests::storm::{by_a_plugin, by_the_probe};
use lazaret_tests::world::World;

fn main() -> anyhow::Result<ExitCode> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("neighbour")?)?;
    if !rustix::process::geteuid().is_root() {
        writeln!(output, "skipped: containers need root; run as root")?;
        return Ok(ExitCode::SUCCESS);
    }
    let world = World {
        parts: Parts::find()?,
    };
    let filters: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<_> = filters
        .iter()
        .filter(|text| !text.starts_with('-'))
        .collect();
    let mut failed = Vec::new();
    for victim in Js::ALL.into_iter().filter(|js| world.parts.has(*js)) {
        let mut storms = by_a_plugin(victim)?;
        if victim == Js::QuickJs {
            storms.extend(by_the_probe());
        }
        writeln!(output, "\nvictim on {victim}\n{HEADING}")?;
        for storm in storms {
            let wanted = |part: &&String| storm.name.contains(part.as_str());
            if !filters.is_empty() && !filters.iter().any(wanted) {
                continue;
            }
            let figures: Figures = victim::measure(&world, victim, &storm)?;
            writeln!(output, "{figures}")?;
            if !figures.hold() {
                failed.push(storm.name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output, "\nnot held beside: {}", failed.join(", "))?;
    Ok(ExitCode::FAILURE)
}
