//! Files of the host that a plugin may write, written by the engine.
//!
//! Every path is resolved below a descriptor of the granted directory that was opened when the
//! plugin started (openat2(2)): no symbolic link is followed, no mount point crossed, and nothing
//! above it reached, whoever moves what meanwhile. What is opened is judged by its descriptor, and
//! only plain files with one name are touched.

mod below;
mod change;
mod place;
mod quota;
mod remove;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use lazaret_policy::{GrantPath, NamePattern};
use lazaret_protocol::{Act, ActError, ActResult, Failure};

pub(crate) use place::Place;
pub use place::PlaceError;
pub(crate) use quota::Quota;

use super::{Outcome, failed};

/// What holds for every path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Names that do not exist, as `.git` or `*.pem`.
    pub(crate) ignore: Vec<NamePattern>,
    /// The most bytes of one write.
    pub(crate) write_bytes: u64,
}

/// Does an act on files. Blocks.
pub(crate) fn perform(act: &Act, places: &[Arc<Place>], rules: &Rules) -> Outcome {
    match act {
        Act::Write {
            path,
            mode,
            presence,
            content,
        } => {
            if content.len() as u64 > rules.write_bytes {
                return Err(ActError::Limit {
                    what: "filesystem.sizes.write".to_owned(),
                    asked: content.len() as u64,
                    limit: rules.write_bytes,
                });
            }
            write::write(&target(path, places, rules)?, *mode, *presence, content)?;
        }
        Act::Remove { path } => remove::remove(&target(path, places, rules)?)?,
        Act::RemoveAll { path } => {
            remove::remove_all(&target(path, places, rules)?, places, rules)?;
        }
        Act::MakeDirectory { path, parents } => {
            change::make_directory(&target(path, places, rules)?, *parents)?;
        }
        Act::Rename { from, to } => {
            let (from, to) = (target(from, places, rules)?, target(to, places, rules)?);
            change::rename(&from, &to, places)?;
        }
        Act::Run { .. } | Act::Kv(_) | Act::Window(_) => {
            return Err(failed(Failure::Other, "no act on files"));
        }
    }
    Ok(ActResult::Done)
}

/// A path and the place it is in.
struct Target<'a> {
    place: &'a Place,
    path: &'a str,
    /// The names below the place; none for the place itself.
    below: Vec<&'a str>,
}

/// Finds the innermost place that holds a path.
fn target<'a>(
    path: &'a str,
    places: &'a [Arc<Place>],
    rules: &Rules,
) -> Result<Target<'a>, ActError> {
    let unusable = || failed(Failure::Other, format!("no usable path: `{path}`"));
    let granted: GrantPath = path.parse().map_err(|_| unusable())?;
    let place = places
        .iter()
        .filter(|place| place.path().holds(&granted))
        .max_by_key(|place| place.path().as_str().len())
        .ok_or_else(unusable)?;
    let below = &path[place.path().as_str().len()..];
    let below: Vec<_> = below.split('/').filter(|name| !name.is_empty()).collect();
    if below
        .iter()
        .any(|name| below::is_ignored(name, &rules.ignore))
    {
        return Err(failed(
            Failure::NotFound,
            format!("no such file or directory: `{path}` (see `filesystem.ignore`)"),
        ));
    }
    Ok(Target { place, path, below })
}
