//! When the cgroup's counters are looked at. Pure: time is an argument.

use std::time::{Duration, Instant};

/// The least time between two looks, however often the kernel tells of something: one record a
/// second for each counter is enough to see what goes on.
const LEAST: Duration = Duration::from_secs(1);

/// The time between two looks where no call was under way since the last one, and the kernel tells
/// of nothing.
const IDLE: Duration = Duration::from_secs(30);

/// The looks so far.
#[derive(Debug)]
pub(super) struct Looks {
    started: Instant,
    last: Option<Instant>,
    called_since: bool,
}

impl Looks {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            last: None,
            called_since: false,
        }
    }

    /// Notes a look, and whether calls are under way.
    pub(super) fn looked(&mut self, now: Instant, calls: bool) {
        self.last = Some(now);
        self.called_since = calls;
    }

    /// Notes that a call begins.
    pub(super) fn called(&mut self) {
        self.called_since = true;
    }

    /// From when on the kernel's word is listened to again; `None` for at once.
    pub(super) fn listens_from(&self) -> Option<Instant> {
        self.last.map(|last| last + LEAST)
    }

    /// When to look without being told to. Some counters go up silently; they do so in calls.
    pub(super) fn due(&self) -> Instant {
        let pause = if self.called_since { LEAST } else { IDLE };
        self.last.unwrap_or(self.started) + pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_heard_at_once_and_the_next_a_second_later() {
        let start = Instant::now();
        let mut looks = Looks::new(start);
        assert_eq!(looks.listens_from(), None);
        looks.looked(start, false);
        assert_eq!(looks.listens_from(), Some(start + LEAST));
    }

    #[test]
    fn a_plugin_is_looked_at_each_second_of_a_call_once_after_it_and_else_rarely() {
        let start = Instant::now();
        let mut looks = Looks::new(start);
        assert_eq!(looks.due(), start + IDLE);
        looks.called();
        assert_eq!(looks.due(), start + LEAST);
        let (one, two) = (Duration::from_secs(1), Duration::from_secs(2));
        looks.looked(start + one, true);
        assert_eq!(looks.due(), start + one + LEAST);
        looks.looked(start + two, false);
        assert_eq!(looks.due(), start + two + IDLE);
    }
}
