//! Learning: what is seen of a plugin, and that nothing is let through for it.

mod groups;
mod server;
mod story;

use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;

pub(crate) fn probe_cases() -> Vec<Case> {
    groups::probe_cases()
}

pub(crate) fn cases(js: Js) -> Vec<Case> {
    let mut cases = groups::cases(js);
    cases.extend(story::cases(js));
    cases
}
