//! `lazaret call`

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use lazaret_policy::TimeLimit;
use lazaret_protocol::Payload;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExitCode;
use super::calling::{CallOptions, write_bytes};
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::outcome::safe_json;
use super::print::{print, print_json};
use super::run::interrupted;
use crate::api::{CallRequest, CallResult, Client};

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The exported function to call.
    function: String,
    #[command(flatten)]
    how: CallOptions,
    #[command(flatten)]
    control: SocketArguments,
    /// Print one JSON object with the result or the error; with `--stream` one a line for each item.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Result(Box<RawValue>),
    /// Base64.
    Bytes(String),
}

pub(super) fn run(arguments: &CallArguments) -> Result<ExitCode, Failure> {
    if arguments.how.stream {
        let streamed = or_json(arguments.json, stream(arguments))?;
        return Ok(streamed.err().unwrap_or(ExitCode::Success));
    }
    let result = match or_json(arguments.json, call(arguments))? {
        Ok(result) => result,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        let report = match result {
            CallResult::Json(text) => Report::Result(raw_value(safe_json(&text))?),
            CallResult::Bytes(bytes) => Report::Bytes(STANDARD.encode(bytes)),
        };
        print_json(&report)?;
        return Ok(ExitCode::Success);
    }
    match result {
        CallResult::Json(text) => print(&format!("{}\n", safe_json(&text)))?,
        CallResult::Bytes(bytes) => write_bytes(&bytes)?,
    }
    Ok(ExitCode::Success)
}

fn call(arguments: &CallArguments) -> Result<CallResult, Failure> {
    let request = request(arguments)?;
    let call = async |client: &Client| Ok(client.call(&arguments.plugin, &request).await?);
    ask(arguments, call)
}

/// Prints items as they come. Nothing is read ahead of what is printed.
fn stream(arguments: &CallArguments) -> Result<(), Failure> {
    let request = request(arguments)?;
    let print_all = async |client: &Client| {
        let mut items = client.call_stream(&arguments.plugin, &request).await?;
        while let Some(item) = items.next().await? {
            let item = match item {
                CallResult::Json(text) => Payload::Json(text),
                CallResult::Bytes(bytes) => Payload::Bytes(bytes),
            };
            let (how, json) = (&arguments.how, arguments.json);
            how.print(&arguments.plugin, item, json).await?;
        }
        Ok(())
    };
    ask(arguments, print_all)
}

/// Asks until it is interrupted, which gives the call up.
fn ask<T>(
    arguments: &CallArguments,
    question: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let client = Client::new(&arguments.control.socket);
    let runtime = super::runtime()?;
    let answer = runtime.block_on(async {
        tokio::select! {
            biased;
            interrupted = interrupted() => Err(interrupted),
            answer = question(&client) => answer,
        }
    });
    // What nobody reads is not waited for.
    runtime.shutdown_background();
    answer
}

fn request(arguments: &CallArguments) -> Result<CallRequest, Failure> {
    let how = &arguments.how;
    let (json, bytes) = match how.payload()? {
        Payload::Json(text) => (text, None),
        Payload::Bytes(bytes) => ("[]".to_owned(), Some(STANDARD.encode(bytes))),
    };
    Ok(CallRequest {
        function: arguments.function.clone(),
        arguments: raw_value(json)?,
        bytes,
        timeout_ms: how.timeout.map(TimeLimit::millis),
        stream: how.stream,
    })
}

fn raw_value(text: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text).map_err(|error| Failure::of(ExitCode::Arguments, &error))
}
