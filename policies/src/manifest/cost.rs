use std::collections::HashMap;

use serde_json::{Map, Value};

use super::keyword::{Takes, takes};
use super::value_schema::{DEFINITIONS, MOST_SCHEMAS};
use crate::problem::{Invalid, quoted};

/// What it takes to hold a value against a schema. As nothing in a schema refers to itself, each of its parts looks at
/// values of one depth only, and at each of them once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaCost {
    /// For each depth, the value itself at 0, what is done for every value there.
    pub depths: Vec<DepthCost>,
    /// How many parts look at all that is below a value.
    pub whole: u64,
    /// Whether there are several ways to fit.
    pub alternatives: bool,
}

/// What is done for every value of a depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DepthCost {
    /// Steps that take about the same time for any value.
    pub steps: u64,
    /// Passes over all of a text, a name of a property included.
    pub passes: u64,
}

/// Deepest nesting of schemas with definitions written out.
const MOST_HEIGHT: usize = 32;

/// A pass that looks for a pattern goes through all states of it for each letter where no table of them fits: some 200 of
/// the largest that is compiled.
const PATTERN_PASSES: u64 = 512;

/// Passes to look at a format.
const FORMAT_PASSES: u64 = 4;

/// Comparisons of an item with all others of a short list.
const UNIQUE_PASSES: u64 = 16;

impl SchemaCost {
    /// Counts a schema whose definitions are all there.
    pub(super) fn of(schema: &Value) -> Result<Self, Invalid> {
        let mut counting = Counting {
            definitions: schema.get("$defs").and_then(Value::as_object),
            known: HashMap::new(),
            under_way: Vec::new(),
            level: 0,
        };
        let counted = counting.schema(schema)?;
        Ok(counted.cost)
    }

    fn at(&mut self, depth: usize) -> &mut DepthCost {
        if self.depths.len() <= depth {
            self.depths.resize(depth + 1, DepthCost::default());
        }
        &mut self.depths[depth]
    }
}

/// A schema counted, its definitions as often as they are referred to.
#[derive(Clone, Default)]
struct Counted {
    schemas: u64,
    /// How deep schemas lie in each other.
    height: usize,
    cost: SchemaCost,
}

struct Counting<'schema> {
    definitions: Option<&'schema Map<String, Value>>,
    known: HashMap<&'schema str, Counted>,
    under_way: Vec<&'schema str>,
    level: usize,
}

impl<'schema> Counting<'schema> {
    fn schema(&mut self, schema: &'schema Value) -> Result<Counted, Invalid> {
        let mut counted = Counted {
            schemas: 1,
            height: 1,
            cost: SchemaCost::default(),
        };
        counted.cost.at(0).steps = 1;
        self.level += 1;
        not_too_high(self.level)?;
        for (key, value) in schema.as_object().into_iter().flatten() {
            self.keyword(key, value, &mut counted)?;
        }
        self.level -= 1;
        Ok(counted)
    }

