//! Results that come in items, and what a call finds of itself.

use std::time::Duration;

use lazaret_protocol::{
    Act, CallError, CallId, CallLimits, EngineMessage, ITEM_BYTES, LogLevel, Payload, ShimMessage,
};

use crate::harness::{GENEROUS, Plugin, Shim};

/// More than any stream here costs.
const ALL: u64 = 1 << 30;

const MAIN: &str = r#"
    export async function* count(n) {
        try {
            for (let i = 0; i < n; i++) yield i;
        } finally {
            console.log("over");
        }
    }
    export function* sync() { yield 1; yield { two: 2 }; }
    export const readable = () => new ReadableStream({
        start(controller) { this.left = 3; },
        pull(controller) {
            if (this.left-- > 0) controller.enqueue(new Uint8Array([this.left]));
            else controller.close();
        },
        cancel() { console.log("cancelled"); },
    });
    export const endless = () => new ReadableStream({
        pull(controller) { controller.enqueue(new Uint8Array([7])); },
        cancel() { console.log("cancelled"); },
    });
    export const promised = async () => { await null; return count(2); };
    export async function* fails() { yield 1; throw new RangeError("enough"); }
    export async function* slow() {
        for (let i = 0; i < 3; i++) { await new Promise((go) => setTimeout(go, 1)); yield i; }
    }
    export async function* unfit() { try { yield 1n; } finally { console.log("over"); } }
    export async function* large() {
        try { for (;;) yield "x".repeat(100_000); } finally { console.log("over"); }
    }
    export async function* empty() { for (;;) yield new Uint8Array(0); }
    export async function* spins() { yield 1; for (;;); }
    export async function* hangs() {
        const { signal } = lazaret.call;
        try {
            yield 1;
            await new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)));
        } catch (error) {
            console.log(error.name);
        } finally {
            console.log("over");
        }
    }
    export const plain = () => ({ next: 1, list: [1] });
"#;

#[derive(Debug)]
enum Told {
    Item(Payload),
    End,
    Failed(CallError),
}

fn told(shim: &mut Shim, call: CallId) -> Told {
    loop {
        match shim.next() {
            ShimMessage::Item { id, item } if id == call => return Told::Item(item),
            ShimMessage::StreamEnd { id } if id == call => return Told::End,
            ShimMessage::Reply {
                id,
                result: Err(error),
            } if id == call => return Told::Failed(error),
            message @ ShimMessage::Log { .. } => shim.seen.push(message),
            other => panic!("not of the stream: {other:?}"),
        }
    }
}

/// All items until the end, which is to be one by itself.
fn items(shim: &mut Shim, function: &str, json: &str) -> Vec<Payload> {
    let call = shim.begin_stream(function, json, ALL);
    let mut items = Vec::new();
    loop {
        match told(shim, call) {
            Told::Item(item) => items.push(item),
            Told::End => return items,
            Told::Failed(error) => panic!("{function}: {error:?}"),
        }
    }
}

/// How many items come until the stream fails, and with what.
fn failure(shim: &mut Shim, function: &str) -> (usize, CallError) {
    let call = shim.begin_stream(function, "[]", ALL);
    let mut count = 0;
    loop {
        match told(shim, call) {
            Told::Item(_) => count += 1,
            Told::End => panic!("{function} ended"),
            Told::Failed(error) => return (count, error),
        }
    }
}

/// Waits until the plugin has logged this.
fn logged(shim: &mut Shim, line: &str) {
    while !shim.lines().iter().any(|(_, text, _)| *text == line) {
        let message = shim.next();
        shim.seen.push(message);
    }
}

fn json(texts: &[&str]) -> Vec<Payload> {
    let payload = |text: &&str| Payload::Json((*text).to_owned());
    texts.iter().map(payload).collect()
}

