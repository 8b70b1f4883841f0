//! Popular packages of the npm registry, each put to a real use: as they are where they are modules, else bundled.
//!
//! `.ci/packages` fetches them, and `LAZARET_TESTS_PACKAGES` says where they are.

use std::path::{Path, PathBuf};

use lazaret_protocol::IMPORTS_FILE;

use crate::harness::Plugin;

/// What a package is imported by, and where it is, in the directory of all of them.
const PACKAGES: [(&str, &str, &str); 17] = [
    ("ajv", "ajv", "bundled/ajv.js"),
    (
        "csv-parse",
        "csv-parse/sync",
        "node_modules/csv-parse/dist/esm/sync.js",
    ),
    ("date-fns", "date-fns", "node_modules/date-fns/index.js"),
    ("dayjs", "dayjs", "bundled/dayjs.js"),
    (
        "fast-xml-parser",
        "fast-xml-parser",
        "bundled/fast-xml-parser.js",
    ),
    ("handlebars", "handlebars", "bundled/handlebars.js"),
    ("immer", "immer", "bundled/immer.js"),
    ("lodash-es", "lodash-es", "node_modules/lodash-es/lodash.js"),
    ("marked", "marked", "node_modules/marked/lib/marked.esm.js"),
    ("mathjs", "mathjs", "bundled/mathjs.js"),
    ("nanoid", "nanoid", "node_modules/nanoid/index.browser.js"),
    ("preact", "preact", "node_modules/preact/dist/preact.mjs"),
    ("rxjs", "rxjs", "bundled/rxjs.js"),
    ("semver", "semver", "bundled/semver.js"),
    ("uuid", "uuid", "node_modules/uuid/dist/index.js"),
    ("yaml", "yaml", "node_modules/yaml/browser/index.js"),
    ("zod", "zod", "node_modules/zod/index.js"),
];

/// Modules of a directory, and all below it.
fn modules(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            modules(&path, found);
        } else if matches!(ending, Some("js" | "mjs")) {
            found.push(path);
        }
    }
}

/// What a package gives, and what it should.
fn used(all: &Path, (name, specifier, file): (&str, &str, &str)) -> (String, String) {
    let uses = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages/uses");
    let read = |path: &Path| fs_err::read_to_string(path).expect("text");
    let mut found = vec![all.join(file)];
    if let Some(below) = file.strip_prefix("node_modules/") {
        let package = below.split('/').next().expect("a name");
        found.clear();
        modules(&all.join("node_modules").join(package), &mut found);
    }
    let main = "import * as it from './use.js';
         export const found = async () => JSON.stringify(await it.use());
         export const expected = () => JSON.stringify(it.expected);";
    let mut plugin = Plugin::new(main)
        .with("use.js", &read(&uses.join(format!("{name}.js"))))
        .with(IMPORTS_FILE, &format!(r#"{{"{specifier}": "./{file}"}}"#));
    for path in found {
        let below = path.strip_prefix(all).expect("below");
        plugin = plugin.with(below.to_str().expect("UTF-8"), &read(&path));
    }
    let mut shim = plugin.ready();
    (shim.json("found", "[]"), shim.json("expected", "[]"))
}

#[test]
#[ignore = "needs packages of the npm registry: .ci/packages fetches them"]
fn popular_packages_do_what_they_are_for() {
    let all = std::env::var_os("LAZARET_TESTS_PACKAGES").expect("LAZARET_TESTS_PACKAGES");
    let mut wrong = Vec::new();
    for package in PACKAGES {
        // One that fails is to be told beside the others.
        match std::panic::catch_unwind(|| used(Path::new(&all), package)) {
            Ok((found, expected)) if found == expected => {}
            outcome => wrong.push((package.0, outcome.ok())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
