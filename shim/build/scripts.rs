//! Where the scripts lie, and what is changed in them.
//!
//! Deno's extension crates name their scripts by the place they lie at on the machine that built
//! them, for a snapshot that is taken there. There is none here, and no such place in a container.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The scripts that `deno_core` evaluates in every runtime.
const CORE: &[&str] = &[
    "00_infra.js",
    "00_primordials.js",
    "01_core.js",
    "02_timers.js",
];

/// Our own of that kind; all others below `js` are read when they are needed.
const EAGER: &[&str] = &["acts.js", "call.js", "host.js", "quickjs.js", "web.js"];

/// What Deno's `fetch` looks for and there is no use for here, and the files that stand in for it.
const STAND_INS: &[(&str, &str)] = &[
    ("deno_fetch/22_http_client.js", "http_client.js"),
    ("deno_telemetry/telemetry.ts", "telemetry.js"),
    ("deno_telemetry/util.ts", "telemetry_util.js"),
];

/// The crates and the scripts of each that a plugin may come to need.
const SCRIPTS: &[(&str, &[&str])] = &[
    ("deno_webidl", &["00_webidl.js"]),
    (
        "deno_web",
        &[
            "00_infra.js",
            "00_url.js",
            "01_console.js",
            "01_dom_exception.js",
            "01_mimesniff.js",
            "01_urlpattern.js",
            "02_event.js",
            "02_structured_clone.js",
            "02_timers.js",
            "03_abort_signal.js",
            "05_base64.js",
            "06_streams.js",
            "08_text_encoding.js",
            "09_file.js",
            "10_filereader.js",
            "12_location.js",
            "13_message_port.js",
            "14_compression.js",
            "15_performance.js",
        ],
    ),
    (
        "deno_fetch",
        &[
            "20_headers.js",
            "21_formdata.js",
            "22_body.js",
            "23_request.js",
            "23_response.js",
            "26_fetch.js",
            "27_eventsource.js",
        ],
    ),
    ("deno_websocket", &["01_websocket.js"]),
];

/// What is changed in a script, each text where it is, once: its beginning, its end, and what it
/// takes from elsewhere.
const CHANGES: &[(&str, &[(&str, &str)])] = &[
    (
        "27_eventsource.js",
        &[
            // How often it asks, and what is never granted: see `js/event_source.js`.
            (
                "const { mainFetch } = core.loadExtScript(\"ext:deno_fetch/26_fetch.js\");",
                "const { Event, MessageEvent, failure, joined, keep, mainFetch } = core.loadExtScript(\n  \
                 \"ext:lazaret/event_source.js\",\n);",
            ),
            (
                "this.#readyState = CLOSED;\n      this.dispatchEvent(new Event(\"error\"));",
                "this.#readyState = CLOSED;\n      this.dispatchEvent(failure(this.#abortController.signal));",
            ),
            // A server could send a line, or an event, for ever.
            (
                "ArrayPrototypePush(frags, chunk);\n      return;",
                "keep(frags, chunk);\n      return;",
            ),
            ("frags.length = 0;", "frags.length = frags.characters = 0;"),
            (
                "ArrayPrototypePush(frags, StringPrototypeSlice(s, start));",
                "keep(frags, StringPrototypeSlice(s, start));",
            ),
            (
                "data += value + \"\\n\";",
                "data = joined(data, value + \"\\n\");",
            ),
        ],
    ),
    (
        // A module: it is read like the others.
        "01_websocket.js",
        &[
            (
                "import { core, internals, primordials } from \"ext:core/mod.js\";",
                "(function () {\nconst { core, internals, primordials } = __bootstrap;",
            ),
            (
                "import {\n  op_ws_check_permission_and_cancel_handle,",
                "const {\n  op_ws_check_permission_and_cancel_handle,",
            ),
            ("} from \"ext:core/ops\";", "} = core.ops;"),
            ("export {\n  _eventLoop,", "return {\n  _eventLoop,"),
            ("  WebSocket,\n};\n", "  WebSocket,\n};\n})();\n"),
        ],
    ),
];

/// Functions of `deno_core`'s in whose place `js/web.js` has others.
const OURS: &[&str] = &[
    "loadExtScript",
    "registerCloneableResource",
    "registerTransferableResource",
];

