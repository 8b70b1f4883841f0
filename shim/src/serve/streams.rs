//! Streams that calls give: an item is asked for when there is credit, and sent when it is there.

use deno_core::v8;
use lazaret_protocol::{CallError, CallId, Credit, ShimMessage};

use super::Server;
use crate::runtime::{CallEnd, Stepped, Stream};
use crate::warden::watch::TurnKind;

/// How many items of one stream may come in a row before others have their turn.
const BURST: usize = 32;

/// A stream under way.
pub(super) struct Streaming {
    pub(super) id: CallId,
    stream: Stream,
    /// The item that was asked for and is not there yet.
    waiting: Option<v8::Global<v8::Promise>>,
    pub(super) credit: Credit,
}

/// What became of a stream.
enum Next {
    /// It waits: for its plugin, or for credit.
    Waits,
    /// There may be more at once.
    GoesOn,
    /// It has come to its end.
    Ends,
    /// It failed, and is over.
    Fails(CallError),
    /// It has to be told to end.
    Stops(CallError),
}

impl Server {
    /// A call's function gave a stream.
    pub(super) fn begin_stream(&mut self, id: CallId, window: Option<u64>, stream: Stream) {
        let Some(window) = window else {
            return self.end_stream(id, CallError::Stream, Some(&stream));
        };
        self.streams.push(Streaming {
            id,
            stream,
            waiting: None,
            credit: Credit::new(window),
        });
    }

    /// Takes a stream that was given up out.
    pub(super) fn take_stream(&mut self, id: CallId) -> Option<Stream> {
        let place = self.streams.iter().position(|other| other.id == id)?;
        Some(self.streams.swap_remove(place).stream)
    }

    /// Asks for items as far as there is credit for them, and sends those that are there. True if
    /// there may be more at once.
    pub(super) fn advance(&mut self) -> bool {
        let mut more = false;
        for mut streaming in std::mem::take(&mut self.streams) {
            let mut next = Next::GoesOn;
            for _ in 0..BURST {
                next = self.next(&mut streaming);
                if !matches!(next, Next::GoesOn) {
                    break;
                }
            }
            let id = streaming.id;
            match next {
                Next::Waits => self.streams.push(streaming),
                Next::GoesOn => {
                    more = true;
                    self.streams.push(streaming);
                }
                Next::Ends => self.answer(id, ShimMessage::StreamEnd { id }),
                Next::Fails(error) => self.end_stream(id, error, None),
                Next::Stops(error) => self.end_stream(id, error, Some(&streaming.stream)),
            }
        }
        more
    }

    fn next(&mut self, streaming: &mut Streaming) -> Next {
        let id = streaming.id;
        let runtime = &mut self.runtime;
        let stepped = match streaming.waiting.take() {
            Some(promise) if !runtime.is_settled(&promise) => {
                streaming.waiting = Some(promise);
                return Next::Waits;
            }
            Some(promise) => {
                let stepped = || runtime.stepped(&promise);
                self.guard.turn(TurnKind::Call(id), stepped).0
            }
            // One that was given up is taken out soon.
            None if !streaming.credit.has_room() || !self.guard.in_flight(id) => {
                return Next::Waits;
            }
            None => {
                let step = || runtime.step(id, &streaming.stream);
                self.guard.turn(TurnKind::Call(id), step).0
            }
        };
        let item = match stepped {
            Stepped::Pending(promise) => {
                streaming.waiting = Some(promise);
                return Next::Waits;
            }
            Stepped::End => return Next::Ends,
            Stepped::Failed(error) => return Next::Fails(error),
            Stepped::Unfit(error) => return Next::Stops(error),
            Stepped::Item(item) => item,
        };
        let bytes = streaming.credit.spent().saturating_add(item.cost());
        let limit = self.runtime.result_bytes();
        if bytes > limit {
            return Next::Stops(CallError::ResultTooLarge { bytes, limit });
        }
        if !streaming.credit.spend(&item) {
            return Next::Waits;
        }
        // Not after the warden has answered the call: the engine would take it for a forged one.
        let (guard, sink) = (&self.guard, &self.sink);
        if !streaming.credit.has_room() {
            // Before it is sent: credit for it may come at once.
            guard.await_reader(id);
        }
        match guard.while_in_flight(id, || sink.post(ShimMessage::Item { id, item })) {
            true => Next::GoesOn,
            false => Next::Waits,
        }
    }

    /// Answers a stream's call with an error. A stream that would go on is told to end.
    fn end_stream(&mut self, id: CallId, error: CallError, stream: Option<&Stream>) {
        let result = Err(error);
        if stream.is_some() {
            let runtime = &mut self.runtime;
            let end = || runtime.end_call(id, CallEnd::Answered, stream);
            self.guard.turn(TurnKind::Call(id), end);
        }
        self.answer(id, ShimMessage::Reply { id, result });
    }
}
