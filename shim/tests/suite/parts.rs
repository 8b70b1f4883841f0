//! Files that are opened, read in parts, copied and watched.

use lazaret_protocol::{
    Act, ActResult, CallError, EngineMessage, Payload, Presence, ShimMessage, WriteMode,
};
use lazaret_shim::beneath::Place;

use crate::harness::{GENEROUS, Plugin, Shim};

const MAIN: &str = r#"
    const text = (bytes, length = bytes.length) => new TextDecoder().decode(bytes.subarray(0, length));
    export const parts = async (path) => {
        using file = await Deno.open(path, { read: true });
        const space = new Uint8Array(4);
        const seen = [];
        for (let read; (read = await file.read(space)) !== null;) seen.push(text(space, read));
        seen.push(await file.seek(-3, 2), file.readSync(space), text(space, 3));
        seen.push(file.seekSync(1, 0), file.seekSync(1, 1), (await file.stat()).size);
        seen.push(await file.read(new Uint8Array(0)));
        return seen;
    };
    export const stream = async (path) => {
        const file = await Deno.open(path);
        let all = "";
        for await (const part of file.readable.pipeThrough(new TextDecoderStream())) all += part;
        try { file.close(); } catch (error) { return [all, error instanceof Deno.errors.BadResource]; }
    };
    export const twice = async (path) => {
        const file = Deno.openSync(path);
        file.close();
        const failed = [];
        for (const act of [() => file.close(), () => file.readSync(new Uint8Array(1)), () => file.statSync()]) {
            try { act(); } catch (error) { failed.push(error.name); }
        }
        return failed;
    };
    export const open = async (path, options) => { (await Deno.open(path, options)).close(); };
    export const into = async (path, space) => (await Deno.open(path)).read(space);
    export const seek = async (path, offset, whence) => (await Deno.open(path)).seek(offset, whence);
    export const keep = (path, count) => {
        globalThis.kept = [];
        for (let i = 0; i < count; i++) kept.push(Deno.openSync(path));
        return kept.length;
    };
    export const lose = async (path, count) => {
        let opened = 0;
        for (let i = 0; i < count; i++) {
            Deno.openSync(path);
            Deno.watchFs(path);
            opened++;
            await null;
        }
        return opened;
    };
    export const real = (path) => Deno.realPath(path);
    export const copy = (from, to) => Deno.copyFile(from, to);
    export const write = async (path, parts) => {
        await Deno.writeFile(path, ReadableStream.from(parts.map((part) => new TextEncoder().encode(part))));
        await Deno.writeTextFile(path, ReadableStream.from(parts));
    };
    export const large = (path, count) => {
        const part = new Uint8Array(1 << 20);
        return Deno.writeFile(path, ReadableStream.from(Array.from({ length: count }, () => part)));
    };
    export const options = (options) => Deno.writeTextFile("/srv/x", "", options);
    export const given = () => Deno.writeTextFile("/srv/x", "", { signal: AbortSignal.abort(new RangeError("x")) });
    export const mkdir = (options) => Deno.mkdir("/srv/x", options);
    export const now = (path) => [
        Deno.statSync(path).size, Deno.lstatSync(path).isFile, [...Deno.readDirSync("/srv/data")].length,
        Deno.realPathSync(path),
    ];
    export const watch = async (path, count, options) => {
        const watcher = Deno.watchFs(path, options);
        console.log("watching");
        const seen = [];
        for await (const { kind, paths } of watcher) {
            seen.push(`${kind} ${paths}`);
            if (seen.length === count) break;
        }
        return seen;
    };
    let watcher;
    export const start = async (path) => {
        watcher = Deno.watchFs(path);
        console.log("watching");
        for await (const event of watcher) return event;
        return "closed";
    };
    export const close = () => watcher.close();
    export const watchers = async (path, count) => {
        globalThis.kept = [];
        for (let i = 0; i < count; i++) kept.push(Deno.watchFs(path));
    };
"#;

fn shim(ignore: &[&str]) -> (Shim, tempfile::TempDir) {
    let tree = tempfile::tempdir().expect("directory");
    let at = |name: &str| tree.path().join(name);
    fs_err::create_dir(at("in")).expect("directory");
    for (name, text) in [("ten", "0123456789"), ("key.pem", "secret")] {
        fs_err::write(at(name), text).expect("file");
    }
    std::os::unix::fs::symlink("ten", at("link")).expect("link");
    let mut plugin = Plugin::new(MAIN);
    plugin.limits.ignore = ignore.iter().map(|&name| name.to_owned()).collect();
    plugin.granted = vec![Place {
        seen: "/srv/data".into(),
        real: tree.path().to_owned(),
        directory: true,
        granted: true,
    }];
    (plugin.ready(), tree)
}

