//! Calls of the plugin's exports.

use std::time::Duration;

use deno_core::v8;
use lazaret_protocol::{CallError, CallId, LiveLimits, Payload};

use super::convert::{arguments, result};
use super::errors::call_error;
use super::extension::Host;
use super::fetch::Way;
use super::own::Own;
use super::search::Searches;
use super::start::Runtime;
use super::stream::{self, Stream};

/// What starting a call, or waiting for it, came to.
pub enum Started {
    /// There is a result.
    Done(Result<Payload, CallError>),
    /// The result is a stream.
    Streams(Stream),
    /// The function returned a promise that is not settled.
    Pending(v8::Global<v8::Promise>),
}

/// How a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It has been answered with what it came to.
    Answered,
    /// Whoever made it gave it up.
    Cancelled,
    /// It ran into a limit.
    Limit,
}

impl CallEnd {
    /// As `js/call.js` has it.
    fn number(self) -> f64 {
        match self {
            Self::Answered => 0.0,
            Self::Cancelled => 1.0,
            Self::Limit => 2.0,
        }
    }
}

/// What becomes of a result.
pub(super) struct Accepted<'r> {
    pub(super) limit: u64,
    pub(super) own: &'r Own,
}

impl Accepted<'_> {
    /// A value as it is sent.
    pub(super) fn payload<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Payload, CallError> {
        result(scope, value, self.limit, &self.own.bytes_of)
    }

    /// What a function gave.
    fn given<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Started {
        match stream::open(scope, value, self.own) {
            Ok(Some(stream)) => Started::Streams(stream),
            Ok(None) => Started::Done(self.payload(scope, value)),
            Err(error) => Started::Done(Err(error)),
        }
    }
}

impl Runtime {
    /// Calls an exported function, with the microtasks it leaves behind. It has `left` until its
    /// deadline.
    pub fn start_call(
        &mut self,
        id: CallId,
        function: &str,
        payload: Payload,
        left: Duration,
    ) -> Started {
        let Some(function) = self.exports.get(function).cloned() else {
            let functions = self.exports.keys().cloned().collect();
            return Started::Done(Err(CallError::NoSuchFunction { functions }));
        };
        self.set_call(Some(id));
        let accepted = Accepted {
            limit: self.result_bytes,
            own: &self.own,
        };
        let started = {
            deno_core::scope!(scope, self.js);
            match arguments(scope, payload) {
                Ok(arguments) => {
                    let id = number(scope, id);
                    let left = v8::Number::new(scope, left.as_millis() as f64);
                    run(scope, &self.own.begin, &[id, left.into()]);
                    let started = call(scope, &function, &arguments, &accepted);
                    run(scope, &self.own.leave, &[]);
                    started
                }
                Err(error) => Started::Done(Err(error)),
            }
        };
        self.set_call(None);
        started
    }

    /// A call is over. Its signal is aborted unless it was answered, and its stream, where there is
    /// one that did not end, is told to.
    pub fn end_call(&mut self, id: CallId, end: CallEnd, stream: Option<&Stream>) {
        let state = self.js.op_state();
        if let Some(searches) = state.borrow_mut().try_borrow_mut::<Searches>() {
            searches.call_over(id);
        }
        deno_core::scope!(scope, self.js);
        let id = number(scope, id);
        let how = v8::Number::new(scope, end.number()).into();
        let iterator = match stream {
            Some(stream) => stream.iterator(scope),
            None => v8::undefined(scope).into(),
        };
        run(scope, &self.own.end, &[id, how, iterator]);
        if stream.is_some() || end != CallEnd::Answered {
            scope.perform_microtask_checkpoint();
        }
    }

    /// Other limits for what the plugin says, and for what it asks of hosts.
    pub fn set_limits(&mut self, limits: LiveLimits) {
        self.result_bytes = limits.result_bytes;
        let state = self.js.op_state();
        let mut state = state.borrow_mut();
        if let Some(way) = state.try_borrow_mut::<Way>() {
            way.set_rules(limits.https, limits.connections as usize);
        }
        let host = state.borrow_mut::<Host>();
        host.log
            .set(limits.log_line_bytes, limits.log_bytes_per_second);
        host.places.set_limits(limits.files);
        host.state = limits.state;
    }

    /// The promise has a result. Runs no code of the plugin's.
    pub fn is_settled(&mut self, promise: &v8::Global<v8::Promise>) -> bool {
        deno_core::scope!(scope, self.js);
        v8::Local::new(scope, promise).state() != v8::PromiseState::Pending
    }

    /// The result of a promise that is settled.
    pub fn outcome(&mut self, promise: &v8::Global<v8::Promise>) -> Started {
        let accepted = Accepted {
            limit: self.result_bytes,
            own: &self.own,
        };
        deno_core::scope!(scope, self.js);
        let promise = v8::Local::new(scope, promise);
        match settled(scope, promise) {
            Some(Ok(value)) => accepted.given(scope, value),
            Some(Err(error)) => Started::Done(Err(error)),
            None => Started::Done(Err(CallError::Cancelled)),
        }
    }

