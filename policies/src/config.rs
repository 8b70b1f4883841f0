use serde_json::Value;

use crate::manifest::json;
use crate::problem::{Invalid, Place, PolicyProblems};
use crate::yaml;

/// What an operator gives a plugin: a map in YAML, of which JSON is a part.
///
/// # Errors
/// Every problem of the text at once, `name` standing for the file.
pub fn plugin_config(name: &str, text: &str) -> Result<Value, PolicyProblems> {
    let mut problems = Vec::new();
    let value = match yaml::read_deep(text, &mut problems) {
        Ok(node) => json(&node, &mut problems),
        Err(problem) => return Err(PolicyProblems::new(name, vec![problem])),
    };
    match value {
        Some(value @ Value::Object(_)) if problems.is_empty() => Ok(value),
        _ => {
            if problems.is_empty() {
                let message = "the file is no map of keys and values";
                let hint = "write `KEY: VALUE` lines, or a JSON object";
                problems.push(Invalid::new(message).hint(hint).at(Place::START));
            }
            Err(PolicyProblems::new(name, problems))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_say_the_same_and_anything_else_is_told_with_its_place() {
        let expected = json!({ "units": "metric", "cities": ["Kobe", 7], "deep": { "on": true } });
        for text in [
            "units: metric\ncities: [ Kobe, 7 ]\ndeep:\n  on: true\n",
            r#"{"units": "metric", "cities": ["Kobe", 7], "deep": {"on": true}}"#,
        ] {
            assert_eq!(plugin_config("c", text).expect(text), expected);
        }
        assert_eq!(plugin_config("c", "{}").expect("empty"), json!({}));
        for (text, message) in [
            ("[ 1 ]", "c:1:1: the file is no map"),
            ("7", "c:1:1: the file is no map"),
            ("a: 1\na: 2", "c:2:1: "),
            ("a: &x 1\nb: *x", "c:"),
            ("a: {", "c:"),
        ] {
            let problems = plugin_config("c", text).expect_err(text).to_string();
            assert!(problems.starts_with(message), "{problems}");
        }
    }
}
