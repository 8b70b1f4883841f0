//! `lazaret call`

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use lazaret_policy::TimeLimit;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExitCode;
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::outcome::safe_json;
use super::print::{print, print_json};
use super::run::{arguments_json, interrupted};
use crate::api::{CallRequest, CallResult, Client};

/// The most bytes that are read as an argument.
const MAX_ARGUMENT_BYTES: u64 = lazaret_protocol::MAX_FRAME_BYTES as u64;

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    /// The exported function to call.
    function: String,
    /// What to call it with, as JSON: an array is the list of arguments, anything else the only argument.
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Call it with the bytes of a file as the only argument, a `Uint8Array`; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "args")]
    bytes: Option<PathBuf>,
    /// How long the call may take, as `500ms` or `2m`; the policy's limit holds as well.
    #[arg(long, value_name = "TIME")]
    timeout: Option<TimeLimit>,
    /// Print each item of a stream as it comes, as JSON on a line; bytes as `{"bytes":"BASE64"}`.
    #[arg(long)]
    stream: bool,
    /// Write items that are bytes as they are.
    #[arg(long, requires = "stream", conflicts_with = "json")]
    raw: bool,
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
    Bytes(Vec<u8>),
}

/// An item on a line.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ItemReport {
    Item(Box<RawValue>),
    Bytes(String),
}

pub(super) fn run(arguments: &CallArguments) -> Result<ExitCode, Failure> {
    if arguments.stream {
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
            CallResult::Bytes(bytes) => Report::Bytes(bytes),
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
            let (json, raw) = (arguments.json, arguments.raw);
            // Printing waits for whoever reads; an interruption must not.
            let printed = tokio::task::spawn_blocking(move || print_item(item, json, raw));
            let failed = |error| Failure::of(ExitCode::Internal, &error);
            printed.await.map_err(failed)??;
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
    let bytes = arguments.bytes.as_deref().map(read_bytes).transpose()?;
    Ok(CallRequest {
        function: arguments.function.clone(),
        arguments: raw_value(arguments_json(arguments.args.as_deref())?)?,
        bytes: bytes.map(|bytes| STANDARD.encode(bytes)),
        timeout_ms: arguments.timeout.map(TimeLimit::millis),
        stream: arguments.stream,
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let text = format!("`--bytes` cannot be read: {error}");
        Failure::new(ExitCode::Arguments, text)
    };
    let mut bytes = Vec::new();
    let most = MAX_ARGUMENT_BYTES + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().take(most).read_to_end(&mut bytes)
    } else {
        let file = fs_err::File::open(path).map_err(failed)?;
        file.take(most).read_to_end(&mut bytes)
    };
    read.map_err(failed)?;
    if bytes.len() as u64 > MAX_ARGUMENT_BYTES {
        let text =
            format!("`--bytes` has more than the {MAX_ARGUMENT_BYTES} bytes a call may have");
        return Err(Failure::new(ExitCode::Arguments, text));
    }
    Ok(bytes)
}

fn print_item(item: CallResult, json: bool, raw: bool) -> Result<(), Failure> {
    let report = match item {
        CallResult::Bytes(bytes) if raw => return write_bytes(&bytes),
        CallResult::Json(text) if !json => {
            return print(&format!("{}\n", safe_json(&text)));
        }
        CallResult::Json(text) => ItemReport::Item(raw_value(safe_json(&text))?),
        CallResult::Bytes(bytes) => ItemReport::Bytes(STANDARD.encode(bytes)),
    };
    let line = serde_json::to_string(&report);
    let line = line.map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    print(&format!("{line}\n"))
}

/// Writes bytes as they are, but never to a terminal.
pub(super) fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    if output.is_terminal() {
        let text = format!(
            "the result is {} bytes, which may harm the terminal\n  hint: send it to a file, as `> result.bin`",
            bytes.len()
        );
        return Err(Failure::new(ExitCode::Output, text));
    }
    let written = output.write_all(bytes).and_then(|()| output.flush());
    written.map_err(|error| {
        let text = format!("failed to write to standard output: {error}");
        Failure::new(ExitCode::Output, text)
    })
}

fn raw_value(text: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text).map_err(|error| Failure::of(ExitCode::Arguments, &error))
}
