//! `lazaret.search`.

use lazaret_protocol::{CallError, CallLimits, EngineMessage, Payload, ShimMessage};
use lazaret_shim::beneath::Place;

use crate::harness::{GENEROUS, Plugin, Shim};

const MAIN: &str = r#"
    const all = async (found, show) => {
        const seen = [];
        for await (const item of found) seen.push(show(item));
        return seen;
    };
    const short = (path) => path.replace("/srv/data/", "");
    export const names = (options) => all(
        lazaret.search.names({ root: "/srv/data", ...options }),
        ({ path, isFile, isDirectory, isSymlink }) =>
            (isFile ? "f " : isDirectory ? "d " : isSymlink ? "l " : "? ") + short(path),
    );
    export const contents = (options) => all(
        lazaret.search.contents({ root: "/srv/data", ...options }),
        ({ path, line, column, text }) => `${short(path)}:${line}:${column}:${text}`,
    );
    export const first = async (count) => {
        for (let i = 0; i < count; i++) {
            for await (const { path } of lazaret.search.names({ root: "/srv/data" })) break;
        }
        return "done";
    };
    export const stopped = async () => {
        const controller = new AbortController();
        const { signal } = controller;
        try {
            for await (const found of lazaret.search.names({ root: "/srv/data", signal })) {
                controller.abort(new RangeError("enough"));
            }
        } catch (error) { return error.name; }
    };
    export const many = async () => {
        const open = Array.from({ length: 9 }, () => lazaret.search.names({ root: "/srv/data" }));
        const done = await Promise.allSettled(open.map((each) => all(each, () => 1)));
        return done.map((each) => each.status === "fulfilled" ? each.value.length : each.reason.name);
    };
    export const forever = async () => {
        for (;;) await contents({ pattern: "none" });
    };
    export const once = async () => { globalThis.kept = lazaret.search.names({ root: "/srv/data" }); return (await kept.next()).done; };
    export const again = async () => (await kept.next()).done;
    export const answer = () => 42;
"#;

fn started(ignore: &[&str]) -> (Shim, tempfile::TempDir) {
    let tree = tempfile::tempdir().expect("directory");
    let at = |name: &str| tree.path().join("data").join(name);
    fs_err::create_dir_all(at("src/deep")).expect("directory");
    fs_err::create_dir_all(at(".git")).expect("directory");
    for (name, text) in [
        ("readme.md", "# Title\n\nneedle one\nand Needle two\n"),
        ("src/main.rs", "fn main() {\n    needle();\n}\n"),
        ("src/deep/lib.rs", "// nothing\r\n// needle\r\n"),
        ("src/deep/image", "\0needle\n"),
        (".git/config", "needle\n"),
    ] {
        fs_err::write(at(name), text).expect("file");
    }
    fs_err::create_dir(tree.path().join("heavy")).expect("directory");
    let heavy = "a".repeat(60_000) + "c";
    fs_err::write(tree.path().join("heavy/a"), heavy).expect("file");
    fs_err::write(tree.path().join("secret"), "needle\n").expect("file");
    for (name, target) in [
        ("out", "../.."),
        ("src/link", "main.rs"),
        ("file", "../secret"),
    ] {
        std::os::unix::fs::symlink(target, at(name)).expect("link");
    }
    let mut plugin = Plugin::new(MAIN);
    plugin.limits.ignore = ignore.iter().map(|&name| name.to_owned()).collect();
    let place = |name: &str| Place {
        seen: format!("/srv/{name}"),
        real: tree.path().join(name),
        directory: true,
        granted: true,
    };
    plugin.granted = vec![place("data"), place("heavy")];
    (plugin.ready(), tree)
}

fn list(shim: &mut Shim, function: &str, options: &str) -> Vec<String> {
    let text = shim.json(function, &format!("[{options}]"));
    serde_json::from_str(&text).expect("a list")
}