    fn keyword(
        &mut self,
        key: &str,
        value: &'schema Value,
        counted: &mut Counted,
    ) -> Result<(), Invalid> {
        let cost = &mut counted.cost;
        match takes(key) {
            Some(Takes::Same) => {
                cost.alternatives = true;
                self.below(value, 0, counted)?;
            }
            Some(Takes::SameList) => {
                cost.alternatives |= key != "allOf";
                for one in value.as_array().into_iter().flatten() {
                    self.below(one, 0, counted)?;
                }
            }
            Some(Takes::Inner) => {
                // One item is enough for `contains`; the names alone are looked at by `propertyNames`.
                cost.alternatives |= matches!(key, "contains" | "propertyNames");
                self.below(value, 1, counted)?;
            }
            Some(Takes::InnerList) => {
                for one in value.as_array().into_iter().flatten() {
                    self.below(one, 1, counted)?;
                }
            }
            Some(takes @ (Takes::InnerNamed | Takes::InnerMatched)) => {
                for one in value.as_object().into_iter().flatten() {
                    if takes == Takes::InnerMatched {
                        cost_of_pattern(&mut counted.cost, 1);
                    }
                    self.below(one.1, 1, counted)?;
                }
            }
            Some(Takes::Reference) => {
                let name = value
                    .as_str()
                    .and_then(|text| text.strip_prefix(DEFINITIONS));
                let found = name.and_then(|name| self.definitions?.get_key_value(name));
                if let Some((name, definition)) = found {
                    let below = self.definition(name, definition)?;
                    not_too_high(self.level + below.height)?;
                    add(counted, &below, 0)?;
                }
            }
            Some(Takes::Pattern) => cost_of_pattern(cost, 0),
            Some(Takes::Format) => cost.at(0).passes += FORMAT_PASSES,
            Some(Takes::Count) if key.ends_with("Length") => cost.at(0).passes += 1,
            Some(Takes::Flag) if key == "uniqueItems" => cost.whole += UNIQUE_PASSES,
            Some(Takes::Names | Takes::NamesNamed) => cost.at(0).steps += size(value),
            Some(Takes::Any | Takes::Anys) if matches!(key, "enum" | "const") => {
                cost.at(0).steps += size(value);
                cost.at(0).passes += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn definition(
        &mut self,
        name: &'schema str,
        definition: &'schema Value,
    ) -> Result<Counted, Invalid> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        if self.under_way.contains(&name) {
            let message = format!("the definition {} refers to itself", quoted(name));
            let hint =
                "write out as many levels as there may be, or take what is below as it comes";
            return Err(Invalid::new(message).hint(hint));
        }
        self.under_way.push(name);
        let counted = self.schema(definition)?;
        self.under_way.pop();
        self.known.insert(name, counted.clone());
        Ok(counted)
    }

    fn below(
        &mut self,
        schema: &'schema Value,
        depth: usize,
        into: &mut Counted,
    ) -> Result<(), Invalid> {
        let counted = self.schema(schema)?;
        add(into, &counted, depth)
    }
}

fn not_too_high(height: usize) -> Result<(), Invalid> {
    if height <= MOST_HEIGHT {
        return Ok(());
    }
    let message =
        format!("schemas lie more than {MOST_HEIGHT} deep in each other, definitions written out");
    Err(Invalid::new(message).hint("ask for less detail"))
}

fn cost_of_pattern(cost: &mut SchemaCost, depth: usize) {
    cost.at(depth).passes += PATTERN_PASSES;
}

fn add(into: &mut Counted, below: &Counted, depth: usize) -> Result<(), Invalid> {
    // Neither can be too large to add: each was found to be small enough.
    into.schemas += below.schemas;
    into.height = into.height.max(below.height + 1);
    if into.schemas > MOST_SCHEMAS {
        let message = format!(
            "there are more than {MOST_SCHEMAS} schemas in it, each counted as often as it is referred to"
        );
        return Err(Invalid::new(message).hint("ask for less detail"));
    }
    into.cost.whole += below.cost.whole;
    into.cost.alternatives |= below.cost.alternatives;
    for (index, one) in below.cost.depths.iter().enumerate() {
        let at = into.cost.at(index + depth);
        at.steps += one.steps;
        at.passes += one.passes;
    }
    Ok(())
}

/// Values in a value, itself included.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn depths(schema: Value) -> Vec<(u64, u64)> {
        let cost = SchemaCost::of(&schema).unwrap();
        cost.depths
            .iter()
            .map(|one| (one.steps, one.passes))
            .collect()
    }

    #[test]
    fn each_part_counts_at_the_depth_that_it_looks_at() {
        assert_eq!(depths(json!(true)), [(1, 0)]);
        let schema = json!({
            "properties": { "a": { "pattern": "x" }, "b": { "items": { "enum": [1, 2] } } },
            "required": ["a"],
        });
        assert_eq!(depths(schema), [(3, 0), (2, PATTERN_PASSES), (4, 1)]);
        assert_eq!(
            depths(json!({ "anyOf": [true, true], "items": { "not": true } })),
            [(3, 0), (2, 0)]
        );
    }

    #[test]
    fn a_definition_counts_as_often_as_it_is_referred_to() {
        let schema = json!({
            "$defs": { "a": { "items": true } },
            "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/a" }],
        });
        assert_eq!(depths(schema), [(5, 0), (2, 0)]);
    }

    #[test]
    fn definitions_that_double_are_refused_without_being_written_out() {
        let mut definitions = Map::new();
        for level in 0..15 {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            definitions.insert(format!("d{level}"), json!({ "anyOf": [next, next] }));
        }
        definitions.insert("d15".to_owned(), json!(true));
        let schema = json!({ "$defs": definitions, "$ref": "#/$defs/d0" });
        let refused = SchemaCost::of(&schema).unwrap_err().to_string();
        assert!(refused.contains("more than 4096"), "{refused}");
    }

    #[test]
    fn a_definition_that_comes_back_to_itself_is_refused() {
        let schema = json!({
            "$defs": { "a": { "items": { "$ref": "#/$defs/b" } }, "b": { "not": { "$ref": "#/$defs/a" } } },
            "$ref": "#/$defs/a",
        });
        let refused = SchemaCost::of(&schema).unwrap_err().to_string();
        assert_eq!(refused, "the definition `a` refers to itself");
    }
}
