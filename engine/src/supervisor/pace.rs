//! How fast the engine listens: whoever says more than that stands still until its turn, so that
//! a flood costs the one who makes it. Pure: time is an argument.

use std::time::Instant;

use super::bucket::Bucket;
use super::log_limit::LINE_BYTES;

/// Reported system calls answered at once. A shim makes none, so this is room for whoever debugs
/// at reaction `deny`.
const CALLS_AT_ONCE: f64 = 100.0;

/// Reported system calls answered a second: an answer costs the engine tens of microseconds, so a
/// flood takes about one hundredth of a processor.
const CALLS_PER_SECOND: f64 = 200.0;

/// Messages a second that are no replies, where the policy's log needs fewer: some microseconds
/// each, so a flood takes about one hundredth of a processor.
const MESSAGES_PER_SECOND: u64 = 2000;

/// Text in a message that costs as much again as the message itself does: copying this much takes
/// the engine some microseconds.
const TEXT_BYTES: f64 = 64.0 * 1024.0;

/// Bytes of results read a second: far more than small answers come to, and copying so much takes the engine some
/// hundredths of a processor. What is more keeps others waiting, since a result is read in one piece.
const RESULT_BYTES_PER_SECOND: f64 = 64.0 * 1024.0 * 1024.0;

/// And so many at once: a few of the largest.
const RESULT_BYTES_AT_ONCE: f64 = 16.0 * 1024.0 * 1024.0;

/// After a flood the engine listens again for this part of a second's worth, not for each message
/// on its own.
const TURNS_PER_SECOND: f64 = 100.0;

/// How fast one source is listened to.
#[derive(Debug)]
pub(super) struct Pace {
    bucket: Bucket,
    /// How much there must be before more is listened to.
    turn: f64,
    closed_until: Option<Instant>,
}

impl Pace {
    fn new(per_second: f64, at_once: f64, now: Instant) -> Self {
        Self {
            bucket: Bucket::new(per_second, at_once, now),
            turn: (per_second / TURNS_PER_SECOND).clamp(1.0, at_once),
            closed_until: None,
        }
    }

    /// For reported system calls.
    pub(super) fn of_calls(now: Instant) -> Self {
        Self::new(CALLS_PER_SECOND, CALLS_AT_ONCE, now)
    }

    /// For messages that are no replies, given the log bytes a second that the policy allows. All
    /// lines that the log's own limit lets through have their room.
    pub(super) fn of_messages(log_bytes_per_second: u64, now: Instant) -> Self {
        let lines = log_bytes_per_second / LINE_BYTES;
        let per_second = lines.max(MESSAGES_PER_SECOND) as f64;
        Self::new(per_second, per_second, now)
    }

    /// For the bytes of results, however many those are.
    pub(super) fn of_results(now: Instant) -> Self {
        Self::new(RESULT_BYTES_PER_SECOND, RESULT_BYTES_AT_ONCE, now)
    }

    /// Counts one more thing that was listened to, with so many bytes of text in it.
    pub(super) fn count(&mut self, text_bytes: usize, now: Instant) {
        self.spend(1.0 + text_bytes as f64 / TEXT_BYTES, now);
    }

    /// Counts a result of so many bytes.
    pub(super) fn count_result(&mut self, bytes: u64, now: Instant) {
        self.spend(bytes as f64, now);
    }

    fn spend(&mut self, cost: f64, now: Instant) {
        let wait = self.bucket.spend(cost, self.turn, now);
        self.closed_until = wait.map(|wait| now + wait);
    }

    /// The moment before which nothing more is listened to.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        self.closed_until
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many a flood of these gets through in the time.
    fn through(pace: &mut Pace, text_bytes: usize, start: Instant, time: Duration) -> u64 {
        let (mut now, mut count) = (start, 0);
        while now <= start + time {
            pace.count(text_bytes, now);
            count += 1;
            now = pace.closed_until().map_or(now, |until| until.max(now));
        }
        count
    }

    #[test]
    fn a_flood_of_calls_gets_a_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut pace = Pace::of_calls(start);
        let count = through(&mut pace, 0, start, Duration::from_secs(10));
        assert!((2095..=2105).contains(&count), "{count}");
    }

    #[test]
    fn one_that_keeps_below_its_rate_is_never_held_up() {
        let start = Instant::now();
        let mut pace = Pace::of_messages(0, start);
        for number in 0..100_000 {
            pace.count(30, start + number * Duration::from_micros(501));
            assert_eq!(pace.closed_until(), None, "message {number}");
        }
    }

    #[test]
    fn every_line_the_log_lets_through_has_its_room() {
        let start = Instant::now();
        let mut pace = Pace::of_messages(1 << 20, start);
        let count = through(&mut pace, 0, start, Duration::from_secs(1));
        assert!(count >= (1 << 20) / LINE_BYTES, "{count}");
    }

    #[test]
    fn small_results_are_never_held_up_and_large_ones_get_their_rate() {
        let start = Instant::now();
        let mut pace = Pace::of_results(start);
        for number in 0..100_000 {
            pace.count_result(1024, start + number * Duration::from_micros(20));
            assert_eq!(pace.closed_until(), None, "result {number}");
        }
        let mut pace = Pace::of_results(start);
        let (mut now, mut bytes) = (start, 0_u64);
        while now <= start + Duration::from_secs(10) {
            pace.count_result(1 << 20, now);
            bytes += 1 << 20;
            now = pace.closed_until().map_or(now, |until| until.max(now));
        }
        assert!((640..=670).contains(&(bytes >> 20)), "{} MiB", bytes >> 20);
    }

    #[test]
    fn large_texts_cost_more() {
        let start = Instant::now();
        let mut pace = Pace::of_messages(0, start);
        let count = through(&mut pace, 1 << 20, start, Duration::from_secs(10));
        assert!((1200..1400).contains(&count), "{count}");
    }

    #[test]
    fn a_flood_is_listened_to_in_few_turns() {
        let start = Instant::now();
        let mut pace = Pace::of_messages(0, start);
        through(&mut pace, 0, start, Duration::from_secs(1));
        let now = pace.closed_until().unwrap();
        pace.count(0, now);
        assert_eq!(pace.closed_until(), None, "more than one a turn");
    }
}
