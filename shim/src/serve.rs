//! The JavaScript thread's part: load the plugin, then calls until the end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deno_core::v8;
use lazaret_protocol::{CallError, CallId, Figures, Payload, PluginError, ShimMessage};

mod streams;

use crate::exit;
use crate::listener::Listener;
use crate::runtime::{CallEnd, Runtime, Sink, Started};
use crate::warden::watch::{TurnEnd, TurnKind};
use crate::warden::{Backlog, Guard, Over, Work};
use streams::Streaming;

/// The shortest time between two sets of figures.
const FIGURES_EVERY: Duration = Duration::from_millis(50);

/// Figures may take this part of the time: QuickJS walks the whole heap for them.
const FIGURES_SHARE: u32 = 50;

/// How serving ended.
#[derive(Debug)]
pub enum Finish {
    /// The plugin failed outside of any call.
    Crash(PluginError),
    /// The engine asks for no more.
    Over(Over),
}

/// A runtime that serves calls.
pub struct Server {
    runtime: Runtime,
    guard: Arc<Guard>,
    backlog: Arc<Backlog>,
    listener: Option<Listener>,
    sink: Arc<dyn Sink>,
    pending: Vec<Waiting>,
    streams: Vec<Streaming>,
    answered: u64,
    figures_due: Instant,
}

/// A call whose promise is not settled.
struct Waiting {
    id: CallId,
    window: Option<u64>,
    promise: v8::Global<v8::Promise>,
}

impl Server {
    /// A server over a runtime that has not loaded its plugin yet.
    #[must_use]
    pub fn new(
        runtime: Runtime,
        guard: Arc<Guard>,
        backlog: Arc<Backlog>,
        listener: Option<Listener>,
        sink: Arc<dyn Sink>,
    ) -> Self {
        Self {
            runtime,
            guard,
            backlog,
            listener,
            sink,
            pending: Vec::new(),
            streams: Vec::new(),
            answered: 0,
            figures_due: Instant::now(),
        }
    }

    /// Loads the plugin and returns the names of its functions.
    ///
    /// # Errors
    ///
    /// Why it does not load.
    pub async fn load(&mut self, entry: &str) -> Result<Vec<String>, PluginError> {
        let guard = self.guard.clone();
        let mut load = pin!(self.runtime.load(entry));
        std::future::poll_fn(|context| {
            let poll = || load.as_mut().poll(context);
            match guard.turn(TurnKind::Load, poll) {
                (_, TurnEnd::OverBudget | TurnEnd::CallGivenUp) => {
                    Poll::Ready(Err(interrupted("loading took too much CPU time")))
                }
                (result, TurnEnd::Whole) => result,
            }
        })
        .await
    }

    /// Answers calls until the plugin or the engine is done.
    pub async fn serve(&mut self) -> Finish {
        if let Some(listener) = &self.listener {
            listener.serve();
        }
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context) -> Poll<Finish> {
        self.backlog.resume();
        match self.work(context) {
            Ok(()) => Poll::Pending,
            Err(finish) => Poll::Ready(finish),
        }
    }

    /// Works until there is nothing to do but wait.
    fn work(&mut self, context: &mut Context) -> Result<(), Finish> {
        self.listen(context)?;
        loop {
            if self.backlog.is_closed() {
                return Err(Finish::Over(Over(exit::OK)));
            }
            if let Some(work) = self.backlog.pop() {
                self.take(work).map_err(Finish::Crash)?;
            }
            self.round(context).map_err(Finish::Crash)?;
            let more = self.advance();
            self.listen(context)?;
            if more && self.backlog.is_empty() {
                // What else waits has its turn first.
                context.waker().wake_by_ref();
                return Ok(());
            }
            if !more && self.backlog.rest(context) {
                return Ok(());
            }
        }
    }

    fn listen(&self, context: &mut Context) -> Result<(), Finish> {
        match &self.listener {
            Some(listener) => listener
                .poll(context, !self.backlog.is_empty())
                .map_err(Finish::Over),
            None => Ok(()),
        }
    }

