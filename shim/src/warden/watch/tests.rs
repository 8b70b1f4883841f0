use super::*;

const A: CallId = CallId(1);
const B: CallId = CallId(2);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn limits(wall_ms: u64, cpu_ms: u64) -> CallLimits {
    CallLimits { wall_ms, cpu_ms }
}

/// A watch with calls A and B in flight, each 1000 ms of wall and 100 ms of CPU time.
fn two_calls(start: Instant) -> Watch {
    let mut watch = Watch::new(Budgets {
        load: ms(50),
        background: ms(30),
    });
    assert!(watch.begin_call(A, limits(1000, 100), start));
    assert!(watch.begin_call(B, limits(1000, 100), start));
    watch
}

#[test]
fn a_call_over_its_cpu_time_is_ended_and_interrupted() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Call(A), ms(500), start);
    let early = watch.tick(start, ms(599));
    assert!(!early.interrupt && early.ended.is_empty());
    assert_eq!(early.again, Some(ms(1)));
    let late = watch.tick(start, ms(600));
    assert!(late.interrupt);
    assert_eq!(late.ended, [(A, CallError::CpuTime { limit_ms: 100 })]);
    assert_eq!(watch.end_turn(ms(601)), TurnEnd::CallGivenUp);
    assert!(!watch.finish_call(A));
    assert!(watch.finish_call(B));
}

#[test]
fn another_calls_deadline_interrupts_nothing() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    assert!(watch.begin_call(CallId(3), limits(5, 100), start));
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    let verdict = watch.tick(start + ms(5), ms(4));
    assert_eq!(
        verdict.ended,
        [(CallId(3), CallError::WallTime { limit_ms: 5 })]
    );
    assert!(!verdict.interrupt);
    assert_eq!(watch.end_turn(ms(5)), TurnEnd::Whole);
}

#[test]
fn a_deadline_while_nothing_runs_ends_the_call_alone() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    let verdict = watch.tick(start + ms(1000), ms(0));
    assert_eq!(verdict.ended.len(), 2);
    assert!(!verdict.interrupt);
    assert_eq!(verdict.again, None);
}

#[test]
fn the_event_loop_is_paid_for_in_equal_parts() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Loop, ms(0), start);
    assert!(watch.tick(start, ms(150)).ended.is_empty());
    assert_eq!(watch.end_turn(ms(160)), TurnEnd::Whole);
    watch.begin_turn(TurnKind::Call(A), ms(160), start);
    assert_eq!(watch.tick(start, ms(180)).ended.len(), 1);
    watch.end_turn(ms(180));
    assert!(watch.in_flight(B));
}

#[test]
fn a_cancelled_call_that_spins_in_the_event_loop_is_interrupted() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Loop, ms(0), start);
    assert_eq!(watch.cancel_call(A), Some(CallError::Cancelled));
    assert_eq!(watch.cancel_call(A), None);
    let early = watch.tick(start, ms(2));
    assert!(!early.interrupt);
    assert_eq!(early.again, Some(ms(8)));
    assert!(watch.tick(start, ms(10)).interrupt);
}

#[test]
fn a_cancelled_call_that_is_being_started_is_interrupted_at_once() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    watch.cancel_call(A);
    assert!(watch.tick(start, ms(0)).interrupt);
}

#[test]
fn an_interruption_is_repeated_until_the_turn_ends() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    watch.cancel_call(A);
    assert!(watch.tick(start, ms(0)).interrupt);
    let verdict = watch.tick(start, ms(1));
    assert!(verdict.interrupt);
    assert_eq!(verdict.again, Some(GRACE));
    watch.end_turn(ms(2));
    assert!(!watch.tick(start, ms(2)).interrupt);
}

#[test]
fn loading_and_background_work_have_budgets_of_their_own() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.finish_call(A);
    watch.finish_call(B);
    assert!(watch.begin_turn(TurnKind::Load, ms(0), start));
    assert!(!watch.tick(start, ms(49)).interrupt);
    watch.end_turn(ms(40));
    watch.begin_turn(TurnKind::Load, ms(40), start);
    assert!(watch.tick(start, ms(50)).interrupt);
    assert_eq!(watch.end_turn(ms(50)), TurnEnd::OverBudget);
    watch.begin_turn(TurnKind::Loop, ms(50), start);
    assert!(!watch.tick(start, ms(79)).interrupt);
    assert!(watch.tick(start, ms(80)).interrupt);
}

