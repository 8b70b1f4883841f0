//! TypeScript, compiled as the engine has it compiled, and the names that modules import by.

use std::path::Path;

use lazaret_protocol::IMPORTS_FILE;

use crate::harness::{Plugin, Shim};

/// A plugin from `tests/typescript`, with what the compiler makes of it: `shim/compile/tests/fixtures.rs` holds that.
fn typescript(name: &str) -> Plugin {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/typescript");
    let mut plugin = Plugin::new("");
    plugin.files.clear();
    plugin.entry = "main.ts";
    plugin.with_directory(&directory.join(name))
}

fn at(shim: &mut Shim, function: &str) -> (Option<String>, String) {
    let error = shim.thrown(function);
    (error.location, error.stack)
}

#[test]
fn a_plugin_of_typescript_javascript_and_json_loads() {
    let mut shim = typescript("whole").ready();
    assert_eq!(
        shim.json("f", "[4]"),
        r#"[4,4,"Green",42,3,"late","file:///plugin/main.ts",0]"#
    );
}

#[test]
fn places_in_stacks_are_those_of_the_source() {
    let mut shim = typescript("stacks").ready();
    let (location, stack) = at(&mut shim, "f");
    assert!(
        location.is_some_and(|place| place.starts_with("lib/deep.ts:8:")),
        "{stack}"
    );
    assert!(stack.contains("file:///plugin/main.ts:10:"), "{stack}");
    let (location, stack) = at(&mut shim, "late");
    assert!(
        location.is_some_and(|place| place.starts_with("main.ts:15:")),
        "{stack}"
    );
    // What is not compiled has the places it has.
    let mut plain = Plugin::new("\n\nexport const f = () => { throw new Error('x'); };").ready();
    let (location, stack) = at(&mut plain, "f");
    assert!(
        location.is_some_and(|place| place.starts_with("main.js:3:")),
        "{stack}"
    );
}

#[test]
fn what_throws_at_load_is_placed_in_the_source() {
    let error = typescript("throws").crash();
    assert_eq!(error.name, "RangeError");
    let place = error.location.expect("location");
    assert!(place.starts_with("main.ts:5:"), "{place}");
}

#[test]
fn a_source_that_does_not_compile_is_told_with_its_place_and_line() {
    let error = typescript("bad").crash();
    assert_eq!(error.name, "SyntaxError", "{}", error.message);
    for part in ["lib/bad.ts:2:16: ", "`const b: A = ;`"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    // One that is not imported is in nobody's way, and one that is imported late can be caught.
    let caught = typescript("late").ready().json("f", "[]");
    assert!(
        caught.contains("bad.ts:2:3: decorators are not supported"),
        "{caught}"
    );
}

#[test]
fn typescript_that_was_not_compiled_is_not_run() {
    let mut plugin = Plugin::new("").with("main.ts", "export const f = 1;");
    plugin.entry = "main.ts";
    let error = plugin.crash();
    assert!(
        error.message.contains("`main.ts` was not compiled"),
        "{}",
        error.message
    );
}

#[test]
fn names_are_imported_by_the_import_map() {
    let main = "import { map } from 'lodash'; import { head } from 'lodash/head.js'; import data from '@scope/data' with { type: 'json' };
         export const f = async () => [map, head, data, (await import('lodash/tail.js')).tail];";
    let mut shim = Plugin::new(main)
        .with("vendor/lodash.js", "export const map = 'map';")
        .with("vendor/lodash/head.js", "import { map } from 'lodash'; export const head = map + '-head';")
        .with("vendor/lodash/tail.js", "export const tail = 'tail';")
        .with("vendor/data.json", "[1]")
        .with(IMPORTS_FILE, r#"{"lodash": "./vendor/lodash.js", "lodash/": "./vendor/lodash/", "@scope/data": "./vendor/data.json"}"#)
        .ready();
    assert_eq!(shim.json("f", "[]"), r#"["map","map-head",[1],"tail"]"#);
    let error = Plugin::new("import './lib/a.js';")
        .with("lib/a.js", "import 'lodash';")
        .crash();
    for part in [
        "`lodash`",
        "`lib/a.js`",
        "`imports: { \"lodash\": ./lib/file.js }`",
    ] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    let error = Plugin::new("import 'lodash/../../../etc/passwd.js';")
        .with(IMPORTS_FILE, r#"{"lodash/": "./vendor/lodash/"}"#)
        .crash();
    assert!(error.message.contains("no such name"), "{}", error.message);
    let error = Plugin::new("import 'a';")
        .with(IMPORTS_FILE, r#"{"a": "../../etc/passwd.js"}"#)
        .crash();
    assert!(error.message.contains("refused"), "{}", error.message);
}