    fn take(&mut self, work: Work) -> Result<(), PluginError> {
        match work {
            Work::Call {
                id,
                function,
                arguments,
                window,
            } => {
                // It may have waited here past its deadline.
                let Some(left) = self.guard.left(id) else {
                    return Ok(());
                };
                let start = || self.runtime.start_call(id, &function, arguments, left);
                let started = self.guard.turn(TurnKind::Call(id), start).0;
                self.started(id, window, started);
            }
            Work::Limits(limits) => self.runtime.set_limits(limits),
            Work::Credit(id, bytes) => {
                let streaming = self.streams.iter_mut().find(|other| other.id == id);
                if let Some(streaming) = streaming {
                    streaming.credit.grant(bytes);
                    match streaming.credit.has_room() {
                        true => self.guard.go_on(id),
                        false => self.guard.await_reader(id),
                    }
                }
            }
            Work::Ended(id, end) => return self.give_up(id, end),
        }
        Ok(())
    }

    fn started(&mut self, id: CallId, window: Option<u64>, started: Started) {
        match started {
            Started::Done(result) => self.reply(id, result),
            Started::Streams(stream) => self.begin_stream(id, window, stream),
            Started::Pending(promise) => self.pending.push(Waiting {
                id,
                window,
                promise,
            }),
        }
    }

    /// The warden has answered a call: its signal is aborted, and its stream told to end. Whatever
    /// runs on for it is work outside of any call.
    fn give_up(&mut self, id: CallId, end: CallEnd) -> Result<(), PluginError> {
        self.pending.retain(|waiting| waiting.id != id);
        let stream = self.take_stream(id);
        let runtime = &mut self.runtime;
        let give_up = || runtime.end_call(id, end, stream.as_ref());
        match self.guard.turn(TurnKind::CleanUp, give_up).1 {
            TurnEnd::Whole | TurnEnd::CallGivenUp => Ok(()),
            TurnEnd::OverBudget => {
                let message = "the end of a call that was given up took too much CPU time";
                Err(interrupted(message))
            }
        }
    }

    /// One round of the event loop, and answers to the calls it settled.
    fn round(&mut self, context: &mut Context) -> Result<(), PluginError> {
        let runtime = &mut self.runtime;
        let (polled, end) = self.guard.turn(TurnKind::Loop, || runtime.poll(context));
        match end {
            TurnEnd::Whole => polled?,
            // The call has been answered; the other calls go on.
            TurnEnd::CallGivenUp => {}
            TurnEnd::OverBudget => {
                let message = "work outside of any call took too much CPU time";
                return Err(interrupted(message));
            }
        }
        self.answer_settled();
        Ok(())
    }

    /// A result may run code of the plugin's once more, as a `toJSON`: each gets a turn of its
    /// own, so that an interruption of one is none of the others'.
    fn answer_settled(&mut self) {
        let runtime = &mut self.runtime;
        let (settled, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|waiting| runtime.is_settled(&waiting.promise));
        self.pending = pending;
        for Waiting {
            id,
            window,
            promise,
        } in settled
        {
            let outcome = || self.runtime.outcome(&promise);
            let (started, _) = self.guard.turn(TurnKind::Call(id), outcome);
            self.started(id, window, started);
        }
    }

    fn reply(&mut self, id: CallId, result: Result<Payload, CallError>) {
        self.answer(id, ShimMessage::Reply { id, result });
    }

    /// Answers a call, unless the warden did.
    fn answer(&mut self, id: CallId, answer: ShimMessage) {
        if !self.guard.finish_call(id) {
            return;
        }
        let now = Instant::now();
        let due = now >= self.figures_due;
        if due {
            // Before the answer: who has it finds what was measured for it.
            self.runtime.tell_measures();
        }
        self.sink.send(answer);
        self.runtime.end_call(id, CallEnd::Answered, None);
        self.answered += 1;
        if due {
            let (heap_used, external) = self.runtime.heap();
            self.sink.send(ShimMessage::Metrics(Figures {
                heap_used,
                external,
                calls: self.answered,
                cpu_us: u64::try_from(self.guard.cpu().as_micros()).unwrap_or(u64::MAX),
            }));
            let cost = now.elapsed();
            self.figures_due = now + FIGURES_EVERY.max(cost * FIGURES_SHARE);
        }
    }
}

/// What ends a plugin that was interrupted outside of any call.
pub(crate) fn interrupted(message: &str) -> PluginError {
    PluginError {
        name: "Interrupted".to_owned(),
        message: message.to_owned(),
        stack: String::new(),
        location: None,
    }
}