#[test]
fn generators_and_readable_streams_are_sent_in_items() {
    let mut shim = Plugin::new(MAIN).ready();
    assert_eq!(items(&mut shim, "count", "[3]"), json(&["0", "1", "2"]));
    assert_eq!(items(&mut shim, "count", "[0]"), []);
    assert_eq!(items(&mut shim, "sync", "[]"), json(&["1", r#"{"two":2}"#]));
    assert_eq!(items(&mut shim, "promised", "[]"), json(&["0", "1"]));
    assert_eq!(items(&mut shim, "slow", "[]"), json(&["0", "1", "2"]));
    let bytes = [2, 1, 0].map(|byte| Payload::Bytes(vec![byte]));
    assert_eq!(items(&mut shim, "readable", "[]"), bytes);
    assert_eq!(shim.close(), 0);
}

#[test]
fn what_is_no_stream_is_answered_whole_and_a_stream_only_to_who_takes_one() {
    let mut shim = Plugin::new(MAIN).ready();
    let call = shim.begin_stream("plain", "[]", ALL);
    let whole = Ok(Payload::Json(r#"{"next":1,"list":[1]}"#.into()));
    assert_eq!(shim.next_reply(), (call, whole));
    for function in ["count", "sync", "readable", "promised"] {
        let whole = shim.call(function, "[1]");
        assert_eq!(whole, Err(CallError::Stream), "{function}");
    }
    logged(&mut shim, "cancelled");
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_generator_is_resumed_only_when_there_is_credit() {
    let mut shim = Plugin::new(
        "let made = 0;
         export async function* count() { for (;;) { made++; yield made; } }
         export const howMany = () => made;",
    )
    .ready();
    let call = shim.begin_stream("count", "[]", 2 * (ITEM_BYTES + 1));
    for _ in 0..2 {
        assert!(matches!(told(&mut shim, call), Told::Item(_)));
    }
    for _ in 0..3 {
        assert_eq!(shim.json("howMany", "[]"), "2");
    }
    let bytes = 1;
    shim.send(&EngineMessage::Credit { id: call, bytes });
    assert!(matches!(told(&mut shim, call), Told::Item(_)));
    assert_eq!(shim.json("howMany", "[]"), "3");
    assert_eq!(shim.close(), 0);
}

#[test]
fn items_are_held_to_the_largest_result_together() {
    let mut shim = Plugin::new(MAIN).ready();
    let (count, error) = failure(&mut shim, "large");
    assert_eq!(count, 9);
    let bytes = 10 * (100_002 + ITEM_BYTES);
    let limit = 1_000_000;
    assert_eq!(error, CallError::ResultTooLarge { bytes, limit });
    logged(&mut shim, "over");
    let (count, error) = failure(&mut shim, "empty");
    assert_eq!(count as u64, limit / ITEM_BYTES);
    assert!(matches!(error, CallError::ResultTooLarge { .. }));
    assert_eq!(items(&mut shim, "count", "[1]"), json(&["0"]));
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_stream_that_fails_is_answered_with_its_error() {
    let mut shim = Plugin::new(MAIN).ready();
    match failure(&mut shim, "fails") {
        (1, CallError::Exception(error)) => assert_eq!(error.message, "enough"),
        other => panic!("{other:?}"),
    }
    let (count, error) = failure(&mut shim, "unfit");
    assert!(matches!(
        (count, error),
        (0, CallError::InvalidResult { .. })
    ));
    logged(&mut shim, "over");
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_stream_that_is_left_runs_its_finally() {
    let mut shim = Plugin::new(MAIN).ready();
    for (function, line) in [("count", "over"), ("endless", "cancelled")] {
        let call = shim.begin_stream(function, "[1000000000]", 1);
        assert!(matches!(told(&mut shim, call), Told::Item(_)));
        shim.send(&EngineMessage::Cancel { id: call });
        let end = told(&mut shim, call);
        assert!(matches!(end, Told::Failed(CallError::Cancelled)));
        logged(&mut shim, line);
        shim.seen.clear();
    }
    let call = shim.begin_stream("hangs", "[]", ALL);
    assert!(matches!(told(&mut shim, call), Told::Item(_)));
    shim.send(&EngineMessage::Cancel { id: call });
    assert!(matches!(told(&mut shim, call), Told::Failed(_)));
    logged(&mut shim, "AbortError");
    logged(&mut shim, "over");
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_generator_that_does_not_end_is_ended_at_the_limits_of_its_call() {
    let mut plugin = Plugin::new(MAIN);
    plugin.background_ms = 2000;
    let mut shim = plugin.ready();
    let short = CallLimits {
        cpu_ms: 50,
        ..GENEROUS
    };
    let call = shim.begin_within("spins", "[]", short, ALL);
    assert!(matches!(told(&mut shim, call), Told::Item(_)));
    let end = told(&mut shim, call);
    assert!(matches!(
        end,
        Told::Failed(CallError::CpuTime { limit_ms: 50 })
    ));
    assert_eq!(items(&mut shim, "count", "[1]"), json(&["0"]));
    assert_eq!(shim.close(), 0);
}

#[test]
fn the_time_that_a_reader_takes_is_none_of_the_calls() {
    let mut shim = Plugin::new(MAIN).ready();
    let short = CallLimits {
        wall_ms: 1000,
        ..GENEROUS
    };
    for (function, ends) in [("count", true), ("hangs", false)] {
        let call = shim.begin_within(function, "[3]", short, 1);
        assert!(matches!(told(&mut shim, call), Told::Item(_)));
        // Longer than all of its time.
        std::thread::sleep(Duration::from_millis(1500));
        shim.send(&EngineMessage::Credit {
            id: call,
            bytes: ALL,
        });
        let last = loop {
            match told(&mut shim, call) {
                Told::Item(_) => {}
                last => break last,
            }
        };
        match last {
            Told::End => assert!(ends),
            Told::Failed(CallError::WallTime { limit_ms: 1000 }) => assert!(!ends),
            other => panic!("{function}: {other:?}"),
        }
    }
    assert_eq!(shim.close(), 0);
}

#[test]
fn streams_and_calls_go_on_beside_each_other() {
    let mut shim = Plugin::new(MAIN).ready();
    let first = shim.begin_stream("count", "[1000]", ALL);
    let second = shim.begin_stream("slow", "[]", ALL);
    let plain = shim.begin("plain", Payload::Json("[]".into()), GENEROUS);
    let (mut counts, mut answered) = ([0, 0], 0);
    while answered < 3 {
        match shim.next() {
            ShimMessage::Item { id, .. } if id == first => counts[0] += 1,
            ShimMessage::Item { id, .. } if id == second => counts[1] += 1,
            ShimMessage::StreamEnd { id } => {
                assert_ne!(id, plain);
                answered += 1;
            }
            ShimMessage::Reply { id, result } => {
                assert!(id == plain && result.is_ok());
                answered += 1;
            }
            ShimMessage::Log { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [1000, 3]);
    assert_eq!(shim.close(), 0);
}

const CALLS: &str = r#"
    const pause = () => new Promise((go) => setTimeout(go, 1));
    export const deadline = async () => {
        const before = lazaret.call.deadline - Date.now();
        await pause();
        const after = lazaret.call.deadline - Date.now();
        return before > 40_000 && before <= 50_000 && after <= before;
    };
    export const same = async () => {
        const first = lazaret.call;
        await pause();
        await null;
        return lazaret.call === first && Object.isFrozen(first) && first.signal === first.signal
            && first.signal instanceof AbortSignal && !first.signal.aborted;
    };
    let kept;
    export const keep = () => { kept = lazaret.call; };
    export const other = async () => { await pause(); return lazaret.call !== kept && !kept.signal.aborted; };
    export const waits = () => new Promise(() => {
        const { signal } = lazaret.call;
        signal.onabort = () => console.log(`${signal.reason.name}: ${signal.reason.message}`);
    });
    export const late = async () => {
        const call = lazaret.call;
        await new Promise((go) => setTimeout(go, 200));
        console.log(call.signal.reason.name);
    };
    export const asks = async () => { await pause(); await pause(); await Deno.remove("/srv/a"); };
    export const stubborn = () => {
        lazaret.call.signal.onabort = () => { for (;;); };
        return new Promise(() => {});
    };
    export const outside = lazaret.call === undefined;
    export const isOutside = () => outside;
"#;

#[test]
fn a_call_knows_its_deadline_and_signal_also_after_it_waited() {
    let mut shim = Plugin::new(CALLS).ready();
    for function in ["isOutside", "deadline", "same"] {
        assert_eq!(shim.json(function, "[]"), "true", "{function}");
    }
    shim.json("keep", "[]");
    assert_eq!(shim.json("other", "[]"), "true");
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_signal_says_why_its_call_is_over() {
    let mut shim = Plugin::new(CALLS).ready();
    let call = shim.begin("waits", Payload::Json("[]".into()), GENEROUS);
    shim.json("isOutside", "[]");
    shim.send(&EngineMessage::Cancel { id: call });
    assert_eq!(shim.next_reply(), (call, Err(CallError::Cancelled)));
    logged(&mut shim, "AbortError: the call was cancelled");
    let short = CallLimits {
        wall_ms: 50,
        ..GENEROUS
    };
    let ended = shim.call_within("waits", "[]", short);
    assert_eq!(ended, Err(CallError::WallTime { limit_ms: 50 }));
    logged(
        &mut shim,
        "TimeoutError: the call is over one of its limits",
    );
    // Looked at only when it is over.
    let ended = shim.call_within("late", "[]", short);
    assert_eq!(ended, Err(CallError::WallTime { limit_ms: 50 }));
    logged(&mut shim, "TimeoutError");
    assert!(
        shim.lines()
            .iter()
            .all(|(level, ..)| *level == LogLevel::Info)
    );
    assert_eq!(shim.close(), 0);
}

#[test]
fn what_is_asked_for_after_waiting_is_asked_for_the_call() {
    let mut shim = Plugin::new(CALLS).ready();
    let call = shim.begin("asks", Payload::Json("[]".into()), GENEROUS);
    match shim.next() {
        ShimMessage::Ask {
            call: of,
            act: Act::Remove { .. },
            ..
        } => assert_eq!(of, Some(call)),
        other => panic!("no ask: {other:?}"),
    }
    assert_eq!(shim.close(), 0);
}

#[test]
fn a_listener_that_does_not_end_is_work_outside_of_any_call() {
    let mut plugin = Plugin::new(CALLS);
    plugin.background_ms = 50;
    let mut shim = plugin.ready();
    let call = shim.begin("stubborn", Payload::Json("[]".into()), GENEROUS);
    shim.json("isOutside", "[]");
    shim.send(&EngineMessage::Cancel { id: call });
    assert_eq!(shim.next_reply(), (call, Err(CallError::Cancelled)));
    assert_eq!(shim.next_crash().name, "Interrupted");
    assert_eq!(shim.exit_code(), 1);
}
