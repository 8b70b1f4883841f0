//! Calls of the plugin's exports.

use deno_core::v8;
use lazaret_protocol::{CallError, CallId, LiveLimits, Payload};

use super::convert::{arguments, result};
use super::errors::call_error;
use super::extension::Host;
use super::fetch::Way;
use super::own::Own;
use super::start::Runtime;

/// What starting a call came to.
pub enum Started {
    /// There is a result already.
    Done(Result<Payload, CallError>),
    /// The function returned a promise that is not settled.
    Pending(v8::Global<v8::Promise>),
}

/// What becomes of a result.
struct Accepted<'r> {
    limit: u64,
    bytes_of: &'r v8::Global<v8::Function>,
}

impl Accepted<'_> {
    fn payload<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Payload, CallError> {
        result(scope, value, self.limit, self.bytes_of)
    }
}

impl Runtime {
    /// Calls an exported function, with the microtasks it leaves behind.
    pub fn start_call(&mut self, id: CallId, function: &str, payload: Payload) -> Started {
        let Some(function) = self.exports.get(function).cloned() else {
            let functions = self.exports.keys().cloned().collect();
            return Started::Done(Err(CallError::NoSuchFunction { functions }));
        };
        self.set_call(Some(id));
        let accepted = Accepted {
            limit: self.result_bytes,
            bytes_of: &self.own.bytes_of,
        };
        let started = {
            deno_core::scope!(scope, self.js);
            match arguments(scope, payload) {
                Ok(arguments) => call(scope, &function, &arguments, &self.own, &accepted),
                Err(error) => Started::Done(Err(error)),
            }
        };
        self.set_call(None);
        started
    }

    /// Other limits for what the plugin says, and for what it asks of hosts.
    pub fn set_limits(&mut self, limits: LiveLimits) {
        self.result_bytes = limits.result_bytes;
        let state = self.js.op_state();
        let mut state = state.borrow_mut();
        if let Some(way) = state.try_borrow_mut::<Way>() {
            way.set_rules(limits.https);
        }
        let host = state.borrow_mut::<Host>();
        host.log
            .set(limits.log_line_bytes, limits.log_bytes_per_second);
        host.places.set_limits(limits.files);
    }

    /// The promise has a result. Runs no code of the plugin's.
    pub fn is_settled(&mut self, promise: &v8::Global<v8::Promise>) -> bool {
        deno_core::scope!(scope, self.js);
        v8::Local::new(scope, promise).state() != v8::PromiseState::Pending
    }

    /// The result of a promise that is settled.
    pub fn outcome(&mut self, promise: &v8::Global<v8::Promise>) -> Result<Payload, CallError> {
        let accepted = Accepted {
            limit: self.result_bytes,
            bytes_of: &self.own.bytes_of,
        };
        deno_core::scope!(scope, self.js);
        let promise = v8::Local::new(scope, promise);
        settled(scope, promise, &accepted).unwrap_or(Err(CallError::Cancelled))
    }

    /// Tells the ops which call is running.
    fn set_call(&mut self, call: Option<CallId>) {
        self.js.op_state().borrow_mut().borrow_mut::<Host>().call = call;
    }
}

fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    function: &v8::Global<v8::Function>,
    arguments: &[v8::Local<'s, v8::Value>],
    own: &Own,
    accepted: &Accepted,
) -> Started {
    v8::tc_scope!(let scope, scope);
    let function = v8::Local::new(scope, function);
    let this = v8::undefined(scope).into();
    let Some(value) = function.call(scope, this, arguments) else {
        return Started::Done(Err(thrown(scope.exception(), scope)));
    };
    let promise = match promise_of(scope, value, &own.stand_in) {
        Ok(Some(promise)) => promise,
        Ok(None) => return Started::Done(accepted.payload(scope, value)),
        Err(error) => return Started::Done(Err(error)),
    };
    // A handler keeps a rejection from counting as one that nobody sees. This is the engine's own
    // `then`, not the one of `Promise.prototype`.
    let ignore = v8::Local::new(scope, &own.ignore);
    if promise.then2(scope, ignore, ignore).is_none() {
        return Started::Done(Err(thrown(scope.exception(), scope)));
    }
    scope.perform_microtask_checkpoint();
    match settled(scope, promise, accepted) {
        Some(result) => Started::Done(result),
        None => Started::Pending(v8::Global::new(scope, promise)),
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

fn settled<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    promise: v8::Local<'s, v8::Promise>,
    accepted: &Accepted,
) -> Option<Result<Payload, CallError>> {
    match promise.state() {
        v8::PromiseState::Pending => None,
        v8::PromiseState::Fulfilled => {
            let value = promise.result(scope);
            Some(accepted.payload(scope, value))
        }
        v8::PromiseState::Rejected => {
            let value = promise.result(scope);
            Some(Err(call_error(scope, value)))
        }
    }
}

/// The error for an exception. There is none when JavaScript was interrupted: then the warden has
/// answered the call, and what is said here goes nowhere.
fn thrown(exception: Option<v8::Local<v8::Value>>, scope: &mut v8::PinScope) -> CallError {
    match exception {
        Some(exception) => call_error(scope, exception),
        None => CallError::Cancelled,
    }
}
