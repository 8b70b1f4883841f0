//! Loading: what a plugin is made of, and how it is told that it does not load.

use crate::harness::Plugin;

#[test]
fn a_plugin_of_several_modules_and_json_loads() {
    let mut shim = Plugin::new(
        "import { twice } from './lib/twice.js'; import data from './data.json' with { type: 'json' };
         const { late } = await import('./lib/late.mjs');
         export const f = () => [twice(data.n), late, import.meta.url];",
    )
    .with("lib/twice.js", "import { two } from '../two.js'; export const twice = (n) => n * two;")
    .with("lib/late.mjs", "export const late = 'late';")
    .with("two.js", "await new Promise((go) => setTimeout(go, 1)); export const two = 2;")
    .with("data.json", r#"{"n": 21}"#)
    .ready();
    assert_eq!(
        shim.json("f", "[]"),
        r#"[42,"late","file:///plugin/main.js"]"#
    );
}

#[test]
fn a_syntax_error_is_placed() {
    let error = Plugin::new("export const a = 1;\nexport const b = ;\n").crash();
    assert_eq!(error.name, "SyntaxError");
    let place = error.location.expect("location");
    assert!(place.starts_with("main.js:2:"), "{place}");
    let error = Plugin::new("import './lib.js';")
        .with("lib.js", "\n\n  let let = 1;")
        .crash();
    let place = error.location.expect("location");
    assert!(place.starts_with("lib.js:3:"), "{place}");
}

#[test]
fn a_module_that_throws_is_placed() {
    let error = Plugin::new("\nthrow new RangeError('at load');").crash();
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("RangeError", "at load")
    );
    assert!(error.location.expect("location").starts_with("main.js:2:"));
    let error = Plugin::new("await null;\nnull.x;").crash();
    assert_eq!(error.name, "TypeError");
}

#[test]
fn an_import_of_anything_else_is_refused_by_name() {
    for specifier in [
        "../../etc/passwd.js",
        "/etc/a.js",
        "https://example.com/a.js",
        "npm:x",
        "node:fs",
        "data:text/javascript,1",
        "ext:core/mod.js",
        "ext:core/ops",
    ] {
        let error = Plugin::new(&format!("import '{specifier}';")).crash();
        assert!(
            error.message.contains(&format!("`{specifier}`")),
            "{}",
            error.message
        );
        assert!(
            error.message.contains("file:///plugin/main.js"),
            "{}",
            error.message
        );
        let mut shim =
            Plugin::new(&format!("export const f = () => import('{specifier}');")).ready();
        let error = shim.thrown("f");
        assert!(
            error.message.contains(&format!("`{specifier}`")),
            "{}",
            error.message
        );
    }
}

#[test]
fn a_missing_module_typescript_and_other_files_are_told_apart() {
    let error = Plugin::new("import './missing.js';").crash();
    assert!(
        error.message.contains("no such file: `/plugin/missing.js`"),
        "{}",
        error.message
    );
    let error = Plugin::new("import './a.ts';").with("a.ts", "").crash();
    assert!(
        error.message.contains("compiled to JavaScript"),
        "{}",
        error.message
    );
    let error = Plugin::new("import './a.txt';").with("a.txt", "").crash();
    assert!(error.message.contains("no module"), "{}", error.message);
    let error = Plugin::new("import './a.json';")
        .with("a.json", "{}")
        .crash();
    assert!(
        error.message.contains("with { type: \"json\" }"),
        "{}",
        error.message
    );
    let mut plugin = Plugin::new("");
    plugin.entry = "missing.js";
    let error = plugin.crash();
    assert!(
        error.message.contains("no such file: `/plugin/missing.js`"),
        "{}",
        error.message
    );
}

#[test]
fn code_over_the_limits_is_refused() {
    let mut plugin = Plugin::new("import './a.js';").with("a.js", "1;");
    plugin.modules.count = 1;
    assert!(plugin.crash().message.contains("more than `1` modules"));
    let mut plugin = Plugin::new("import './a.js';");
    plugin.modules.bytes = 10;
    assert!(plugin.crash().message.contains("larger than `10` bytes"));
    let mut plugin = Plugin::new("import './a.js';").with("a.js", "import './main.js';");
    plugin.modules.total_bytes = 20;
    assert!(
        plugin
            .crash()
            .message
            .contains("more than `20` bytes of modules")
    );
}

#[test]
fn a_top_level_await_that_never_ends_is_an_error() {
    let error = Plugin::new("await new Promise(() => {});").crash();
    assert!(
        error.message.to_lowercase().contains("top-level"),
        "{error:?}"
    );
}

#[test]
fn a_plugin_that_keeps_a_timer_running_still_gets_ready() {
    let mut shim =
        Plugin::new("let n = 0; setInterval(() => n++, 1); export const f = () => n;").ready();
    assert_ne!(shim.json("f", "[]"), "");
}
