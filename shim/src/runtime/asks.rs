//! What the plugin asks of the engine, and who waits for the answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, CallId, Failure, MAX_ACT_BYTES, MAX_ARGUMENT_BYTES,
    MAX_PROGRAM_BYTES, ShimMessage,
};
use tokio::sync::{Semaphore, oneshot};

use super::Sink;

/// The most asks under way: half of what the engine takes. Those beyond wait here, in the plugin's
/// own memory.
const MOST: usize = lazaret_protocol::MAX_ASKS / 2;

/// Bytes that one permit of the room for content stands for.
const UNIT: usize = 4096;

/// Permits of that room: one of the largest acts.
const UNITS: usize = MAX_ACT_BYTES / UNIT;

/// What came of an ask.
type Outcome = Result<ActResult, ActError>;

/// The asks of this plugin; shared by both threads.
#[derive(Default)]
pub struct Asks(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    under_way: HashMap<AskId, oneshot::Sender<Outcome>>,
}

impl Asks {
    /// The engine has answered. An answer nobody waits for is dropped.
    pub fn answer(&self, id: AskId, outcome: Outcome) {
        let waiting = self.lock().under_way.remove(&id);
        if let Some(waiting) = waiting {
            // Its promise may be gone with the runtime.
            drop(waiting.send(outcome));
        }
    }

    fn begin(&self) -> (AskId, oneshot::Receiver<Outcome>) {
        let (waiting, outcome) = oneshot::channel();
        let mut state = self.lock();
        state.last += 1;
        let id = AskId(state.last);
        state.under_way.insert(id, waiting);
        (id, outcome)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JavaScript thread's end: asks when there is room.
#[derive(Clone)]
pub(super) struct Asker(Option<Arc<Room>>);

struct Room {
    asks: Arc<Asks>,
    sink: Arc<dyn Sink>,
    number: Semaphore,
    content: Semaphore,
}

impl Asker {
    /// Asks over `sink`; without `asks` there is no engine to ask.
    pub(super) fn new(asks: Option<Arc<Asks>>, sink: Arc<dyn Sink>) -> Self {
        Self(asks.map(|asks| {
            Arc::new(Room {
                asks,
                sink,
                number: Semaphore::new(MOST),
                content: Semaphore::new(UNITS),
            })
        }))
    }

    /// Has the engine do something.
    pub(super) async fn ask(self, call: Option<CallId>, act: Act) -> Outcome {
        let Some(room) = self.0 else {
            return Err(failed("there is no engine to do this"));
        };
        check(&act)?;
        // Never more than there is room for: that would wait for ever.
        let units = act.bytes().div_ceil(UNIT).min(UNITS);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let over = |_| failed("the plugin is over");
        let _number = room.number.acquire().await.map_err(over)?;
        let _content = room.content.acquire_many(units).await.map_err(over)?;
        let (id, outcome) = room.asks.begin();
        room.sink.send(ShimMessage::Ask { id, call, act });
        outcome
            .await
            .unwrap_or_else(|_| Err(failed("the plugin is over")))
    }
}

/// What the engine would take for a shim in other hands.
fn check(act: &Act) -> Result<(), ActError> {
    let within = |what: &str, asked: usize, limit: usize| {
        if asked <= limit {
            return Ok(());
        }
        Err(ActError::Limit {
            what: what.to_owned(),
            asked: asked as u64,
            limit: limit as u64,
        })
    };
    match act {
        Act::Write { content, .. } => within("bytes of one write", content.len(), MAX_ACT_BYTES),
        Act::Run {
            program,
            arguments,
            input,
        } => {
            let together = arguments.iter().map(String::len).sum();
            within(
                "bytes of a program's name",
                program.len(),
                MAX_PROGRAM_BYTES,
            )?;
            within("bytes of arguments", together, MAX_ARGUMENT_BYTES)?;
            within("bytes of standard input", input.len(), MAX_ACT_BYTES)
        }
        // Its sizes are the policy's to say, and checked before.
        Act::Kv(act) => within("bytes of a value", act.bytes(), MAX_ACT_BYTES),
        Act::Remove { .. }
        | Act::RemoveAll { .. }
        | Act::MakeDirectory { .. }
        | Act::Rename { .. }
        | Act::Window(_) => Ok(()),
    }
}

fn failed(message: &str) -> ActError {
    ActError::Failed {
        failure: Failure::Interrupted,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use lazaret_protocol::{Presence, WriteMode};

    use super::*;

    #[derive(Default)]
    struct Sent(Mutex<Vec<AskId>>);

    impl Sink for Sent {
        fn send(&self, message: ShimMessage) {
            if let ShimMessage::Ask { id, .. } = message {
                self.0.lock().expect("whole").push(id);
            }
        }
    }

    fn remove() -> Act {
        Act::Remove { path: "/a".into() }
    }

    fn write(bytes: usize) -> Act {
        Act::Write {
            path: "/a".into(),
            mode: WriteMode::Replace,
            presence: Presence::Any,
            content: vec![0; bytes],
        }
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn asks_beyond_the_most_wait_for_an_answer_to_another() {
        let (asks, sent) = (Arc::new(Asks::default()), Arc::new(Sent::default()));
        let asker = Asker::new(Some(asks.clone()), sent.clone());
        let mut all: Vec<_> = (0..=MOST)
            .map(|_| Box::pin(asker.clone().ask(None, remove())))
            .collect();
        for ask in &mut all {
            assert!(poll(ask.as_mut()).is_pending());
        }
        let count = || sent.0.lock().expect("whole").len();
        assert_eq!(count(), MOST);
        asks.answer(AskId(1), Ok(ActResult::Done));
        assert_eq!(poll(all[0].as_mut()), Poll::Ready(Ok(ActResult::Done)));
        drop(all.remove(0));
        assert!(poll(all[MOST - 1].as_mut()).is_pending());
        assert_eq!(count(), MOST + 1);
    }

    #[test]
    fn large_content_waits_until_there_is_room() {
        let (asks, sent) = (Arc::new(Asks::default()), Arc::new(Sent::default()));
        let asker = Asker::new(Some(asks.clone()), sent.clone());
        let mut first = pin!(asker.clone().ask(None, write(MAX_ACT_BYTES)));
        let mut second = pin!(asker.ask(None, remove()));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(sent.0.lock().expect("whole").len(), 1);
        asks.answer(AskId(1), Ok(ActResult::Done));
        assert!(poll(first.as_mut()).is_ready());
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(sent.0.lock().expect("whole").len(), 2);
    }

    #[test]
    fn what_no_message_holds_and_what_nobody_could_do_is_not_sent() {
        let (asks, sent) = (Arc::new(Asks::default()), Arc::new(Sent::default()));
        let alone = Asker::new(None, sent.clone());
        assert!(matches!(
            poll(pin!(alone.ask(None, remove())).as_mut()),
            Poll::Ready(Err(ActError::Failed { .. }))
        ));
        let asker = Asker::new(Some(asks), sent.clone());
        assert!(matches!(
            poll(pin!(asker.ask(None, write(MAX_ACT_BYTES + 1))).as_mut()),
            Poll::Ready(Err(ActError::Limit { .. }))
        ));
        assert!(sent.0.lock().expect("whole").is_empty());
    }
}
