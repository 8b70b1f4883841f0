//! What `lazaret run` and `lazaret call` have in common: with what a function is called, and how its items are printed.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use lazaret_policy::TimeLimit;
use lazaret_protocol::Payload;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExitCode;
use super::failure::Failure;
use super::outcome::safe_json;
use super::print::print;
use crate::api::no_json;

/// The most bytes that are read as an argument.
const MAX_ARGUMENT_BYTES: u64 = lazaret_protocol::MAX_FRAME_BYTES as u64;

/// How a function is called.
#[derive(Debug, Args)]
pub(super) struct CallOptions {
    /// What to call it with, as JSON: an array is the list of arguments, anything else the only argument.
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Call it with the bytes of a file as the only argument, a `Uint8Array`; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "args")]
    bytes: Option<PathBuf>,
    /// How long the call may take, as `500ms` or `2m`; the policy's limit holds as well.
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<TimeLimit>,
    /// Print each item of a stream as it comes, as JSON on a line; bytes as `{"bytes":"BASE64"}`.
    #[arg(long)]
    pub(super) stream: bool,
    /// Write items that are bytes as they are.
    #[arg(long, requires = "stream", conflicts_with = "json")]
    raw: bool,
}

impl CallOptions {
    /// What the function is called with.
    pub(super) fn payload(&self) -> Result<Payload, Failure> {
        match &self.bytes {
            Some(path) => read_bytes(path).map(Payload::Bytes),
            None => arguments_json(self.args.as_deref()).map(Payload::Json),
        }
    }

    /// How long the caller gives it.
    pub(super) fn time(&self) -> Option<Duration> {
        self.timeout.map(TimeLimit::duration)
    }

    /// The first option that says anything of a call.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--args", self.args.is_some()),
            ("--bytes", self.bytes.is_some()),
            ("--timeout", self.timeout.is_some()),
            ("--stream", self.stream),
        ];
        given
            .into_iter()
            .find_map(|(name, given)| given.then_some(name))
    }

    /// Prints an item of a plugin's stream. Printing waits for whoever reads; nothing else must.
    pub(super) async fn print(
        &self,
        plugin: &str,
        item: Payload,
        json: bool,
    ) -> Result<(), Failure> {
        let (plugin, raw) = (plugin.to_owned(), self.raw);
        let printed = tokio::task::spawn_blocking(move || print_item(&plugin, item, json, raw));
        let failed = |error| Failure::of(ExitCode::Internal, &error);
        printed.await.map_err(failed)?
    }
}

/// Checked JSON text; without any a function is called with no arguments.
pub(super) fn arguments_json(text: Option<&str>) -> Result<String, Failure> {
    let text = text.unwrap_or("[]");
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Failure::new(
            ExitCode::Arguments,
            format!(
                "`--args` is no JSON: {error}\n  hint: quote it for the shell, as `--args '{{\"city\":\"Kobe\"}}'`"
            ),
        )),
    }
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

/// An item on a line.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ItemReport {
    Item(Box<RawValue>),
    Bytes(String),
}

fn print_item(plugin: &str, item: Payload, json: bool, raw: bool) -> Result<(), Failure> {
    let line = match item {
        Payload::Bytes(bytes) if raw => return write_bytes(&bytes),
        item => item_line(plugin, item, json)?,
    };
    print(&line)
}

/// An item as a line. Line ends may stand between the parts of JSON, and nowhere in them.
fn item_line(plugin: &str, item: Payload, json: bool) -> Result<String, Failure> {
    let report = match item {
        Payload::Json(text) => {
            let text = safe_json(&text).replace(['\n', '\r'], " ");
            let item = RawValue::from_string(text);
            let item = item.map_err(|_| Failure::from(no_json(plugin, "an item")))?;
            if !json {
                return Ok(format!("{item}\n"));
            }
            ItemReport::Item(item)
        }
        Payload::Bytes(bytes) => ItemReport::Bytes(STANDARD.encode(bytes)),
    };
    let line = serde_json::to_string(&report);
    let line = line.map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    Ok(format!("{line}\n"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_line_whatever_is_in_it() {
        let line = |text: &str, json| item_line("p", Payload::Json(text.to_owned()), json);
        assert_eq!(line("[1,\r\n \"\\n\"]", false).unwrap(), "[1,   \"\\n\"]\n");
        assert_eq!(line("1", true).unwrap(), "{\"item\":1}\n");
        assert_eq!(line("\"\u{9b}\"", false).unwrap(), "\"\\u009b\"\n");
        let forged = line("1}\n{\"end\":{}", true).unwrap_err();
        assert_eq!(forged.code, ExitCode::ShimLost);
        let bytes = Payload::Bytes(vec![0, 10, 255]);
        for json in [true, false] {
            let line = item_line("p", bytes.clone(), json).unwrap();
            assert_eq!(line, "{\"bytes\":\"AAr/\"}\n");
        }
    }
}
