//! The engine's own bound on log bytes: the shim has one too, but its word is not taken for it.

use std::time::Instant;

use super::bucket::Bucket;

/// What a line costs besides its bytes, so that empty ones are not for free.
pub(super) const LINE_BYTES: u64 = 64;

/// Bytes that may be logged: a bucket that fills with time, up to two seconds' worth.
pub(super) struct LogLimit {
    bytes: Bucket,
    dropped: u64,
}

impl LogLimit {
    pub(super) fn new(bytes_per_second: u64, now: Instant) -> Self {
        let bytes_per_second = bytes_per_second as f64;
        Self {
            bytes: Bucket::new(bytes_per_second, bytes_per_second * 2.0, now),
            dropped: 0,
        }
    }

    /// Another limit from here on.
    pub(super) fn set(&mut self, bytes_per_second: u64, now: Instant) {
        let bytes_per_second = bytes_per_second as f64;
        self.bytes
            .set(bytes_per_second, bytes_per_second * 2.0, now);
    }

    /// Whether a line of this many bytes may pass. If so: how many lines were dropped before it.
    pub(super) fn admit(
        &mut self,
        bytes: usize,
        dropped_by_shim: u64,
        now: Instant,
    ) -> Option<u64> {
        self.dropped = self.dropped.saturating_add(dropped_by_shim);
        // A line about dropped lines is one more.
        let lines = if self.dropped == 0 { 1 } else { 2 };
        let cost = (bytes as u64).saturating_add(lines * LINE_BYTES) as f64;
        if !self.bytes.take(cost, now) {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_dropped_and_counted_and_the_log_goes_on_later() {
        let start = Instant::now();
        let mut limit = LogLimit::new(1000, start);
        assert_eq!(limit.admit(1500, 0, start), Some(0));
        assert_eq!(limit.admit(600, 0, start), None);
        assert_eq!(limit.admit(600, 4, start), None);
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.admit(600, 0, later), Some(6));
        assert_eq!(limit.admit(600, 0, later), Some(0));
    }

    #[test]
    fn empty_lines_and_word_of_dropped_ones_are_not_for_free() {
        let now = Instant::now();
        let mut limit = LogLimit::new(1000, now);
        let admitted = (0..1000)
            .filter(|_| limit.admit(0, 0, now).is_some())
            .count();
        assert_eq!(admitted, 31);
        let mut limit = LogLimit::new(1000, now);
        let admitted = (0..1000)
            .filter(|_| limit.admit(0, 1, now).is_some())
            .count();
        assert_eq!(admitted, 15);
    }

    #[test]
    fn another_limit_holds_at_once() {
        let start = Instant::now();
        let mut limit = LogLimit::new(1000, start);
        limit.set(100, start);
        assert_eq!(limit.admit(201, 0, start), None);
        assert_eq!(limit.admit(20, 0, start), Some(1));
        limit.set(1000, start);
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.admit(900, 0, later), Some(0));
    }

    #[test]
    fn quiet_time_does_not_pile_up() {
        let start = Instant::now();
        let mut limit = LogLimit::new(1000, start);
        assert_eq!(
            limit.admit(2001, 0, start + Duration::from_secs(3600)),
            None
        );
    }
}
