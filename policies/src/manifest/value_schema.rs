use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cost::SchemaCost;
use super::json::json;
use super::keyword::{FORMATS, KEYWORDS, TYPES, Takes, takes};
use crate::fields::Reader;
use crate::problem::{Invalid, Place, Problem, name_hint, nearest, quoted};
use crate::yaml::{Entry, Kind, Node};

/// Deepest nesting of schemas.
const MOST_DEPTH: usize = 16;

/// Most schemas in one, each counted as often as it is referred to.
pub(super) const MOST_SCHEMAS: u64 = 4096;

/// Most patterns in one schema.
const MOST_PATTERNS: usize = 64;

/// Most patterns in all schemas of a manifest, and most bytes of them: each takes memory of its own where it is compiled.
const MOST_PATTERNS_IN_ALL: usize = 256;
const MOST_PATTERN_BYTES: usize = 32 * 1024;

/// Most bytes of the pointers to all parts of a manifest's schemas.
const MOST_POINTER_BYTES: usize = 1024 * 1024;

/// Longest pattern, in bytes.
const LONGEST_PATTERN: usize = 512;

/// Longest name of a property or a definition, in bytes.
const LONGEST_NAME: usize = 256;

/// Longest text for people, in bytes.
const LONGEST_TEXT: usize = 4096;

/// Most values of an `enum`, and names of a `required`.
const MOST_VALUES: usize = 1024;

/// The version of JSON Schema that schemas are of.
pub(super) const VERSION: &str = "https://json-schema.org/draft/2020-12/schema";

/// What precedes the name of a definition in a `$ref`.
pub(super) const DEFINITIONS: &str = "#/$defs/";

/// A JSON Schema (2020-12) out of a `plugin.yaml`: of keywords that are known, of bounded size, that refers to its own
/// definitions only and never to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueSchema {
    json: Arc<Value>,
    places: Arc<BTreeMap<String, Place>>,
    cost: SchemaCost,
}

/// What all schemas of a manifest have of what they may have together.
#[derive(Debug, Default)]
pub(super) struct Used {
    patterns: usize,
    pattern_bytes: usize,
    pointer_bytes: usize,
}

impl ValueSchema {
    /// Reads a schema that stands at the key `path`.
    pub(super) fn read(
        node: &Node,
        path: &str,
        used: &mut Used,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let before = problems.len();
        let mut reading = Reading {
            path,
            reader: Reader { problems },
            places: BTreeMap::new(),
            references: Vec::new(),
            patterns: 0,
            schemas: 0,
            too_large: false,
            used,
        };
        let read = reading.schema(node, String::new(), 1);
        let Reading {
            places, references, ..
        } = reading;
        let json = read?;
        if problems.len() > before {
            return None;
        }
        let defined = json.get("$defs").and_then(Value::as_object);
        for (name, place) in references {
            if defined.is_some_and(|defined| defined.contains_key(&name)) {
                continue;
            }
            let message = format!("`{path}`: nothing is defined as {}", quoted(&name));
            let known: Vec<&str> = defined.map_or_else(Vec::new, |defined| {
                defined.keys().map(String::as_str).collect()
            });
            let hint = match nearest(&name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "define it in `$defs` at the top of this schema".to_owned(),
            };
            problems.push(Invalid::new(message).hint(hint).at(place));
        }
        if problems.len() > before {
            return None;
        }
        match SchemaCost::of(&json) {
            Ok(cost) => Some(Self {
                json: Arc::new(json),
                places: Arc::new(places),
                cost,
            }),
            Err(invalid) => {
                problems.push(invalid.of(path).at(node.place));
                None
            }
        }
    }

    /// The schema.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What it takes to hold a value against it.
    #[must_use]
    pub fn cost(&self) -> &SchemaCost {
        &self.cost
    }

    /// Line and column of what a JSON pointer into the schema points to, or of the nearest thing around it.
    #[must_use]
    pub fn place(&self, pointer: &str) -> (usize, usize) {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return (place.line, place.column);
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return (1, 1),
            }
        }
    }
}

