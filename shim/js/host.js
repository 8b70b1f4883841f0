// What a plugin finds beside the language itself. Runs before any plugin code; everything it
// needs later is captured here, so that a plugin that changes the globals changes only itself.
"use strict";

((global) => {
  const { core, internals, primordials } = global.__bootstrap;
  const {
    ArrayBufferIsView,
    ArrayBufferPrototype,
    ArrayBufferPrototypeGetByteLength,
    ArrayPrototypeIncludes,
    ArrayPrototypeJoin,
    ArrayPrototypePop,
    ArrayPrototypePush,
    BigIntPrototypeToString,
    DataViewPrototypeGetBuffer,
    DataViewPrototypeGetByteLength,
    DataViewPrototypeGetByteOffset,
    Error,
    MapPrototypeDelete,
    MapPrototypeGet,
    MapPrototypeSet,
    Number,
    NumberIsInteger,
    ObjectDefineProperty,
    ObjectFreeze,
    ObjectGetPrototypeOf,
    ObjectHasOwn,
    ObjectIs,
    ObjectKeys,
    ObjectPrototypeIsPrototypeOf,
    ReflectApply,
    ReflectDeleteProperty,
    ReflectGetOwnPropertyDescriptor,
    ReflectOwnKeys,
    SafeMap,
    SafeSet,
    String,
    StringPrototypeSlice,
    StringPrototypeStartsWith,
    SymbolPrototypeToString,
    TypeError,
    TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength,
    TypedArrayPrototypeGetByteOffset,
    TypedArrayPrototypeGetLength,
    TypedArrayPrototypeGetSymbolToStringTag,
    Uint8Array,
  } = primordials;
  const {
    op_is_native_error,
    op_is_proxy,
    op_lazaret_connect_lacks,
    op_lazaret_fetch_lacks,
    op_lazaret_file_lacks,
    op_lazaret_log,
    op_lazaret_log_characters,
    op_lazaret_plugin,
    op_lazaret_read_bytes,
    op_lazaret_read_text,
  } = core.ops;
  const { cancelTimer, createTimer, registerErrorClass } = core;
  const { loadExtScript } = internals;
  const { queueMicrotask } = global;

  const pluginName = op_lazaret_plugin();
  const logCharacters = op_lazaret_log_characters();

  let load;
  const calls = global.__calls((script) => load(script));

  // ----- showing values on the console: bounded, and no getter or trap of the value runs -----

  const MAX_DEPTH = 4;
  const MAX_ENTRIES = 100;
  const MAX_NODES = 1000;
  const MAX_NESTED_CHARACTERS = 1000;

  function ownValue(object, key) {
    const property = ReflectGetOwnPropertyDescriptor(object, key);
    return property !== undefined && ObjectHasOwn(property, "value") ? property.value : undefined;
  }

  function ownOrInheritedText(object, key) {
    for (let depth = 0; object !== null && depth < MAX_DEPTH; depth++) {
      if (op_is_proxy(object)) return undefined;
      const value = ownValue(object, key);
      if (typeof value === "string") return value;
      object = ObjectGetPrototypeOf(object);
    }
    return undefined;
  }

  function showError(error) {
    const stack = ownValue(error, "stack");
    const name = ownOrInheritedText(error, "name") ?? "Error";
    const message = ownOrInheritedText(error, "message") ?? "";
    const head = message === "" ? name : `${name}: ${message}`;
    if (typeof stack !== "string" || stack === "") return head;
    // One engine starts the stack with the message, the other leaves it out.
    return StringPrototypeSlice(stack, 0, head.length) === head ? stack : `${head}\n${stack}`;
  }

  function showProperty(object, key, state, depth) {
    const property = ReflectGetOwnPropertyDescriptor(object, key);
    if (property === undefined) return "<empty>";
    if (!ObjectHasOwn(property, "value")) return "[Getter]";
    return show(property.value, state, depth + 1);
  }

  function showList(array, length, state, depth) {
    const parts = [];
    for (let i = 0; i < length && i < MAX_ENTRIES && state.nodes > 0; i++) {
      ArrayPrototypePush(parts, showProperty(array, i, state, depth));
    }
    if (parts.length < length) {
      ArrayPrototypePush(parts, `... ${length - parts.length} more`);
    }
    return parts.length === 0 ? "[]" : `[ ${ArrayPrototypeJoin(parts, ", ")} ]`;
  }

  function showObject(object, state, depth) {
    const keys = ObjectKeys(object);
    const parts = [];
    for (let i = 0; i < keys.length && i < MAX_ENTRIES && state.nodes > 0; i++) {
      const key = StringPrototypeSlice(keys[i], 0, MAX_NESTED_CHARACTERS);
      ArrayPrototypePush(parts, `${key}: ${showProperty(object, keys[i], state, depth)}`);
    }
    if (parts.length < keys.length) {
      ArrayPrototypePush(parts, `... ${keys.length - parts.length} more`);
    }
    return parts.length === 0 ? "{}" : `{ ${ArrayPrototypeJoin(parts, ", ")} }`;
  }

  function show(value, state, depth) {
    state.nodes--;
    switch (typeof value) {
      case "string":
        if (depth === 0) return value;
        return `"${StringPrototypeSlice(value, 0, MAX_NESTED_CHARACTERS)}"`;
      case "number":
        return ObjectIs(value, -0) ? "-0" : String(value);
      case "bigint":
        return `${BigIntPrototypeToString(value)}n`;
      case "symbol":
        return SymbolPrototypeToString(value);
      case "undefined":
      case "boolean":
        return String(value);
    }
    if (value === null) return "null";
    if (op_is_proxy(value)) return "[Proxy]";
    if (typeof value === "function") {
      const name = ownValue(value, "name");
      return typeof name === "string" && name !== "" ? `[Function: ${name}]` : "[Function]";
    }
    if (op_is_native_error(value)) return showError(value);
    if (ArrayPrototypeIncludes(state.path, value)) return "[Circular]";
    if (depth > MAX_DEPTH || state.nodes <= 0) return "[Object]";
    ArrayPrototypePush(state.path, value);
    const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
    let text;
    if (tag !== undefined) {
      text = `${tag}(${TypedArrayPrototypeGetLength(value)})`;
    } else if (primordials.ArrayIsArray(value)) {
      text = showList(value, value.length, state, depth);
    } else {
      text = showObject(value, state, depth);
    }
    ArrayPrototypePop(state.path);
    return text;
  }

  function logAs(level) {
    return (...values) => {
      let text = "";
      for (let i = 0; i < values.length && text.length <= logCharacters; i++) {
        const part = show(values[i], { __proto__: null, nodes: MAX_NODES, path: [] }, 0);
        text += (i === 0 ? "" : " ") + StringPrototypeSlice(part, 0, logCharacters + 1);
      }
      op_lazaret_log(level, StringPrototypeSlice(text, 0, logCharacters + 1));
    };
  }

  // ----- refusals -----

  class NotFound extends Error {
    constructor(message) {
      super(message);
      this.name = "NotFound";
    }
  }

  class PermissionDenied extends Error {
    constructor(permission) {
      super("`" + permission + "` denied for plugin `" + pluginName + "`");
      this.name = "PermissionDenied";
      this.permission = permission;
    }
  }

  registerErrorClass("NotFound", NotFound);

  // ----- files and network -----

  function checkFile(path) {
    const text = `${path}`;
    const lacks = op_lazaret_file_lacks(text);
    if (lacks !== "") throw new PermissionDenied(lacks);
    return text;
  }

  function readFileSync(path) {
    return op_lazaret_read_bytes(checkFile(path));
  }

  function readTextFileSync(path) {
    return op_lazaret_read_text(checkFile(path));
  }

  async function readFile(path) {
    return readFileSync(path);
  }

  async function readTextFile(path) {
    return readTextFileSync(path);
  }

  async function fetch(input, init = undefined) {
    const url = typeof input?.url === "string" ? input.url : `${input}`;
    const lacks = op_lazaret_fetch_lacks(url);
    if (lacks !== "") throw new PermissionDenied(lacks);
    if (StringPrototypeStartsWith(url, "data:")) return load("lazaret/data.js").fetchData(url);
    const made = load("deno_fetch/26_fetch.js").fetch;
    const ofCall = calls.signal();
    if (ofCall === undefined) return await (init === undefined ? made(input) : made(input, init));
    // A request of a call that is given up is given up with it.
    const { Request } = load("deno_fetch/23_request.js");
    const request = new Request(input, init);
    const signal = load("deno_web/03_abort_signal.js").AbortSignal.any([request.signal, ofCall]);
    return await made(request, { __proto__: null, signal });
  }

  let sockets;

  async function connectBy(name, options) {
    const { hostname = "127.0.0.1", transport = "tcp" } = options;
    const host = String(hostname);
    const port = Number(options.port);
    if (transport !== "tcp") throw new TypeError("a plugin connects by `tcp` alone");
    if (!NumberIsInteger(port) || port < 1 || port > 65535) {
      throw new TypeError("a port is a number from 1 to 65535");
    }
    const lacks = op_lazaret_connect_lacks(host, port);
    if (lacks !== "") throw new PermissionDenied(lacks);
    sockets ??= loadExtScript("ext:lazaret/sockets.js").sockets(kit);
    return await sockets[name](host, port, options);
  }

  // ----- timers -----

  const timers = new SafeMap();
  let lastTimer = 0;

  function startTimer(callback, delay, values, repeats) {
    if (typeof callback !== "function") {
      throw new TypeError("the first argument of a timer must be a function");
    }
    const id = ++lastTimer;
    const run = () => {
      if (!repeats) MapPrototypeDelete(timers, id);
      ReflectApply(callback, undefined, values);
    };
    MapPrototypeSet(timers, id, createTimer(calls.kept(run), Number(delay), undefined, repeats, true));
    return id;
  }

  function setTimeout(callback, delay = 0, ...values) {
    return startTimer(callback, delay, values, false);
  }

  function setInterval(callback, delay = 0, ...values) {
    return startTimer(callback, delay, values, true);
  }

  function clearTimeout(id) {
    const timer = MapPrototypeGet(timers, id);
    if (timer !== undefined) {
      MapPrototypeDelete(timers, id);
      cancelTimer(timer);
    }
  }

  function clearInterval(id) {
    clearTimeout(id);
  }

  // ----- results -----

  // The bytes of a buffer or of a view of one, `undefined` for anything else. The engines' own
  // tests are not to be trusted: QuickJS's binding goes by `Object.prototype.toString` and takes
  // length and offset from properties, so that a plugin could have any memory read. These here
  // are the language's, and throw for what only looks like a buffer.
  function bytesOf(value) {
    if (ArrayBufferIsView(value)) {
      return TypedArrayPrototypeGetSymbolToStringTag(value) === undefined
        ? new Uint8Array(
          DataViewPrototypeGetBuffer(value),
          DataViewPrototypeGetByteOffset(value),
          DataViewPrototypeGetByteLength(value),
        )
        : new Uint8Array(
          TypedArrayPrototypeGetBuffer(value),
          TypedArrayPrototypeGetByteOffset(value),
          TypedArrayPrototypeGetByteLength(value),
        );
    }
    if (!op_is_proxy(value) && ObjectPrototypeIsPrototypeOf(ArrayBufferPrototype, value)) {
      return new Uint8Array(value, 0, ArrayBufferPrototypeGetByteLength(value));
    }
    return undefined;
  }

  // ----- the global object -----

  const console = ObjectFreeze({
    debug: logAs(0),
    error: logAs(3),
    info: logAs(1),
    log: logAs(1),
    trace: logAs(0),
    warn: logAs(2),
  });
  const kit = {
    PermissionDenied,
    bytesOf,
    checkFile,
    currentCall: calls.current,
    inCall: calls.inCall,
    load: (script) => load(script),
  };
  const acts = global.__acts(kit);
  const Deno = ObjectFreeze({
    ...acts.functions,
    connect: (options) => connectBy("connect", options),
    connectTls: (options) => connectBy("connectTls", options),
    errors: ObjectFreeze({ NotFound, PermissionDenied, ...acts.errors }),
    readFile,
    readFileSync,
    readTextFile,
    readTextFileSync,
  });

  // What stays of the global object: the language. Everything else goes, whatever the engine put
  // there. Without threads there is no use for shared memory, and waiting on it would block.
  const language = new SafeSet([
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "AsyncDisposableStack",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "DisposableStack",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Function",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Intl",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "SuppressedError",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "eval",
    "globalThis",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "undefined",
    "unescape",
  ]);

  // Called once by the shim, when the runtime has taken what it needs from the globals. Gives the
  // shim what it calls itself.
  global.__hide = () => {
    const installWeb = global.__web;
    const found = ReflectOwnKeys(global);
    for (let i = 0; i < found.length; i++) {
      const key = found[i];
      const stays = typeof key !== "string" || language.has(key);
      if (!stays && !ReflectDeleteProperty(global, key)) {
        throw new Error(`global \`${key}\` cannot be taken away`);
      }
    }
    const own = {
      __proto__: null,
      Deno,
      clearInterval,
      clearTimeout,
      console,
      fetch,
      queueMicrotask,
      self: global,
      setInterval,
      setTimeout,
    };
    const names = ObjectKeys(own);
    for (let i = 0; i < names.length; i++) {
      ObjectDefineProperty(global, names[i], {
        __proto__: null,
        configurable: true,
        enumerable: false,
        value: own[names[i]],
        writable: true,
      });
    }
    load = installWeb({ lazaret: () => loadExtScript("ext:lazaret/lazaret.js").lazaret(kit) });
    return { __proto__: null, bytesOf, ...calls.own };
  };
})(globalThis);
