//! `lazaret state …`: what plugins keep, without an engine or beside one.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use lazaret_protocol::Payload;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExitCode;
use super::calling::write_bytes;
use super::control::or_json;
use super::failure::Failure;
use super::outcome::safe_json;
use super::print::{print, print_json};
use super::shell::word;
use crate::event::escape;
use crate::store::{DEFAULT_STATE, Found, Keeper, KeptBy, keepers};

/// About how many bytes of keys are read before they are printed. No engine gets at them meanwhile.
const MOST_TEXT: usize = 8 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// List the plugins that keep something, or the keys of one.
    List(ListArguments),
    /// Print the value of a key.
    Show(ShowArguments),
    /// Delete a key, or all that a plugin keeps. There is no way back.
    Delete(DeleteArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The plugin's name; without it, all plugins.
    plugin: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The plugin's name.
    plugin: String,
    /// The key.
    key: String,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// The plugin's name.
    plugin: String,
    /// The key.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    key: Option<String>,
    /// Delete every key.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Where plugins keep it, as `lazaret run` and `lazaret serve` were told.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    state: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl How {
    /// What names the same place to another command.
    fn option(&self) -> String {
        match self.state == Path::new(DEFAULT_STATE) {
            true => String::new(),
            false => format!(" --state {}", word(&self.state.to_string_lossy())),
        }
    }
}

#[derive(Serialize)]
struct PluginReport<'a> {
    plugin: &'a str,
    /// `null` where it is in use or cannot be read.
    keys: Option<u64>,
    /// Of keys and values, likewise.
    bytes: Option<u64>,
    /// An engine has it, or another command.
    in_use: bool,
    /// Why it cannot be read, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct KeyReport<'a> {
    key: &'a str,
    /// `json` or `bytes`.
    kind: &'static str,
    /// Of the value.
    bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ValueReport {
    Value(Box<RawValue>),
    /// Base64.
    Bytes(String),
}

#[derive(Serialize)]
struct Deleted {
    /// How many keys.
    deleted: u64,
}

pub(super) fn run(command: &StateCommand) -> Result<ExitCode, Failure> {
    let (how, done) = match command {
        StateCommand::List(list) => (
            &list.how,
            match &list.plugin {
                None => plugins(&list.how),
                Some(plugin) => keys(plugin, &list.how),
            },
        ),
        StateCommand::Show(show) => (&show.how, value(show)),
        StateCommand::Delete(delete) => (&delete.how, delete_of(delete)),
    };
    Ok(or_json(how.json, done)?.err().unwrap_or(ExitCode::Success))
}

fn plugins(how: &How) -> Result<(), Failure> {
    let found = keepers(&how.state)?;
    if how.json {
        let reports: Vec<PluginReport<'_>> = found.iter().map(report).collect();
        return print_json(&reports);
    }
    let width = found.iter().map(|one| one.plugin.chars().count());
    let width = width.max().unwrap_or(0).max("PLUGIN".len());
    let mut text = format!("{:width$}  {:>8}  {:>12}\n", "PLUGIN", "KEYS", "BYTES");
    for Keeper { plugin, found } in &found {
        let plugin = escape(plugin);
        text.push_str(&match found {
            Found::Kept(kept) => {
                format!("{plugin:width$}  {:>8}  {:>12}\n", kept.keys, kept.bytes)
            }
            Found::InUse => format!("{plugin:width$}  in use\n"),
            Found::Unreadable(why) => format!("{plugin:width$}  unreadable: {}\n", escape(why)),
        });
    }
    print(&text)
}

fn report(keeper: &Keeper) -> PluginReport<'_> {
    let (kept, error) = match &keeper.found {
        Found::Kept(kept) => (Some(kept), None),
        Found::InUse => (None, None),
        Found::Unreadable(why) => (None, Some(why.as_str())),
    };
    PluginReport {
        plugin: &keeper.plugin,
        keys: kept.map(|kept| kept.keys),
        bytes: kept.map(|kept| kept.bytes),
        in_use: keeper.found == Found::InUse,
        error,
    }
}