fn error(shim: &mut Shim, function: &str, arguments: &str) -> String {
    match shim.call(function, arguments) {
        Err(CallError::Exception(error)) => error.name,
        Err(CallError::Denied { permission, .. }) => permission,
        other => panic!("{function} {arguments}: {other:?}"),
    }
}

#[test]
fn a_file_is_read_in_parts_and_from_anywhere() {
    let (mut shim, _tree) = shim(&[]);
    assert_eq!(
        shim.json("parts", r#"["/srv/data/ten"]"#),
        r#"["0123","4567","89",7,3,"789",1,2,10,0]"#
    );
    assert_eq!(
        shim.json("stream", r#"["/srv/data/ten"]"#),
        r#"["0123456789",true]"#
    );
    assert_eq!(
        shim.json("twice", r#"["/srv/data/ten"]"#),
        r#"["BadResource","BadResource","BadResource"]"#
    );
    assert_eq!(
        shim.json("now", r#"["/srv/data/ten"]"#),
        r#"[10,true,4,"/srv/data/ten"]"#
    );
    assert_eq!(
        shim.json("real", r#"["/srv/data/link"]"#),
        r#""/srv/data/ten""#
    );
}

#[test]
fn what_is_no_file_to_be_read_is_not_opened() {
    let (mut shim, _tree) = shim(&["*.pem"]);
    for (arguments, name) in [
        (r#"["/etc/shadow"]"#, "file:read:/etc/shadow"),
        (r#"["/srv/data/none"]"#, "NotFound"),
        (r#"["/srv/data/key.pem"]"#, "NotFound"),
        (r#"["/srv/data/in"]"#, "Error"),
        (r#"["/srv/data/ten", { "write": true }]"#, "TypeError"),
        (r#"["/srv/data/ten", { "append": true }]"#, "TypeError"),
        (
            r#"["/srv/data/ten", { "create": true, "read": true }]"#,
            "TypeError",
        ),
    ] {
        assert_eq!(error(&mut shim, "open", arguments), name, "{arguments}");
    }
    for (function, arguments) in [
        ("into", r#"["/srv/data/ten", { "length": 9 }]"#),
        ("into", r#"["/srv/data/ten", null]"#),
        ("seek", r#"["/srv/data/ten", -1, 0]"#),
        ("seek", r#"["/srv/data/ten", 0.5, 0]"#),
        ("seek", r#"["/srv/data/ten", 0, 3]"#),
    ] {
        assert_eq!(
            error(&mut shim, function, arguments),
            "TypeError",
            "{arguments}"
        );
    }
    assert_eq!(
        error(&mut shim, "seek", r#"["/srv/data/ten", -11, 2]"#),
        "Error"
    );
    assert_eq!(
        error(&mut shim, "real", r#"["/etc/shadow"]"#),
        "file:read:/etc/shadow"
    );
    let denied = |message: &&ShimMessage| matches!(message, ShimMessage::Violation { .. });
    assert_eq!(shim.seen.iter().filter(denied).count(), 2);
}

#[test]
fn a_plugin_holds_so_many_files_open_and_no_more() {
    let (mut shim, _tree) = shim(&[]);
    assert_eq!(error(&mut shim, "keep", r#"["/srv/data/ten", 65]"#), "Busy");
    assert_eq!(error(&mut shim, "open", r#"["/srv/data/ten"]"#), "Busy");
    let (mut shim, _tree) = self::shim(&[]);
    assert_eq!(shim.json("keep", r#"["/srv/data/ten", 64]"#), "64");
}

#[cfg(feature = "quickjs")]
#[test]
fn files_and_watchers_that_nobody_holds_any_more_are_closed() {
    let (mut shim, _tree) = shim(&[]);
    assert_eq!(shim.json("lose", r#"["/srv/data/ten", 500]"#), "500");
}

/// The next thing that is asked of the engine.
fn asked(shim: &mut Shim) -> Act {
    loop {
        if let ShimMessage::Ask { id, act, .. } = shim.next() {
            let result = Ok(ActResult::Done);
            shim.send(&EngineMessage::Answer { id, result });
            return act;
        }
    }
}

fn written(path: &str, content: &[u8]) -> Act {
    Act::Write {
        path: path.into(),
        mode: WriteMode::Replace,
        presence: Presence::Any,
        content: content.to_vec(),
    }
}

#[test]
fn a_copy_is_a_file_that_is_read_and_written() {
    let (mut shim, _tree) = shim(&[]);
    let arguments = r#"["/srv/data/link", "/srv/out/../x"]"#;
    shim.begin("copy", Payload::Json(arguments.into()), GENEROUS);
    assert_eq!(asked(&mut shim), written("/srv/x", b"0123456789"));
    assert_eq!(shim.next_reply().1, Ok(Payload::Json("null".into())));
    let name = error(&mut shim, "copy", r#"["/etc/shadow", "/srv/x"]"#);
    assert_eq!(name, "file:read:/etc/shadow");
}

#[test]
fn what_comes_in_parts_is_written_at_once() {
    let (mut shim, _tree) = shim(&[]);
    let arguments = r#"["/srv/x", ["h\u00e9", "", "!"]]"#;
    shim.begin("write", Payload::Json(arguments.into()), GENEROUS);
    for _ in 0..2 {
        assert_eq!(asked(&mut shim), written("/srv/x", "hé!".as_bytes()));
    }
    assert_eq!(shim.next_reply().1, Ok(Payload::Json("null".into())));
    assert_eq!(error(&mut shim, "large", r#"["/srv/x", 9]"#), "TypeError");
}

#[test]
fn an_option_that_would_not_hold_is_refused() {
    let (mut shim, _tree) = shim(&[]);
    assert_eq!(
        error(&mut shim, "options", r#"[{ "mode": 384 }]"#),
        "TypeError"
    );
    assert_eq!(
        error(&mut shim, "mkdir", r#"[{ "mode": 448 }]"#),
        "TypeError"
    );
    assert_eq!(error(&mut shim, "given", "[]"), "RangeError");
    assert_eq!(shim.seen, []);
}

/// Waits until the plugin says that it watches.
fn watching(shim: &mut Shim) {
    while !matches!(shim.next(), ShimMessage::Log { .. }) {}
}

#[test]
fn changes_are_told_and_none_of_hidden_names() {
    let (mut shim, tree) = shim(&["*.pem"]);
    let arguments = Payload::Json(r#"["/srv/data", 3]"#.into());
    let call = shim.begin("watch", arguments, GENEROUS);
    watching(&mut shim);
    let at = |name: &str| tree.path().join(name);
    fs_err::write(at("key.pem"), "other").expect("file");
    fs_err::write(at("in/new.pem"), "").expect("file");
    fs_err::write(at("in/new"), "").expect("file");
    fs_err::remove_file(at("link")).expect("file");
    fs_err::write(at("ten"), "9").expect("file");
    let (answered, result) = shim.next_reply();
    assert_eq!(answered, call);
    let Ok(Payload::Json(text)) = result else {
        panic!("{result:?}");
    };
    // Which of them one look sees, and so their order, is chance.
    let mut told: Vec<String> = serde_json::from_str(&text).expect("a list");
    told.sort();
    assert_eq!(
        told,
        [
            "create /srv/data/in/new",
            "modify /srv/data/ten",
            "remove /srv/data/link"
        ]
    );
}

#[test]
fn a_watcher_that_is_closed_ends_and_others_are_served_meanwhile() {
    let (mut shim, _tree) = shim(&[]);
    let arguments = Payload::Json(r#"[["/srv/data/in", "/srv/data/ten"]]"#.into());
    let call = shim.begin("start", arguments, GENEROUS);
    watching(&mut shim);
    let closing = shim.begin("close", Payload::Json("[]".into()), GENEROUS);
    let mut answers = [shim.next_reply(), shim.next_reply()];
    answers.sort_by_key(|(id, _)| id.0);
    let text = |text: &str| Ok(Payload::Json(text.into()));
    assert_eq!(answers[0], (call, text(r#""closed""#)));
    assert_eq!(answers[1], (closing, text("null")));
}

#[test]
fn what_is_not_granted_or_not_there_is_not_watched() {
    let (mut shim, _tree) = shim(&["*.pem"]);
    for (arguments, name) in [
        (r#"["/etc", 1]"#, "file:read:/etc"),
        (
            r#"[["/srv/data", "/etc/shadow"], 1]"#,
            "file:read:/etc/shadow",
        ),
        (r#"["/srv/data/none", 1]"#, "NotFound"),
        (r#"["/srv/data/key.pem", 1]"#, "NotFound"),
    ] {
        assert_eq!(error(&mut shim, "watch", arguments), name, "{arguments}");
    }
    assert_eq!(error(&mut shim, "watchers", r#"["/srv/data", 5]"#), "Busy");
}
