use std::str::FromStr;

use serde_json::Value;

use super::json::json;
use super::value_schema::{Used, ValueSchema};
use crate::fields::Reader;
use crate::name::name;
use crate::problem::{Invalid, Problem, quoted};
use crate::yaml::{Entry, Node};

/// Most functions of one plugin.
pub(super) const MOST_FUNCTIONS: usize = 256;

/// Most examples of one function.
pub(super) const MOST_EXAMPLES: usize = 16;

/// Longest description, in bytes.
pub(super) const LONGEST_DESCRIPTION: usize = 4096;

name!(
    /// The name of an exported function.
    FunctionName, "name of an exported function", 128,
    |byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$',
    |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$',
    "use letters, digits, `_` and `$`, at most 128, no digit first; `default` is the default export"
);

/// A function that a plugin says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFunction {
    name: FunctionName,
    description: Option<Description>,
    parameters: Option<ValueSchema>,
    result: Option<ValueSchema>,
    examples: Vec<Example>,
}

/// A call as it may be made, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it is called with; `None` where it is called with nothing.
    pub parameters: Option<Value>,
    /// What comes of it, where that is said.
    pub result: Option<Value>,
    /// Line and column where it stands.
    pub place: (usize, usize),
}

impl PluginFunction {
    /// What the plugin exports it as.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description
            .as_ref()
            .map(|Description(text)| text.as_str())
    }

    /// What its one argument must be like; a function without takes no arguments.
    #[must_use]
    pub fn parameters(&self) -> Option<&ValueSchema> {
        self.parameters.as_ref()
    }

    /// What its result is like; without, it may be anything.
    #[must_use]
    pub fn result(&self) -> Option<&ValueSchema> {
        self.result.as_ref()
    }

    /// Calls as they may be made.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Reads the map at `functions`.
    pub(super) fn all(node: &Node, used: &mut Used, problems: &mut Vec<Problem>) -> Vec<Self> {
        let mut reader = Reader { problems };
        let Some(entries) = reader.map(node, "functions") else {
            return Vec::new();
        };
        if entries.len() > MOST_FUNCTIONS {
            reader.too_many(node, "functions", entries.len(), MOST_FUNCTIONS);
            return Vec::new();
        }
        entries
            .iter()
            .filter_map(|entry| Self::read(entry, used, problems))
            .collect()
    }

    fn read(entry: &Entry, used: &mut Used, problems: &mut Vec<Problem>) -> Option<Self> {
        let name: FunctionName = match entry.key.parse() {
            Ok(name) => name,
            Err(invalid) => {
                let invalid: Invalid = invalid;
                problems.push(invalid.of("functions").at(entry.place));
                return None;
            }
        };
        let path = format!("functions.{name}");
        let known = ["description", "parameters", "result", "examples"];
        let mut reader = Reader { problems };
        let fields = reader.fields(&entry.value, &path, &known)?;
        let mut function = Self {
            name,
            description: None,
            parameters: None,
            result: None,
            examples: Vec::new(),
        };
        for entry in &fields.entries {
            let path = fields.path_of(&entry.key);
            let value = &entry.value;
            match entry.key.as_str() {
                "description" => function.description = Description::read(value, &path, problems),
                "parameters" => {
                    function.parameters = ValueSchema::read(value, &path, used, problems)
                }
                "result" => function.result = ValueSchema::read(value, &path, used, problems),
                _ => function.examples = examples(value, &path, problems),
            }
        }
        Some(function)
    }
}

fn examples(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Vec<Example> {
    let mut reader = Reader { problems };
    let items = reader.list(node, path, MOST_EXAMPLES).unwrap_or_default();
    let path = format!("{path}[]");
    let mut examples = Vec::new();
    for item in items {
        let mut reader = Reader { problems };
        let Some(fields) = reader.fields(item, &path, &["parameters", "result"]) else {
            continue;
        };
        let mut example = Example {
            parameters: None,
            result: None,
            place: (item.place.line, item.place.column),
        };
        for entry in &fields.entries {
            let value = json(&entry.value, problems);
            match entry.key.as_str() {
                "parameters" => example.parameters = value,
                _ => example.result = value,
            }
        }
        examples.push(example);
    }
    examples
}

/// A text that says what something is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description(String);

impl Description {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn read(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let written = Reader { problems }.scalar(node, path)?;
        let read = written.text.parse();
        read.map_err(|invalid: Invalid| problems.push(invalid.of(path).at(node.place)))
            .ok()
    }
}

impl FromStr for Description {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Err(Invalid::new("it says nothing").hint("say what it is for"));
        }
        if text.len() > LONGEST_DESCRIPTION {
            let shown = quoted(text);
            let message = format!("{shown} is longer than {LONGEST_DESCRIPTION} bytes");
            return Err(Invalid::new(message).hint("say it in fewer words"));
        }
        Ok(Self(text.to_owned()))
    }
}