fn error(shim: &mut Shim, function: &str, options: &str) -> String {
    match shim.call(function, &format!("[{options}]")) {
        Err(CallError::Exception(error)) => error.name,
        Err(CallError::Denied { permission, .. }) => permission,
        other => panic!("{function} {options}: {other:?}"),
    }
}

#[test]
fn names_are_found_directory_by_directory_and_no_link_is_followed() {
    let (mut shim, _tree) = started(&[]);
    assert_eq!(
        list(&mut shim, "names", "{}"),
        [
            "d .git",
            "l file",
            "l out",
            "f readme.md",
            "d src",
            "f .git/config",
            "d src/deep",
            "l src/link",
            "f src/main.rs",
            "f src/deep/image",
            "f src/deep/lib.rs",
        ]
    );
    for (options, expected) in [
        (
            r#"{ "glob": "*.rs" }"#,
            &["f src/main.rs", "f src/deep/lib.rs"][..],
        ),
        (
            r#"{ "glob": ["src/*", "*.md"] }"#,
            &["f readme.md", "d src/deep", "l src/link", "f src/main.rs"],
        ),
        (
            r#"{ "glob": "src/**/*.{rs,md}" }"#,
            &["f src/main.rs", "f src/deep/lib.rs"],
        ),
        (r#"{ "glob": "/*.md" }"#, &["f readme.md"]),
        (r#"{ "glob": "none" }"#, &[]),
        (r#"{ "limit": 2 }"#, &["d .git", "l file"]),
        (
            r#"{ "root": "/srv/data/src/deep" }"#,
            &["f src/deep/image", "f src/deep/lib.rs"],
        ),
    ] {
        assert_eq!(list(&mut shim, "names", options), expected, "{options}");
    }
}

#[test]
fn lines_are_found_in_files_that_are_text_and_nowhere_else() {
    let (mut shim, _tree) = started(&[]);
    for (options, expected) in [
        (
            r#"{ "pattern": "needle" }"#,
            &[
                "readme.md:3:1:needle one",
                ".git/config:1:1:needle",
                "src/main.rs:2:5:    needle();",
                "src/deep/lib.rs:2:4:// needle",
            ][..],
        ),
        (
            r#"{ "pattern": "NEEDLE \\w+$", "ignoreCase": true }"#,
            &["readme.md:3:1:needle one", "readme.md:4:5:and Needle two"],
        ),
        (
            r#"{ "pattern": "needle()", "literal": true }"#,
            &["src/main.rs:2:5:    needle();"],
        ),
        (
            r#"{ "pattern": "needle$", "glob": "*.rs" }"#,
            &["src/deep/lib.rs:2:4:// needle"],
        ),
        (
            r#"{ "pattern": "needle", "limit": 1 }"#,
            &["readme.md:3:1:needle one"],
        ),
        (
            r#"{ "pattern": "needle", "maxFileSize": 7 }"#,
            &[".git/config:1:1:needle"],
        ),
    ] {
        assert_eq!(list(&mut shim, "contents", options), expected, "{options}");
    }
}

#[test]
fn hidden_names_are_found_by_no_search() {
    let (mut shim, _tree) = started(&[".git", "*.md"]);
    let names = list(&mut shim, "names", "{}");
    assert!(!names.is_empty());
    assert!(
        names
            .iter()
            .all(|name| !name.contains(".git") && !name.contains(".md"))
    );
    assert_eq!(
        list(&mut shim, "contents", r#"{ "pattern": "needle" }"#).len(),
        2
    );
    assert_eq!(
        error(&mut shim, "names", r#"{ "root": "/srv/data/.git" }"#),
        "NotFound"
    );
}

#[test]
fn what_is_not_granted_or_cannot_be_meant_is_refused() {
    let (mut shim, _tree) = started(&[]);
    for (function, options, name) in [
        ("names", r#"{ "root": "/etc" }"#, "file:read:/etc"),
        ("names", r#"{ "root": "/srv" }"#, "file:read:/srv"),
        (
            "contents",
            r#"{ "root": "/etc", "pattern": "x" }"#,
            "file:read:/etc",
        ),
        ("names", r#"{ "root": "/srv/data/none" }"#, "NotFound"),
        (
            "names",
            r#"{ "root": "/srv/data/readme.md" }"#,
            "NotADirectory",
        ),
        ("names", r#"{ "root": "/srv/data/out" }"#, "Error"),
        ("names", r#"{ "glob": "[" }"#, "TypeError"),
        ("names", r#"{ "limit": 0 }"#, "TypeError"),
        ("names", r#"{ "limit": 10001 }"#, "TypeError"),
        ("names", r#"{ "limit": "1" }"#, "TypeError"),
        ("contents", r#"{}"#, "TypeError"),
        ("contents", r#"{ "pattern": "(" }"#, "TypeError"),
        ("contents", r#"{ "pattern": "(a)\\1" }"#, "TypeError"),
        (
            "contents",
            r#"{ "pattern": "(?:\\pL{1000}){1000}" }"#,
            "TypeError",
        ),
        (
            "contents",
            r#"{ "pattern": "x", "maxFileSize": 67108865 }"#,
            "TypeError",
        ),
    ] {
        assert_eq!(error(&mut shim, function, options), name, "{options}");
    }
    let long = format!("{{ \"glob\": \"{}\" }}", "a".repeat(5000));
    assert_eq!(error(&mut shim, "names", &long), "TypeError");
    let many = format!("{{ \"glob\": [{}] }}", ["\"a\""; 17].join(","));
    assert_eq!(error(&mut shim, "names", &many), "TypeError");
    let denied = |message: &&ShimMessage| matches!(message, ShimMessage::Violation { .. });
    assert_eq!(shim.seen.iter().filter(denied).count(), 3);
}

#[test]
fn a_search_that_is_not_asked_on_keeps_nobody_waiting() {
    let (mut shim, _tree) = started(&[]);
    assert_eq!(shim.json("first", "[100]"), r#""done""#);
    assert_eq!(shim.json("stopped", "[]"), r#""RangeError""#);
    // More at once than there are: the one that was longest not asked is given up.
    let many: Vec<serde_json::Value> =
        serde_json::from_str(&shim.json("many", "[]")).expect("a list");
    assert!(
        many.iter().filter(|each| **each == 11).count() >= 8,
        "{many:?}"
    );
}

#[test]
fn a_search_ends_with_the_time_of_its_call_and_the_plugin_goes_on() {
    let (mut shim, _tree) = started(&[]);
    let limits = CallLimits {
        wall_ms: 50_000,
        cpu_ms: 300,
    };
    let outcome = shim.call_within("forever", "[]", limits);
    let over = matches!(outcome, Err(CallError::CpuTime { .. }));
    assert!(over, "{outcome:?}");
    assert_eq!(shim.json("answer", "[]"), "42");
}

#[test]
fn a_pattern_that_others_take_for_ever_for_is_searched_by() {
    let (mut shim, _tree) = started(&[]);
    for pattern in ["^(a+)+$", "(a|aa)*b", "(?:a?){300}a{300}[^ac]"] {
        let options = format!(r#"{{ "root": "/srv/heavy", "pattern": "{pattern}" }}"#);
        assert_eq!(list(&mut shim, "contents", &options), [""; 0], "{pattern}");
    }
}

#[test]
fn a_search_whose_call_is_given_up_is_given_up() {
    let (mut shim, tree) = started(&[]);
    for number in 0..2_000 {
        fs_err::write(tree.path().join(format!("data/{number}")), "x").expect("file");
    }
    let call = shim.begin("forever", Payload::Json("[]".into()), GENEROUS);
    assert_eq!(shim.json("answer", "[]"), "42", "others have their turn");
    shim.send(&EngineMessage::Cancel { id: call });
    let (answered, outcome) = shim.next_reply();
    assert_eq!((answered, outcome), (call, Err(CallError::Cancelled)));
    assert_eq!(shim.json("answer", "[]"), "42");
}
