//! Which module imports which, for the one question of why something is not there yet.

use std::collections::{BTreeMap, BTreeSet};

/// The most imports that are remembered. Of a plugin with more, cycles may not be told.
const MOST: usize = 16 * 1024;

/// The imports there have been.
#[derive(Default)]
pub(super) struct Graph {
    imports: BTreeMap<String, Vec<String>>,
    count: usize,
}

impl Graph {
    pub(super) fn add(&mut self, from: &str, to: &str) {
        if self.count < MOST {
            self.count += 1;
            let of_it = self.imports.entry(from.to_owned()).or_default();
            of_it.push(to.to_owned());
        }
    }

    /// The shortest way from a module back to itself, both ends named.
    pub(super) fn cycle(&self, start: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut ways = vec![vec![start]];
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let last = way.last()?;
                for next in self.imports.get(*last).into_iter().flatten() {
                    let mut way = way.clone();
                    way.push(next);
                    if next == start {
                        return Some(way.into_iter().map(str::to_owned).collect());
                    }
                    if seen.insert(next.as_str()) {
                        longer.push(way);
                    }
                }
            }
            ways = longer;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_cycle_of_a_module_is_found() {
        let mut graph = Graph::default();
        for (from, to) in [
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("b", "d"),
            ("d", "c"),
            ("e", "a"),
        ] {
            graph.add(from, to);
        }
        assert_eq!(graph.cycle("b").unwrap(), ["b", "c", "a", "b"]);
        assert_eq!(graph.cycle("e"), None);
        assert_eq!(graph.cycle("unknown"), None);
    }
}
