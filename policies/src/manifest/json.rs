use serde_json::{Map, Number, Value};

use crate::problem::{Invalid, Problem, quoted};
use crate::yaml::{Kind, Node, Scalar};

/// A YAML value as the JSON value it stands for; what stands for none goes to `problems`.
pub(crate) fn json(node: &Node, problems: &mut Vec<Problem>) -> Option<Value> {
    match &node.kind {
        Kind::Refused => None,
        Kind::Scalar(scalar) => match scalar_json(scalar) {
            Ok(value) => Some(value),
            Err(invalid) => {
                problems.push(invalid.at(node.place));
                None
            }
        },
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(|item| json(item, problems)).collect();
            items.into_iter().collect::<Option<_>>().map(Value::Array)
        }
        Kind::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| Some((entry.key.clone(), json(&entry.value, problems)?)))
                .collect();
            let map: Option<Map<_, _>> = entries.into_iter().collect();
            map.map(Value::Object)
        }
    }
}

/// Without quotes, YAML's words for nothing, true and false and JSON's numbers are what they look like.
fn scalar_json(scalar: &Scalar) -> Result<Value, Invalid> {
    if scalar.is_null() {
        return Ok(Value::Null);
    }
    let text = &scalar.text;
    if !scalar.plain {
        return Ok(Value::String(text.clone()));
    }
    match text.as_str() {
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Ok(number) = serde_json::from_str::<Number>(text) {
        return Ok(Value::Number(number));
    }
    // To one reader of YAML a number, to another a text.
    let digits = text.trim_start_matches(['+', '-', '.']);
    let doubtful = digits.starts_with(|first: char| first.is_ascii_digit())
        && (text.parse::<f64>().is_ok()
            || ["0x", "0o", "0b"]
                .iter()
                .any(|sign| digits.starts_with(sign)))
        || matches!(digits.to_ascii_lowercase().as_str(), "inf" | "nan");
    if doubtful {
        let message = format!("{} may be a number or a text", quoted(text));
        return Err(Invalid::new(message).hint("write it as JSON does, or in quotes"));
    }
    Ok(Value::String(text.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml;

    fn read(text: &str) -> Result<Value, Vec<String>> {
        let mut problems = Vec::new();
        let node = yaml::read(text, &mut problems).unwrap();
        let value = json(&node, &mut problems);
        value.ok_or_else(|| {
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect()
        })
    }

    #[test]
    fn scalars_are_what_json_has() {
        let text = "[ 1, -2.5, 1e3, true, ~, 'true', '1', a b, 2026-01-02, 1.2.3, 1_000 ]";
        let value = json!([
            1,
            -2.5,
            1e3,
            true,
            null,
            "true",
            "1",
            "a b",
            "2026-01-02",
            "1.2.3",
            "1_000"
        ]);
        assert_eq!(read(text), Ok(value));
        assert_eq!(read("{ a: [ {} ] }"), Ok(json!({ "a": [{}] })));
    }

    #[test]
    fn what_may_be_a_number_or_a_text_is_refused() {
        let refused = read("[ 0x1F, +1, .5, 1., 012, .inf, .NaN ]").unwrap_err();
        assert_eq!(refused.len(), 7, "{refused:?}");
        assert_eq!(refused[0], "`0x1F` may be a number or a text");
    }
}
