//! What an operator waits for, pays in memory, and pays for each call; whole processes, beside
//! the peer nearest to us: `runc run` of the same root file system with `deno` in it.
//!
//! `cargo bench -p lazaret-benches`, as root, after `make build`. Every figure is printed with its
//! spread; every output is checked before its time counts.

mod figures;
mod hello;
mod plugin;

use std::io::Write;

use figures::Row;
use lazaret_benches::machine;

fn main() -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("whole")?)?;
    if !rustix::process::geteuid().is_root() {
        writeln!(output, "skipped: containers need root; run as root")?;
        return Ok(());
    }
    let programs = machine::programs()?;
    let mut rows: Vec<Row> = hello::measure(&programs)?;
    rows.extend(plugin::measure(&programs)?);
    writeln!(
        output,
        "{:44}{:>10}{:>10}{:>10}{:>7}",
        "", "median", "min", "p90", "runs"
    )?;
    for row in rows {
        writeln!(output, "{row}")?;
    }
    Ok(())
}
