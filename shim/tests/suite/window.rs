//! Windows, which the engine is asked for.

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, CallError, CallId, EngineMessage, Payload, ShimMessage,
    StateLimits, Window, WindowAct,
};

use crate::harness::{GENEROUS, Plugin, STATE, Shim};

const MAIN: &str = r#"
    export const there = () => typeof lazaret.window;
    export const list = () => lazaret.window.list();
    export const focus = (id) => lazaret.window.focus(id);
    export const move = (id, shape) => lazaret.window.move(id, shape);
    export const close = (id) => lazaret.window.close(id);
    export const late = async (ask) => {
        await null;
        await new Promise((done) => setTimeout(done, 1));
        return ask === "kv" ? (await lazaret.kv.get("a")) ?? null : lazaret.window.list();
    };
    export const wrong = async () => {
        const { window } = lazaret;
        const all = [
            () => window.focus(), () => window.focus("1"), () => window.focus(-1),
            () => window.focus(1.5), () => window.focus(2 ** 32), () => window.close({}),
            () => window.move(1), () => window.move(1, null), () => window.move(1, { x: "1" }),
            () => window.move(1, { x: 32768 }), () => window.move(1, { y: -32769 }),
            () => window.move(1, { width: 0 }), () => window.move(1, { height: 40000 }),
            () => window.move(1, { height: NaN }),
        ];
        const names = [];
        for (const one of all) {
            try { await one(); names.push("none"); } catch (error) { names.push(error.name); }
        }
        return [...new Set(names)];
    };
"#;

fn plugin() -> Shim {
    let mut plugin = Plugin::new(MAIN);
    plugin.state.windows = true;
    plugin.ready()
}

fn asked(shim: &mut Shim) -> (AskId, Option<CallId>, Act) {
    match shim.next() {
        ShimMessage::Ask { id, call, act } => (id, call, act),
        other => panic!("no ask: {other:?}"),
    }
}

/// What a call asks for, which is answered so, and its own result.
fn call(
    shim: &mut Shim,
    function: &str,
    arguments: &str,
    result: Result<ActResult, ActError>,
) -> (Act, Result<Payload, CallError>) {
    shim.begin(function, Payload::Json(arguments.to_owned()), GENEROUS);
    let (id, call, act) = asked(shim);
    assert!(call.is_some(), "it is asked for the call");
    shim.send(&EngineMessage::Answer { id, result });
    (act, shim.next_reply().1)
}

#[test]
fn what_is_asked_for_of_windows_is_told_the_engine_and_its_answer_the_plugin() {
    let mut shim = plugin();
    let window = Window {
        id: 7,
        title: "a\u{e9}\"".to_owned(),
        class: "XTerm".to_owned(),
        x: -5,
        y: 6,
        width: 300,
        height: 200,
        focused: true,
    };
    let (act, result) = call(
        &mut shim,
        "list",
        "[]",
        Ok(ActResult::Windows(vec![window])),
    );
    assert_eq!(act, Act::Window(WindowAct::List));
    let expected = r#"[{"id":7,"title":"aé\"","class":"XTerm","x":-5,"y":6,"width":300,"height":200,"focused":true}]"#;
    assert_eq!(result, Ok(Payload::Json(expected.to_owned())));
    let moved = |x, y, width, height| WindowAct::Move {
        id: u32::MAX,
        x,
        y,
        width,
        height,
    };
    for (function, arguments, expected) in [
        ("focus", "[7]", WindowAct::Focus { id: 7 }),
        ("close", "[0]", WindowAct::Close { id: 0 }),
        ("move", "[4294967295, {}]", moved(None, None, None, None)),
        (
            "move",
            r#"[4294967295, { "x": -32768, "height": 32767 }]"#,
            moved(Some(i16::MIN), None, None, Some(32767)),
        ),
        (
            "move",
            r#"[4294967295, { "y": 0, "width": 1 }]"#,
            moved(None, Some(0), Some(1), None),
        ),
    ] {
        let (act, result) = call(&mut shim, function, arguments, Ok(ActResult::Done));
        assert_eq!(act, Act::Window(expected));
        assert!(result.is_ok(), "{result:?}");
    }
    let denied = ActError::Denied {
        permission: "window:close:XTerm".to_owned(),
    };
    let (_, result) = call(&mut shim, "close", "[7]", Err(denied));
    match result {
        Err(CallError::Denied { permission, .. }) => assert_eq!(permission, "window:close:XTerm"),
        other => panic!("{other:?}"),
    }
    assert_eq!(shim.json("wrong", "[]"), r#"["TypeError"]"#);
}

#[test]
fn there_are_no_windows_where_the_policy_grants_none_and_that_may_change() {
    let mut shim = Plugin::new(MAIN).ready();
    assert_eq!(shim.json("there", "[]"), r#""undefined""#);
    shim.send(&EngineMessage::Limits(lazaret_protocol::LiveLimits {
        state: StateLimits {
            windows: true,
            ..STATE
        },
        ..crate::limits::generous()
    }));
    assert_eq!(shim.json("there", "[]"), r#""object""#);
}

#[test]
fn what_is_asked_for_after_an_await_counts_for_the_call_that_asks() {
    let mut shim = plugin();
    for (ask, answer) in [
        (r#"["kv"]"#, ActResult::Value(None)),
        (r#"["window"]"#, ActResult::Windows(Vec::new())),
    ] {
        let first = shim.begin("late", Payload::Json(ask.to_owned()), GENEROUS);
        let (one, of, _) = asked(&mut shim);
        assert_eq!(of, Some(first), "{ask}");
        let result = Ok(answer);
        shim.send(&EngineMessage::Answer { id: one, result });
        assert_eq!(shim.next_reply().0, first);
    }
}
