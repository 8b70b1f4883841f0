//! Loading: what a plugin is made of, and how it is told that it does not load.

use lazaret_protocol::ShimMessage;

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
fn a_syntax_error_has_the_text_of_its_line() {
    let error = Plugin::new("import './lib.js';")
        .with("lib.js", "\n  const b = ;\n")
        .crash();
    assert!(
        error.message.ends_with(": `const b = ;`"),
        "{}",
        error.message
    );
}

#[test]
fn json_that_is_none_is_told_by_name_and_place() {
    let load = |text: &str| {
        let import = "import data from './a.json' with { type: 'json' };";
        Plugin::new(&format!("{import} export const f = () => data;")).with("a.json", text)
    };
    let error = load("{\"a\": 1,\n  oops }").crash();
    for part in ["`a.json` is no JSON", "line 2 column 3"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    // As deep as an engine takes it, and any text it takes.
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(load(&deep).ready().json("f", "[]"), deep);
    assert_eq!(load("\"\\ud800\"").ready().json("f", "[]"), "\"\\ud800\"");
}

#[test]
fn modules_that_wait_for_each_other_are_told() {
    let error = Plugin::new("import './a.js';")
        .with("a.js", "import { b } from './b.js'; export const a = b;")
        .with("b.js", "import { a } from './a.js'; export const b = a;")
        .crash();
    assert_eq!(error.name, "ReferenceError");
    assert!(
        error
            .message
            .contains("modules that import each other: b.js → a.js → b.js"),
        "{}",
        error.message
    );
    // A cycle in which nobody takes what is not there yet is none of our business.
    let mut shim = Plugin::new("import { a } from './a.js'; export const f = () => a();")
        .with(
            "a.js",
            "import { b } from './b.js'; export const a = () => b();",
        )
        .with(
            "b.js",
            "import { a } from './a.js'; export const b = () => typeof a;",
        )
        .ready();
    assert_eq!(shim.json("f", "[]"), "\"function\"");
}

#[test]
fn a_long_chain_of_imports_loads_up_to_the_limit() {
    let chain = |length: u32| {
        let mut plugin = Plugin::new("import { n } from './0.js'; export const f = () => n;");
        for number in 0..length {
            let next = number + 1;
            let text =
                format!("import {{ n as next }} from './{next}.js'; export const n = next + 1;");
            plugin = plugin.with(&format!("{number}.js"), &text);
        }
        plugin.with(&format!("{length}.js"), "export const n = 0;")
    };
    assert_eq!(chain(150).ready().json("f", "[]"), "150");
    // How deep they may lie is the engine's matter; too deep is an error like any other.
    match chain(1000).start().next() {
        ShimMessage::Ready { .. } => {}
        ShimMessage::Crash { error } => assert_eq!(error.name, "RangeError", "{}", error.message),
        other => panic!("{other:?}"),
    }
    let error = chain(1100).crash();
    assert!(
        error.message.contains("more than `1024` modules"),
        "{}",
        error.message
    );
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
        "./%2e%2e/%2e%2e/etc/a.js",
        "./..%2f..%2fetc/a.js",
        "./a%00.js",
        "file:///etc/a.js",
        "file://host/plugin/a.js",
        "lodash",
    ] {
        let error = Plugin::new(&format!("import '{specifier}';")).crash();
        assert!(
            error.message.contains(&format!("`{specifier}`")),
            "{}",
            error.message
        );
        assert!(
            error.message.contains("from `main.js`"),
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
fn a_missing_module_and_other_files_are_told_apart() {
    let error = Plugin::new("import './missing.js';").crash();
    assert!(
        error.message.contains("no such file: `/plugin/missing.js`"),
        "{}",
        error.message
    );
    for (file, part) in [
        ("a.txt", "`a.txt` is no module: only .js"),
        ("a.cjs", "CommonJS"),
        ("a.tsx", "JSX"),
    ] {
        let error = Plugin::new(&format!("import './{file}';"))
            .with(file, "")
            .crash();
        assert!(error.message.contains(part), "{}", error.message);
    }
    for (specifier, file) in [
        ("./a", "a.js"),
        ("./lib", "lib/index.js"),
        ("./a.mjs", "a.mjs.js"),
        ("./lib/a.ts", "lib/a.js"),
    ] {
        let error = Plugin::new(&format!("import '{specifier}';"))
            .with(file, "")
            .crash();
        for part in [
            "no such file",
            "imported from `main.js`",
            &format!("`{file}`"),
        ] {
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
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
