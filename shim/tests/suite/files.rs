//! What a plugin sees of granted files and of the environment.

use lazaret_protocol::{CallError, ShimMessage};
use lazaret_shim::beneath::Place;

use crate::harness::{Plugin, Shim};

const MAIN: &str = r#"
    export const list = async (path) => {
        const names = [];
        for await (const entry of Deno.readDir(path)) {
            const kind = entry.isFile ? "f" : entry.isDirectory ? "d" : entry.isSymlink ? "l" : "?";
            names.push(kind + entry.name);
        }
        return names.join(" ");
    };
    export const stat = async (path) => {
        const { isFile, isDirectory, isSymlink, size, mode, mtime } = await Deno.stat(path);
        return [isFile, isDirectory, isSymlink, size, mode, mtime.getTime()];
    };
    export const lstat = async (path) => (await Deno.lstat(path)).isSymlink;
    export const read = (path) => Deno.readTextFile(path);
    export const get = (name) => Deno.env.get(name) ?? "undefined";
    export const has = (name) => Deno.env.has(name);
    export const all = () => Deno.env.toObject();
"#;

fn shim(ignore: &[&str]) -> (Shim, tempfile::TempDir) {
    started(ignore, false)
}

fn started(ignore: &[&str], learns: bool) -> (Shim, tempfile::TempDir) {
    let tree = tempfile::tempdir().expect("directory");
    let at = |name: &str| tree.path().join(name);
    fs_err::create_dir_all(at("in/.git")).expect("directory");
    for (name, text) in [
        ("a.txt", "text"),
        ("key.pem", "secret"),
        ("in/.git/config", "secret"),
        ("in/b", "b"),
        (".lazaret-0001", "half"),
    ] {
        fs_err::write(at(name), text).expect("file");
    }
    for (name, target) in [
        ("link", "a.txt"),
        ("by", "in/.git/config"),
        ("out", "/etc/passwd"),
    ] {
        std::os::unix::fs::symlink(target, at(name)).expect("link");
    }
    let mut plugin = Plugin::new(MAIN);
    plugin.learns = learns;
    plugin.limits.ignore = ignore.iter().map(|&name| name.to_owned()).collect();
    plugin.limits.read_bytes = 4;
    plugin.environment.values = [("MODE".to_owned(), "batch".to_owned())].into();
    plugin.environment.unset = ["TZ".to_owned()].into();
    plugin.granted = vec![Place {
        seen: "/srv/data".into(),
        real: tree.path().to_owned(),
        directory: true,
        granted: true,
    }];
    (plugin.ready(), tree)
}

fn error(shim: &mut Shim, function: &str, argument: &str) -> String {
    match shim.call(function, &format!("[\"{argument}\"]")) {
        Err(CallError::Exception(error)) => error.name,
        Err(CallError::Denied { permission, .. }) => permission,
        other => panic!("{function} {argument}: {other:?}"),
    }
}

