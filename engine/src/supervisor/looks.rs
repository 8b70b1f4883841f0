//! When the cgroup's counters are looked at. Pure: time is an argument.

use std::time::{Duration, Instant};

/// The least time between two looks, however often the kernel tells of something: one record a
/// second for each counter is enough to see what goes on.
const LEAST: Duration = Duration::from_secs(1);

/// The time between two looks where no call is under way and the kernel tells of nothing.
const IDLE: Duration = Duration::from_secs(30);

/// The looks so far.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<Instant>,
}

impl Looks {
    /// Notes a look.
    pub(super) fn looked(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// From when on the kernel's word is listened to again; `None` for at once.
    pub(super) fn listens_from(&self) -> Option<Instant> {
        self.last.map(|last| last + LEAST)
    }

    /// When to look without being told to. Some counters go up silently; they do so in calls.
    pub(super) fn due(&self, started: Instant, busy: bool) -> Instant {
        self.last.unwrap_or(started) + if busy { LEAST } else { IDLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_heard_at_once_and_the_next_a_second_later() {
        let start = Instant::now();
        let mut looks = Looks::default();
        assert_eq!(looks.listens_from(), None);
        looks.looked(start);
        assert_eq!(looks.listens_from(), Some(start + LEAST));
    }

    #[test]
    fn a_busy_plugin_is_looked_at_each_second_and_an_idle_one_rarely() {
        let start = Instant::now();
        let mut looks = Looks::default();
        assert_eq!(looks.due(start, true), start + LEAST);
        assert_eq!(looks.due(start, false), start + IDLE);
        let later = start + Duration::from_secs(7);
        looks.looked(later);
        assert_eq!(looks.due(start, true), later + LEAST);
        assert_eq!(looks.due(start, false), later + IDLE);
    }
}
