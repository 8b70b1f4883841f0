//! The hostile collection: every attack with its harmless twin, in a whole container and with the
//! layer that stops it switched off.

use anyhow::ensure;
use lazaret_tests::attack::{About, table, with_table};
use lazaret_tests::case::Case;
use lazaret_tests::parts::workspace;
use lazaret_tests::world::World;

/// Where the table is kept.
const THREAT_MODEL: &str = include_str!("../../../docs/threat-model.md");

/// Set to `1` to have the table written instead of compared.
const WRITE: &str = "LAZARET_TESTS_WRITE_TABLE";

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new(
        "attacks: the threat model's table is that of the collection",
        table_is_kept,
    )]
}

/// The whole collection, both halves.
fn collection() -> Vec<About> {
    Vec::new()
}

fn table_is_kept(_: &World) -> anyhow::Result<()> {
    let written = with_table(THREAT_MODEL, &table(&collection()))?;
    if std::env::var(WRITE).as_deref() == Ok("1") {
        fs_err::write(workspace().join("docs/threat-model.md"), written)?;
        return Ok(());
    }
    ensure!(
        written == THREAT_MODEL,
        "docs/threat-model.md differs from the collection\n  hint: run with `{WRITE}=1`"
    );
    Ok(())
}
