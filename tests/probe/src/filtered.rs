//! What the shim puts on by itself, put on by the same code and in the same order.

use lazaret_guard::{filter, landlock, memory};
use lazaret_protocol::{Landlock, SETTINGS_PATH};
use serde_json::{Value, json};

use crate::Ask;

pub(crate) const ASKS: &[Ask] = &[
    ("guard", |arguments| told(guard(arguments))),
    ("second_filter", |_| {
        told(filter::install(needs()).map_err(|error| error.to_string()))
    }),
];

fn told(result: Result<(), String>) -> Value {
    match result {
        Ok(()) => json!({ "ok": true }),
        Err(error) => json!({ "error": error }),
    }
}

/// Puts on those that the argument `layers` names: `memory`, `landlock`, `filter`.
fn guard(arguments: &Value) -> Result<(), String> {
    let layers = arguments["layers"].as_array();
    let wants = |name: &str| layers.is_some_and(|layers| layers.iter().any(|layer| layer == name));
    if wants("memory") {
        let differences = memory::close();
        if !differences.is_empty() {
            return Err(format!("{differences:?}"));
        }
    }
    let filter = match wants("filter") {
        true => Some(filter::ahead(needs()).map_err(|error| error.to_string())?),
        false => None,
    };
    if wants("landlock") {
        let rules = rules().map_err(|error| error.to_string())?;
        landlock::restrict(&rules).map_err(|error| format!("{error:?}"))?;
    }
    match filter {
        Some(filter) => filter.install().map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// What the engine says the plugin needs.
fn needs() -> filter::Needs {
    let settings = crate::files::whole(SETTINGS_PATH).unwrap_or_default();
    let settings: Value = serde_json::from_str(&settings).unwrap_or_default();
    filter::Needs {
        executable_memory: false,
        egress: settings["egress"] == true,
    }
}

/// Landlock's rules as the engine wrote them for the shim.
fn rules() -> std::io::Result<Landlock> {
    let settings = crate::files::whole(SETTINGS_PATH)?;
    let settings: Value = serde_json::from_str(&settings)?;
    Ok(serde_json::from_value(settings["landlock"].clone())?)
}
