use std::sync::Arc;

use lazaret_protocol::ITEM_BYTES;
use tokio::sync::{Notify, watch};

use super::super::stream::{Items, stream};
use super::*;

const LIMITS: CallLimits = CallLimits {
    wall_ms: 10_000,
    cpu_ms: 500,
};

const TERMS: Terms = Terms {
    limits: LIMITS,
    timeout: None,
    result_bytes: 100,
};

fn begin(
    calls: &mut Calls,
    now: Instant,
    cpu_us: u64,
) -> (CallId, oneshot::Receiver<Result<Payload, CallFailure>>) {
    let (reply, receiver) = oneshot::channel();
    let begun = calls.begin(Reply::Whole(reply), TERMS, now, Some(cpu_us));
    (begun.unwrap().id, receiver)
}

/// A call that takes a stream, and may have a result of so many bytes.
fn begin_stream(calls: &mut Calls, result_bytes: u64) -> (CallId, Items) {
    let (_, end) = watch::channel(None);
    let (feed, items) = stream("f", Arc::new(Notify::new()), end, None);
    let terms = Terms {
        result_bytes,
        ..TERMS
    };
    let begun = calls.begin(Reply::Stream(feed), terms, Instant::now(), Some(0));
    let begun = begun.unwrap();
    assert_eq!(begun.window, Some(STREAM_WINDOW));
    (begun.id, items)
}

#[test]
fn a_call_is_overdue_a_grace_after_its_wall_time() {
    let mut calls = Calls::default();
    let start = Instant::now();
    let (_, _receiver) = begin(&mut calls, start, 0);
    let limit = start + Duration::from_millis(LIMITS.wall_ms);
    assert_eq!(calls.overdue(limit, 0), None);
    assert_eq!(
        calls.overdue(limit + GRACE, 0),
        Some(EndReason::WallTime { limit_ms: 10_000 })
    );
    assert_eq!(calls.next_deadline(), Some(limit + GRACE));
}

#[test]
fn cpu_time_counts_from_the_start_of_the_call_and_is_shared() {
    let mut calls = Calls::default();
    let now = Instant::now();
    let (_, _one) = begin(&mut calls, now, 5_000_000);
    assert_eq!(calls.overdue(now, 6_500_000), None);
    assert_eq!(
        calls.overdue(now, 6_500_001),
        Some(EndReason::CpuTime { limit_ms: 500 })
    );
    let (_, _other) = begin(&mut calls, now, 5_000_000);
    assert_eq!(calls.overdue(now, 7_000_000), None);
    assert!(calls.overdue(now, 7_000_001).is_some());
}

#[test]
fn calls_beside_a_standing_stream_add_their_cpu_time_to_what_it_may_take() {
    let mut calls = Calls::default();
    let now = Instant::now();
    let (_, _items) = begin_stream(&mut calls, 100);
    let mut used = 0;
    for _ in 0..20 {
        let (id, _receiver) = begin(&mut calls, now, used);
        // All that the one may take.
        used += 500_000;
        assert_eq!(calls.overdue(now, used), None);
        assert!(calls.answer(id, Ok(Payload::Json("1".into()))));
    }
    // Its own half second, theirs, and the grace.
    assert_eq!(calls.overdue(now, used + 1_500_000), None);
    assert!(calls.overdue(now, used + 1_500_001).is_some());
    // The next is held to its own and the stream's, whatever was before it.
    let (id, _receiver) = begin(&mut calls, now, used);
    calls.calls.retain(|call, _| *call == id);
    assert_eq!(calls.overdue(now, used + 2_000_000), None);
    assert_eq!(
        calls.overdue(now, used + 2_000_001),
        Some(EndReason::CpuTime { limit_ms: 500 })
    );
}

fn given_up(calls: &mut Calls) -> Vec<CallId> {
    calls.give_up(Instant::now(), |_| true)
}

#[test]
fn a_call_nobody_waits_for_is_given_up_once_and_may_still_be_answered() {
    let mut calls = Calls::default();
    let (id, receiver) = begin(&mut calls, Instant::now(), 0);
    assert_eq!(given_up(&mut calls), []);
    drop(receiver);
    let mut tried = 0;
    let told = calls.give_up(Instant::now(), |_| {
        tried += 1;
        false
    });
    assert_eq!((tried, told), (1, Vec::new()));
    // There was no room to say so: it is tried again.
    assert_eq!(given_up(&mut calls), [id]);
    assert_eq!(given_up(&mut calls), []);
    assert!(calls.answer(id, Err(CallFailure::Call(CallError::Cancelled))));
}

