//! The records of one plugin's violations: how many are told, and which are kept. Pure: time is an
//! argument.

use std::time::Instant;

use super::bucket::Bucket;
use crate::event::{Act, Violation};

/// The most records kept.
pub(super) const MAX_KEPT: usize = 100;

/// Records of one kind that are told at once; as many as are kept.
const AT_ONCE: f64 = MAX_KEPT as f64;

/// Records of one kind that are told a second after that: more than anybody reads, and so few that
/// a thousand plugins fill no disk.
const PER_SECOND: f64 = 10.0;

/// Kinds of acts; each has its own room, so that a flood of one does not hide another.
const KINDS: usize = 7;

/// What is known of one plugin's violations.
#[derive(Debug)]
pub(super) struct Records {
    rooms: [Bucket; KINDS],
    kept: Vec<Violation>,
    refused: u64,
    limit_events: u64,
    /// Not told since the last one that was.
    dropped: u64,
    dropped_in_all: u64,
}

/// The records at the plugin's end.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) violations: Vec<Violation>,
    pub(super) refused: u64,
    pub(super) limit_events: u64,
    pub(super) dropped: u64,
}

impl Records {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rooms: std::array::from_fn(|_| Bucket::new(PER_SECOND, AT_ONCE, now)),
            kept: Vec::new(),
            refused: 0,
            limit_events: 0,
            dropped: 0,
            dropped_in_all: 0,
        }
    }

    /// Counts a violation and keeps it if there is room. If it is to be told: how many were not
    /// told before it.
    pub(super) fn admit(&mut self, violation: &Violation, now: Instant) -> Option<u64> {
        let count = if violation.act.is_limit_event() {
            &mut self.limit_events
        } else {
            &mut self.refused
        };
        *count = count.saturating_add(1);
        self.keep(violation);
        if self.rooms[kind(&violation.act)].take(1.0, now) {
            return Some(std::mem::take(&mut self.dropped));
        }
        self.drop_one();
        None
    }

    /// Takes back what [`Self::admit`] let be told: there was nobody with room for it.
    pub(super) fn unheard(&mut self, dropped_before: u64) {
        self.dropped = self.dropped.saturating_add(dropped_before);
        self.drop_one();
    }

    fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
        self.dropped_in_all = self.dropped_in_all.saturating_add(1);
    }

    /// The first are kept; a graver one takes the place of the last of the least grave.
    fn keep(&mut self, violation: &Violation) {
        if self.kept.len() >= MAX_KEPT {
            let least = (self.kept.iter().enumerate().rev())
                .min_by_key(|(_, kept)| kept.severity)
                .filter(|(_, kept)| kept.severity < violation.severity);
            match least.map(|(place, _)| place) {
                Some(place) => drop(self.kept.remove(place)),
                None => return,
            }
        }
        self.kept.push(violation.clone());
    }

    pub(super) fn close(self) -> Kept {
        Kept {
            violations: self.kept,
            refused: self.refused,
            limit_events: self.limit_events,
            dropped: self.dropped_in_all,
        }
    }
}

fn kind(act: &Act) -> usize {
    match act {
        Act::Syscall(_) | Act::Withdrawn => 0,
        Act::Permission { .. } => 1,
        Act::Network { .. } => 2,
        Act::Filter { .. } => 3,
        Act::Memory(_) => 4,
        Act::Pids(_) => 5,
        Act::Cpu(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazaret_policy::Severity;

    use super::*;
    use crate::event::{CounterRise, Reaction, Witness};

    fn record(act: Act, severity: Severity) -> Violation {
        Violation {
            at_unix_ms: 0,
            plugin: "p".into(),
            act,
            severity,
            reaction: Reaction::Deny,
            witness: Witness::Kernel,
        }
    }

    fn permission(number: u32) -> Violation {
        record(
            Act::refused(format!("file:read:/{number}")),
            Severity::Medium,
        )
    }

    fn event() -> Violation {
        let rise = CounterRise {
            counter: "memory.events max",
            rose_by: 1,
            total: 1,
        };
        record(Act::Memory(rise), Severity::Low)
    }

    #[test]
    fn a_flood_is_counted_cut_and_told_of_later() {
        let start = Instant::now();
        let mut records = Records::new(start);
        let told = (0..5000)
            .filter_map(|number| records.admit(&permission(number), start))
            .collect::<Vec<_>>();
        assert_eq!(told, [0; MAX_KEPT]);
        let later = start + Duration::from_millis(100);
        assert_eq!(records.admit(&permission(5000), later), Some(4900));
        assert_eq!(records.admit(&permission(5001), later), None);
        let kept = records.close();
        assert_eq!(kept.violations.len(), MAX_KEPT);
        assert_eq!(kept.violations[99], permission(99), "the first are kept");
        assert_eq!((kept.refused, kept.dropped), (5002, 4901));
    }

    #[test]
    fn a_flood_of_one_kind_leaves_room_for_another() {
        let now = Instant::now();
        let mut records = Records::new(now);
        for number in 0..1000 {
            records.admit(&permission(number), now);
        }
        assert_eq!(records.admit(&event(), now), Some(900));
        let kept = records.close();
        assert_eq!((kept.refused, kept.limit_events), (1000, 1));
    }

    #[test]
    fn a_grave_record_is_kept_after_a_flood_of_lesser_ones() {
        let now = Instant::now();
        let mut records = Records::new(now);
        for number in 0..1000 {
            records.admit(&permission(number), now);
        }
        let grave = record(Act::refused("file:read:/x".into()), Severity::High);
        records.admit(&grave, now);
        records.admit(&event(), now);
        let kept = records.close().violations;
        assert_eq!(kept.len(), MAX_KEPT);
        assert_eq!(kept[98], permission(98));
        assert_eq!(kept[99], grave, "in the order they came");
    }

    #[test]
    fn what_nobody_had_room_for_is_dropped_too() {
        let now = Instant::now();
        let mut records = Records::new(now);
        let before = records.admit(&permission(0), now).unwrap();
        records.unheard(before);
        assert_eq!(records.admit(&permission(1), now), Some(1));
        assert_eq!(records.close().dropped, 1);
    }
}
