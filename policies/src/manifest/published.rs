use serde_json::{Map, Value, json};

use super::function::{LONGEST_DESCRIPTION, MOST_EXAMPLES, MOST_FUNCTIONS};
use super::keyword::{FORMATS, KEYWORDS, TYPES, Takes};
use super::value_schema::VERSION;
use super::{MOST_DEPENDENCIES, MOST_IMPORTS};
use crate::schema::sorted;
use crate::schema_lists::permissions;

/// A key of `plugin.yaml`, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOfManifest {
    /// From the top; `NAME` stands for a name that the writer chooses, `[]` for an entry of a list.
    pub path: &'static str,
    /// What its value looks like.
    pub form: &'static str,
    /// What it is for, in a sentence or two.
    pub text: &'static str,
}

macro_rules! keys {
    ($($path:literal $form:literal: $text:literal;)*) => {
        /// Every key of `plugin.yaml`, in the order in which they are best written.
        pub const MANIFEST_KEYS: &[KeyOfManifest] = &[
            $(KeyOfManifest { path: $path, form: $form, text: $text },)*
        ];
    };
}

keys! {
    "apiVersion" "`lazaret/v1`": "The version of the language.";
    "kind" "`Plugin`": "What the document is.";
    "author" "name": "Who wrote it.";
    "package" "name": "What it is called where it is published.";
    "version" "version": "Its version, as semver.org has them.";
    "entry" "path": "The module it begins with; `main.js` where it is left out.";
    "description" "text": "What it is for.";
    "functions" "map": "The exported functions that may be called, by name. Where it is left out, all are.";
    "functions.NAME.description" "text": "What the function is for.";
    "functions.NAME.parameters" "schema": "What its one argument must be like. A function without takes no arguments.";
    "functions.NAME.result" "schema": "What its result is like. Without, it may be anything.";
    "functions.NAME.examples" "list": "Calls as they may be made. They are held against the schemas.";
    "functions.NAME.examples[].parameters" "value": "What it is called with.";
    "functions.NAME.examples[].result" "value": "What comes of it.";
    "permissions" "list": "All it asks for. It is granted no more than that, and no more than its policy grants.";
    "permissions[].permission" "permission": "What it asks for; alone, without `reason`, it can stand for its entry.";
    "permissions[].reason" "text": "Why, for whoever writes the policy.";
    "config" "schema": "What its configuration must be like.";
    "dependencies" "map": "Other plugins it needs, as `AUTHOR/PACKAGE`, each with the versions that will do.";
    "imports" "map": "Names that its modules import by, each with a path that begins with `./`. One with `/` last is for all below it.";
}

fn text_of(path: &str) -> &'static str {
    let key = MANIFEST_KEYS.iter().find(|key| key.path == path);
    key.map_or("", |key| key.text)
}

fn described(path: &str, mut form: Value, example: Value) -> Value {
    form["description"] = json!(text_of(path));
    form["examples"] = json!([example]);
    form
}