#[test]
fn a_start_that_could_not_be_read_counts_from_the_containers() {
    let mut calls = Calls::default();
    let now = Instant::now();
    let (reply, _receiver) = oneshot::channel();
    calls.begin(Reply::Whole(reply), TERMS, now, None).unwrap();
    assert!(calls.overdue(now, 1_500_001).is_some());
}

#[test]
fn an_answer_to_no_call_is_noticed() {
    let mut calls = Calls::default();
    let (id, mut receiver) = begin(&mut calls, Instant::now(), 0);
    let payload = Payload::Json("1".into());
    assert!(calls.answer(id, Ok(payload.clone())));
    assert!(!calls.answer(id, Ok(payload.clone())), "answered twice");
    assert_eq!(receiver.try_recv().unwrap(), Ok(payload));
}

#[test]
fn a_call_under_way_may_have_the_larger_of_two_results() {
    let mut calls = Calls::default();
    let (id, _receiver) = begin(&mut calls, Instant::now(), 0);
    calls.allow_results(50);
    assert_eq!(calls.result_bytes(id), Some(100));
    calls.allow_results(150);
    assert_eq!(calls.result_bytes(id), Some(150));
    assert_eq!(calls.result_bytes(CallId(99)), None);
}

#[test]
fn calls_beyond_the_most_are_refused_and_the_rest_told_of_the_end() {
    let mut calls = Calls::default();
    let receivers: Vec<_> = (0..MAX_CALLS_IN_FLIGHT)
        .map(|_| begin(&mut calls, Instant::now(), 0).1)
        .collect();
    let (reply, mut refused) = oneshot::channel();
    let begun = calls.begin(Reply::Whole(reply), TERMS, Instant::now(), None);
    assert_eq!(begun, None);
    assert_eq!(
        refused.try_recv().unwrap(),
        Err(CallFailure::Busy {
            limit: MAX_CALLS_IN_FLIGHT
        })
    );
    calls.end(&EndReason::Stopped);
    for mut receiver in receivers {
        assert_eq!(
            receiver.try_recv().unwrap(),
            Err(CallFailure::Ended(EndReason::Stopped))
        );
    }
    assert!(calls.is_empty());
}

#[tokio::test]
async fn items_are_handed_on_until_their_end() {
    let mut calls = Calls::default();
    let (id, mut items) = begin_stream(&mut calls, 1000);
    let item = || Payload::Bytes(vec![7]);
    assert_eq!(calls.item(id, item(), Instant::now()), Ok(()));
    assert_eq!(calls.streamed(id), 1 + ITEM_BYTES);
    assert_eq!(calls.end_stream(id), Ok(()));
    assert_eq!(items.next().await, Some(Ok(item())));
    assert_eq!(items.next().await, None);
    assert!(calls.is_empty());
}

#[test]
fn items_and_ends_of_no_stream_break_a_rule() {
    let mut calls = Calls::default();
    let (whole, _receiver) = begin(&mut calls, Instant::now(), 0);
    let (streams, _items) = begin_stream(&mut calls, 1000);
    let (item, now) = (|| Payload::Json("1".into()), Instant::now());
    let broken = |result: Result<(), String>, rule: &str| {
        let what = result.unwrap_err();
        assert!(what.contains(rule), "{what}");
    };
    broken(calls.item(CallId(99), item(), now), "not under way");
    broken(calls.end_stream(CallId(99)), "not under way");
    broken(calls.item(whole, item(), now), "takes no stream");
    broken(calls.end_stream(whole), "takes no stream");
    assert_eq!(calls.end_stream(streams), Ok(()));
    broken(calls.item(streams, item(), now), "not under way");
    broken(calls.end_stream(streams), "not under way");
    assert!(calls.holds(whole));
}

#[tokio::test]
async fn items_are_held_to_their_credit_and_to_the_largest_result() {
    let mut calls = Calls::default();
    let (id, mut items) = begin_stream(&mut calls, u64::MAX);
    let empty = || Payload::Bytes(Vec::new());
    for _ in 0..STREAM_WINDOW / ITEM_BYTES {
        assert_eq!(calls.item(id, empty(), Instant::now()), Ok(()));
    }
    assert_eq!(calls.grants(Instant::now()), []);
    for _ in 0..STREAM_WINDOW / ITEM_BYTES {
        items.next().await.unwrap().unwrap();
    }
    assert_eq!(calls.grants(Instant::now()), [(id, STREAM_WINDOW)]);
    for _ in 0..STREAM_WINDOW / ITEM_BYTES {
        assert_eq!(calls.item(id, empty(), Instant::now()), Ok(()));
    }
    let what = calls.item(id, empty(), Instant::now()).unwrap_err();
    assert!(what.contains("beyond its credit"), "{what}");

    let (id, _items) = begin_stream(&mut calls, 2 * ITEM_BYTES);
    assert_eq!(calls.item(id, empty(), Instant::now()), Ok(()));
    assert_eq!(calls.item(id, empty(), Instant::now()), Ok(()));
    let what = calls.item(id, empty(), Instant::now()).unwrap_err();
    assert_eq!(what, "items of 192 bytes, with a limit of 128");
}

