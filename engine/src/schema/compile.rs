//! From schemas to what values are held against.

use jsonschema::{Draft, PatternOptions, Validator};
use lazaret_policy::{PluginFunction, ValueSchema};
use serde_json::Value;

use super::weigh::Weight;

/// Largest compiled pattern, and largest table made while it looks, in bytes. A pattern of that size goes through some
/// 200 states for a letter; what that costs is counted where schemas are read.
const PATTERN_BYTES: usize = 16 * 1024;
const TABLE_BYTES: usize = 32 * 1024;

/// Most memory units of all that does not fit, with what is kept of each: its value, the path there, what was asked for.
const MOST_TOLD_UNITS: u64 = 256 * 1024;

/// What is kept of anything that does not fit, in memory units.
const TOLD_UNITS: u64 = 16;

/// Why a schema is none that values can be held against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin.yaml:{line}:{column}: `{path}`: {message}\n  hint: {hint}")]
pub struct SchemaError {
    /// Which schema, as `functions.forecast.parameters`.
    pub path: String,
    /// Where in `plugin.yaml`, from 1.
    pub line: usize,
    /// Where in the line, from 1.
    pub column: usize,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A schema that values can be held against.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) validator: Validator,
    pub(super) schema: ValueSchema,
    /// Memory units of the largest thing that it asks for.
    largest: u64,
}

impl Compiled {
    /// Whether everything that does not fit of a value can be told: the value is kept, in the worst case, for every look at
    /// one in it, together with its path and what was asked for.
    pub(super) fn may_tell_all(&self, weight: &Weight) -> bool {
        let each = weight.units() + TOLD_UNITS;
        let looks = weight.looks(self.schema.cost());
        looks.saturating_mul(each.saturating_add(self.largest)) <= MOST_TOLD_UNITS
    }
}

/// Memory units of the largest value that a schema names, of those that are repeated where it does not fit.
fn largest(schema: &Value) -> u64 {
    match schema {
        Value::Array(items) => items.iter().map(largest).max().unwrap_or(0),
        Value::Object(map) => {
            let one = |(key, value): (&String, &Value)| match key.as_str() {
                "enum" | "const" | "required" | "dependentRequired" | "pattern" => {
                    let weight = Weight::of(&value.to_string());
                    weight.map_or(u64::MAX, |weight| weight.units())
                }
                _ => largest(value),
            };
            map.iter().map(one).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// What is held of one function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Option<Compiled>,
    pub(super) result: Option<Compiled>,
}

impl Function {
    pub(super) fn compile(function: &PluginFunction) -> Result<Self, SchemaError> {
        let of = |schema: Option<&ValueSchema>, part: &str| {
            let path = format!("functions.{}.{part}", function.name());
            schema.map(|schema| compile(schema, path)).transpose()
        };
        Ok(Self {
            parameters: of(function.parameters(), "parameters")?,
            result: of(function.result(), "result")?,
        })
    }
}

/// Nothing is fetched, patterns take a time that grows with the text alone (no look-around, no back-references), and neither
/// they nor what is made of them grow beyond a size.
pub(super) fn compile(schema: &ValueSchema, path: String) -> Result<Compiled, SchemaError> {
    let patterns = PatternOptions::regex()
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(TABLE_BYTES);
    let built = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(patterns)
        .build(schema.json());
    match built {
        Ok(validator) => Ok(Compiled {
            validator,
            schema: schema.clone(),
            largest: largest(schema.json()),
        }),
        Err(error) => {
            // Of a pattern: where it stands in the schema. Of a keyword: where that stands.
            let pointer = match error.instance_path().as_str() {
                "" => error.schema_path().as_str(),
                pointer => pointer,
            };
            let (line, column) = schema.place(pointer);
            let message = match pointer.rsplit('/').next() {
                Some(keyword @ ("pattern" | "patternProperties")) => {
                    format!("`{keyword}` is no pattern that can be looked for, or too large")
                }
                _ => format!("it is no schema: {error}"),
            };
            let hint =
                "patterns are those of the crate `regex`: without look-around and back-references";
            Err(SchemaError {
                path,
                line,
                column,
                message,
                hint: hint.to_owned(),
            })
        }
    }
}
