//! Connections that are kept for the next request to the same place, for a while.
//!
//! A connection comes here when its answer was read to the end, and never after an error. Those that
//! are kept count for the policy's connections at a time as those in use do: they go where a new one
//! needs their room.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, sleep_until, timeout};

use super::broker::Body;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(15);

/// The most that are kept.
const MOST: usize = 8;

/// How long the end of a request may take whose answer was read: it may still be sent.
const SETTLE: Duration = Duration::from_millis(100);

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Connections of one plugin that nobody uses now, the one that is kept longest first.
pub(super) struct Kept {
    idle: RefCell<VecDeque<Idle>>,
    /// How many connections the policy lets the plugin have at a time.
    most: Cell<usize>,
    /// A reference for each connection in use, beside the one of who counts them.
    open: Weak<()>,
    /// Somebody waits to close those that were kept for long.
    swept: Cell<bool>,
    /// How often other rules came to hold.
    epoch: Cell<u64>,
}

struct Idle {
    place: Place,
    line: Line,
    until: Instant,
}

/// A connection on which HTTP is spoken.
pub(super) struct Line {
    pub(super) sender: SendRequest<Body>,
    /// The broker reads the requests: what it refuses it answers there.
    pub(super) brokered: bool,
    /// That of [`Kept::epoch`] before it was made.
    pub(super) epoch: u64,
}

/// A connection while its answer is read.
pub(super) struct Lent {
    pub(super) place: Place,
    pub(super) line: Line,
    pub(super) kept: Rc<Kept>,
}

impl Lent {
    /// Keeps it, where the rules it was made by still hold: its answer was read to the end.
    pub(super) fn give_back(self) {
        let kept = self.kept;
        if self.line.sender.is_closed() || self.line.epoch != kept.epoch() {
            return;
        }
        let mut idle = kept.idle.borrow_mut();
        if idle.len() >= MOST {
            idle.pop_front();
        }
        idle.push_back(Idle {
            place: self.place,
            line: self.line,
            until: Instant::now() + IDLE,
        });
        drop(idle);
        if !kept.swept.replace(true) {
            deno_core::unsync::spawn(sweep(Rc::downgrade(&kept)));
        }
    }
}

impl Kept {
    /// `open` has a reference for each connection in use, beside itself.
    pub(super) fn new(open: &Rc<()>, most: usize) -> Self {
        Self {
            idle: RefCell::default(),
            most: Cell::new(most),
            open: Rc::downgrade(open),
            swept: Cell::new(false),
            epoch: Cell::new(0),
        }
    }

    /// Which rules hold: a connection is kept only as long as those that it was made by.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// One that leads there and takes a request now.
    pub(super) async fn take(&self, place: &Place) -> Option<Line> {
        loop {
            let mut line = self.newest(place)?;
            if let Ok(Ok(())) = timeout(SETTLE, line.sender.ready()).await {
                return Some(line);
            }
        }
    }

    fn newest(&self, place: &Place) -> Option<Line> {
        let mut idle = self.idle.borrow_mut();
        let found = idle.iter().rposition(|one| one.place == *place)?;
        Some(idle.remove(found)?.line)
    }

    /// Closes as many as must go before a further connection is made. The one it is for is in use
    /// already.
    pub(super) fn leave_room(&self) {
        let used = self.open.strong_count().saturating_sub(1);
        let mut idle = self.idle.borrow_mut();
        while used + idle.len() > self.most.get() && idle.pop_front().is_some() {}
    }

    /// Other rules hold: nothing that was connected to before is used again.
    pub(super) fn start_anew(&self, most: usize) {
        self.most.set(most);
        self.epoch.set(self.epoch.get() + 1);
        self.idle.borrow_mut().clear();
    }

    /// Closes those that were kept long enough; when the next one will have been.
    fn close_old(&self, now: Instant) -> Option<Instant> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|one| one.until > now && !one.line.sender.is_closed());
        idle.front().map(|one| one.until)
    }
}

async fn sweep(kept: Weak<Kept>) {
    let mut next = Some(Instant::now() + IDLE);
    while let Some(until) = next {
        sleep_until(until).await;
        let Some(kept) = kept.upgrade() else {
            return;
        };
        next = kept.close_old(Instant::now());
        kept.swept.set(next.is_some());
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, DuplexStream};

    use super::*;

    fn place(host: &str) -> Place {
        Place {
            secure: true,
            host: host.to_owned(),
            port: 443,
        }
    }

    /// A connection in use, and the other end of it.
    async fn lent(kept: &Rc<Kept>, host: &str) -> (Lent, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let made = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await;
        let (sender, connection) = made.expect("a connection");
        tokio::spawn(connection);
        let lent = Lent {
            place: place(host),
            line: Line {
                sender,
                brokered: false,
                epoch: kept.epoch(),
            },
            kept: kept.clone(),
        };
        (lent, theirs)
    }

    /// A connection that was used, and the other end of it.
    async fn used(kept: &Rc<Kept>, host: &str) -> DuplexStream {
        let (lent, theirs) = lent(kept, host).await;
        lent.give_back();
        theirs
    }

    async fn is_closed(mut end: DuplexStream) -> bool {
        let read = timeout(Duration::from_secs(60), end.read(&mut [0])).await;
        matches!(read, Ok(Ok(0)))
    }

    #[tokio::test]
    async fn a_connection_is_used_again_for_its_own_place_alone() {
        let open = Rc::new(());
        let kept = Rc::new(Kept::new(&open, 16));
        let _a = used(&kept, "a.example").await;
        assert!(kept.take(&place("b.example")).await.is_none());
        let plain = Place {
            secure: false,
            ..place("a.example")
        };
        assert!(kept.take(&plain).await.is_none());
        assert!(kept.take(&place("a.example")).await.is_some());
        assert!(kept.take(&place("a.example")).await.is_none());
        drop(used(&kept, "a.example").await);
        assert!(kept.take(&place("a.example")).await.is_none());
    }

    #[tokio::test]
    async fn a_connection_in_use_is_not_kept_when_other_rules_came_meanwhile() {
        let open = Rc::new(());
        let kept = Rc::new(Kept::new(&open, 16));
        let (before, end) = lent(&kept, "a.example").await;
        kept.start_anew(16);
        before.give_back();
        assert!(kept.take(&place("a.example")).await.is_none());
        assert!(is_closed(end).await);
        let _after = used(&kept, "a.example").await;
        assert!(kept.take(&place("a.example")).await.is_some());
    }

    #[tokio::test]
    async fn what_is_kept_makes_room_is_bounded_and_grows_old() {
        let open = Rc::new(());
        let kept = Rc::new(Kept::new(&open, 3));
        let ends = [
            used(&kept, "a.example").await,
            used(&kept, "b.example").await,
            used(&kept, "c.example").await,
        ];
        let [a, b, c] = ends;
        let in_use = [open.clone(), open.clone()];
        kept.leave_room();
        assert!(is_closed(a).await && is_closed(b).await);
        assert!(kept.close_old(Instant::now()).is_some());
        assert!(kept.close_old(Instant::now() + IDLE).is_none());
        assert!(is_closed(c).await);
        drop(in_use);
        let first = used(&kept, "a.example").await;
        let mut rest = Vec::new();
        for _ in 0..MOST {
            rest.push(used(&kept, "a.example").await);
        }
        assert!(is_closed(first).await);
        kept.start_anew(3);
        for end in rest {
            assert!(is_closed(end).await);
        }
    }
}
