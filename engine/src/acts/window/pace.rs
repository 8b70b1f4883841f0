//! How fast a plugin acts on windows: what that costs, the engine and the display pay. Pure: time is an
//! argument.

use std::time::{Duration, Instant};

use crate::supervisor::bucket::Bucket;

/// Acts at once: a program that looks at windows and puts each somewhere.
const AT_ONCE: f64 = 20.0;

/// Acts a second after that.
const PER_SECOND: f64 = 10.0;

/// The pace of one plugin.
#[derive(Debug)]
pub(in crate::acts) struct Pace(Bucket);

impl Pace {
    pub(in crate::acts) fn new(now: Instant) -> Self {
        Self(Bucket::new(PER_SECOND, AT_ONCE, now))
    }

    /// Takes one more act in. How long it has to wait, where it has to.
    pub(in crate::acts) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.0.spend(1.0, 0.0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_without_end_gets_a_burst_and_then_its_rate() {
        let start = Instant::now();
        let (mut pace, mut now, mut acts) = (Pace::new(start), start, 0);
        while now <= start + Duration::from_secs(10) {
            now += pace.wait(now).unwrap_or_default();
            acts += 1;
        }
        assert!((119..=122).contains(&acts), "{acts}");
    }

    #[test]
    fn who_keeps_below_its_rate_never_waits() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for number in 0..1000 {
            let now = start + number * Duration::from_millis(101);
            assert_eq!(pace.wait(now), None, "{number}");
        }
    }
}
