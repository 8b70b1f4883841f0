use serde_json::{Map, Value, json};

use crate::reference::{Described, KEYS, Shape};
use crate::requirements::RequirementKey;
use crate::schema_lists::lists;

/// The JSON Schema (2020-12) of a policy file, for editors and for checks by other programs.
///
/// It knows every key, every word and the form of every value. What depends on two keys, on a name or on the host only
/// [`crate::SecurityPolicy::load`] knows.
#[must_use]
pub fn schema() -> Value {
    let mut root = section("A SecurityPolicy of Lazaret: what one plugin may do and take.");
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("SecurityPolicy v1");
    root["required"] = json!(["apiVersion", "kind"]);
    put(
        &mut root,
        "apiVersion",
        json!({
            "const": "lazaret/v1",
            "description": "The version of the language.",
            "examples": ["lazaret/v1"],
        }),
    );
    put(
        &mut root,
        "kind",
        json!({
            "const": "SecurityPolicy",
            "description": "What the document is.",
            "examples": ["SecurityPolicy"],
        }),
    );
    put(
        &mut root,
        "extends",
        json!({
            "type": "string",
            "description": "A level, or a policy file by its path from this one. Its keys hold where this file names none, \
                            its grants come on top. Not together with `level`.",
            "examples": ["./base.yaml", "maximum"],
        }),
    );
    for key in KEYS {
        at(&mut root, key.path, value(key));
    }
    for (path, list) in lists() {
        at(&mut root, path, list);
    }
    put(&mut root, "requirements", requirements());
    root["not"] = json!({ "required": ["level", "extends"] });
    root
}

/// [`schema`] as text: indented, keys in the order of the alphabet, a line end last.
#[must_use]
pub fn schema_text() -> String {
    // Whether a map keeps its order depends on what else is built along.
    format!("{:#}\n", sorted(schema()))
}

pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            entries
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn section(text: &str) -> Value {
    json!({
        "type": "object",
        "description": text,
        "properties": {},
        "additionalProperties": false,
    })
}

fn section_text(name: &str) -> String {
    let text = match name {
        "resources" => "Limits. What is not named is as the level has it.",
        "runtime" => "What runs the plugin.",
        "modules" => "How large the plugin's directory may be.",
        "network" => "Where the plugin may connect to, and how much it may take of the network.",
        "limits" => "What the plugin may take of it.",
        "filesystem" => "Files and directories of the host that the plugin may read or write.",
        "sizes" => "How much one act may carry.",
        "exec" => "Programs the plugin may run, each in a container of its own.",
        "env" => "Variables the plugin sees.",
        "messaging" => "Other plugins, and what may be sent to them and received from them.",
        "window" => "Windows of a display that the plugin may see and act on.",
        "kv" => "What the plugin keeps from one life to the next.",
        "log" => "Which lines of the log are told.",
        "syscalls" => "System calls.",
        "health" => "Whether the plugin is asked how it is.",
        "restart" => "Whether the plugin is started again.",
        "quarantine" => {
            "What ends the plugin and keeps it from starting again until somebody says so."
        }
        "audit" => "What is recorded to be kept.",
        "violations" => "How violations of each kind are taken.",
        other => return format!("Keys of `{other}`."),
    };
    text.to_owned()
}

/// Puts a value at a path, with the sections it lies in.
fn at(root: &mut Value, path: &str, value: Value) {
    let mut at = root;
    let mut parts: Vec<&str> = path.split('.').collect();
    let name = parts.pop().unwrap_or_default();
    for part in parts {
        at = at["properties"]
            .as_object_mut()
            .expect("every section has properties")
            .entry(part)
            .or_insert_with(|| section(&section_text(part)));
    }
    put(at, name, value);
}

fn put(section: &mut Value, name: &str, value: Value) {
    section["properties"][name] = value;
}

fn value(key: &Described) -> Value {
    let mut schema = form(key.shape);
    let example = match key.shape {
        Shape::Count(_) => key.example.parse::<u32>().map_or(Value::Null, Value::from),
        Shape::Words(_) | Shape::Names => json!([key.example]),
        _ => json!(key.example),
    };
    schema.insert("description".to_owned(), json!(key.text));
    schema.insert("examples".to_owned(), json!([example]));
    Value::Object(schema)
}

/// What a value of a shape looks like.
pub(crate) fn form(shape: Shape) -> Map<String, Value> {
    let form = match shape {
        Shape::Size => text("^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$"),
        Shape::Time => text("^(0|[1-9][0-9]*)(ms|s|m)$"),
        Shape::Keep => text("^(0|[1-9][0-9]*)(h|d)$"),
        Shape::Share => text("^(0|[1-9][0-9]*)%$"),
        Shape::Name => text("^[A-Za-z_$][A-Za-z0-9_$]*$"),
        Shape::Display => text("^(none|:(0|[1-9][0-9]{0,4}))$"),
        Shape::Path => text("^(none|/.+)$"),
        Shape::Count(least) => json!({ "type": "integer", "minimum": least }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Words(words) => {
            json!({ "type": "array", "items": { "enum": words }, "uniqueItems": true })
        }
        Shape::Names => {
            json!({ "type": "array", "items": text("^[^/]+$"), "uniqueItems": true, "maxItems": 64 })
        }
    };
    match form {
        Value::Object(form) => form,
        _ => Map::new(),
    }
}

fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn requirements() -> Value {
    let mut section = section(
        "Keys and sections a plugin does without where the host cannot hold them. Any other key that the host cannot hold \
         stops the start.",
    );
    section["examples"] = json!([{ "memory.high": "best_effort" }]);
    let one = json!({ "enum": ["required", "best_effort"] });
    for key in RequirementKey::every() {
        put(&mut section, &key.to_string(), one.clone());
        if let RequirementKey::Resource(limit) = key {
            put(&mut section, &format!("resources.{limit}"), one.clone());
        }
    }
    section
}
