//! Results that come in items: from the task that owns a plugin to whoever reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lazaret_protocol::Payload;
use tokio::sync::{Notify, mpsc, watch};

use super::calls::CallFailure;
use super::running::{late, within};
use crate::event::EndReason;
use crate::schema::Contract;

/// What a shim may send of one stream before any of it is read, in bytes, as
/// [`Credit`](lazaret_protocol::Credit) counts.
pub const STREAM_WINDOW: u64 = 256 * 1024;

/// How long nobody may read anything of a stream that stands still for want of that. Whoever reads
/// nothing for longer has gone away, and the call is given up.
pub const READER_PATIENCE: Duration = Duration::from_secs(60);

/// So much is read before more is granted: a message for each item would cost more than the items.
const GRANT: u64 = STREAM_WINDOW / 2;

/// What comes next of a stream.
enum Next {
    Item(Payload),
    End(Result<(), CallFailure>),
}

/// The items of a call's result. Dropped before its end, the call is cancelled in the plugin, whose
/// generator is told to return.
#[derive(Debug)]
pub struct Items {
    queue: mpsc::UnboundedReceiver<Next>,
    taken: Arc<Taken>,
    end: watch::Receiver<Option<EndReason>>,
    /// What each item is to be, and of which function.
    contract: Option<(Arc<Contract>, String)>,
    /// How long the caller gave the call; a check of an item may take as long, with the wait for it.
    given: Option<Duration>,
    over: bool,
}

/// What is held until a stream's call is over, whether its items are read or not.
pub(crate) type Keep = Box<dyn std::any::Any + Send + Sync>;

/// Where items are put. What waits there is bounded by the credit that the shim has.
#[derive(Debug)]
pub(super) struct Feed {
    queue: mpsc::UnboundedSender<Next>,
    taken: Arc<Taken>,
    function: String,
    _keep: Option<Keep>,
}

/// What was read and not granted anew.
#[derive(Debug)]
struct Taken {
    bytes: AtomicU64,
    wake: Arc<Notify>,
}

/// Both ends of a stream. `wake` is told when there is more to grant, or nobody reads any more.
pub(super) fn stream(
    function: &str,
    wake: Arc<Notify>,
    end: watch::Receiver<Option<EndReason>>,
    keep: Option<Keep>,
) -> (Feed, Items) {
    let (sender, queue) = mpsc::unbounded_channel();
    let taken = Arc::new(Taken {
        bytes: AtomicU64::new(0),
        wake,
    });
    let feed = Feed {
        queue: sender,
        taken: Arc::clone(&taken),
        function: function.to_owned(),
        _keep: keep,
    };
    let items = Items {
        queue,
        taken,
        end,
        contract: None,
        given: None,
        over: false,
    };
    (feed, items)
}

impl Items {
    /// Has them say how long the caller gave the call where that is over, whatever of it was left for the plugin.
    pub(super) fn given(mut self, given: Option<Duration>) -> Self {
        self.given = given;
        self
    }

    /// Holds each item to what the plugin's manifest says of the function's results, in the time of the call for each.
    pub(super) fn held_to(mut self, contract: Arc<Contract>, function: String) -> Self {
        self.contract = Some((contract, function));
        self
    }

    /// The next item; `None` after the last. A function that gives no stream gives its result as the
    /// only item.
    ///
    /// # Errors
    /// [`CallFailure`]; nothing comes after it.
    pub async fn next(&mut self) -> Option<Result<Payload, CallFailure>> {
        if self.over {
            return None;
        }
        let next = self.queue.recv().await;
        self.over = !matches!(next, Some(Next::Item(_)));
        match next {
            Some(Next::Item(item)) => {
                self.taken.add(item.cost());
                Some(self.checked(item).await)
            }
            Some(Next::End(Ok(()))) => None,
            Some(Next::End(Err(CallFailure::Deadline { .. }))) if self.given.is_some() => {
                Some(Err(late(self.given)))
            }
            Some(Next::End(Err(failure))) => Some(Err(failure)),
            None => Some(Err(CallFailure::Ended(self.reason()))),
        }
    }

