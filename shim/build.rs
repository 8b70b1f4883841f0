//! Sends some calls into QuickJS through the shim's own functions, see `src/eval.rs` and
//! `src/runtime/kinds.rs`, and puts the JavaScript of Deno's extension crates into the program.
//!
//! Those crates name their scripts by the place they lie at on the machine that built them, for a
//! snapshot that is taken there. There is none here, and no such place in a container.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

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

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../Cargo.lock");
    if std::env::var_os("CARGO_FEATURE_QUICKJS").is_some() {
        for function in ["JS_Eval", "JS_GetPropertyStr"] {
            println!("cargo:rustc-link-arg=-Wl,--wrap={function}");
        }
    }
    // Of what is built, and of what is not: see `scripts/Cargo.toml`.
    let known = [packages("Cargo.toml"), packages("scripts/Cargo.toml")];
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut text = String::new();
    for (name, scripts) in SCRIPTS {
        let directory = known.iter().find_map(|known| directory(known, name));
        let directory = directory.unwrap_or_else(|| panic!("`{name}` is no dependency"));
        text += &sources(name, &directory, scripts, &out);
    }
    fs_err::write(out.join("scripts.rs"), text).expect("cargo made the directory");
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

/// The table of a package's scripts as Rust.
fn sources(package: &str, directory: &Path, scripts: &[&str], out: &Path) -> String {
    let name = package.to_uppercase();
    let mut text = format!("pub(super) const {name}: &[ExtensionFileSource] = &[\n");
    for script in scripts {
        let path = directory.join(script);
        println!("cargo:rerun-if-changed={}", path.display());
        let path = changed(path, script, out);
        let path = path.to_str().expect("cargo's paths are text");
        text += &format!(
            "ExtensionFileSource::new(\"ext:{package}/{script}\", ascii_str_include!({path:?})),\n"
        );
    }
    text + "];\n"
}

/// Where a script lies as it is read, which is in `out` where something of it is changed.
fn changed(path: PathBuf, script: &str, out: &Path) -> PathBuf {
    let Some((_, changes)) = CHANGES.iter().find(|(changed, _)| *changed == script) else {
        return path;
    };
    let mut text = fs_err::read_to_string(&path).expect("cargo fetched it");
    for (from, to) in *changes {
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {script}");
        text = text.replace(from, to);
    }
    let path = out.join(script);
    fs_err::write(&path, text).expect("cargo made the directory");
    path
}