#[test]
fn the_sooner_of_two_limits_holds_and_is_named() {
    let start = Instant::now();
    let begin = |calls: &mut Calls, timeout| {
        let (reply, receiver) = oneshot::channel();
        let terms = Terms {
            timeout: Some(Duration::from_millis(timeout)),
            ..TERMS
        };
        let begun = calls.begin(Reply::Whole(reply), terms, start, Some(0));
        (begun.unwrap(), receiver)
    };
    let late = |limit_ms| Err(CallFailure::Call(CallError::WallTime { limit_ms }));
    let mut calls = Calls::default();
    let (begun, mut receiver) = begin(&mut calls, 50);
    assert_eq!(begun.limits.wall_ms, 50);
    assert!(calls.answer(begun.id, late(50)));
    let told = receiver.try_recv().unwrap();
    assert_eq!(told, Err(CallFailure::Deadline { limit_ms: 50 }));

    let (begun, mut receiver) = begin(&mut calls, 60_000);
    assert_eq!(begun.limits, LIMITS);
    assert!(calls.answer(begun.id, late(10_000)));
    assert_eq!(receiver.try_recv().unwrap(), late(10_000));

    // It is not for the shim to say what the policy's limits are.
    let (begun, mut receiver) = begin(&mut calls, 60_000);
    assert!(calls.answer(begun.id, late(1)));
    assert_eq!(receiver.try_recv().unwrap(), late(LIMITS.wall_ms));
    let (begun, mut receiver) = begin(&mut calls, 60_000);
    let cpu = |limit_ms| Err(CallFailure::Call(CallError::CpuTime { limit_ms }));
    assert!(calls.answer(begun.id, cpu(1)));
    assert_eq!(receiver.try_recv().unwrap(), cpu(LIMITS.cpu_ms));
}

#[test]
fn a_caller_is_answered_at_its_deadline_and_the_plugin_has_until_the_policys() {
    let mut calls = Calls::default();
    let start = Instant::now();
    let (reply, mut receiver) = oneshot::channel();
    let terms = Terms {
        timeout: Some(Duration::from_millis(50)),
        ..TERMS
    };
    let begun = calls.begin(Reply::Whole(reply), terms, start, Some(0));
    let id = begun.unwrap().id;
    let due = start + Duration::from_millis(50) + GRACE;
    assert_eq!(calls.next_deadline(), Some(due));
    calls.answer_late(due - Duration::from_millis(1));
    assert!(receiver.try_recv().is_err());
    calls.answer_late(due);
    let told = receiver.try_recv().unwrap();
    assert_eq!(told, Err(CallFailure::Deadline { limit_ms: 50 }));
    assert_eq!(given_up(&mut calls), [id]);
    assert_eq!(calls.overdue(due, 0), None);
    let end = start + Duration::from_millis(LIMITS.wall_ms) + GRACE;
    assert_eq!(calls.next_deadline(), Some(end));
    assert!(calls.overdue(end, 0).is_some());
    assert!(calls.answer(id, Err(CallFailure::Call(CallError::Cancelled))));
}

/// A call with a deadline of its own that takes a stream and has sent all it may.
fn standing(calls: &mut Calls, timeout: Option<Duration>, now: Instant) -> (CallId, Items) {
    let (_, end) = watch::channel(None);
    let (feed, items) = stream("count", Arc::new(Notify::new()), end, None);
    let terms = Terms {
        timeout,
        result_bytes: u64::MAX,
        ..TERMS
    };
    let begun = calls.begin(Reply::Stream(feed), terms, now, Some(0));
    let id = begun.unwrap().id;
    send(calls, id, now);
    (id, items)
}

/// One item, as large as all that may be under way.
fn send(calls: &mut Calls, id: CallId, now: Instant) {
    let whole = usize::try_from(STREAM_WINDOW).unwrap();
    let item = Payload::Bytes(vec![0; whole]);
    assert_eq!(calls.item(id, item, now), Ok(()));
}

