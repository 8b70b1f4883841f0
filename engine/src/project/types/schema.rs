//! A JSON Schema as a type: never one that says more than the schema does.

use serde_json::{Map, Value};

use super::{is_hidden, literal};

/// The type of values that a schema takes, without conditions that TypeScript has no words for. `root` is the schema that has
/// the definitions.
pub(super) fn type_of(schema: &Value, root: &Value, level: usize) -> String {
    let map = match schema {
        Value::Bool(false) => return "never".to_owned(),
        Value::Object(map) => map,
        _ => return "unknown".to_owned(),
    };
    let each = |key: &str, sign: &str| {
        let items = map.get(key)?.as_array()?;
        let types: Vec<String> = items.iter().map(|one| nested(one, root, level)).collect();
        Some(format!("({})", types.join(sign)))
    };
    let words = |values: &[Value]| values.iter().map(word).collect::<Vec<_>>().join(" | ");
    let mut parts = Vec::new();
    if let Some(name) = map.get("$ref").and_then(Value::as_str) {
        // As nothing refers to itself, this ends.
        if let Some(found) = name
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
        {
            parts.push(nested(found, root, level));
        }
    }
    if let Some(value) = map.get("const") {
        parts.push(word(value));
    } else if let Some(values) = map.get("enum").and_then(Value::as_array) {
        parts.push(format!("({})", words(values)));
    } else {
        parts.extend(of_types(map, root, level));
    }
    parts.extend(each("allOf", " & "));
    parts.extend(each("anyOf", " | "));
    parts.extend(each("oneOf", " | "));
    match parts.as_slice() {
        [] => "unknown".to_owned(),
        _ => parts.join(" & "),
    }
}

fn nested(schema: &Value, root: &Value, level: usize) -> String {
    let text = type_of(schema, root, level);
    if text.contains([' ', '\n']) && !text.starts_with('{') {
        format!("({text})")
    } else {
        text
    }
}

/// One value as a type.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(word).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(name, value)| format!("{}: {}", literal(name), word(value)))
                .collect();
            // Whether a map keeps its order depends on what else is built along.
            entries.sort();
            format!("{{ {} }}", entries.join("; "))
        }
        other => other.to_string(),
    }
}

fn of_types(map: &Map<String, Value>, root: &Value, level: usize) -> Option<String> {
    let named = map.get("type")?;
    let names: Vec<&str> = match named {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let types: Vec<String> = names
        .iter()
        .map(|name| match *name {
            "integer" | "number" => "number".to_owned(),
            "array" => array(map, root, level),
            "object" => object(map, root, level),
            name => name.to_owned(),
        })
        .collect();
    Some(match types.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(" | ")),
    })
}

fn array(map: &Map<String, Value>, root: &Value, level: usize) -> String {
    let rest = map.get("items").unwrap_or(&Value::Bool(true));
    let item = nested(rest, root, level);
    let Some(first) = map.get("prefixItems").and_then(Value::as_array) else {
        return format!("{item}[]");
    };
    // A list may be shorter than its first items.
    let least = map.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let mut items: Vec<String> = first
        .iter()
        .zip(1..)
        .map(|(one, number)| {
            let optional = if number > least { "?" } else { "" };
            format!("{}{optional}", nested(one, root, level))
        })
        .collect();
    if rest != &Value::Bool(false) {
        items.push(format!("...{item}[]"));
    }
    format!("[{}]", items.join(", "))
}

fn object(map: &Map<String, Value>, root: &Value, level: usize) -> String {
    let properties = map.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = map
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut known: Vec<(&String, &Value)> = properties.into_iter().flatten().collect();
    // Whether a map keeps its order depends on what else is built along.
    known.sort_by_key(|(name, _)| *name);
    let indent = "  ".repeat(level + 1);
    let mut lines = String::new();
    for (name, schema) in &known {
        let optional = if required.contains(&name.as_str()) {
            ""
        } else {
            "?"
        };
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            lines.push_str(&comment(text, level + 1));
        }
        let value = type_of(schema, root, level + 1);
        lines.push_str(&format!("{indent}{}{optional}: {value};\n", literal(name)));
    }
    for name in required
        .iter()
        .filter(|name| known.iter().all(|(one, _)| one != *name))
    {
        lines.push_str(&format!("{indent}{}: unknown;\n", literal(name)));
    }
    let others = match map.get("additionalProperties") {
        Some(Value::Bool(false)) if !map.contains_key("patternProperties") => None,
        // What any name may have must hold for the names that are known.
        Some(schema) if lines.is_empty() && !map.contains_key("patternProperties") => {
            Some(type_of(schema, root, level + 1))
        }
        _ => Some("unknown".to_owned()),
    };
    if let Some(others) = others {
        lines.push_str(&format!("{indent}[name: string]: {others};\n"));
    }
    match lines.as_str() {
        "" => "Record<string, never>".to_owned(),
        lines => format!("{{\n{lines}{}}}", "  ".repeat(level)),
    }
}

/// A text for people, one line for each of its own.
pub(super) fn comment(text: &str, level: usize) -> String {
    let indent = "  ".repeat(level);
    // What is left out could stand between what then ends the comment.
    let shown = |line: &str| -> String { line.chars().filter(|one| !is_hidden(*one)).collect() };
    let lines: Vec<String> = text
        .lines()
        .map(|line| shown(line).replace("*/", "* /"))
        .collect();
    match lines.as_slice() {
        [one] => format!("{indent}/** {one} */\n"),
        lines => {
            let lines: String = lines
                .iter()
                .map(|line| format!("{indent} * {line}\n"))
                .collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}
