//! ```text
//! text ─tree→ slots with their comments ─write→ text
//! ```
//!
//! Keys come in the order of the language, values in one spelling, comments stay with what they were written at. What a
//! policy means is in its values, and those are the same before and after.

/// The order of keys, and the spelling of values that have units.
mod order;
/// Single values as text.
mod scalar;
/// A policy's text taken apart, comments and empty lines included.
mod tree;
/// The text put together again.
mod write;

use crate::origin::Source;
use crate::policy::SecurityPolicy;
use crate::problem::PolicyProblems;

/// The text of a policy as the language would have it written: two spaces of indentation, keys in the order of the
/// language, an empty line between sections, every comment kept. What it gives is a text it leaves as it is.
///
/// `name` stands for the file in problems. What the policy extends is not read.
///
/// # Errors
/// Every problem of the text, as [`SecurityPolicy::parse`] has them.
pub fn format(name: &str, text: &str) -> Result<String, PolicyProblems> {
    let refuse = |problems| PolicyProblems::new(name, problems);
    SecurityPolicy::read(&Source::File(name.into()), text).map_err(refuse)?;
    let tree = tree::read(text).map_err(|problem| refuse(vec![problem]))?;
    Ok(write::document(&tree))
}