#[tokio::test]
async fn the_time_that_a_reader_takes_is_none_of_the_plugins() {
    let (mut calls, start) = (Calls::default(), Instant::now());
    let limit = Duration::from_millis(LIMITS.wall_ms);
    let half = limit / 2;
    let sent = start + half;
    let (id, mut items) = standing(&mut calls, None, start);
    // It stood still from the start on.
    let slow = 3 * limit;
    assert_eq!(calls.overdue(start + slow, 0), None);
    items.next().await.unwrap().unwrap();
    assert_eq!(calls.grants(start + slow).len(), 1);
    let (due, ways) = (start + slow + limit + GRACE, WAY);
    assert_eq!(calls.next_deadline(), Some(due + ways));
    // Half of its own time is over when it stands still again.
    send(&mut calls, id, sent + slow);
    assert_eq!(calls.overdue(due + 2 * slow, 0), None);
    items.next().await.unwrap().unwrap();
    calls.grants(sent + 2 * slow);
    let due = due + slow + 2 * WAY;
    assert_eq!(calls.overdue(due - Duration::from_millis(1), 0), None);
    assert_eq!(
        calls.overdue(due, 0),
        Some(EndReason::WallTime { limit_ms: 10_000 })
    );
    // What it computes meanwhile counts as ever.
    assert!(calls.overdue(sent, 1_500_001).is_some());
}

#[tokio::test]
async fn who_reads_nothing_for_long_is_gone_and_who_reads_slowly_is_not() {
    let (mut calls, start) = (Calls::default(), Instant::now());
    let (id, mut items) = standing(&mut calls, None, start);
    assert_eq!(calls.next_deadline(), Some(start + READER_PATIENCE));
    let almost = start + READER_PATIENCE - Duration::from_millis(1);
    assert_eq!(calls.answer_late(almost), [""; 0]);
    items.next().await.unwrap().unwrap();
    calls.grants(almost);
    send(&mut calls, id, almost);
    // From here on nobody does.
    let late = almost + READER_PATIENCE;
    assert_eq!(calls.answer_late(late - Duration::from_millis(1)), [""; 0]);
    assert_eq!(calls.answer_late(late), ["count"]);
    assert_eq!(calls.answer_late(late), [""; 0]);
    assert!(matches!(items.next().await, Some(Ok(_))));
    let failure = CallFailure::Unread {
        patience_ms: 60_000,
    };
    assert_eq!(items.next().await, Some(Err(failure)));
    // The shim is told, and has what was left of its time to answer.
    assert_eq!(calls.give_up(late, |_| true), [id]);
    assert!(!calls.holds(id));
    let due = calls.next_deadline().unwrap();
    assert!(calls.overdue(due, 0).is_some());
}

#[tokio::test]
async fn some_of_what_waits_read_is_a_reader_that_is_there() {
    let (mut calls, start) = (Calls::default(), Instant::now());
    let (id, mut items) = begin_stream(&mut calls, u64::MAX);
    for _ in 0..STREAM_WINDOW / ITEM_BYTES {
        assert_eq!(calls.item(id, Payload::Bytes(Vec::new()), start), Ok(()));
    }
    // Too little to be granted anew.
    let mut now = start;
    for _ in 0..10 {
        now += READER_PATIENCE - Duration::from_millis(1);
        items.next().await.unwrap().unwrap();
        assert_eq!(calls.grants(now), []);
        assert_eq!(calls.answer_late(now), [""; 0]);
    }
    assert_eq!(calls.answer_late(now + READER_PATIENCE), ["f"]);
}

#[tokio::test]
async fn a_callers_deadline_comes_whoever_takes_the_time() {
    for timeout in [Duration::from_millis(50), Duration::from_millis(20_000)] {
        let (mut calls, start) = (Calls::default(), Instant::now());
        let (id, mut items) = standing(&mut calls, Some(timeout), start);
        let due = start + timeout;
        assert_eq!(calls.next_deadline(), Some(due));
        calls.answer_late(due - Duration::from_millis(1));
        assert!(calls.holds(id));
        calls.answer_late(due);
        assert!(matches!(items.next().await, Some(Ok(_))));
        let limit_ms = timeout.as_millis() as u64;
        let failure = CallFailure::Deadline { limit_ms };
        assert_eq!(items.next().await, Some(Err(failure)));
        assert_eq!(calls.give_up(due, |_| true), [id]);
    }
}