/// A script of the runtime.
pub(crate) struct Script {
    /// The name that it is evaluated under.
    pub(crate) name: String,
    /// As `deno_core` gets it.
    pub(crate) text: String,
    /// Evaluated when it is first needed, as the body of a function of `__bootstrap`.
    pub(crate) lazy: bool,
}

/// All scripts that a plugin may come to need, sorted by name.
pub(crate) fn find() -> Vec<Script> {
    // Of what is built, and of what is not: see `scripts/Cargo.toml`.
    let known = [packages("Cargo.toml"), packages("scripts/Cargo.toml")];
    let lies = |name: &str| {
        let directory = known.iter().find_map(|known| directory(known, name));
        directory.unwrap_or_else(|| panic!("`{name}` is no dependency"))
    };
    let mut found = Vec::new();
    for (name, scripts) in SCRIPTS {
        let directory = lies(name);
        for script in *scripts {
            let text = changed(read(&directory.join(script)), script);
            found.push(lazy(format!("ext:{name}/{script}"), &text));
        }
    }
    for (name, script) in STAND_INS {
        let text = read(&Path::new("js/stand_ins").join(script));
        found.push(lazy(format!("ext:{name}"), &text));
    }
    for script in own("") {
        let name = format!("ext:lazaret/{script}");
        let text = read(&Path::new("js").join(&script));
        found.push(match EAGER.contains(&script.as_str()) {
            true => eager(name, text),
            false => lazy(name, &text),
        });
    }
    let core = lies("deno_core");
    let read_core = |script: &&str| eager(format!("ext:core/{script}"), read(&core.join(script)));
    found.extend(CORE.iter().map(read_core));
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn eager(name: String, text: String) -> Script {
    let lazy = false;
    Script { name, text, lazy }
}

/// The one expression of the script as `deno_core` would wrap it each time, if it were not.
fn lazy(name: String, text: &str) -> Script {
    let expression = text.find("\n(function").map(|at| &text[at + 1..]);
    let expression = expression.unwrap_or_else(|| panic!("`{name}` is no function"));
    let expression = expression.trim_end().trim_end_matches(';');
    let mut text = format!("\"use strict\"; return ({expression});");
    for name in OURS {
        let ours = format!("__bootstrap.internals.{name}(");
        text = text.replace(&format!("core.{name}("), &ours);
    }
    let lazy = true;
    Script { name, text, lazy }
}

/// Our own scripts, by their paths below `js`, but for those that stand in for others.
fn own(below: &str) -> Vec<String> {
    println!("cargo:rerun-if-changed=js");
    let mut scripts = Vec::new();
    for entry in fs_err::read_dir(format!("js/{below}")).expect("it is in the tree") {
        let entry = entry.expect("it can be listed");
        let name = entry.file_name();
        let name = name.to_str().expect("our names are text");
        match entry.path().is_dir() {
            true if name == "stand_ins" => {}
            true => scripts.extend(own(&format!("{below}{name}/"))),
            false => scripts.push(format!("{below}{name}")),
        }
    }
    scripts
}

fn read(path: &Path) -> String {
    println!("cargo:rerun-if-changed={}", path.display());
    fs_err::read_to_string(path).expect("it is in the tree, or cargo fetched it")
}

/// What cargo knows of the packages of a manifest.
fn packages(manifest: &str) -> Value {
    println!("cargo:rerun-if-changed={manifest}");
    let variable = |name| std::env::var(name).expect("cargo sets it");
    let output = Command::new(variable("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--manifest-path",
            manifest,
            "--filter-platform",
        ])
        .arg(variable("TARGET"))
        .output()
        .expect("cargo runs, as it runs this");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {problem}");
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// Where a package's files are.
fn directory(metadata: &Value, name: &str) -> Option<PathBuf> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == name)
        .find_map(|package| package["manifest_path"].as_str())?;
    Path::new(manifest).parent().map(Path::to_owned)
}

/// The text of a script with what is changed in it.
fn changed(mut text: String, script: &str) -> String {
    let changes = CHANGES.iter().find(|(changed, _)| *changed == script);
    for (from, to) in changes.map_or(&[][..], |(_, changes)| *changes) {
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {script}");
        text = text.replace(from, to);
    }
    text
}