fn closed(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The JSON Schema (2020-12) of a `plugin.yaml`, for editors and for checks by other programs.
///
/// What depends on two keys, what a definition refers to and how large a schema is only [`crate::PluginManifest::load`]
/// knows.
#[must_use]
pub fn manifest_schema() -> Value {
    let name = json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$" });
    let text = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_DESCRIPTION });
    let version = json!({ "type": "string", "maxLength": 64, "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$" });
    let entry =
        json!({ "type": "string", "maxLength": 256, "pattern": r"^[^./][^\\]*\.(m?js|m?ts)$" });
    let schema = json!({ "$ref": "#/$defs/schema" });
    let example = json!({ "city": "Kobe" });
    let examples = json!({
        "type": "array",
        "maxItems": MOST_EXAMPLES,
        "items": closed(json!({
            "parameters": described("functions.NAME.examples[].parameters", json!({}), example.clone()),
            "result": described("functions.NAME.examples[].result", json!({}), json!(31)),
        })),
    });
    let an_object = json!({ "type": "object" });
    let function = closed(json!({
        "description": described("functions.NAME.description", text.clone(), json!("the forecast of a city")),
        "parameters": described("functions.NAME.parameters", schema.clone(), an_object.clone()),
        "result": described("functions.NAME.result", schema.clone(), json!({ "type": "number" })),
        "examples": described("functions.NAME.examples", examples, json!([{ "parameters": example }])),
    }));
    let functions = json!({
        "type": "object",
        "maxProperties": MOST_FUNCTIONS,
        "propertyNames": { "pattern": "^[A-Za-z_$][A-Za-z0-9_$]{0,127}$" },
        "additionalProperties": function,
    });
    let dependencies = json!({
        "type": "object",
        "maxProperties": MOST_DEPENDENCIES,
        "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,63}/[A-Za-z0-9][A-Za-z0-9-]{0,63}$" },
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 128 },
    });
    let imports = json!({
        "type": "object",
        "maxProperties": MOST_IMPORTS,
        "propertyNames": { "pattern": "^[^./].*$", "maxLength": 256 },
        "additionalProperties": { "type": "string", "pattern": r"^\./", "maxLength": 256 },
    });
    let mut asked = permissions();
    asked["description"] = json!(text_of("permissions"));
    let mut root = closed(json!({
        "apiVersion": described("apiVersion", json!({ "const": "lazaret/v1" }), json!("lazaret/v1")),
        "kind": described("kind", json!({ "const": "Plugin" }), json!("Plugin")),
        "author": described("author", name.clone(), json!("ada")),
        "package": described("package", name, json!("weather-now")),
        "version": described("version", version, json!("1.2.0")),
        "entry": described("entry", entry, json!("src/main.js")),
        "description": described("description", text, json!("tells the weather")),
        "functions": described("functions", functions, json!({ "forecast": {} })),
        "permissions": asked,
        "config": described("config", schema, an_object),
        "dependencies": described("dependencies", dependencies, json!({ "ada/units": "^1.2" })),
        "imports": described("imports", imports, json!({ "lodash": "./lib/lodash.js" })),
    }));
    root["$schema"] = json!(VERSION);
    root["title"] = json!("Plugin v1");
    root["description"] =
        json!("What a plugin of Lazaret says of itself. Nothing in it gives the plugin anything.");
    root["required"] = json!(["apiVersion", "kind"]);
    root["$defs"] = json!({ "schema": { "anyOf": [{ "type": "boolean" }, closed(keywords())] } });
    root
}

/// [`manifest_schema`] as text: indented, keys in the order of the alphabet, a line end last.
#[must_use]
pub fn manifest_schema_text() -> String {
    format!("{:#}\n", sorted(manifest_schema()))
}

/// The keywords that a schema in a `plugin.yaml` may have.
#[must_use]
pub fn schema_keywords() -> Vec<&'static str> {
    KEYWORDS.iter().map(|(name, _)| *name).collect()
}

fn keywords() -> Value {
    let schema = json!({ "$ref": "#/$defs/schema" });
    let names = json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
    let form = |takes| match takes {
        Takes::Same | Takes::Inner => schema.clone(),
        Takes::SameList | Takes::InnerList => {
            json!({ "type": "array", "items": schema, "minItems": 1 })
        }
        Takes::Definitions | Takes::InnerNamed | Takes::InnerMatched => {
            json!({ "type": "object", "additionalProperties": schema })
        }
        Takes::Reference => json!({ "type": "string", "pattern": r"^#/\$defs/[A-Za-z0-9_-]+$" }),
        Takes::Version => json!({ "const": VERSION }),
        Takes::Text | Takes::Pattern => json!({ "type": "string" }),
        Takes::Format => json!({ "enum": FORMATS }),
        Takes::Types => json!({
            "anyOf": [
                { "enum": TYPES },
                { "type": "array", "items": { "enum": TYPES }, "minItems": 1, "uniqueItems": true },
            ],
        }),
        Takes::Count => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Takes::Number => json!({ "type": "number" }),
        Takes::Step => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Names => names.clone(),
        Takes::NamesNamed => json!({ "type": "object", "additionalProperties": names }),
        Takes::Any => json!(true),
        Takes::Anys => json!({ "type": "array", "minItems": 1 }),
    };
    let forms: Map<String, Value> = KEYWORDS
        .iter()
        .map(|(name, takes)| ((*name).to_owned(), form(*takes)))
        .collect();
    Value::Object(forms)
}
