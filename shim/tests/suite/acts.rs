//! What a plugin asks of the engine, and what it makes of the answers.

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, CallError, CallId, EngineMessage, Failure, Payload, Presence,
    ProgramStatus, ShimMessage, WriteMode,
};

use crate::harness::{GENEROUS, Plugin, Shim};

const MAIN: &str = r#"
    export const write = (path, text, options) => Deno.writeTextFile(path, text, options);
    export const bytes = (path, options) =>
        Deno.writeFile(path, new Uint8Array([9, 8, 7, 6]).subarray(1, 3), options);
    const kept = new Uint8Array([5]);
    export const keep = (path) => Deno.writeFile(path, kept);
    export const view = (path) => Deno.writeFile(path, new DataView(new ArrayBuffer(3), 1));
    export const other = async (path, data) => await Deno.writeFile(path, data);
    export const mkdir = (path, options) => Deno.mkdir(path, options);
    export const remove = (path, options) => Deno.remove(path, options);
    export const rename = (from, to) => Deno.rename(from, to);
    export const run = async (program, args, text) => {
        const stdin = text === undefined ? undefined : new TextEncoder().encode(text);
        const { stdout, stderr, ...rest } = await new Deno.Command(program, { args, stdin }).output();
        return { ...rest, stdout: [...stdout], stderr: [...stderr] };
    };
    export const caught = async (path) => {
        try {
            await Deno.writeTextFile(path, "");
        } catch (error) {
            const { name, message, permission } = error;
            return { name, message, permission, kind: error instanceof (Deno.errors[name] ?? Error) };
        }
    };
    export const many = async (count) => {
        const all = [];
        for (let i = 0; i < count; i++) all.push(Deno.remove(`/srv/${i}`));
        await Promise.all(all);
        return all.length;
    };
    export const spoil = () => {
        // Not of promises: with those a plugin spoils its own `await`.
        for (const object of [Array, Uint8Array, JSON, String, Map]) {
            for (const key of Object.getOwnPropertyNames(object.prototype ?? object)) {
                try { (object.prototype ?? object)[key] = () => { throw new Error("spoilt"); }; } catch {}
            }
        }
    };
"#;

fn ask(shim: &mut Shim) -> (AskId, Option<CallId>, Act) {
    loop {
        match shim.next() {
            ShimMessage::Ask { id, call, act } => return (id, call, act),
            ShimMessage::Log { .. } => {}
            other => panic!("no ask: {other:?}"),
        }
    }
}

fn begin(shim: &mut Shim, function: &str, arguments: &str) -> CallId {
    shim.begin(function, Payload::Json(arguments.to_owned()), GENEROUS)
}

/// What is asked for by a call, which is then answered so, and the call's result.
fn asked(
    shim: &mut Shim,
    function: &str,
    arguments: &str,
    result: Result<ActResult, ActError>,
) -> (Act, Result<Payload, CallError>) {
    let call = begin(shim, function, arguments);
    let (id, of, act) = ask(shim);
    assert_eq!(of, Some(call));
    shim.send(&EngineMessage::Answer { id, result });
    let (answered, outcome) = shim.next_reply();
    assert_eq!(answered, call);
    (act, outcome)
}

fn done(shim: &mut Shim, function: &str, arguments: &str) -> Act {
    let (act, outcome) = asked(shim, function, arguments, Ok(ActResult::Done));
    assert_eq!(outcome, Ok(Payload::Json("null".into())));
    act
}

fn write(path: &str, mode: WriteMode, presence: Presence, content: &[u8]) -> Act {
    Act::Write {
        path: path.into(),
        mode,
        presence,
        content: content.to_vec(),
    }
}

