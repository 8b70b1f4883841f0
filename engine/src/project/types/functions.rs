//! The functions of a plugin, as types.

use std::fmt::Write;

use lazaret_policy::{PluginFunction, PluginManifest, ValueSchema};

use super::schema::{comment, type_of};

/// The namespace `Plugin`.
pub(super) fn functions(manifest: Option<&PluginManifest>) -> String {
    let functions = manifest
        .and_then(PluginManifest::functions)
        .unwrap_or_default();
    let config = manifest.and_then(PluginManifest::config);
    let (mut parameters, mut results, mut exported) = (String::new(), String::new(), String::new());
    for function in functions {
        one(function, &mut parameters, &mut results, &mut exported);
    }
    for members in [&mut parameters, &mut results, &mut exported] {
        if !members.is_empty() {
            members.push_str("\n  ");
        }
    }
    let config = config.map_or("{}".to_owned(), |schema| whole(schema, 1));
    format!(
        "/** What the plugin's `plugin.yaml` says of it. */\n\
         declare namespace Plugin {{\n  \
           /** What each function takes. */\n  interface Parameters {{{parameters}}}\n  \
           /** What comes of each. */\n  interface Results {{{results}}}\n  \
           /** What the entry module exports. */\n  interface Functions {{{exported}}}\n  \
           type Config = {config};\n\
         }}\n"
    )
}

fn one(
    function: &PluginFunction,
    parameters: &mut String,
    results: &mut String,
    exported: &mut String,
) {
    let name = function.name();
    let argument = match function.parameters() {
        Some(schema) => {
            // Writing to a string cannot fail.
            let _infallible = write!(parameters, "\n    {name}: {};", whole(schema, 2));
            format!("parameters: Parameters[\"{name}\"]")
        }
        None => String::new(),
    };
    let result = function
        .result()
        .map_or("unknown".to_owned(), |schema| whole(schema, 2));
    let result_name = format!("Results[\"{name}\"]");
    let text = function
        .description()
        .map_or(String::new(), |text| comment(text, 2));
    // Writing to a string cannot fail.
    let _infallible = write!(results, "\n    {name}: {result};");
    let _infallible = write!(
        exported,
        "\n{text}    {name}({argument}): {result_name} | Promise<{result_name}>;"
    );
}

fn whole(schema: &ValueSchema, level: usize) -> String {
    type_of(schema.json(), schema.json(), level)
}
