//! Another policy for a plugin that runs, and plugins that are kept.

mod calls;
mod kernel;
mod limits;
mod mistakes;
mod restarts;
mod revisions;
mod serve;
pub(crate) mod served;

use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;

pub(crate) fn cases() -> Vec<Case> {
    [
        serve::cases(),
        revisions::cases(),
        restarts::cases(),
        mistakes::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn javascript_cases(js: Js) -> Vec<Case> {
    [limits::cases(js), calls::cases(js)]
        .into_iter()
        .flatten()
        .collect()
}
