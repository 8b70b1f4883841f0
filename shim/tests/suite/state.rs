//! What a plugin keeps, logs, measures and is given.

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, BUCKETS, CallError, EngineMessage, KvAct, KvEntry, LogLevel,
    MAX_VALUE_BYTES, MeasureChange, Payload, ShimMessage, StateLimits,
};

use crate::harness::{GENEROUS, Plugin, STATE, Shim};

const MAIN: &str = r#"
    const { kv, log, metrics } = lazaret;
    const shown = (value) => value instanceof Uint8Array ? { bytes: [...value] } : value;
    export const get = async (key) => shown(await kv.get(key)) ?? "nothing";
    export const set = (key, value) => kv.set(key, value);
    export const bytes = (key) => kv.set(key, new DataView(new Uint8Array([9, 8, 7]).buffer, 1));
    export const large = (bytes) => kv.set("k", "x".repeat(bytes));
    export const remove = (key) => kv.delete(key);
    export const swap = (key, from, to) => kv.compareAndSet(key, from ?? undefined, to ?? undefined);
    export const list = async (options) => {
        const all = [];
        for await (const { key, value } of kv.list(options)) all.push([key, shown(value)]);
        return all;
    };
    export const there = () => typeof lazaret.kv;
    export const say = () => {
        log.debug("d"); log.info("i", { a: 1, b: ["x"] }); log.warn(7, {}); log.error("e");
        log.info("toJSON", { toJSON: () => 1 });
        for (const wrong of ["x", null, [1]]) {
            try { log.info("no", wrong); } catch (error) { log.info(error.name); }
        }
    };
    export const long = (bytes, beside) => log.info("x".repeat(bytes), { y: "y".repeat(beside) });
    export const measure = (times) => {
        const requests = metrics.counter("requests", { city: "Kobe", b: 1 });
        const size = metrics.histogram("size");
        for (let i = 0; i < times; i++) { requests.add(); size.observe(0.3); }
        metrics.counter("requests", { b: "1", city: "Kobe" }).add(2);
        metrics.gauge("level").set(-1.5);
    };
    export const later = () => { setTimeout(() => metrics.gauge("late").set(1), 1); };
    export const refused = () => {
        const caught = (f) => { try { f(); return "no"; } catch (error) { return error.name; } };
        metrics.gauge("level").set(1);
        return [
            caught(() => metrics.counter("a b")), caught(() => metrics.counter(7)),
            caught(() => metrics.counter("a", { le: 1 })), caught(() => metrics.counter("a", 7)),
            caught(() => metrics.counter("level")), caught(() => metrics.counter("n").add(-1)),
            caught(() => metrics.gauge("g").set("x")),
            caught(() => { for (let i = 0; i < 1001; i++) metrics.counter("s" + i); }),
        ];
    };
    export const config = () => lazaret.config;
    export const fixed = () => {
        "use strict";
        const tries = [
            () => { lazaret.config.a.push(1); }, () => { lazaret.config.b = 1; },
            () => { lazaret.config = {}; }, () => { lazaret.kv.get = 1; },
        ];
        return tries.map((attempt) => { try { attempt(); return "changed"; } catch { return "fixed"; } });
    };
    export const spoil = () => {
        for (const object of [Array, Uint8Array, JSON, String, Map, Object]) {
            for (const key of Object.getOwnPropertyNames(object.prototype ?? object)) {
                if (key === "constructor") continue;
                try { (object.prototype ?? object)[key] = () => { throw new Error("spoilt"); }; } catch {}
            }
        }
    };
"#;

fn json(text: &str) -> Payload {
    Payload::Json(text.to_owned())
}

fn ask(shim: &mut Shim) -> (AskId, KvAct) {
    loop {
        match shim.next() {
            ShimMessage::Ask {
                id,
                call: Some(_),
                act: Act::Kv(act),
            } => return (id, act),
            ShimMessage::Log { .. } => {}
            other => panic!("no ask: {other:?}"),
        }
    }
}