struct Reading<'path, 'problems> {
    path: &'path str,
    reader: Reader<'problems>,
    places: BTreeMap<String, Place>,
    references: Vec<(String, Place)>,
    patterns: usize,
    schemas: u64,
    /// It was said to be, and no more of it is read.
    too_large: bool,
    used: &'problems mut Used,
}

impl Reading<'_, '_> {
    fn refuse(&mut self, place: Place, invalid: Invalid) {
        self.reader.report(place, invalid.of(self.path));
    }

    /// Says so once.
    fn too_large<T>(&mut self, place: Place, what: String) -> Option<T> {
        if !self.too_large {
            self.too_large = true;
            let invalid = Invalid::new(format!("there are {what}"));
            self.refuse(place, invalid.hint("ask for less detail"));
        }
        None
    }

    /// Keeps the place of what a pointer points to.
    fn put(&mut self, pointer: &str, place: Place) -> Option<()> {
        if self.too_large {
            return None;
        }
        if self.places.contains_key(pointer) {
            return Some(());
        }
        self.used.pointer_bytes += pointer.len();
        if self.used.pointer_bytes > MOST_POINTER_BYTES {
            return self.too_large(
                place,
                "too many long names in each other in the schemas of the file".to_owned(),
            );
        }
        self.places.insert(pointer.to_owned(), place);
        Some(())
    }

    fn schema(&mut self, node: &Node, pointer: String, depth: usize) -> Option<Value> {
        self.schemas += 1;
        if self.schemas > MOST_SCHEMAS {
            return self.too_large(node.place, format!("more than {MOST_SCHEMAS} schemas"));
        }
        self.put(&pointer, node.place)?;
        if depth > MOST_DEPTH {
            let message = format!("schemas lie more than {MOST_DEPTH} deep in each other");
            let hint = "give inner ones a name in `$defs`, or ask for less detail";
            self.refuse(node.place, Invalid::new(message).hint(hint));
            return None;
        }
        if let Kind::Scalar(scalar) = &node.kind
            && scalar.plain
            && let Ok(whole) = scalar.text.parse::<bool>()
        {
            return Some(Value::Bool(whole));
        }
        let Kind::Map(entries) = &node.kind else {
            return self.reader.mismatch(
                node,
                self.path,
                "a schema: a map of keywords, `true` or `false`",
            );
        };
        let mut map = Map::new();
        for entry in entries {
            let below = format!("{pointer}/{}", entry.key);
            self.put(&below, entry.value.place)?;
            if let Some(value) = self.keyword(entry, below, depth) {
                map.insert(entry.key.clone(), value);
            }
        }
        Some(Value::Object(map))
    }