    /// The largest result of a call in bytes, and the most that all items of a stream cost.
    pub fn result_bytes(&self) -> u64 {
        self.result_bytes
    }

    /// Tells the ops which call is running.
    pub(super) fn set_call(&mut self, call: Option<CallId>) {
        self.js.op_state().borrow_mut().borrow_mut::<Host>().call = call;
    }
}

fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    function: &v8::Global<v8::Function>,
    arguments: &[v8::Local<'s, v8::Value>],
    accepted: &Accepted,
) -> Started {
    v8::tc_scope!(let scope, scope);
    let function = v8::Local::new(scope, function);
    let this = v8::undefined(scope).into();
    let Some(value) = function.call(scope, this, arguments) else {
        return Started::Done(Err(thrown(scope.exception(), scope)));
    };
    let promise = match promise_of(scope, value, &accepted.own.stand_in) {
        Ok(Some(promise)) => promise,
        Ok(None) => return accepted.given(scope, value),
        Err(error) => return Started::Done(Err(error)),
    };
    if let Err(error) = watch(scope, promise, accepted.own) {
        return Started::Done(Err(error));
    }
    scope.perform_microtask_checkpoint();
    match settled(scope, promise) {
        Some(Ok(value)) => accepted.given(scope, value),
        Some(Err(error)) => Started::Done(Err(error)),
        None => Started::Pending(v8::Global::new(scope, promise)),
    }
}

/// Keeps a rejection from counting as one that nobody sees. This is the engine's own `then`, not
/// the one of `Promise.prototype`.
pub(super) fn watch<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    promise: v8::Local<'s, v8::Promise>,
    own: &Own,
) -> Result<(), CallError> {
    v8::tc_scope!(let scope, scope);
    let ignore = v8::Local::new(scope, &own.ignore);
    match promise.then2(scope, ignore, ignore) {
        Some(_) => Ok(()),
        None => Err(thrown(scope.exception(), scope)),
    }
}

/// The promise that a value is, or that stands for an object with a `then` of its own.
fn promise_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    stand_in: &v8::Global<v8::Function>,
) -> Result<Option<v8::Local<'s, v8::Promise>>, CallError> {
    if let Ok(promise) = v8::Local::<v8::Promise>::try_from(value) {
        return Ok(Some(promise));
    }
    let Ok(object) = v8::Local::<v8::Object>::try_from(value) else {
        return Ok(None);
    };
    v8::tc_scope!(let scope, scope);
    let then = v8::String::new(scope, "then").map(Into::into);
    let then = then.and_then(|key| object.get(scope, key));
    match then {
        Some(then) if then.is_function() => {}
        Some(_) => return Ok(None),
        None => return Err(thrown(scope.exception(), scope)),
    }
    // Not with a resolver: on QuickJS it keeps what settles it in properties of the promise, where
    // `Object.prototype` has a say.
    let stand_in = v8::Local::new(scope, stand_in);
    let this = v8::undefined(scope).into();
    let promise = stand_in.call(scope, this, &[value]);
    match promise.and_then(|promise| promise.try_into().ok()) {
        Some(promise) => Ok(Some(promise)),
        None => Err(thrown(scope.exception(), scope)),
    }
}

/// What a promise came to, if it is settled.
pub(super) fn settled<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    promise: v8::Local<'s, v8::Promise>,
) -> Option<Result<v8::Local<'s, v8::Value>, CallError>> {
    match promise.state() {
        v8::PromiseState::Pending => None,
        v8::PromiseState::Fulfilled => Some(Ok(promise.result(scope))),
        v8::PromiseState::Rejected => {
            let value = promise.result(scope);
            Some(Err(call_error(scope, value)))
        }
    }
}

/// Runs a function of ours; what a plugin's own code throws in it is taken by it. Nothing comes back
/// where JavaScript was interrupted.
pub(super) fn run<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    function: &v8::Global<v8::Function>,
    arguments: &[v8::Local<'s, v8::Value>],
) -> Option<v8::Local<'s, v8::Value>> {
    v8::tc_scope!(let scope, scope);
    let function = v8::Local::new(scope, function);
    let this = v8::undefined(scope).into();
    function.call(scope, this, arguments)
}

/// A call's number as JavaScript has it: it counts from one, and never gets as far as a double is
/// not exact any more.
pub(super) fn number<'s>(scope: &mut v8::PinScope<'s, '_>, id: CallId) -> v8::Local<'s, v8::Value> {
    v8::Number::new(scope, id.0 as f64).into()
}

/// The error for an exception. There is none when JavaScript was interrupted: then the warden has
/// answered the call, and what is said here goes nowhere.
pub(super) fn thrown(
    exception: Option<v8::Local<v8::Value>>,
    scope: &mut v8::PinScope,
) -> CallError {
    match exception {
        Some(exception) => call_error(scope, exception),
        None => CallError::Cancelled,
    }
}
