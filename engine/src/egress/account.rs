//! What one plugin has used of its limits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;

use super::rules::Limits;
use crate::supervisor::bucket::Bucket;

/// How long a connection waits for the place of another one that is about to end: a plugin that closes
/// one and opens the next is heard in any order.
const ROOM_WITHIN: Duration = Duration::from_millis(500);

/// How long a new connection waits for its turn at most, in seconds. Who hangs up in the meantime
/// was counted: without an end to it, others would wait for those who are long gone.
const MOST_WAIT_SECONDS: f64 = 10.0;

/// When a new connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// At once.
    Now,
    /// After so long.
    In(Duration),
    /// Too many wait before it.
    Never,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the plugin.
    Sent,
    /// To the plugin.
    Received,
}

/// What one plugin has used, held together by all its connections.
#[derive(Debug)]
pub(super) struct Account {
    state: Mutex<State>,
    /// A connection was closed.
    closed: Notify,
    sent: AtomicU64,
    received: AtomicU64,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    /// Connections that are open.
    open: u32,
    connects: Bucket,
    bytes: Bucket,
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Slot(Arc<Account>);

impl Account {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            state: Mutex::new(State::new(limits, 0, now)),
            closed: Notify::new(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Holds it to other limits. What was used stays used.
    pub(super) fn set(&self, limits: Limits, now: Instant) {
        let mut state = self.state();
        if state.limits != limits {
            *state = State::new(limits, state.open, now);
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.state().limits
    }

    /// Counts a new connection, unless it would wait too long.
    pub(super) fn connects(&self, now: Instant) -> Turn {
        let mut state = self.state();
        let most = f64::from(state.limits.connects.max(1)) * MOST_WAIT_SECONDS;
        match state.connects.owe(1.0, most, now) {
            None => Turn::Never,
            Some(Duration::ZERO) => Turn::Now,
            Some(wait) => Turn::In(wait),
        }
    }

    /// Opens a connection, if there is room for one more now or soon.
    pub(super) async fn opens(self: &Arc<Self>) -> Option<Slot> {
        let opens = async {
            loop {
                let closed = self.closed.notified();
                match self.open() {
                    Some(slot) => return slot,
                    None => closed.await,
                }
            }
        };
        timeout(ROOM_WITHIN, opens).await.ok()
    }

    fn open(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.state();
        if state.open >= state.limits.connections {
            return None;
        }
        state.open += 1;
        Some(Slot(Arc::clone(self)))
    }

    /// How many bytes may still go that way.
    pub(super) fn room(&self, way: Way) -> u64 {
        let limits = self.limits();
        let (limit, used) = match way {
            Way::Sent => (limits.sent, &self.sent),
            Way::Received => (limits.received, &self.received),
        };
        limit.saturating_sub(used.load(Ordering::Relaxed))
    }

    /// Counts bytes that went. Where they were too many at once: how long no more go.
    pub(super) fn moved(&self, way: Way, bytes: u64, now: Instant) -> Option<Duration> {
        let used = match way {
            Way::Sent => &self.sent,
            Way::Received => &self.received,
        };
        used.fetch_add(bytes, Ordering::Relaxed);
        self.state().bytes.spend(bytes as f64, 0.0, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A second's worth at once is left of what is counted by the second.
    fn new(limits: Limits, open: u32, now: Instant) -> Self {
        let bucket = |a_second: f64| Bucket::new(a_second, a_second, now);
        Self {
            limits,
            open,
            connects: bucket(f64::from(limits.connects.max(1))),
            bytes: bucket(limits.bandwidth.max(1) as f64),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().open -= 1;
        self.0.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 64,
        connects: 100,
        sent: 1 << 20,
        received: 1 << 20,
        bandwidth: 1 << 20,
    };

    fn account(limits: Limits, now: Instant) -> Arc<Account> {
        Arc::new(Account::new(limits, now))
    }

    #[test]
    fn connections_are_open_up_to_their_number_and_room_is_given_back() {
        let now = Instant::now();
        let limits = Limits {
            connections: 2,
            ..LIMITS
        };
        let account = account(limits, now);
        let first = account.open().unwrap();
        let _second = account.open().unwrap();
        assert!(account.open().is_none());
        drop(first);
        assert!(account.open().is_some());
    }

    #[tokio::test]
    async fn a_connection_waits_a_while_for_the_place_of_one_that_ends() {
        let limits = Limits {
            connections: 1,
            ..LIMITS
        };
        let account = account(limits, Instant::now());
        let first = account.opens().await.unwrap();
        let (second, third) = tokio::join!(account.opens(), async {
            drop(first);
            account.opens().await
        });
        // Either has it, as long as it is held.
        assert!(second.is_some() != third.is_some());
        drop((second, third));
        assert!(account.opens().await.is_some());
    }

    #[test]
    fn new_limits_hold_for_what_is_open_and_used() {
        let now = Instant::now();
        let account = account(LIMITS, now);
        let _open = account.open().unwrap();
        account.moved(Way::Sent, 100, now);
        let limits = Limits {
            connections: 1,
            sent: 150,
            ..LIMITS
        };
        account.set(limits, now);
        assert!(account.open().is_none());
        assert_eq!(account.room(Way::Sent), 50);
        account.set(Limits { sent: 99, ..limits }, now);
        assert_eq!(account.room(Way::Sent), 0);
        assert_eq!(account.room(Way::Received), limits.received);
    }

    #[test]
    fn new_connections_come_no_faster_than_they_may() {
        let now = Instant::now();
        let limits = Limits {
            connects: 10,
            ..LIMITS
        };
        let account = account(limits, now);
        let turns = |count: usize, now| -> Vec<_> {
            let turns = (0..count).map(|_| account.connects(now));
            turns.filter(|turn| *turn != Turn::Now).collect()
        };
        let waits = [100, 200].map(|millis| Turn::In(Duration::from_millis(millis)));
        assert_eq!(turns(12, now), waits);
        assert_eq!(turns(1, now + Duration::from_secs(1)), []);
    }

    #[test]
    fn whoever_asks_too_often_waits_no_longer_than_so_long() {
        let now = Instant::now();
        let limits = Limits {
            connects: 10,
            ..LIMITS
        };
        let account = account(limits, now);
        // A second's worth at once, and ten seconds' worth that wait.
        let turns: Vec<_> = (0..500).map(|_| account.connects(now)).collect();
        let never = turns.iter().filter(|turn| **turn == Turn::Never).count();
        assert_eq!(never, 500 - 10 - 100);
        assert_eq!(turns[109], Turn::In(Duration::from_secs(10)));
        // Those that were not taken are not waited for.
        let later = now + Duration::from_secs(1);
        assert_eq!(
            account.connects(later),
            Turn::In(Duration::from_millis(9100))
        );
        assert_eq!(account.connects(now + Duration::from_secs(12)), Turn::Now);
    }

    #[test]
    fn a_second_of_bytes_goes_at_once_and_then_no_more_than_the_bandwidth() {
        let now = Instant::now();
        let limits = Limits {
            bandwidth: 1000,
            ..LIMITS
        };
        let account = account(limits, now);
        assert_eq!(account.moved(Way::Sent, 600, now), None);
        assert_eq!(account.moved(Way::Received, 400, now), None);
        let wait = account.moved(Way::Sent, 500, now);
        assert_eq!(wait, Some(Duration::from_millis(500)));
    }
}
