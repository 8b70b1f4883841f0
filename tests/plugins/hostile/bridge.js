// Hands the shim values that are not what they seem.

const claims = { buffer: new ArrayBuffer(8), byteOffset: 0, byteLength: 4096 };

// By its tag it is a view of bytes, and its length and offset are the plugin's word.
export const tagged = (tag, more) => ({ [Symbol.toStringTag]: tag, ...claims, ...more });

export const longer = (byteLength) =>
  Object.defineProperties(new DataView(new ArrayBuffer(2)), {
    byteLength: { value: byteLength },
    byteOffset: { value: byteLength },
  });

export function renamed(tag) {
  const { toString } = Object.prototype;
  Object.prototype.toString = () => `[object ${tag}]`;
  queueMicrotask(() => setTimeout(() => (Object.prototype.toString = toString), 1));
  return { plain: true };
}

export const inherited = () => Object.create(ArrayBuffer.prototype);

export const proxied = () => new Proxy(new Uint8Array([1, 2]), {});

export function detached(transfer = true) {
  const array = new Uint8Array(2);
  if (transfer) array.buffer.transfer();
  return array;
}

export function shrunk(bytes = 0) {
  const buffer = new ArrayBuffer(8, { maxByteLength: 64 });
  const array = new Uint8Array(buffer, 0, 4);
  // Where buffers keep their size, a smaller one takes over.
  if (buffer.resize) buffer.resize(bytes);
  else if (bytes < 4) buffer.transfer(bytes);
  return array;
}

// Thenables that settle twice, never, or with themselves.
export const twice = (more = true) => ({
  then(done, failed) {
    done(7);
    if (more) done(8), failed(new Error("late"));
  },
});
export function itself() {
  const promise = new Promise((done) => setTimeout(() => done(promise), 1));
  return promise;
}
export const forged = () => Object.create(Promise.prototype);
export const ownThen = () =>
  Object.assign(Promise.resolve(7), { then: () => { throw new Error("its own `then`"); } });

export const species = () => {
  class Own extends Promise {
    static get [Symbol.species]() {
      throw new Error("species");
    }
  }
  return Own.resolve(7);
};

// What the shim reads of an error.
const thrown = {
  cycle: () => {
    const error = new Error("x");
    return (error.cause = error);
  },
  getters: () => {
    const error = new Error("x");
    for (const key of ["name", "message", "stack", "cause", "permission"]) {
      Object.defineProperty(error, key, {
        get() {
          throw error;
        },
      });
    }
    return error;
  },
  objects: () => Object.assign(new Error(), { name: {}, message: [], stack: Symbol("x"), cause: 1n }),
  proxy: () => new Proxy(new Error("x"), { get: () => { throw 1; }, getPrototypeOf: () => { throw 2; } }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
    revoke();
    return proxy;
  },
  huge: () => new Error("x".repeat(10 * 1024 * 1024)),
  aggregate: () => new AggregateError(Array.from({ length: 1000 }, () => new Error("x"))),
  plain: () => new Error("x"),
};
export const throwing = (kind) => {
  throw thrown[kind]();
};
export const uncaught = (kind) =>
  new Promise(() => setTimeout(() => {
    throw thrown[kind]();
  }, 1));
export const unhandled = (kind) => new Promise(() => void Promise.reject(thrown[kind]()));

export function storm(times = 10_000) {
  for (let i = 0; i < times; i++) Promise.reject(new Error(`${i}`));
  return new Promise((done) => times === 0 && done(42));
}

// What a console shows of a value runs none of its code.
export function shown(harmless) {
  const endless = {
    get x() {
      for (;;);
    },
    toString: () => { for (;;); },
    toJSON: () => { for (;;); },
    [Symbol.toPrimitive]: () => { for (;;); },
    get [Symbol.toStringTag]() {
      for (;;);
    },
  };
  const cycle = [];
  cycle.push(cycle);
  const values = [new Proxy(endless, { get: () => { for (;;); }, ownKeys: () => { for (;;); } }),
    endless, cycle, new Array(2 ** 32 - 1), { ["k".repeat(1e6)]: "v".repeat(1e6) },
    Object.assign(new Error("x"), { name: endless }), Object.create(endless), Symbol("s"), -0];
  console.log(...(harmless ? [1] : values));
  return 42;
}

// Work that stays behind when its call is answered.
export function behind(milliseconds, times) {
  let left = times;
  const id = setInterval(() => {
    for (let i = 0; i < 1000; i++);
    if (--left === 0) clearInterval(id);
  }, milliseconds);
  return 42;
}
export function spinsLater() {
  setTimeout(() => {
    for (;;);
  }, 1);
  return 42;
}
export function stormsLater() {
  const more = () => queueMicrotask(more);
  setTimeout(more, 1);
  return 42;
}

// The functions that the plugin is given are not the ones that the runtime goes by.
export async function replaced(path) {
  const { Deno: given, fetch: asked } = globalThis;
  globalThis.Deno = globalThis.fetch = globalThis.console = undefined;
  globalThis.String = () => "main.js";
  String.prototype.toString = String.prototype.slice = () => "main.js";
  try {
    given.errors.PermissionDenied = class {};
  } catch {
    // It is frozen; its class is not.
  }
  Object.setPrototypeOf(given.errors.PermissionDenied, class { constructor() { return {}; } });
  globalThis.Deno = given;
  globalThis.fetch = asked;
  return await given.readTextFile(path);
}

export const answer = () => 42;