#[test]
fn the_warden_is_only_woken_for_a_turn_it_would_see_too_late() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    assert_eq!(watch.tick(start, ms(0)).again, Some(ms(100)));
    assert!(
        watch.begin_turn(TurnKind::Call(A), ms(0), start),
        "patience ends before 100 ms"
    );
    assert_eq!(watch.tick(start, ms(0)).again, Some(PATIENCE));
    watch.end_turn(ms(0));
    assert!(!watch.begin_turn(TurnKind::Loop, ms(0), start));
    assert!(!watch.begin_turn(TurnKind::Call(B), ms(0), start + ms(5)));
    assert!(watch.begin_call(CallId(3), limits(5, 100), start));
    assert!(
        watch.begin_turn(TurnKind::Call(CallId(3)), ms(0), start),
        "its deadline comes before the next look"
    );
    assert_eq!(watch.tick(start, ms(0)).again, Some(ms(5)));
}

#[test]
fn the_warden_keeps_looking_while_there_are_turns_and_rests_after() {
    let start = Instant::now();
    let mut watch = Watch::new(Budgets {
        load: ms(50),
        background: ms(30),
    });
    assert_eq!(watch.tick(start, ms(0)).again, None);
    assert!(watch.begin_turn(TurnKind::Loop, ms(0), start));
    watch.end_turn(ms(0));
    assert_eq!(watch.tick(start, ms(0)).again, Some(PATIENCE));
    assert_eq!(watch.tick(start + PATIENCE, ms(0)).again, None);
}

#[test]
fn the_warden_listens_during_a_turn_that_lasts() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    let early = watch.tick(start + ms(5), ms(0));
    assert!(!early.listen);
    assert_eq!(early.again, Some(PATIENCE - ms(5)));
    let late = watch.tick(start + PATIENCE, ms(0));
    assert!(late.listen);
    assert_eq!(late.again, Some(ms(100)));
    watch.end_turn(ms(0));
    assert!(!watch.tick(start + PATIENCE, ms(0)).listen);
}

#[test]
fn an_id_in_flight_is_not_taken_twice() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    assert!(!watch.begin_call(A, limits(1, 1), start));
}

#[test]
fn a_turn_that_goes_on_though_it_was_interrupted_is_stuck() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    assert!(watch.tick(start, ms(100)).interrupt);
    assert!(!watch.tick(start, ms(1099)).stuck);
    let verdict = watch.tick(start, ms(1100));
    assert!(verdict.stuck && verdict.interrupt);
    watch.end_turn(ms(1100));
    watch.begin_turn(TurnKind::Call(B), ms(1100), start);
    assert!(
        !watch.tick(start, ms(1101)).stuck,
        "the next one is another"
    );
}

#[test]
fn cleaning_up_after_a_call_is_paid_for_by_none_and_bounded() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.begin_turn(TurnKind::CleanUp, ms(0), start);
    assert_eq!(watch.tick(start, ms(10)).again, Some(ms(20)));
    assert!(!watch.tick(start, ms(29)).interrupt);
    assert!(watch.tick(start, ms(30)).interrupt);
    assert_eq!(watch.end_turn(ms(1000)), TurnEnd::OverBudget);
    let verdict = watch.tick(start, ms(1000));
    assert!(verdict.ended.is_empty(), "{verdict:?}");
}

#[test]
fn a_call_has_what_is_left_until_its_deadline() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    assert_eq!(watch.left(A, start + ms(300)), Some(ms(700)));
    assert_eq!(watch.left(A, start + ms(1300)), Some(ms(0)));
    assert!(watch.begin_call(CallId(3), limits(u64::MAX, 100), start));
    assert_eq!(watch.left(CallId(3), start), Some(ms(u64::MAX)));
    watch.finish_call(A);
    assert_eq!(watch.left(A, start), None);
}

#[test]
fn the_time_that_a_reader_takes_is_none_of_the_calls() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.finish_call(B);
    watch.await_reader(A, start + ms(400));
    watch.await_reader(A, start + ms(500));
    assert_eq!(watch.left(A, start + ms(9000)), Some(ms(600)));
    let verdict = watch.tick(start + ms(9000), ms(0));
    assert!(verdict.ended.is_empty());
    assert_eq!(verdict.again, Some(ms(100)), "its CPU time still runs");
    watch.go_on(A, start + ms(10_400));
    watch.go_on(A, start + ms(10_500));
    assert_eq!(watch.left(A, start + ms(10_500)), Some(ms(500)));
    assert!(watch.tick(start + ms(10_999), ms(0)).ended.is_empty());
    assert_eq!(watch.tick(start + ms(11_000), ms(0)).ended.len(), 1);
}

#[test]
fn a_call_that_waits_for_its_reader_is_held_to_its_cpu_time() {
    let start = Instant::now();
    let mut watch = two_calls(start);
    watch.await_reader(A, start);
    watch.begin_turn(TurnKind::Call(A), ms(0), start);
    assert_eq!(
        watch.tick(start, ms(100)).ended,
        [(A, CallError::CpuTime { limit_ms: 100 })]
    );
}
