//! Attacks in containers with layers switched off.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use lazaret_tests::attack::Layer;
use lazaret_tests::layers::{Ended, Stage};
use lazaret_tests::world::World;

use super::POLICY;
use super::trial::{Came, Native, Trial};
use crate::bundle::runc;

/// An attempt, by its attack's name, and what must come of it.
struct Expected<'a> {
    name: &'static str,
    trial: &'a Trial,
    came: &'a Came,
}

/// 128 and the signal's number.
const BY_FILTER: i64 = 128 + 31;
const BY_KERNEL: i64 = 128 + 9;

/// Every run of every attack but those in whole containers. What leaves no trace shares a container
/// with others; the rest has one each.
pub(super) fn layer_by_layer(world: &World, attacks: Vec<Native>) -> anyhow::Result<()> {
    let mut shared: BTreeMap<Vec<Layer>, Vec<Expected<'_>>> = BTreeMap::new();
    let mut alone = Vec::new();
    for attack in &attacks {
        for run in attack.attempt.runs.iter().filter(|run| !run.off.is_empty()) {
            let mut off = run.off.clone();
            off.sort_unstable();
            let expected = Expected {
                name: attack.about.name,
                trial: &attack.attempt,
                came: &run.came,
            };
            if expected.trial.leaves_no_trace(expected.came) {
                shared.entry(off).or_default().push(expected);
            } else {
                alone.push((off, vec![expected]));
            }
        }
    }
    let mut stage = Stage::set(world, runc()?, POLICY)?;
    let mut wrong = Vec::new();
    for (off, expected) in shared.into_iter().chain(alone) {
        let facts = stage.facts();
        let asks: Vec<_> = expected
            .iter()
            .map(|expected| (expected.trial.ask, expected.trial.arguments(facts)))
            .collect();
        let ended = stage.run(&off, &asks).with_context(|| wrong.join("\n"))?;
        wrong.extend(wrong_ends(&expected, &ended).into_iter().map(|wrong| {
            let off: Vec<_> = off.iter().map(ToString::to_string).collect();
            format!("without {}: {wrong}", off.join(", "))
        }));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn wrong_ends(expected: &[Expected<'_>], ended: &Ended) -> Vec<String> {
    let mut answers = ended.answers.iter();
    let mut wrong = Vec::new();
    for Expected { name, came, .. } in expected {
        let answer = answers.next();
        let right = match (came, answer) {
            (Came::Killed, None) => ended.code == BY_FILTER,
            (Came::OutOfMemory, None) => ended.code == BY_KERNEL,
            (_, Some(answer)) => came.is(answer) && ended.code == 0,
            (_, None) => false,
        };
        if !right {
            let answer = answer.map_or("no answer".to_owned(), ToString::to_string);
            let Ended { code, errors, .. } = ended;
            let end = format!("exit status {code}, {errors}");
            wrong.push(format!("{name}: {answer}, {end}: {came} expected"));
        }
    }
    wrong
}
