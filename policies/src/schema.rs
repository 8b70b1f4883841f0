use serde_json::{Map, Value, json};

use crate::reference::{Described, KEYS, Shape};
use crate::resource_key::ResourceKey;

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
    put(&mut root, "apiVersion", json!({ "const": "lazaret/v1" }));
    put(&mut root, "kind", json!({ "const": "SecurityPolicy" }));
    for key in KEYS {
        let mut at = &mut root;
        let mut path: Vec<&str> = key.path.split('.').collect();
        let name = path.pop().unwrap_or_default();
        for part in path {
            at = at["properties"]
                .as_object_mut()
                .expect("every section has properties")
                .entry(part)
                .or_insert_with(|| section(&section_text(part)));
        }
        put(at, name, value(key));
    }
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
    put(&mut root, "permissions", permissions());
    put(&mut root, "network", network());
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

fn sorted(value: Value) -> Value {
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
    match name {
        "resources" => "Limits. What is not named is as the level has it.".to_owned(),
        "runtime" => "What runs the plugin.".to_owned(),
        "violations" => "How violations of each kind are taken.".to_owned(),
        other => format!("Keys of `{other}`."),
    }
}

fn put(section: &mut Value, name: &str, value: Value) {
    section["properties"][name] = value;
}

fn value(key: &Described) -> Value {
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!(key.text));
    match key.shape {
        Shape::Size => pattern(&mut schema, "^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$"),
        Shape::Time => pattern(&mut schema, "^(0|[1-9][0-9]*)(ms|s|m)$"),
        Shape::Share => pattern(&mut schema, "^(0|[1-9][0-9]*)%$"),
        Shape::Count => {
            schema.insert("type".to_owned(), json!("integer"));
            schema.insert("minimum".to_owned(), json!(1));
        }
        Shape::Word(words) => {
            schema.insert("enum".to_owned(), json!(words));
        }
    }
    let example = match key.shape {
        Shape::Count => key.example.parse::<u32>().map_or(Value::Null, Value::from),
        _ => json!(key.example),
    };
    schema.insert("examples".to_owned(), json!([example]));
    Value::Object(schema)
}

fn pattern(schema: &mut Map<String, Value>, pattern: &str) {
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("pattern".to_owned(), json!(pattern));
}

fn reason() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "description": "Why, for whoever reviews the policy.",
    })
}

fn permissions() -> Value {
    let permission = json!({
        "type": "string",
        "pattern": "^(network:(read|connect)|file:(read|write)|exec:run|env:read|message:send):.+$",
        "description": "`network:read:HOST`, `network:connect:HOST:PORT`, `file:read:/PATH`, `file:write:/PATH`, \
                        `exec:run:PROGRAM`, `env:read:NAME` or `message:send:PLUGIN`.",
        "examples": ["file:read:/srv/data", "network:connect:db.internal:5432"],
    });
    json!({
        "type": "array",
        "description": "What the plugin may do. Nothing that is not named.",
        "items": { "anyOf": [
            permission,
            {
                "type": "object",
                "properties": { "permission": permission, "reason": reason() },
                "required": ["permission"],
                "additionalProperties": false,
            },
        ] },
    })
}

fn network() -> Value {
    json!({
        "type": "object",
        "description": "Where the plugin may connect to.",
        "properties": { "endpoints": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "host": {
                        "type": "string",
                        "description": "A DNS name in lower case; no address, no wildcard.",
                        "examples": ["api.example.com"],
                    },
                    "port": { "type": "integer", "minimum": 1, "maximum": 65535, "examples": [443] },
                    "protocol": {
                        "enum": ["https", "http", "tcp"],
                        "description": "What is spoken; `https` where it is left out.",
                    },
                    "reason": reason(),
                },
                "required": ["host", "port"],
                "additionalProperties": false,
            },
        } },
        "additionalProperties": false,
    })
}

fn requirements() -> Value {
    let mut section = section(
        "Keys a plugin does without where the host cannot hold them. Any other key that the host cannot hold stops the start.",
    );
    let keys = std::iter::once("landlock".to_owned())
        .chain(ResourceKey::ALL.iter().map(ToString::to_string));
    for key in keys {
        put(
            &mut section,
            &key,
            json!({ "enum": ["required", "best_effort"] }),
        );
    }
    section
}
