//! How much there is in a JSON text, told without keeping any of it.

use std::fmt;

use lazaret_policy::SchemaCost;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Most memory units of a value to be checked, of some 64 bytes each.
const MOST_UNITS: u64 = 1_000_000;

/// What a map takes even with one entry.
const MAP_UNITS: u64 = 10;

/// Letters that one step of a pass looks at.
const LETTERS_A_STEP: u64 = 32;

/// Short texts for which a pass takes a step.
const TEXTS_A_STEP: u64 = 4;

/// What there is of a value at each depth, itself at 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    depths: Vec<Depth>,
    units: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Depth {
    values: u64,
    /// Of texts, and of names of properties.
    bytes: u64,
}

impl Weight {
    /// Weighs a text.
    ///
    /// # Errors
    /// It is no JSON, nested too deep, or too large.
    pub(super) fn of(text: &str) -> serde_json::Result<Self> {
        let mut weight = Self::default();
        let mut reader = serde_json::Deserializer::from_str(text);
        Part {
            weight: &mut weight,
            depth: 0,
        }
        .deserialize(&mut reader)?;
        reader.end()?;
        Ok(weight)
    }

    /// How many steps it takes to hold the value against a schema.
    pub(super) fn steps(&self, cost: &SchemaCost) -> u64 {
        let mut steps: u64 = 0;
        let mut all: u64 = 0;
        for (index, depth) in self.depths.iter().enumerate() {
            let one = cost.depths.get(index).copied().unwrap_or_default();
            let texts = depth.bytes / LETTERS_A_STEP + depth.values / TEXTS_A_STEP;
            steps = steps
                .saturating_add(depth.values.saturating_mul(one.steps))
                .saturating_add(texts.saturating_mul(one.passes));
            all += depth.values + depth.bytes / LETTERS_A_STEP;
        }
        steps.saturating_add(all.saturating_mul(cost.whole))
    }

    /// What it takes in memory, in units.
    pub(super) fn units(&self) -> u64 {
        self.units
    }

    /// How often a part of a schema looks at a value in it.
    pub(super) fn looks(&self, cost: &SchemaCost) -> u64 {
        let both = self.depths.iter().zip(&cost.depths);
        both.fold(0, |looks: u64, (depth, one)| {
            looks.saturating_add(depth.values.saturating_mul(one.steps))
        })
    }

    fn add<E: Error>(
        &mut self,
        depth: usize,
        values: u64,
        bytes: usize,
        units: u64,
    ) -> Result<(), E> {
        if self.depths.len() <= depth {
            self.depths.resize(depth + 1, Depth::default());
        }
        let bytes = bytes as u64;
        self.depths[depth].values += values;
        self.depths[depth].bytes += bytes;
        self.units += units + bytes / 64;
        if self.units > MOST_UNITS {
            return Err(E::custom("there is more in it than can be checked"));
        }
        Ok(())
    }
}

struct Part<'weight> {
    weight: &'weight mut Weight,
    depth: usize,
}

impl Part<'_> {
    fn below(&mut self) -> Part<'_> {
        Part {
            weight: self.weight,
            depth: self.depth + 1,
        }
    }

    fn leaf<E: Error>(self, bytes: usize) -> Result<(), E> {
        self.weight.add(self.depth, 1, bytes, 1)
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.leaf(0)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.leaf(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.leaf(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.leaf(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.leaf(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.leaf(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.weight.add(self.depth, 1, 0, 1)?;
        while items.next_element_seed(self.below())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.weight.add(self.depth, 1, 0, MAP_UNITS)?;
        while entries.next_key_seed(Key(self.below()))?.is_some() {
            entries.next_value_seed(self.below())?;
        }
        Ok(())
    }
}

/// The name of a property: at the depth of what it names.
struct Key<'weight>(Part<'weight>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.weight.add(self.0.depth, 0, name.len(), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depths(text: &str) -> Vec<(u64, u64)> {
        let weight = Weight::of(text).unwrap();
        weight
            .depths
            .iter()
            .map(|depth| (depth.values, depth.bytes))
            .collect()
    }

    #[test]
    fn each_value_counts_at_its_depth_and_each_name_at_its_values() {
        assert_eq!(depths("null"), [(1, 0)]);
        assert_eq!(
            depths(r#"{"ab":[1,"xyz",{}],"c":true}"#),
            [(1, 0), (2, 3), (3, 3)]
        );
    }

    #[test]
    fn what_would_take_more_memory_than_it_is_worth_is_refused_while_it_is_read() {
        for (part, close) in [("0,", "0]"), ("{},", "0]"), ("[],", "0]")] {
            let text = format!("[{}{close}", part.repeat(1_000_001));
            let refused = Weight::of(&text).unwrap_err().to_string();
            assert!(
                refused.contains("more in it than can be checked"),
                "{refused}"
            );
            assert!(Weight::of(&format!("[{}{close}", part.repeat(50_000))).is_ok());
        }
        assert!(Weight::of(&"[".repeat(1000)).is_err());
    }
}
