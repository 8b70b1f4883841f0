// The web platform: globals that Deno's extension crates implement. Each is made when it is first
// looked at, so that a plugin pays only for what it uses.
"use strict";

((global) => {
  const { core, internals, primordials } = global.__bootstrap;
  const {
    ArrayPrototypeIncludes,
    ObjectDefineProperty,
    ObjectKeys,
    ObjectSetPrototypeOf,
    RangeError,
    ReflectDefineProperty,
  } = primordials;
  const { getCloneableDeserializers, registerErrorBuilder, registerTransferableResource } = core;
  const { op_lazaret_room } = core.ops;

  // A setter that a plugin puts on `Object.prototype` is not to be called with it.
  ObjectSetPrototypeOf(internals, null);

  // What is not read yet is read only where the stack has room for it, see `src/runtime/room.rs`.
  const results = { __proto__: null };

  internals.loadExtScript = (name) => {
    if (name in results) return results[name];
    if (!op_lazaret_room()) throw new RangeError("Maximum call stack size exceeded");
    return results[name] = core.loadExtScript(name);
  };

  // Global name to script; the script exports it under the same name.
  const scripts = {
    __proto__: null,
    AbortController: "deno_web/03_abort_signal.js",
    AbortSignal: "deno_web/03_abort_signal.js",
    Blob: "deno_web/09_file.js",
    ByteLengthQueuingStrategy: "deno_web/06_streams.js",
    CloseEvent: "deno_web/02_event.js",
    CompressionStream: "deno_web/14_compression.js",
    CountQueuingStrategy: "deno_web/06_streams.js",
    Crypto: "lazaret/crypto.js",
    CryptoKey: "lazaret/crypto/subtle.js",
    CustomEvent: "deno_web/02_event.js",
    DOMException: "deno_web/01_dom_exception.js",
    DecompressionStream: "deno_web/14_compression.js",
    ErrorEvent: "deno_web/02_event.js",
    Event: "deno_web/02_event.js",
    EventSource: "deno_fetch/27_eventsource.js",
    EventTarget: "deno_web/02_event.js",
    File: "deno_web/09_file.js",
    FileReader: "deno_web/10_filereader.js",
    FormData: "deno_fetch/21_formdata.js",
    Headers: "deno_fetch/20_headers.js",
    MessageChannel: "deno_web/13_message_port.js",
    MessageEvent: "deno_web/02_event.js",
    MessagePort: "deno_web/13_message_port.js",
    Performance: "deno_web/15_performance.js",
    PerformanceEntry: "deno_web/15_performance.js",
    PerformanceMark: "deno_web/15_performance.js",
    PerformanceMeasure: "deno_web/15_performance.js",
    PerformanceObserver: "deno_web/15_performance.js",
    PerformanceObserverEntryList: "deno_web/15_performance.js",
    ProgressEvent: "deno_web/02_event.js",
    QuotaExceededError: "deno_web/01_dom_exception.js",
    ReadableByteStreamController: "deno_web/06_streams.js",
    ReadableStream: "deno_web/06_streams.js",
    ReadableStreamBYOBReader: "deno_web/06_streams.js",
    ReadableStreamBYOBRequest: "deno_web/06_streams.js",
    ReadableStreamDefaultController: "deno_web/06_streams.js",
    ReadableStreamDefaultReader: "deno_web/06_streams.js",
    Request: "deno_fetch/23_request.js",
    Response: "deno_fetch/23_response.js",
    SubtleCrypto: "lazaret/crypto/subtle.js",
    TextDecoder: "deno_web/08_text_encoding.js",
    TextDecoderStream: "deno_web/08_text_encoding.js",
    TextEncoder: "deno_web/08_text_encoding.js",
    TextEncoderStream: "deno_web/08_text_encoding.js",
    TransformStream: "deno_web/06_streams.js",
    TransformStreamDefaultController: "deno_web/06_streams.js",
    URL: "deno_web/00_url.js",
    URLPattern: "deno_web/01_urlpattern.js",
    URLSearchParams: "deno_web/00_url.js",
    WebSocket: "deno_websocket/01_websocket.js",
    WritableStream: "deno_web/06_streams.js",
    WritableStreamDefaultController: "deno_web/06_streams.js",
    WritableStreamDefaultWriter: "deno_web/06_streams.js",
    atob: "deno_web/05_base64.js",
    btoa: "deno_web/05_base64.js",
    crypto: "lazaret/crypto.js",
    performance: "deno_web/15_performance.js",
    structuredClone: "deno_web/13_message_port.js",
  };

  const domException = "ext:deno_web/01_dom_exception.js";

  // What the platform's native parts throw by name.
  const domErrors = ["DataError", "InvalidCharacterError", "NotSupportedError", "OperationError"];
  for (let i = 0; i < domErrors.length; i++) {
    const name = domErrors[i];
    registerErrorBuilder(`DOMException${name}`, (message) => {
      const { DOMException } = core.loadExtScript(domException);
      return new DOMException(message, name);
    });
  }

  // What scripts tell of their classes, see `OURS` in `build/scripts.rs`: of one that failed half-way
  // and was read again, what was told last holds.
  internals.registerCloneableResource = (name, deserialize) => {
    getCloneableDeserializers()[name] = deserialize;
  };

  const transferables = { __proto__: null };

  internals.registerTransferableResource = (name, send, receive) => {
    const latest = { __proto__: null, receive, send };
    if (transferables[name] === undefined) {
      registerTransferableResource(
        name,
        (value) => transferables[name].send(value),
        (sent) => transferables[name].receive(sent),
      );
    }
    // Last, since a call may fail.
    transferables[name] = latest;
  };

  // Scripts that do without events.
  const small = [
    "deno_web/00_url.js",
    "deno_web/01_dom_exception.js",
    "deno_web/01_urlpattern.js",
    "deno_web/05_base64.js",
    "deno_web/08_text_encoding.js",
    "lazaret/crypto.js",
    "lazaret/crypto/subtle.js",
  ];

  let eventsReady = false;

  // What a listener throws ends the plugin, as does every error that nobody catches: nothing is
  // asked whether it minds.
  const nobody = { __proto__: null, dispatchEvent: () => true };

  function load(script) {
    if (!eventsReady && !ArrayPrototypeIncludes(small, script)) {
      internals.loadExtScript("ext:deno_web/02_event.js").saveGlobalThisReference(nobody);
      eventsReady = true;
    }
    const loaded = internals.loadExtScript(`ext:${script}`);
    if (script === "deno_web/15_performance.js") loaded.setTimeOrigin();
    return loaded;
  }

  function plain(value) {
    return { __proto__: null, configurable: true, enumerable: false, value, writable: true };
  }

  function installLazily(name, make) {
    let made;
    ObjectDefineProperty(global, name, {
      __proto__: null,
      configurable: true,
      enumerable: false,
      get() {
        made ??= make();
        // Of a frozen object it stays a getter.
        ReflectDefineProperty(global, name, plain(made));
        return made;
      },
      set: (value) => void ObjectDefineProperty(global, name, plain(value)),
    });
  }

  // Called once by `host.js`, when the globals are otherwise as they stay, with what makes further
  // ones by their names. Gives what loads a script.
  global.__web = (own) => {
    const names = ObjectKeys(scripts);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      installLazily(name, () => load(scripts[name])[name]);
    }
    const ownNames = ObjectKeys(own);
    for (let i = 0; i < ownNames.length; i++) installLazily(ownNames[i], own[ownNames[i]]);
    // An engine without one of its own.
    if (internals.partsInZone !== undefined) {
      installLazily("Intl", () => internals.loadExtScript("ext:lazaret/intl.js").Intl);
    }
    return load;
  };
})(globalThis);
