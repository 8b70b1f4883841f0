//! How many descriptors connections may take, so that the rest of the engine has some left
//! whatever plugins do.
//!
//! Each connection holds as many as it may come to need from its start, used or not. A plugin never
//! has more of them than it leaves: whoever comes next finds some.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a plugin's own end takes.
pub(super) const END: u32 = 1;

/// What comes with a connection to a server besides: its socket, and what asking for its name takes
/// before there is one, for each of two kinds of addresses by UDP and again by TCP.
pub(super) const ONWARD: u32 = 1 + 2 * 2;

/// Those of all connections.
#[derive(Debug)]
pub(super) struct Descriptors(Mutex<u32>);

/// Those of one plugin's connections.
#[derive(Debug)]
pub(super) struct Part {
    all: Arc<Descriptors>,
    held: Mutex<u32>,
}

/// Some that are held for a connection.
#[derive(Debug)]
pub(super) struct Share {
    part: Arc<Part>,
    count: u32,
}

impl Descriptors {
    pub(super) fn new(count: u32) -> Self {
        Self(Mutex::new(count))
    }
}

impl Part {
    pub(super) fn of(all: &Arc<Descriptors>) -> Self {
        Self {
            all: Arc::clone(all),
            held: Mutex::new(0),
        }
    }

    /// Holds so many, where that leaves as many to others as this plugin has then.
    pub(super) fn take(self: &Arc<Self>, count: u32) -> Option<Share> {
        let (mut free, mut held) = self.both();
        let left = free.checked_sub(count)?;
        if *held + count > left {
            return None;
        }
        *free = left;
        *held += count;
        drop((free, held));
        Some(Share {
            part: Arc::clone(self),
            count,
        })
    }

    fn both(&self) -> (MutexGuard<'_, u32>, MutexGuard<'_, u32>) {
        let free = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (free, held)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let (mut free, mut held) = self.part.both();
        *free += self.count;
        *held -= self.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_leaves_as_many_as_it_has_and_all_of_them_no_less_than_none() {
        let all = Arc::new(Descriptors::new(100));
        let [first, second] = [(); 2].map(|()| Arc::new(Part::of(&all)));
        let most = |part: &Arc<Part>| std::iter::from_fn(|| part.take(5)).collect::<Vec<_>>();
        let firsts = most(&first);
        assert_eq!(firsts.len(), 10);
        let seconds = most(&second);
        assert_eq!(seconds.len(), 5);
        assert!(first.take(1).is_none());
        drop(seconds);
        drop(firsts);
        assert_eq!(most(&second).len(), 10);
        assert!(first.take(51).is_none() && first.take(u32::MAX).is_none());
    }
}