    async fn checked(&mut self, item: Payload) -> Result<Payload, CallFailure> {
        let Some((contract, function)) = &self.contract else {
            return Ok(item);
        };
        let check = async {
            let checked = contract.result(function, item).await;
            checked.map_err(CallFailure::Result)
        };
        let checked = within(self.given, Instant::now(), check).await;
        // The call is given up with its first item that does not fit.
        if checked.is_err() {
            self.over = true;
            self.leave();
        }
        checked
    }

    /// Has the task look who is still there.
    fn leave(&mut self) {
        self.queue.close();
        self.taken.wake.notify_one();
    }

    fn reason(&self) -> EndReason {
        self.end
            .borrow()
            .clone()
            .unwrap_or_else(|| EndReason::Engine {
                what: "the engine's task for the plugin failed".to_owned(),
            })
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Taken {
    fn add(&self, bytes: u64) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) >= GRANT {
            self.wake.notify_one();
        }
    }
}

impl Feed {
    /// What gives it.
    pub(super) fn function(&self) -> &str {
        &self.function
    }

    /// Hands an item on.
    pub(super) fn item(&self, item: Payload) {
        // Who reads may have gone away; the call is about to be given up then.
        drop(self.queue.send(Next::Item(item)));
    }

    /// There are no more.
    pub(super) fn end(self, result: Result<(), CallFailure>) {
        drop(self.queue.send(Next::End(result)));
    }

    /// Nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// What was read and not granted anew, in bytes.
    pub(super) fn read(&self) -> u64 {
        self.taken.bytes.load(Ordering::Relaxed)
    }

    /// What is to be granted for what was read, if it is enough to be worth it.
    pub(super) fn to_grant(&self) -> Option<u64> {
        let enough = self.read() >= GRANT;
        enough.then(|| self.taken.bytes.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (Feed, Items, Arc<Notify>) {
        let wake = Arc::new(Notify::new());
        let (_, end) = watch::channel(None);
        let (feed, items) = stream("f", Arc::clone(&wake), end, None);
        (feed, items, wake)
    }

    #[tokio::test]
    async fn items_come_in_order_and_then_the_end() {
        let (feed, mut items, _) = open();
        for number in 0..3 {
            feed.item(Payload::Json(number.to_string()));
        }
        feed.end(Ok(()));
        for number in 0..3 {
            let item = Payload::Json(number.to_string());
            assert_eq!(items.next().await, Some(Ok(item)));
        }
        assert_eq!(items.next().await, None);
        assert_eq!(items.next().await, None);
    }

    #[tokio::test]
    async fn a_failure_comes_once_and_is_the_last() {
        let (feed, mut items, _) = open();
        let busy = CallFailure::Busy { limit: 1 };
        feed.end(Err(busy.clone()));
        assert_eq!(items.next().await, Some(Err(busy)));
        assert_eq!(items.next().await, None);
        let (feed, mut items, _) = open();
        drop(feed);
        assert!(matches!(
            items.next().await,
            Some(Err(CallFailure::Ended(_)))
        ));
    }

    #[tokio::test]
    async fn a_deadline_is_told_as_it_was_given() {
        let left = CallFailure::Deadline { limit_ms: 1 };
        for (given, limit_ms) in [(None, 1), (Some(Duration::from_millis(20)), 20)] {
            let (feed, items, _) = open();
            let mut items = items.given(given);
            feed.end(Err(left.clone()));
            let late = CallFailure::Deadline { limit_ms };
            assert_eq!(items.next().await, Some(Err(late)));
        }
    }

    #[tokio::test]
    async fn more_is_granted_only_for_what_was_read() {
        let (feed, mut items, wake) = open();
        let bytes = usize::try_from(GRANT).unwrap();
        feed.item(Payload::Bytes(vec![0; bytes - 100]));
        feed.item(Payload::Bytes(vec![0; 100]));
        items.next().await.unwrap().unwrap();
        assert_eq!(feed.to_grant(), None);
        items.next().await.unwrap().unwrap();
        wake.notified().await;
        assert_eq!(
            feed.to_grant(),
            Some(GRANT + 2 * lazaret_protocol::ITEM_BYTES)
        );
        assert_eq!(feed.to_grant(), None);
    }

    #[tokio::test]
    async fn who_goes_away_is_noticed_at_once() {
        let (feed, items, wake) = open();
        assert!(!feed.is_closed());
        drop(items);
        wake.notified().await;
        assert!(feed.is_closed());
    }
}
