//! How much a plugin may say: lines are cut, and a flood is dropped and counted.

use std::time::{Duration, Instant};

/// A bucket that fills at a number of bytes a second and holds one second's worth.
#[derive(Debug)]
pub(super) struct LogLimit {
    line_bytes: usize,
    bytes_per_second: u64,
    left: u64,
    filled: Instant,
    dropped: u64,
}

impl LogLimit {
    pub(super) fn new(line_bytes: u64, bytes_per_second: u64, now: Instant) -> Self {
        Self {
            line_bytes: usize::try_from(line_bytes).unwrap_or(usize::MAX),
            bytes_per_second,
            left: bytes_per_second,
            filled: now,
            dropped: 0,
        }
    }

    /// Other limits; what was said so far counts.
    pub(super) fn set(&mut self, line_bytes: u64, bytes_per_second: u64) {
        self.line_bytes = usize::try_from(line_bytes).unwrap_or(usize::MAX);
        self.bytes_per_second = bytes_per_second;
        self.left = self.left.min(bytes_per_second);
    }

    /// The longest line in bytes.
    pub(super) fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// The line as it may be sent and how many were dropped before it; `None` if it is dropped.
    /// So many bytes go `beside` it.
    pub(super) fn admit<'a>(
        &mut self,
        text: &'a str,
        beside: usize,
        now: Instant,
    ) -> Option<(&'a str, u64)> {
        let text = &text[..text.floor_char_boundary(self.line_bytes)];
        self.fill(now);
        // An empty line costs as well: its message is not empty.
        let cost = (text.len() as u64).saturating_add(beside as u64 + 16);
        // A line longer than a second's worth may use up a full bucket.
        if cost.min(self.bytes_per_second) > self.left || self.bytes_per_second == 0 {
            self.dropped += 1;
            return None;
        }
        self.left = self.left.saturating_sub(cost);
        Some((text, std::mem::take(&mut self.dropped)))
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        let passed = passed.min(Duration::from_secs(1)).as_nanos();
        let gained = passed * u128::from(self.bytes_per_second) / 1_000_000_000;
        if gained > 0 {
            let gained = u64::try_from(gained).unwrap_or(u64::MAX);
            self.left = self.left.saturating_add(gained).min(self.bytes_per_second);
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let now = Instant::now();
        let mut limit = LogLimit::new(4, 1000, now);
        assert_eq!(limit.admit("aaa\u{e9}b", 0, now), Some(("aaa", 0)));
    }

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let now = Instant::now();
        let mut limit = LogLimit::new(100, 100, now);
        let line = "x".repeat(34);
        assert!(limit.admit(&line, 0, now).is_some());
        assert!(limit.admit(&line, 0, now).is_some());
        assert_eq!(limit.admit(&line, 0, now), None);
        assert_eq!(limit.admit(&line, 0, now), None);
        let later = now + Duration::from_millis(500);
        assert_eq!(limit.admit(&line, 0, later), Some((line.as_str(), 2)));
    }

    #[test]
    fn a_line_over_a_seconds_worth_passes_when_the_bucket_is_full() {
        let now = Instant::now();
        let mut limit = LogLimit::new(1000, 100, now);
        let line = "x".repeat(500);
        assert!(limit.admit(&line, 0, now).is_some());
        assert!(limit.admit("y", 0, now).is_none());
        assert!(limit.admit("y", 0, now + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn other_limits_hold_from_the_next_line_on() {
        let now = Instant::now();
        let mut limit = LogLimit::new(100, 1000, now);
        limit.set(4, 30);
        assert_eq!(limit.admit("abcdef", 0, now), Some(("abcd", 0)));
        assert_eq!(
            limit.admit("abcdef", 0, now),
            None,
            "what was left is cut down"
        );
        limit.set(100, 1000);
        assert_eq!(limit.admit("abcdef", 0, now), None, "nothing is given");
        let later = now + Duration::from_secs(1);
        assert_eq!(limit.admit("abcdef", 0, later), Some(("abcdef", 2)));
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_through() {
        let now = Instant::now();
        assert_eq!(LogLimit::new(10, 0, now).admit("", 0, now), None);
    }
}
