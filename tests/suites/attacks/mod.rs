//! The hostile collection: every attack with its harmless twin, in a whole container and with
//! layers switched off.
//!
//! The attacks of this half are made by the probe, which is what a plugin would be that had the
//! shim's own code in its hands. Each is tried in a whole container, then without the layer that
//! stops it, so that the second one must; then without that one too, so that it is seen to be an
//! attack at all. In between, what else would stop it is taken away bit by bit.
//!
//! The other half is made by plugins, on each JavaScript engine, and by frames on the channel.

mod depth;
mod edges;
mod endless;
mod files;
mod filling;
mod internals;
mod kernel;
mod memory;
mod namespaces;
mod network;
mod processes;
mod protocol;
mod script;
mod trial;
mod whole;
mod without;

use anyhow::ensure;
use lazaret_tests::attack::{About, table, with_table};
use lazaret_tests::case::Case;
use lazaret_tests::parts::workspace;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;

use trial::Native;

/// Where the table is kept.
const THREAT_MODEL: &str = include_str!("../../../docs/threat-model.md");

/// Set to `1` to have the table written instead of compared.
const WRITE: &str = "LAZARET_TESTS_WRITE_TABLE";

/// Limits that are soon reached, and a policy under which a reported call is refused and nothing
/// more.
const POLICY: &str = "level: minimal\n\
    resources: { memory: { max: 32MiB }, pids: { max: 16 }, tmp: { size: 1MiB } }";

/// A subject, and what the probe tries of it.
type Suite = (&'static str, fn() -> Vec<Native>);

/// What the probe tries, by the names of the cases.
const SUITES: [Suite; 4] = [
    ("files", files::attacks),
    ("network", network::attacks),
    ("processes", processes::attacks),
    ("kernel", kernel::attacks),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "attacks: the threat model's table is that of the collection",
            |_| table_is_kept(),
        ),
        Case::new("attacks: each is told apart and has all it needs", |_| {
            well_formed()
        }),
    ];
    for (subject, attacks) in SUITES {
        cases.push(Case::asynchronous(
            format!("attacks: each on {subject} is stopped, and its twin is not"),
            async move |world: &World| whole::stopped(world, attacks()).await,
        ));
        cases.push(Case::new(
            format!("attacks: each on {subject} meets a second layer without the first"),
            move |world| without::layer_by_layer(world, attacks()),
        ));
    }
    cases.extend(protocol::cases());
    cases
}

/// What plugins try on each JavaScript engine.
fn scripts() -> Vec<script::Group> {
    let one = [endless::ENDLESS, depth::DEEP];
    [&memory::GROUPS[..], &one, &internals::GROUPS].concat()
}

/// The cases that run once on each JavaScript engine.
pub(crate) fn javascript_cases(js: Js) -> Vec<Case> {
    let mut cases: Vec<_> = scripts().into_iter().map(|group| group.case(js)).collect();
    cases.push(memory::without(js));
    cases.extend(edges::cases(js));
    cases
}

/// The whole collection, both halves.
fn collection() -> Vec<About> {
    let native = SUITES.iter().flat_map(|(_, attacks)| attacks());
    let mut collection: Vec<_> = native.map(|attack| attack.about).collect();
    collection.extend(scripts().iter().flat_map(script::Group::abouts));
    collection.extend(protocol::ABOUTS);
    collection.extend(edges::ABOUTS);
    collection
}

fn table_is_kept() -> anyhow::Result<()> {
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

/// Attacks that are not seen to work whatever is off, so that their rows prove less: what refuses
/// them in the end is the kernel, on some hosts or on all.
const NEVER_SEEN_TO_WORK: [&str; 6] = [
    // Who has the capability on the host has it in no user namespace, and the host may lack it.
    "spared from want of memory",
    // Version 1's group of a container has no such time.
    "real time",
    // Nobody is shown a namespace around their own.
    "namespaces by ioctl",
    // Kernels have that table switched off.
    "x32 calls",
    // Past the check there is nothing to switch off and nothing to remove.
    "swap",
    "modules",
];

/// Two attacks of one name would be one row of the table to a reader.
fn well_formed() -> anyhow::Result<()> {
    let collection = collection();
    ensure!(collection.len() >= 60, "{} attacks", collection.len());
    let mut names: Vec<_> = collection.iter().map(|attack| attack.name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(twice.is_none(), "{twice:?}");
    for attack in SUITES.iter().flat_map(|(_, attacks)| attacks()) {
        let name = attack.about.name;
        let first = attack.about.stopped_by;
        let without_first = attack.attempt.runs.iter().any(|run| run.off == [first]);
        ensure!(without_first, "{name} is never tried without {first}");
        ensure!(attack.attempt.whole().is_some(), "{name}");
        ensure!(attack.twin.whole().is_some(), "{name} has no twin");
        let works = attack.attempt.runs.iter().any(|run| run.came.is_success());
        ensure!(
            works != NEVER_SEEN_TO_WORK.contains(&name),
            "{name} is seen to work: {works}"
        );
    }
    Ok(())
}