/// Printed when what was read is let go of, a part at a time: there may be a million, and who reads may be a pager.
fn keys(plugin: &str, how: &How) -> Result<(), Failure> {
    let (mut first, mut after) = (true, None);
    let mut next = Some(open(plugin, how)?);
    while let Some(kept) = next {
        let mut text = String::new();
        after = kept.each(after, |key, value| {
            text.push_str(&line(key, value, how.json, first)?);
            first = false;
            Ok::<_, Failure>(text.len() < MOST_TEXT)
        })?;
        drop(kept);
        print(&text)?;
        next = match after {
            Some(_) => KeptBy::open(&how.state, plugin)?,
            None => None,
        };
    }
    match (how.json, first) {
        (true, true) => print("[]\n"),
        (true, false) => print("\n]\n"),
        (false, _) => Ok(()),
    }
}

fn line(key: &str, value: &Payload, json: bool, first: bool) -> Result<String, Failure> {
    let kind = match value {
        Payload::Json(_) => "json",
        Payload::Bytes(_) => "bytes",
    };
    let bytes = value.bytes();
    if !json {
        return Ok(format!("{bytes:>9}  {kind:5}  {}\n", escape(key)));
    }
    let line = serde_json::to_string(&KeyReport { key, kind, bytes });
    let line = line.map_err(|error| Failure::of(ExitCode::Internal, &error))?;
    let before = if first { "[" } else { "," };
    Ok(format!("{before}\n  {}", safe_json(&line)))
}

fn value(arguments: &ShowArguments) -> Result<(), Failure> {
    let ShowArguments { plugin, key, how } = arguments;
    let value = open(plugin, how)?.get(key)?;
    let value = value.ok_or_else(|| no_key(plugin, key, how))?;
    // A shim in other hands may have said of anything that it is JSON.
    let parsed = match &value {
        Payload::Json(text) => RawValue::from_string(safe_json(text)).ok(),
        Payload::Bytes(_) => None,
    };
    let bytes = |value| match value {
        Payload::Json(text) => text.into_bytes(),
        Payload::Bytes(bytes) => bytes,
    };
    match (parsed, how.json) {
        (Some(json), true) => print_json(&ValueReport::Value(json)),
        (Some(json), false) => print(&format!("{json}\n")),
        (None, true) => print_json(&ValueReport::Bytes(STANDARD.encode(bytes(value)))),
        (None, false) => write_bytes(&bytes(value)),
    }
}

fn delete_of(arguments: &DeleteArguments) -> Result<(), Failure> {
    let DeleteArguments {
        plugin, key, how, ..
    } = arguments;
    let mut kept = open(plugin, how)?;
    let deleted = match key {
        Some(key) if !kept.delete(key)? => return Err(no_key(plugin, key, how)),
        Some(_) => 1,
        None => kept.delete_all()?.keys,
    };
    drop(kept);
    if how.json {
        return print_json(&Deleted { deleted });
    }
    let keys = if deleted == 1 { "key" } else { "keys" };
    print(&format!("{}: deleted {deleted} {keys}\n", escape(plugin)))
}

fn open(plugin: &str, how: &How) -> Result<KeptBy, Failure> {
    KeptBy::open(&how.state, plugin)?.ok_or_else(|| {
        let (state, option) = (how.state.display(), how.option());
        let text = format!(
            "plugin `{plugin}` keeps nothing in `{state}`\n  hint: `lazaret state list{option}` tells which plugins do"
        );
        Failure::new(ExitCode::Plugin, text)
    })
}

fn no_key(plugin: &str, key: &str, how: &How) -> Failure {
    let (name, option) = (word(plugin), how.option());
    let text = format!(
        "plugin `{plugin}` keeps nothing under `{key}`\n  hint: `lazaret state list {name}{option}` tells its keys"
    );
    Failure::new(ExitCode::Plugin, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_place_that_was_asked() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("my state");
        let how = |state: &Path| How {
            state: state.to_owned(),
            json: false,
        };
        let told = open("p", &how(&directory)).err().unwrap();
        let place = directory.display();
        let hint = format!("`lazaret state list --state '{place}'` tells");
        assert!(told.text.contains(&hint), "{}", told.text);
        let told = no_key("p", "k", &how(Path::new(DEFAULT_STATE)));
        assert!(
            told.text.contains("`lazaret state list p` tells"),
            "{}",
            told.text
        );
        let told = no_key("my plugin", "k", &how(&directory));
        let hint = format!("`lazaret state list 'my plugin' --state '{place}'` tells");
        assert!(told.text.contains(&hint), "{}", told.text);
    }
}