    fn keyword(&mut self, entry: &Entry, pointer: String, depth: usize) -> Option<Value> {
        let Entry { key, place, value } = entry;
        let Some(takes) = takes(key) else {
            let known: Vec<&str> = KEYWORDS.iter().map(|(name, _)| *name).collect();
            let message = format!("unknown keyword {}", quoted(key));
            let hint = match nearest(key, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "a part of JSON Schema 2020-12 is known; `docs/plugin.md` lists it".to_owned()
                }
            };
            self.refuse(*place, Invalid::new(message).hint(hint));
            return None;
        };
        match takes {
            Takes::Same | Takes::Inner => self.schema(value, pointer, depth + 1),
            Takes::SameList | Takes::InnerList => {
                let items = self.list(value, key, 1, MOST_VALUES)?;
                let read = items.iter().enumerate().map(|(index, item)| {
                    self.schema(item, format!("{pointer}/{index}"), depth + 1)
                });
                read.collect::<Vec<_>>()
                    .into_iter()
                    .collect::<Option<_>>()
                    .map(Value::Array)
            }
            Takes::Definitions if depth > 1 => {
                let invalid = Invalid::new("`$defs` stands at the top of a schema only");
                self.refuse(*place, invalid.hint("move it there"));
                None
            }
            Takes::Definitions | Takes::InnerNamed | Takes::InnerMatched => {
                self.named(value, takes, key, &pointer, depth)
            }
            Takes::Any => json(value, self.reader.problems),
            Takes::Anys => {
                let items = self.list(value, key, 1, MOST_VALUES)?;
                let read = items.iter().map(|item| json(item, self.reader.problems));
                read.collect::<Option<_>>().map(Value::Array)
            }
            Takes::Names => {
                let items = self.list(value, key, 0, MOST_VALUES)?;
                self.names(items)
            }
            Takes::NamesNamed => {
                let entries = self.reader.map(value, key)?;
                let mut map = Map::new();
                for entry in entries {
                    let items = self.list(&entry.value, key, 0, MOST_VALUES)?;
                    map.insert(entry.key.clone(), self.names(items)?);
                }
                Some(Value::Object(map))
            }
            Takes::Types => self.types(value),
            _ => self.single(value, key, takes),
        }
    }

    fn named(
        &mut self,
        node: &Node,
        takes: Takes,
        key: &str,
        pointer: &str,
        depth: usize,
    ) -> Option<Value> {
        let entries = self.reader.map(node, key)?;
        let mut map = Map::new();
        for entry in entries {
            let name = &entry.key;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if takes == Takes::InnerMatched {
                self.pattern(name, entry.place)?;
            } else if name.len() > LONGEST_NAME {
                let message = format!("{} is longer than {LONGEST_NAME} bytes", quoted(name));
                self.refuse(
                    entry.place,
                    Invalid::new(message).hint("use a shorter name"),
                );
                continue;
            } else if takes == Takes::Definitions && !name.bytes().all(plain) {
                let message = format!("{} is no name of a definition", quoted(name));
                let hint = "use letters, digits, `_` and `-`";
                self.refuse(entry.place, Invalid::new(message).hint(hint));
                continue;
            }
            // As JSON pointers have it (RFC 6901).
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let below = format!("{pointer}/{escaped}");
            if let Some(schema) = self.schema(&entry.value, below, depth + 1) {
                map.insert(name.clone(), schema);
            }
        }
        Some(Value::Object(map))
    }

    /// A list of at least and at most so many.
    fn list<'node>(
        &mut self,
        node: &'node Node,
        key: &str,
        least: usize,
        most: usize,
    ) -> Option<&'node [Node]> {
        let items = self.reader.list(node, key, most)?;
        if items.len() < least {
            let invalid = Invalid::new(format!("`{key}` is empty"));
            self.refuse(node.place, invalid.hint("take the keyword away"));
            return None;
        }
        Some(items)
    }

    fn names(&mut self, items: &[Node]) -> Option<Value> {
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        for item in items {
            let written = self.reader.scalar(item, "a name in this list")?;
            if !seen.insert(written.text.clone()) {
                let message = format!("{} is given twice", quoted(&written.text));
                self.refuse(
                    item.place,
                    Invalid::new(message).hint("keep one of the two"),
                );
                return None;
            }
            names.push(Value::String(written.text));
        }
        Some(Value::Array(names))
    }

    fn types(&mut self, node: &Node) -> Option<Value> {
        let known = |this: &mut Self, node: &Node| {
            // `type: null` is YAML's null.
            if let Kind::Scalar(scalar) = &node.kind
                && scalar.is_null()
                && scalar.text == "null"
            {
                return Some("null".to_owned());
            }
            let written = this.reader.scalar(node, "type")?;
            if TYPES.contains(&written.text.as_str()) {
                return Some(written.text);
            }
            let message = format!("{} is no type of values", quoted(&written.text));
            let hint = name_hint(&written.text, TYPES);
            this.refuse(node.place, Invalid::new(message).hint(hint));
            None
        };
        let Kind::List(_) = node.kind else {
            return known(self, node).map(Value::String);
        };
        let items = self.list(node, "type", 1, TYPES.len())?;
        let mut types: Vec<Value> = Vec::new();
        for item in items {
            let one = Value::String(known(self, item)?);
            if types.contains(&one) {
                let message = format!("type {one} is given twice");
                self.refuse(
                    item.place,
                    Invalid::new(message).hint("keep one of the two"),
                );
                return None;
            }
            types.push(one);
        }
        Some(Value::Array(types))
    }

    fn single(&mut self, node: &Node, key: &str, takes: Takes) -> Option<Value> {
        let written = self.reader.scalar(node, key)?;
        let text = &written.text;
        let is_text = matches!(
            takes,
            Takes::Text | Takes::Pattern | Takes::Format | Takes::Reference | Takes::Version
        );
        if !is_text {
            let value = json(node, self.reader.problems)?;
            let number = value.as_f64().filter(|number| number.is_finite());
            let (fits, expected) = match takes {
                Takes::Flag => (value.is_boolean(), "`true` or `false`"),
                Takes::Count => (
                    value
                        .as_u64()
                        .is_some_and(|count| count <= u64::from(u32::MAX)),
                    "a whole number from 0 on",
                ),
                Takes::Step => (number.is_some_and(|step| step > 0.0), "a number above 0"),
                _ => (number.is_some(), "a number"),
            };
            if fits {
                return Some(value);
            }
            let message = format!("`{key}` is {}", quoted(text));
            self.refuse(
                node.place,
                Invalid::new(message).hint(format!("write {expected}")),
            );
            return None;
        }
        let refusal = match takes {
            Takes::Pattern => return self.pattern(text, node.place),
            Takes::Format if !FORMATS.contains(&text.as_str()) => {
                let message = format!("{} is no format", quoted(text));
                Invalid::new(message).hint(name_hint(text, FORMATS))
            }
            Takes::Version if text != VERSION => {
                let message = format!("`$schema` is {}", quoted(text));
                Invalid::new(message).hint(format!("write `{VERSION}`, or take the key away"))
            }
            Takes::Reference => match text.strip_prefix(DEFINITIONS) {
                Some(name) => {
                    self.references.push((name.to_owned(), node.place));
                    return Some(Value::String(text.clone()));
                }
                None => Invalid::new(format!("{} is no definition of this schema", quoted(text)))
                    .hint("nothing is fetched: define it in `$defs` at the top, and write `#/$defs/NAME`"),
            },
            _ if text.len() > LONGEST_TEXT => {
                Invalid::new(format!("`{key}` is longer than {LONGEST_TEXT} bytes"))
                    .hint("say it in fewer words")
            }
            _ => return Some(Value::String(text.clone())),
        };
        self.refuse(node.place, refusal);
        None
    }

    /// What it means is looked at where it is compiled.
    fn pattern(&mut self, text: &str, place: Place) -> Option<Value> {
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            let message = format!("there are more than {MOST_PATTERNS} patterns");
            let hint = "hold values in the plugin's own code as well";
            self.refuse(place, Invalid::new(message).hint(hint));
            return None;
        }
        if text.len() > LONGEST_PATTERN {
            let message = format!("a pattern is longer than {LONGEST_PATTERN} bytes");
            self.refuse(place, Invalid::new(message).hint("use a shorter one"));
            return None;
        }
        self.used.patterns += 1;
        self.used.pattern_bytes += text.len();
        if self.used.patterns > MOST_PATTERNS_IN_ALL || self.used.pattern_bytes > MOST_PATTERN_BYTES
        {
            let message = format!(
                "there are more than {MOST_PATTERNS_IN_ALL} patterns in all schemas of the file, or {MOST_PATTERN_BYTES} bytes of them"
            );
            let hint = "hold values in the plugin's own code as well";
            self.refuse(place, Invalid::new(message).hint(hint));
            return None;
        }
        Some(Value::String(text.to_owned()))
    }
}
