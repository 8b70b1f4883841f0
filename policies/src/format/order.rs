use crate::reference::{KEYS, Shape};
use crate::units::{ByteSize, TimeLimit};

/// What comes before all sections.
const FIRST: [&str; 5] = ["apiVersion", "kind", "level", "extends", "permissions"];

/// Keys of items: what it is comes first, why it is there last.
const IN_ITEMS: [&str; 4] = ["permission", "host", "port", "protocol"];

/// Where a key comes among those of its map; what the language gives no place keeps the one it has, behind the rest.
pub(super) fn rank(path: &str, key: &str) -> usize {
    if path.ends_with("[]") {
        return match IN_ITEMS.iter().position(|known| *known == key) {
            Some(rank) => rank,
            None if key == "reason" => usize::MAX,
            None => IN_ITEMS.len(),
        };
    }
    let first = FIRST
        .iter()
        .position(|first| path.is_empty() && *first == key);
    let described = || {
        let known = KEYS.iter().position(|known| {
            let below = known.path.strip_prefix(path);
            let rest = below.map(|rest| rest.strip_prefix('.').unwrap_or(rest));
            rest.is_some_and(|rest| rest.split('.').next() == Some(key))
        });
        known.map(|rank| FIRST.len() + rank)
    };
    first.or_else(described).unwrap_or(usize::MAX)
}

/// A value with a unit in its largest unit, anything else as it is.
pub(super) fn one_spelling(path: &str, text: &str) -> String {
    let shape = KEYS
        .iter()
        .find(|key| key.path == path)
        .map(|key| key.shape);
    let spelled = match shape {
        Some(Shape::Size) => text.parse::<ByteSize>().map(|size| size.to_string()),
        Some(Shape::Time) => text.parse::<TimeLimit>().map(|time| time.to_string()),
        _ => return text.to_owned(),
    };
    spelled.unwrap_or_else(|_| text.to_owned())
}