/// What a call asks for, which is answered so, and its own result.
fn asked(
    shim: &mut Shim,
    function: &str,
    arguments: &str,
    answer: Result<ActResult, ActError>,
) -> (KvAct, Result<Payload, CallError>) {
    shim.begin(function, json(arguments), GENEROUS);
    let (id, act) = ask(shim);
    shim.send(&EngineMessage::Answer { id, result: answer });
    (act, shim.next_reply().1)
}

fn entry(key: &str, value: Payload) -> KvEntry {
    let key = key.to_owned();
    KvEntry { key, value }
}

#[test]
fn values_are_kept_by_asking() {
    let mut shim = Plugin::new(MAIN).ready();
    let key = || "k\u{e9}".to_owned();
    let put = |value| KvAct::Put { key: key(), value };
    let found = |found| Ok(ActResult::Found(found));
    for (function, arguments, act, answer, result) in [
        (
            "get",
            r#"["ké"]"#,
            KvAct::Get { key: key() },
            Ok(ActResult::Value(None)),
            r#""nothing""#,
        ),
        (
            "get",
            r#"["ké"]"#,
            KvAct::Get { key: key() },
            Ok(ActResult::Value(Some(json(r#"{"a":[1,"é"]}"#)))),
            r#"{"a":[1,"é"]}"#,
        ),
        (
            "get",
            r#"["ké"]"#,
            KvAct::Get { key: key() },
            Ok(ActResult::Value(Some(Payload::Bytes(vec![0, 255])))),
            r#"{"bytes":[0,255]}"#,
        ),
        (
            "set",
            r#"["ké", {"a": [null, 1]}]"#,
            put(Some(json(r#"{"a":[null,1]}"#))),
            found(true),
            "null",
        ),
        (
            "bytes",
            r#"["ké"]"#,
            put(Some(Payload::Bytes(vec![8, 7]))),
            found(false),
            "null",
        ),
        ("remove", r#"["ké"]"#, put(None), found(true), "true"),
        (
            "swap",
            r#"["ké", null, 1]"#,
            KvAct::Swap {
                key: key(),
                expected: None,
                value: Some(json("1")),
            },
            found(false),
            "false",
        ),
        (
            "swap",
            r#"["ké", "x", null]"#,
            KvAct::Swap {
                key: key(),
                expected: Some(json("\"x\"")),
                value: None,
            },
            found(true),
            "true",
        ),
    ] {
        let (asked, outcome) = asked(&mut shim, function, arguments, answer);
        assert_eq!(asked, act, "{function}");
        assert_eq!(outcome, Ok(json(result)), "{function}");
    }
}

#[test]
fn keys_are_listed_a_page_at_a_time_and_no_more_than_asked_for() {
    let mut shim = Plugin::new(MAIN).ready();
    let page = |keys: &[&str], more| {
        let entries = keys.iter().map(|key| entry(key, json("1"))).collect();
        Ok(ActResult::Entries { entries, more })
    };
    shim.begin("list", json(r#"[{"prefix": "a", "limit": 3}]"#), GENEROUS);
    for (after, answer) in [
        (None, page(&["a1", "a2"], true)),
        (Some("a2"), page(&["a3", "a4"], true)),
    ] {
        let (id, act) = ask(&mut shim);
        let (prefix, after) = ("a".to_owned(), after.map(str::to_owned));
        assert_eq!(act, KvAct::List { prefix, after });
        shim.send(&EngineMessage::Answer { id, result: answer });
    }
    let expected = r#"[["a1",1],["a2",1],["a3",1]]"#;
    assert_eq!(shim.next_reply().1, Ok(json(expected)));
    let bytes = vec![entry("\u{0}\u{e9}", Payload::Bytes(vec![1]))];
    let answer = Ok(ActResult::Entries {
        entries: bytes,
        more: false,
    });
    let (act, outcome) = asked(&mut shim, "list", "[]", answer);
    assert_eq!(
        act,
        KvAct::List {
            prefix: String::new(),
            after: None
        }
    );
    assert_eq!(outcome, Ok(json(r#"[["\u0000é",{"bytes":[1]}]]"#)));
}

#[test]
fn what_cannot_be_kept_is_refused_before_anybody_is_asked_and_limits_are_told() {
    let mut shim = Plugin::new(MAIN).ready();
    for (function, arguments, name) in [
        ("get", "[7]", "TypeError"),
        ("get", r#"[""]"#, "TypeError"),
        ("set", r#"["k"]"#, "TypeError"),
        (
            "large",
            &format!("[{}]", MAX_VALUE_BYTES - 1),
            "QuotaExceeded",
        ),
    ] {
        match shim.call(function, arguments) {
            Err(CallError::Exception(error)) => assert_eq!(error.name, name, "{function}"),
            other => panic!("{function}: {other:?}"),
        }
    }
    assert!(shim.seen.is_empty(), "{:?}", shim.seen);
    let limit = ActError::Limit {
        what: "kv.size".to_owned(),
        asked: 11,
        limit: 10,
    };
    let (_, outcome) = asked(&mut shim, "set", r#"["k", 1]"#, Err(limit));
    match outcome {
        Err(CallError::Exception(error)) => {
            assert_eq!(error.name, "QuotaExceeded");
            assert_eq!(error.message, "kv.size: 11 would exceed the limit of 10");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_kept_where_the_policy_says_so_and_that_may_change() {
    let mut plugin = Plugin::new(MAIN);
    plugin.state.kv = false;
    let mut shim = plugin.ready();
    assert_eq!(shim.json("there", "[]"), r#""undefined""#);
    shim.send(&EngineMessage::Limits(crate::limits::generous()));
    assert_eq!(shim.json("there", "[]"), r#""object""#);
}

#[test]
fn records_have_a_level_and_fields_and_the_lowest_level_is_the_policys() {
    let mut shim = Plugin::new(MAIN).ready();
    shim.json("say", "[]");
    let records = |shim: &Shim| -> Vec<(LogLevel, String, Option<String>)> {
        let records = shim.seen.iter().filter_map(|message| match message {
            ShimMessage::Log {
                level,
                fields,
                text,
                ..
            } => Some((*level, text.clone(), fields.clone())),
            _ => None,
        });
        records.collect()
    };
    let of = |level, text: &str, fields: Option<&str>| {
        (level, text.to_owned(), fields.map(str::to_owned))
    };
    let refused = || of(LogLevel::Info, "TypeError", None);
    let all = [
        of(LogLevel::Debug, "d", None),
        of(LogLevel::Info, "i", Some(r#"{"a":1,"b":["x"]}"#)),
        of(LogLevel::Warn, "7", Some("{}")),
        of(LogLevel::Error, "e", None),
        of(LogLevel::Info, "toJSON", None),
        refused(),
        refused(),
        refused(),
    ];
    assert_eq!(records(&shim), all);
    shim.seen.clear();
    shim.send(&EngineMessage::Limits(lazaret_protocol::LiveLimits {
        state: StateLimits {
            windows: false,
            log_level: LogLevel::Warn,
            ..STATE
        },
        ..crate::limits::generous()
    }));
    shim.json("say", "[]");
    assert_eq!(records(&shim), all[2..4]);
}

#[test]
fn a_record_has_no_more_bytes_than_a_line() {
    let mut plugin = Plugin::new(MAIN);
    plugin.log_line_bytes = 100;
    let mut shim = plugin.ready();
    let mut said = |text, beside| {
        shim.seen.clear();
        shim.json("long", &format!("[{text}, {beside}]"));
        match &shim.seen[..] {
            [ShimMessage::Log { text, fields, .. }] => (text.len(), fields.clone()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(said(50, 42).1.map(|fields| fields.len()), Some(50));
    assert_eq!(
        said(50, 43),
        (50, Some(r#"{"omitted_bytes":51}"#.to_owned()))
    );
    assert_eq!(said(500, 0).0, 100);
}

/// What is measured, until the next answer.
fn measured(shim: &mut Shim, function: &str, arguments: &str) -> Vec<(String, MeasureChange)> {
    shim.seen.clear();
    shim.json(function, arguments);
    of_messages(&shim.seen)
}

fn of_messages(messages: &[ShimMessage]) -> Vec<(String, MeasureChange)> {
    let measures = messages.iter().filter_map(|message| match message {
        ShimMessage::Measured { measures } => Some(measures),
        _ => None,
    });
    let measures = measures.flatten();
    measures
        .map(|measure| {
            let labels = measure.series.labels.iter();
            let labels: Vec<_> = labels
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            (
                format!("{} {}", measure.series.name, labels.join(",")),
                measure.change,
            )
        })
        .collect()
}

#[test]
fn a_busy_loop_is_one_message_with_the_answer_to_its_call() {
    let mut shim = Plugin::new(MAIN).ready();
    let measures = measured(&mut shim, "measure", "[10000]");
    let messages = shim.seen.len();
    assert_eq!(messages, 1, "{:?}", shim.seen);
    assert_eq!(
        measures[0],
        (
            "requests b=1,city=Kobe".into(),
            MeasureChange::Counter(10_002.0)
        )
    );
    let mut buckets = [0; BUCKETS.len() + 1];
    buckets[8] = 10_000;
    match measures[1].1 {
        MeasureChange::Histogram {
            buckets: found,
            sum,
        } => {
            assert_eq!(found, buckets);
            assert!((sum - 3000.0).abs() < 1e-6, "{sum}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(measures[2], ("level ".into(), MeasureChange::Gauge(-1.5)));
}

#[test]
fn what_is_measured_outside_of_calls_is_told_soon() {
    let mut shim = Plugin::new(MAIN).ready();
    shim.json("later", "[]");
    let message = shim.next();
    let expected = [("late ".to_owned(), MeasureChange::Gauge(1.0))];
    assert_eq!(of_messages(&[message]), expected);
}

#[test]
fn names_kinds_values_and_numbers_of_measures_are_held_in_the_plugin() {
    let mut shim = Plugin::new(MAIN).ready();
    assert_eq!(
        shim.json("refused", "[]"),
        r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","QuotaExceeded"]"#
    );
}

#[test]
fn what_the_operator_gives_is_seen_and_stays_as_it_is() {
    let mut plugin = Plugin::new(MAIN);
    plugin.config = r#"{"a":[{"b":1}],"__proto__":{"c":2}}"#.to_owned();
    let mut shim = plugin.ready();
    assert_eq!(
        shim.json("config", "[]"),
        r#"{"a":[{"b":1}],"__proto__":{"c":2}}"#
    );
    assert_eq!(
        shim.json("fixed", "[]"),
        r#"["fixed","fixed","fixed","fixed"]"#
    );
    let mut shim = Plugin::new(MAIN).ready();
    assert_eq!(shim.json("config", "[]"), "{}");
}

#[test]
fn a_plugin_that_spoils_its_globals_keeps_measures_and_logs_on() {
    let mut shim = Plugin::new(MAIN).ready();
    shim.json("there", "[]");
    shim.json("spoil", "[]");
    let found = Ok(ActResult::Found(true));
    let (act, outcome) = asked(&mut shim, "set", r#"["k", 1]"#, found);
    let value = Some(json("1"));
    assert_eq!(
        act,
        KvAct::Put {
            key: "k".into(),
            value
        }
    );
    assert_eq!(outcome, Ok(json("null")));
    assert_eq!(shim.json("config", "[]"), "{}");
}
