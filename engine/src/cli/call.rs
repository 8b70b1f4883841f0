//! `lazaret call`

use std::io::{IsTerminal, Write};

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExitCode;
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::outcome::safe_json;
use super::print::{print, print_json};
use super::run::arguments_json;
use crate::api::{CallRequest, CallResult};

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The exported function to call.
    function: String,
    /// What to call it with, as JSON: an array is the list of arguments, anything else the only argument.
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    #[command(flatten)]
    control: SocketArguments,
    /// Print one JSON object with the result or the error.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Result(Box<RawValue>),
    Bytes(Vec<u8>),
}

pub(super) fn run(arguments: &CallArguments) -> Result<ExitCode, Failure> {
    let result = match or_json(arguments.json, call(arguments))? {
        Ok(result) => result,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        let report = match result {
            CallResult::Json(text) => {
                let value = RawValue::from_string(safe_json(&text));
                Report::Result(value.map_err(|error| Failure::of(ExitCode::Internal, &error))?)
            }
            CallResult::Bytes(bytes) => Report::Bytes(bytes),
        };
        print_json(&report)?;
        return Ok(ExitCode::Success);
    }
    match result {
        CallResult::Json(text) => print(&format!("{}\n", safe_json(&text)))?,
        CallResult::Bytes(bytes) if std::io::stdout().is_terminal() => {
            let text = format!(
                "the result is {} bytes, which may harm the terminal\n  hint: send it to a file, as `> result.bin`",
                bytes.len()
            );
            return Err(Failure::new(ExitCode::Output, text));
        }
        CallResult::Bytes(bytes) => std::io::stdout().write_all(&bytes).map_err(|error| {
            let text = format!("failed to write to standard output: {error}");
            Failure::new(ExitCode::Output, text)
        })?,
    }
    Ok(ExitCode::Success)
}

fn call(arguments: &CallArguments) -> Result<CallResult, Failure> {
    let text = arguments_json(arguments.args.as_deref())?;
    let request = CallRequest {
        function: arguments.function.clone(),
        arguments: RawValue::from_string(text)
            .map_err(|error| Failure::of(ExitCode::Arguments, &error))?,
    };
    let plugin = &arguments.plugin;
    arguments
        .control
        .ask(async |client| client.call(plugin, &request).await)
}