#[test]
fn files_are_written_by_asking_with_a_path_in_normal_form() {
    let mut shim = Plugin::new(MAIN).ready();
    for (arguments, expected) in [
        (
            r#"["/srv/a", "h\u00e9"]"#,
            write("/srv/a", WriteMode::Replace, Presence::Any, "hé".as_bytes()),
        ),
        (
            r#"["/srv/x/../a//b/.", "", {"append": true, "create": false}]"#,
            write("/srv/a/b", WriteMode::Append, Presence::Old, b""),
        ),
        (
            r#"["a.txt", "1", {"createNew": true}]"#,
            write("/plugin/a.txt", WriteMode::Replace, Presence::New, b"1"),
        ),
    ] {
        assert_eq!(done(&mut shim, "write", arguments), expected);
    }
    let replaced = |content| write("/srv/a", WriteMode::Replace, Presence::Any, content);
    assert_eq!(done(&mut shim, "bytes", r#"["/srv/a"]"#), replaced(&[8, 7]));
    assert_eq!(done(&mut shim, "view", r#"["/srv/a"]"#), replaced(&[0, 0]));
    assert_eq!(
        done(&mut shim, "mkdir", r#"["/srv/d", {"recursive": true}]"#),
        Act::MakeDirectory {
            path: "/srv/d".into(),
            parents: true
        }
    );
    let path = String::from("/srv/d");
    assert_eq!(
        done(&mut shim, "remove", r#"["/srv/d"]"#),
        Act::Remove { path }
    );
    let path = String::from("/srv/d");
    assert_eq!(
        done(&mut shim, "remove", r#"["/srv/d/", {"recursive": true}]"#),
        Act::RemoveAll { path }
    );
    assert_eq!(
        done(&mut shim, "rename", r#"["/srv/a", "/srv/b"]"#),
        Act::Rename {
            from: "/srv/a".into(),
            to: "/srv/b".into()
        }
    );
}

#[test]
fn what_cannot_be_asked_for_is_refused_in_the_plugin() {
    let mut shim = Plugin::new(MAIN).ready();
    for (function, arguments) in [
        ("other", r#"["/srv/a", {"length": 3}]"#),
        ("other", r#"["/srv/a", "text"]"#),
        ("write", r#"["/srv/a\u0000b", ""]"#),
        ("run", r#"["jq", ["a\u0000b"]]"#),
        ("run", r#"["jq", "-r"]"#),
    ] {
        match shim.call(function, arguments) {
            Err(CallError::Exception(error)) => {
                assert!(error.name.ends_with("Error"), "{error:?}");
            }
            other => panic!("{function}{arguments}: {other:?}"),
        }
    }
    let long = format!("[\"/{}\", \"\"]", "a".repeat(5000));
    assert!(matches!(
        shim.call("write", &long),
        Err(CallError::Exception(_))
    ));
    let arguments = format!("[\"jq\", [\"{}\"]]", "a".repeat(200 * 1024));
    assert!(matches!(
        shim.call("run", &arguments),
        Err(CallError::Exception(_))
    ));
    assert_eq!(shim.seen, []);
}

#[test]
fn a_denied_act_is_the_error_that_names_the_permission() {
    let mut shim = Plugin::new(MAIN).ready();
    let denied = || {
        Err(ActError::Denied {
            permission: "file:write:/etc/x".into(),
        })
    };
    let (_, caught) = asked(&mut shim, "caught", r#"["/etc/x"]"#, denied());
    assert_eq!(
        caught,
        Ok(Payload::Json(
            r#"{"name":"PermissionDenied","message":"`file:write:/etc/x` denied for plugin `nosy`","permission":"file:write:/etc/x","kind":true}"#.into()
        ))
    );
    let (_, thrown) = asked(&mut shim, "write", r#"["/etc/x", ""]"#, denied());
    match thrown {
        Err(CallError::Denied { permission, .. }) => assert_eq!(permission, "file:write:/etc/x"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_failure_is_an_error_of_its_class() {
    let mut shim = Plugin::new(MAIN).ready();
    for (failure, name) in [
        (Failure::NotFound, "NotFound"),
        (Failure::AlreadyExists, "AlreadyExists"),
        (Failure::NotADirectory, "NotADirectory"),
        (Failure::IsADirectory, "IsADirectory"),
        (Failure::Busy, "Busy"),
        (Failure::TimedOut, "TimedOut"),
        (Failure::Interrupted, "Interrupted"),
        (Failure::Other, "Error"),
    ] {
        let message = "what happened".to_owned();
        let failed = Err(ActError::Failed { failure, message });
        let (_, caught) = asked(&mut shim, "caught", r#"["/srv/x"]"#, failed);
        assert_eq!(
            caught,
            Ok(Payload::Json(format!(
                r#"{{"name":"{name}","message":"what happened","kind":true}}"#
            )))
        );
    }
    let limit = Err(ActError::Limit {
        what: "bytes".into(),
        asked: 11,
        limit: 10,
    });
    let (_, caught) = asked(&mut shim, "caught", r#"["/srv/x"]"#, limit);
    assert_eq!(
        caught,
        Ok(Payload::Json(
            r#"{"name":"QuotaExceeded","message":"bytes: 11 would exceed the limit of 10","kind":true}"#.into()
        ))
    );
}

#[test]
fn a_program_gets_its_arguments_and_input_and_gives_its_output() {
    let mut shim = Plugin::new(MAIN).ready();
    let ran = |status, stdout: &[u8], stderr: &[u8]| {
        Ok(ActResult::Ran {
            status,
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
        })
    };
    for (arguments, answer, act, result) in [
        (
            r#"["jq", ["-r", "", ".a b"], "{}"]"#,
            ran(ProgramStatus::Code(0), &[1, 2], &[3]),
            (vec!["-r", "", ".a b"], &b"{}"[..]),
            r#"{"code":0,"signal":null,"success":true,"stdout":[1,2],"stderr":[3]}"#,
        ),
        (
            r#"["jq"]"#,
            ran(ProgramStatus::Code(-1), &[], &[]),
            (vec![], b""),
            r#"{"code":-1,"signal":null,"success":false,"stdout":[],"stderr":[]}"#,
        ),
        (
            r#"["jq", [""]]"#,
            ran(ProgramStatus::Signal(9), &[], &[5]),
            (vec![""], b""),
            r#"{"code":137,"signal":"SIGKILL","success":false,"stdout":[],"stderr":[5]}"#,
        ),
    ] {
        let (asked, outcome) = asked(&mut shim, "run", arguments, answer);
        let (list, input) = act;
        assert_eq!(
            asked,
            Act::Run {
                program: "jq".into(),
                arguments: list.into_iter().map(str::to_owned).collect(),
                input: input.to_vec()
            }
        );
        assert_eq!(outcome, Ok(Payload::Json(result.into())));
    }
}

#[test]
fn a_thousand_acts_at_once_are_asked_for_a_few_at_a_time() {
    let mut shim = Plugin::new(MAIN).ready();
    let call = begin(&mut shim, "many", "[1000]");
    let mut under_way = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        // All that may be under way are asked for before the first is answered.
        while under_way.len() < 32 && names.len() < 1000 {
            let (id, _, act) = ask(&mut shim);
            assert!(names.insert(format!("{act:?}")), "asked twice");
            under_way.push(id);
        }
        let id = under_way.remove(0);
        let result = Ok(ActResult::Done);
        shim.send(&EngineMessage::Answer { id, result });
    }
    let (answered, result) = shim.next_reply();
    assert_eq!((answered, result), (call, Ok(Payload::Json("1000".into()))));
}

#[test]
fn a_plugin_can_ask_while_it_loads() {
    let mut shim =
        Plugin::new("await Deno.writeTextFile('/srv/a', 'x'); export const f = () => 1;").start();
    let (id, call, _) = ask(&mut shim);
    assert_eq!(call, None);
    let result = Ok(ActResult::Done);
    shim.send(&EngineMessage::Answer { id, result });
    assert!(matches!(shim.next(), ShimMessage::Ready { .. }));
}

#[test]
fn answers_to_nothing_are_passed_over() {
    let mut shim = Plugin::new(MAIN).ready();
    for id in [0, 1, u64::MAX] {
        let result = Ok(ActResult::Done);
        shim.send(&EngineMessage::Answer {
            id: AskId(id),
            result,
        });
    }
    done(&mut shim, "write", r#"["/srv/a", ""]"#);
}

#[test]
fn a_plugin_that_spoils_the_language_spoils_no_answer() {
    let mut shim = Plugin::new(MAIN).ready();
    let spoilt = shim.call("spoil", "[]");
    assert_eq!(spoilt, Ok(Payload::Json("null".into())));
    done(&mut shim, "keep", r#"["/srv/a"]"#);
    let failed = Err(ActError::Denied {
        permission: "file:write:/a".into(),
    });
    let (_, thrown) = asked(&mut shim, "write", r#"["/a", "x"]"#, failed);
    assert!(
        matches!(thrown, Err(CallError::Denied { .. })),
        "{thrown:?}"
    );
}
