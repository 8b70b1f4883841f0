//! What an operator gives a plugin, held against the schema in its `plugin.yaml`.

use lazaret_policy::{PluginManifest, ValueSchema};
use serde_json::Value;

use super::check::{MOST_STEPS, against};
use super::compile::{SchemaError, compile};
use super::unfit::Unfit;
use super::weigh::Weight;

/// Holds what a plugin is given against the schema of its manifest, where that has one. Blocks.
///
/// # Errors
/// The outer one: the schema is none. The inner one: why it does not fit.
pub fn check_config(
    manifest: &PluginManifest,
    given: &Value,
) -> Result<Result<(), Unfit>, SchemaError> {
    match manifest.config() {
        Some(schema) => {
            let compiled = compile(schema, "config".to_owned())?;
            Ok(bounded(schema, given).and_then(|weight| against(&compiled, given, &weight)))
        }
        None => Ok(Ok(())),
    }
}

/// No more is checked than of a call.
fn bounded(schema: &ValueSchema, given: &Value) -> Result<Weight, Unfit> {
    let weight = Weight::of(&given.to_string());
    let weight = weight.map_err(|error| Unfit::whole(format!("cannot be read: {error}")))?;
    let needed = weight.steps(schema.cost());
    if needed > MOST_STEPS {
        let rule = format!("takes {needed} steps to check, and {MOST_STEPS} are the most");
        return Err(Unfit::whole(rule));
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(config: &str, given: &Value) -> Result<(), String> {
        let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{config}\n");
        let manifest = PluginManifest::parse("plugin.yaml", &text).unwrap();
        let checked = check_config(&manifest, given).unwrap();
        checked.map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn what_is_given_fits_the_schema_or_is_told_with_its_place() {
        let schema =
            "config: { type: object, required: [ city ], properties: { city: { type: string } } }";
        assert_eq!(checked(schema, &json!({ "city": "Kobe" })), Ok(()));
        let wrong = checked(schema, &json!({ "city": 7 })).unwrap_err();
        assert!(wrong.contains("/city"), "{wrong}");
        let missing = checked(schema, &json!({})).unwrap_err();
        assert!(missing.contains("city"), "{missing}");
        assert_eq!(checked("author: ada", &json!({ "any": 1 })), Ok(()));
    }
}
