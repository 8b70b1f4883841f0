// What belongs to one call: what its function finds in `lazaret.call`, and the steps of a stream that
// it gives. A call is told apart from others by the engine's own context of promises, so that what
// goes on after an `await` still belongs to it.
"use strict";

((global) => {
  const { core, primordials } = global.__bootstrap;
  const {
    DateNow,
    MapPrototypeDelete,
    MapPrototypeGet,
    MapPrototypeSet,
    ObjectFreeze,
    ReflectApply,
    SafeMap,
    SymbolAsyncIterator,
    SymbolIterator,
    TypeError,
  } = primordials;
  const { getAsyncContext, setAsyncContext } = core;
  const { op_lazaret_in_call } = core.ops;

  // As `src/runtime/invoke.rs` has them.
  const CANCELLED = 1;

  // `load` gives what a script of the web platform exports.
  global.__calls = (load) => {
    const calls = new SafeMap();

    // ----- what the plugin sees -----

    function abort(record) {
      const { DOMException } = load("deno_web/01_dom_exception.js");
      const reason = record.end === CANCELLED
        ? new DOMException("the call was cancelled", "AbortError")
        : new DOMException("the call is over one of its limits", "TimeoutError");
      record.controller.abort(reason);
    }

    function signalOf(record) {
      if (record.controller === undefined) {
        const { AbortController } = load("deno_web/03_abort_signal.js");
        record.controller = new AbortController();
        if (record.end !== 0) abort(record);
      }
      return record.controller.signal;
    }

    function current() {
      const record = getAsyncContext();
      if (record === undefined) return undefined;
      record.seen ??= ObjectFreeze({
        deadline: record.deadline,
        get signal() {
          return signalOf(record);
        },
      });
      return record.seen;
    }

    // ----- what the runtime's own functions use -----

    // The signal of the call that asks for something, if one does.
    function signal() {
      const record = getAsyncContext();
      return record === undefined ? undefined : signalOf(record);
    }

    // Has what an op asks for count for the call that asks.
    function inCall(op, ...values) {
      const record = getAsyncContext();
      const before = op_lazaret_in_call(record === undefined ? 0 : record.id);
      try {
        return ReflectApply(op, undefined, values);
      } finally {
        op_lazaret_in_call(before);
      }
    }

    // A function that is called later, for the call that is under way now.
    function kept(callback) {
      const record = getAsyncContext();
      return () => {
        setAsyncContext(record);
        try {
          callback();
        } finally {
          setAsyncContext(undefined);
        }
      };
    }

    // ----- what the shim calls -----

    function begin(id, milliseconds) {
      const record = {
        __proto__: null,
        controller: undefined,
        deadline: DateNow() + milliseconds,
        end: 0,
        id,
        seen: undefined,
      };
      MapPrototypeSet(calls, id, record);
      setAsyncContext(record);
    }

    function enter(id) {
      setAsyncContext(MapPrototypeGet(calls, id));
    }

    function leave() {
      setAsyncContext(undefined);
    }

    // A call is over: by itself (0), given up, or at a limit. A stream that would go on is told to
    // end, by its iterator.
    function end(id, how, iterator) {
      const record = MapPrototypeGet(calls, id);
      if (record === undefined) return;
      MapPrototypeDelete(calls, id);
      record.end = how;
      setAsyncContext(record);
      try {
        if (how !== 0 && record.controller !== undefined) abort(record);
      } finally {
        if (iterator !== undefined) close(iterator);
        setAsyncContext(undefined);
      }
    }

    async function* each(iterable) {
      yield* iterable;
    }

    // The iterator of a value that is a stream; `undefined` for any other.
    function open(value) {
      const method = value[SymbolAsyncIterator];
      if (typeof method === "function") {
        const iterator = ReflectApply(method, value, []);
        if (typeof iterator === "object" && iterator !== null) return iterator;
        throw new TypeError("the iterator of a stream is no object");
      }
      const isGenerator = typeof value.next === "function" &&
        typeof value[SymbolIterator] === "function";
      return isGenerator ? each(value) : undefined;
    }

    async function step(iterator) {
      const { done, value } = await iterator.next();
      return { __proto__: null, done: !!done, value };
    }

    // What a generator throws at its end is nobody's any more.
    async function close(iterator) {
      try {
        await iterator.return?.();
      } catch {}
    }

    return {
      own: { __proto__: null, begin, end, enter, leave, open, step },
      current,
      inCall,
      kept,
      signal,
    };
  };
})(globalThis);
