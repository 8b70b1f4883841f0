//! Streams that functions give: items by items, each asked of the plugin when there is room for it.

use deno_core::v8;
use lazaret_protocol::{CallError, CallId, Payload};

use super::errors::call_error;
use super::invoke::{Accepted, number, run, settled, thrown, watch};
use super::own::Own;
use super::start::Runtime;

/// A `ReadableStream`, a generator, or what else can be iterated over asynchronously.
pub struct Stream(v8::Global<v8::Object>);

impl Stream {
    pub(super) fn iterator<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> v8::Local<'s, v8::Value> {
        v8::Local::new(scope, &self.0).into()
    }
}

/// What a step of a stream came to.
pub enum Stepped {
    /// There is an item.
    Item(Payload),
    /// There are no more.
    End,
    /// It threw, and is over.
    Failed(CallError),
    /// It gave something that cannot be sent, and would go on.
    Unfit(CallError),
    /// It takes longer.
    Pending(v8::Global<v8::Promise>),
}

impl Runtime {
    /// Asks a stream of a call for its next item, with the microtasks that leaves behind.
    pub fn step(&mut self, id: CallId, stream: &Stream) -> Stepped {
        self.set_call(Some(id));
        let accepted = Accepted {
            limit: self.result_bytes,
            own: &self.own,
        };
        let stepped = {
            deno_core::scope!(scope, self.js);
            let id = number(scope, id);
            run(scope, &self.own.enter, &[id]);
            let stepped = step(scope, stream, &accepted);
            run(scope, &self.own.leave, &[]);
            stepped
        };
        self.set_call(None);
        stepped
    }

    /// What a step came to whose promise is settled.
    pub fn stepped(&mut self, promise: &v8::Global<v8::Promise>) -> Stepped {
        let accepted = Accepted {
            limit: self.result_bytes,
            own: &self.own,
        };
        deno_core::scope!(scope, self.js);
        let promise = v8::Local::new(scope, promise);
        taken(scope, promise, &accepted).unwrap_or(Stepped::Failed(CallError::Cancelled))
    }
}

/// The stream that a value is, if it is one.
pub(super) fn open<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    own: &Own,
) -> Result<Option<Stream>, CallError> {
    if !value.is_object() || value.is_function() {
        return Ok(None);
    }
    v8::tc_scope!(let scope, scope);
    let open = v8::Local::new(scope, &own.open);
    let this = v8::undefined(scope).into();
    match open.call(scope, this, &[value]) {
        Some(iterator) => {
            let iterator = v8::Local::<v8::Object>::try_from(iterator).ok();
            Ok(iterator.map(|iterator| Stream(v8::Global::new(scope, iterator))))
        }
        None => Err(thrown(scope.exception(), scope)),
    }
}

fn step<'s>(scope: &mut v8::PinScope<'s, '_>, stream: &Stream, accepted: &Accepted) -> Stepped {
    let iterator = stream.iterator(scope);
    let promise = run(scope, &accepted.own.step, &[iterator]);
    let promise = promise.and_then(|promise| v8::Local::<v8::Promise>::try_from(promise).ok());
    // An asynchronous function gives a promise, whatever is thrown in it.
    let Some(promise) = promise else {
        return Stepped::Failed(CallError::Cancelled);
    };
    if let Err(error) = watch(scope, promise, accepted.own) {
        return Stepped::Failed(error);
    }
    scope.perform_microtask_checkpoint();
    let stepped = taken(scope, promise, accepted);
    stepped.unwrap_or_else(|| Stepped::Pending(v8::Global::new(scope, promise)))
}

fn taken<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    promise: v8::Local<'s, v8::Promise>,
    accepted: &Accepted,
) -> Option<Stepped> {
    let step = match settled(scope, promise)? {
        Ok(step) => step,
        Err(error) => return Some(Stepped::Failed(error)),
    };
    v8::tc_scope!(let scope, scope);
    let part = |name| {
        let step = v8::Local::<v8::Object>::try_from(step).ok()?;
        let name = v8::String::new(scope, name)?;
        step.get(scope, name.into())
    };
    Some(match (part("done"), part("value")) {
        (Some(done), _) if done.is_true() => Stepped::End,
        (Some(_), Some(value)) => match accepted.payload(scope, value) {
            Ok(item) => Stepped::Item(item),
            Err(error) => Stepped::Unfit(error),
        },
        _ => Stepped::Failed(match scope.exception() {
            Some(exception) => call_error(scope, exception),
            None => CallError::Cancelled,
        }),
    })
}
