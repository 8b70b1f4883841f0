//! A bucket that fills with time: what bounds a rate. Pure: time is an argument.

use std::time::{Duration, Instant};

/// Room for so much at once, filled again at so much a second.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    most: f64,
    /// Below zero where more was spent than there was.
    level: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(per_second: f64, most: f64, now: Instant) -> Self {
        Self {
            per_second,
            most,
            level: most,
            filled: now,
        }
    }

    /// Fills at another rate from here on; what is in it stays, as far as it has room.
    pub(crate) fn set(&mut self, per_second: f64, most: f64, now: Instant) {
        self.fill(now);
        self.per_second = per_second;
        self.most = most;
        self.level = self.level.min(most);
    }

    /// Takes so much out if it is there.
    pub(crate) fn take(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        let there = cost <= self.level;
        if there {
            self.level -= cost;
        }
        there
    }

    /// Takes so much out, there or not. Where it was not all there: how long until the bucket
    /// holds `again`.
    pub(crate) fn spend(&mut self, cost: f64, again: f64, now: Instant) -> Option<Duration> {
        self.fill(now);
        self.level -= cost;
        (self.level < 0.0).then(|| Duration::from_secs_f64((again - self.level) / self.per_second))
    }

    /// Takes so much out, there or not, unless more than `most` would then be missing. Gives how long until what is
    /// missing is there; `None` where it was not taken.
    pub(crate) fn owe(&mut self, cost: f64, most: f64, now: Instant) -> Option<Duration> {
        self.fill(now);
        let left = self.level - cost;
        if left < -most {
            return None;
        }
        self.level = left;
        Some(Duration::from_secs_f64((-left).max(0.0) / self.per_second))
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.level = (self.level + passed * self.per_second).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_taken_and_quiet_time_does_not_pile_up() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 5.0, start);
        assert_eq!((0..9).filter(|_| bucket.take(1.0, start)).count(), 5);
        let later = start + Duration::from_millis(200);
        assert_eq!((0..9).filter(|_| bucket.take(1.0, later)).count(), 2);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| bucket.take(1.0, much_later)).count(), 5);
    }

    #[test]
    fn a_debt_is_told_by_the_time_it_takes_to_fill_it() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 5.0, start);
        assert_eq!(bucket.spend(5.0, 1.0, start), None);
        let wait = bucket.spend(1.0, 1.0, start);
        assert_eq!(wait, Some(Duration::from_millis(200)));
        let then = start + Duration::from_millis(200);
        assert_eq!(bucket.spend(1.0, 1.0, then), None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 1.0, start + Duration::from_secs(1));
        assert!(bucket.take(1.0, start));
        assert!(!bucket.take(1.0, start + Duration::from_secs(1)));
    }
}
