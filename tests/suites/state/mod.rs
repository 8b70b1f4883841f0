//! What plugins keep, log and measure through the engine, and what they are given.

mod forged;
mod kept;
mod served;

use lazaret_tests::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    [kept::cases(), served::cases(), forged::cases()]
        .into_iter()
        .flatten()
        .collect()
}