#[test]
fn directories_are_listed_and_files_looked_at() {
    let (mut shim, tree) = shim(&[]);
    assert_eq!(
        shim.json("list", r#"["/srv/data"]"#),
        r#""fa.txt lby din fkey.pem llink lout""#
    );
    assert_eq!(shim.json("list", r#"["/srv/data/in/"]"#), r#""d.git fb""#);
    let file = tree.path().join("a.txt");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs_err::metadata(&file).expect("file").permissions(),
    );
    let found = shim.json("stat", r#"["/srv/data/link"]"#);
    let start = format!("[true,false,false,4,{},", mode & 0o7777);
    assert!(found.starts_with(&start), "{found}");
    assert!(
        shim.json("stat", r#"["/srv/data/in"]"#)
            .starts_with("[false,true,false,")
    );
    assert_eq!(shim.json("lstat", r#"["/srv/data/link"]"#), "true");
    assert_eq!(shim.json("lstat", r#"["/srv/data/out"]"#), "true");
    assert_eq!(shim.json("read", r#"["/srv/data/link"]"#), r#""text""#);
}

#[test]
fn what_is_not_granted_is_not_looked_at_either() {
    let (mut shim, _tree) = shim(&[]);
    for function in ["list", "stat", "lstat"] {
        assert_eq!(error(&mut shim, function, "/etc"), "file:read:/etc");
        assert_eq!(error(&mut shim, function, "/srv"), "file:read:/srv");
        assert_eq!(error(&mut shim, function, "/srv/data/none"), "NotFound");
    }
    assert_eq!(error(&mut shim, "list", "/srv/data/a.txt"), "NotADirectory");
    assert_eq!(
        error(&mut shim, "stat", "/srv/data/out"),
        "Error",
        "a link that leads out"
    );
    assert_eq!(
        error(&mut shim, "read", "/srv/data/key.pem"),
        "Error",
        "more than may be read"
    );
    let denied = |message: &&ShimMessage| matches!(message, ShimMessage::Violation { .. });
    assert_eq!(shim.seen.iter().filter(denied).count(), 6);
}

#[test]
fn ignored_names_do_not_exist_by_any_name() {
    let (mut shim, _tree) = shim(&[".git", "*.pem"]);
    assert_eq!(
        shim.json("list", r#"["/srv/data"]"#),
        r#""fa.txt lby din llink lout""#
    );
    assert_eq!(shim.json("list", r#"["/srv/data/in"]"#), r#""fb""#);
    for (function, path) in [
        ("read", "/srv/data/key.pem"),
        ("stat", "/srv/data/in/.git"),
        ("list", "/srv/data/in/.git"),
        ("read", "/srv/data/in/.git/config"),
        ("read", "/srv/data/.lazaret-0001"),
    ] {
        assert_eq!(error(&mut shim, function, path), "NotFound", "{path}");
    }
    assert_eq!(
        error(&mut shim, "read", "/srv/data/by"),
        "Error",
        "by a link"
    );
    assert_eq!(shim.json("read", r#"["/srv/data/in/b"]"#), r#""b""#);
}

#[test]
fn the_environment_is_what_is_granted_and_set() {
    let (mut shim, _tree) = shim(&[]);
    assert_eq!(shim.json("get", r#"["MODE"]"#), r#""batch""#);
    assert_eq!(shim.json("get", r#"["TZ"]"#), r#""undefined""#);
    assert_eq!(shim.json("has", r#"["TZ"]"#), "false");
    assert_eq!(shim.json("has", r#"["MODE"]"#), "true");
    assert_eq!(shim.json("all", "[]"), r#"{"MODE":"batch"}"#);
    for name in ["PATH", "HOME", "", "__proto__", "constructor"] {
        let permission = format!("env:read:{name}");
        assert_eq!(error(&mut shim, "get", name), permission);
        assert_eq!(error(&mut shim, "has", name), permission);
    }
    let denied = |message: &&ShimMessage| matches!(message, ShimMessage::Violation { .. });
    assert_eq!(shim.seen.iter().filter(denied).count(), 10);
}

/// What was told as used, with how often.
fn used(shim: &Shim) -> Vec<(&str, u64)> {
    let used = shim.seen.iter().filter_map(|message| match message {
        ShimMessage::Used { permission, times } => Some((permission.as_str(), *times)),
        _ => None,
    });
    used.collect()
}

#[test]
fn what_is_used_is_told_where_it_is_to_be_learned() {
    let (mut shim, _tree) = started(&[], true);
    shim.json("read", r#"["/srv/data/./a.txt"]"#);
    shim.json("list", r#"["/srv/data/in"]"#);
    assert_eq!(error(&mut shim, "stat", "/srv/data/none"), "NotFound");
    shim.json("get", r#"["TZ"]"#);
    shim.json("all", "[]");
    // Its own, and what is refused, are no use of a grant.
    shim.json("list", r#"["/plugin"]"#);
    error(&mut shim, "read", "/etc/shadow");
    error(&mut shim, "get", "HOME");
    assert_eq!(
        used(&shim),
        [
            ("file:read:/srv/data/a.txt", 1),
            ("file:read:/srv/data/in", 1),
            ("file:read:/srv/data/none", 1),
            ("env:read:TZ", 1),
            ("env:read:MODE", 1),
        ]
    );
}

#[test]
fn nothing_is_told_where_nothing_is_to_be_learned() {
    let (mut shim, _tree) = shim(&[]);
    shim.json("read", r#"["/srv/data/a.txt"]"#);
    shim.json("all", "[]");
    assert_eq!(used(&shim), []);
}
