use crate::layout::{Form, LEAVES, Leaf};
use crate::reference::{KEYS, Shape};
use crate::units::{ByteSize, TimeLimit};

/// Where a key comes among those of its map, which is at `path`; a map whose names the writer chooses keeps its order.
pub(super) fn rank(path: &str, key: &str) -> usize {
    let found = match path.split_once("[]") {
        None => position(&LEAVES, path, key),
        Some((list, within)) => LEAVES
            .iter()
            .find(|leaf| leaf.path == list)
            .and_then(|leaf| match leaf.form {
                Form::Entries(entries) => {
                    position(entries.leaves, within.trim_start_matches('.'), key)
                }
                _ => None,
            }),
    };
    found.unwrap_or(usize::MAX)
}

/// The first of the leaves that is `key` of the map at `path`, or below it.
fn position(leaves: &[Leaf], path: &str, key: &str) -> Option<usize> {
    leaves.iter().position(|leaf| {
        let below = match path {
            "" => Some(leaf.path),
            path => leaf
                .path
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        below.is_some_and(|below| below.split('.').next() == Some(key))
    })
}

/// A value with a unit in its largest unit, anything else as it is.
pub(super) fn one_spelling(path: &str, text: &str) -> String {
    let size = |text: &str| text.parse::<ByteSize>().map(|size| size.to_string());
    let time = |text: &str| text.parse::<TimeLimit>().map(|time| time.to_string());
    let shape = KEYS
        .iter()
        .find(|key| key.path == path)
        .map(|key| key.shape);
    let spelled = match shape {
        Some(Shape::Size) => size(text),
        Some(Shape::Time) => time(text),
        None if path.ends_with("[].size") || path.contains("[].limits.") => {
            size(text).or_else(|_| time(text))
        }
        _ => return text.to_owned(),
    };
    spelled.unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_language_has_its_place() {
        for leaf in LEAVES.iter() {
            let (section, key) = leaf.path.rsplit_once('.').unwrap_or(("", leaf.path));
            assert_ne!(rank(section, key), usize::MAX, "{}", leaf.path);
            if let Form::Entries(entries) = leaf.form {
                for inner in entries.leaves {
                    let path = format!("{}[].{}", leaf.path, inner.path);
                    let (map, key) = path.rsplit_once('.').expect("it has a dot");
                    assert_ne!(rank(map, key), usize::MAX, "{path}");
                }
            }
        }
        assert!(rank("", "apiVersion") < rank("", "resources"));
        assert!(rank("network.endpoints[]", "host") < rank("network.endpoints[]", "reason"));
        assert_eq!(rank("requirements", "memory.high"), usize::MAX);
    }

    #[test]
    fn only_values_with_units_get_another_spelling() {
        for (path, text, spelled) in [
            ("resources.memory.max", "65536KiB", "64MiB"),
            ("resources.time.call", "60s", "1m"),
            ("filesystem.write[].size", "1024B", "1KiB"),
            ("exec.programs[].limits.time", "1000ms", "1s"),
            ("exec.programs[].name", "1000ms", "1000ms"),
            ("permissions[].reason", "60s", "60s"),
        ] {
            assert_eq!(one_spelling(path, text), spelled, "{path}");
        }
    }
}
