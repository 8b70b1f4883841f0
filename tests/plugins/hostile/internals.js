// Looks for a way from the language into the runtime beneath it: for ops, for `Deno.core`, for the
// runtime's own objects. Each function gives what it found, which should be nothing; with a secret
// planted where the runtime's would be, it finds that, or it would prove nothing.
const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const asText = String;
const sourceOf = Function.prototype.toString;
const inner = /^op_|^core$|^ops$|bootstrap|primordials|lazaret|^__|^internal/i;
const innerSource = /\b(op_\w+|core\.ops|primordials)\s*[.(,;]/;
// Old names of the language; by which QuickJS finds time zones; the two functions that settle a
// promise of an `import()`, which it keeps on that promise.
const harmless = /^__(proto|(define|lookup)[GS]etter)__$|^__v8xTemporalTimeZone$|^__v8qjs_re(solve|ject)$/;
// The functions that the plugin is given are of the runtime's own making, and their text is known.
const known = () => new Set(reachable([globalThis]).keys());
const then = Promise.prototype.then;

const isObject = (value) =>
  (typeof value === "object" && value !== null) || typeof value === "function";

// Everything that can be reached from `roots` by properties and prototypes, with how.
function reachable(roots) {
  const seen = new Map(roots.filter(isObject).map((root) => [root, "root"]));
  const step = (value, path) => {
    if (isObject(value) && !seen.has(value)) seen.set(value, path);
  };
  // What is added while it goes on is visited as well.
  for (const [object, path] of seen) {
    step(getPrototypeOf(object), `${path}.__proto__`);
    for (const key of ownKeys(object)) {
      const property = getOwnPropertyDescriptor(object, key);
      const name = `${path}.${asText(key)}`;
      for (const part of ["value", "get", "set"]) step(property?.[part], name);
      if (property?.get !== undefined) {
        try {
          const got = apply(property.get, object, []);
          // What a getter of a prototype promises, it breaks.
          if (got instanceof Promise) apply(then, got, [undefined, () => {}]);
          step(got, `${name}()`);
        } catch {
          // A getter of a prototype, called on it.
        }
      }
    }
  }
  return seen;
}

function secretsAmong(seen, given = known()) {
  const found = [];
  for (const [object, path] of seen) {
    if (typeof object === "function" && !given.has(object)) {
      if (innerSource.test(apply(sourceOf, object, []))) found.push(path);
    }
    for (const key of ownKeys(object)) {
      // Made for plugins.
      if (object === globalThis && key === "lazaret") continue;
      if (inner.test(asText(key)) && !harmless.test(asText(key))) found.push(`${path}.${asText(key)}`);
    }
  }
  return [...new Set(found)];
}

const kinds = () => [
  globalThis,
  import.meta,
  () => {},
  async () => {},
  function* () {},
  async function* () {},
  (function* () {})(),
  (async function* () {})(),
  [].values(),
  new Map().entries(),
  new Set().values(),
  ""[Symbol.iterator](),
  "x".matchAll(/x/g),
  /x/,
  Promise.resolve(),
  new Error("x"),
  new Proxy(() => {}, {}),
  (function () {
    return arguments;
  })(),
];

const plant = () => ({ core: { ops: { op_planted() {} } } });

export function walk(planted) {
  const seen = reachable([...kinds(), planted && plant()]);
  if (seen.size < 500) throw new Error(`only ${seen.size} objects`);
  return secretsAmong(seen);
}

// Every name that the runtime might look up on one of its own objects, or set there.
const lookedUp =
  "core ops op then catch finally return next done call apply bind get set value has add delete map push " +
  "args callback code cause errors name message stack frames fileName lineNumber type with handler " +
  "_idleNext _idlePrev _idleStart _idleTimeout _onTimeout _timerArgs _repeat _destroyed _timerId refed " +
  "head tail expiry id msecs priorityQueuePosition permission path nodes length toJSON toString valueOf " +
  "__bootstrap __hide __v8qjs_resolve __v8qjs_reject __v8x_fast_api_next_call __v82jsc_defer_ns " +
  "0 1 2 3 4 5 6 7 8 9 10 11 12";

// Traps on the prototypes of everything, and the built-in methods replaced by ones that look at
// their arguments, while the runtime does all that it does for a plugin.
export async function trap(planted) {
  const before = reachable(kinds());
  const caught = new Map();
  const look = (value, how) => {
    if (isObject(value) && !before.has(value)) caught.set(value, how);
  };
  const undo = [];
  const define = (target, key, property) => {
    const old = getOwnPropertyDescriptor(target, key);
    if (old !== undefined && !old.configurable) return;
    defineProperty(target, key, { __proto__: null, configurable: true, ...property });
    undo.unshift(() =>
      old === undefined ? delete target[key] : defineProperty(target, key, { __proto__: null, ...old })
    );
  };
  let watching = false;
  for (const name of lookedUp.split(" ")) {
    if (name in Object.prototype || ["get", "set", "value"].includes(name)) continue;
    define(Object.prototype, name, {
      get() {
        if (watching) look(this, `get ${name}`);
      },
      set(value) {
        if (watching) {
          look(this, `set ${name}`);
          look(value, `set ${name} to`);
        }
        defineProperty(this, name, {
          __proto__: null,
          configurable: true,
          enumerable: true,
          value,
          writable: true,
        });
      },
    });
  }
  for (const owner of [Array, Promise, String, RegExp, Error, Function, Symbol, Number]) {
    const prototype = owner.prototype;
    for (const key of ownKeys(prototype)) {
      const { value: method } = getOwnPropertyDescriptor(prototype, key);
      if (typeof method !== "function" || key === "constructor") continue;
      define(prototype, key, {
        value: function (...values) {
          if (watching) {
            watching = false;
            for (let i = 0; i < values.length; i++) look(values[i], `argument of ${asText(key)}`);
            look(this, `this of ${asText(key)}`);
            watching = true;
          }
          return apply(method, this, values);
        },
        writable: true,
      });
    }
  }
  const ask = async (what) => {
    try {
      await what();
    } catch {
      // Refused or not, the runtime has run.
    }
  };
  const odd = (text) => ({ toString: () => text });
  watching = true;
  await ask(() => Deno.readTextFile(odd("/etc/none")));
  await ask(() => Deno.readFileSync("none.js"));
  await ask(() => fetch(odd("http://none/")));
  await ask(() => import("./none.js"));
  await ask(() => console.log({ list: [1], error: new Error("x") }, odd("x"), [new Map()]));
  await ask(() => new Promise((done) => [3, 1, 2].forEach((ms) => setTimeout(done, ms))));
  await ask(() => clearInterval(setInterval(() => {}, 1)));
  await ask(() => setTimeout("no function"));
  if (planted) void plant().core.ops.then;
  watching = false;
  for (const step of undo) step();
  return secretsAmong(reachable([...caught.keys()]));
}

// Code made from text, by every constructor there is, sees no more than the module does.
export async function constructors(planted) {
  const secret = planted ? "globalThis.planted = 1; " : "";
  const names = ["Deno.core", "__bootstrap", "process", "require", "Worker", "WebAssembly",
    "ShadowRealm", "SharedArrayBuffer", "Atomics", "planted"];
  const code = `${secret}return [${names.map((name) => `typeof ${name}`)}]`;
  const makers = kinds().slice(2, 6).map((kind) => kind.constructor);
  const found = [eval(code.replaceAll("return", ""))];
  for (const make of makers) {
    const made = await make(code)();
    found.push(typeof made?.next === "function" ? (await made.next()).value : made);
  }
  const script = (0, eval)(`(function () { ${code} })()`);
  delete globalThis.planted;
  return names.filter((_, i) => [...found, script].some((types) => types[i] !== "undefined"));
}

// Who called, by the ways that old code has. `this` is nothing of the runtime's either.
export async function callers(planted) {
  const found = [];
  const note = (what) => {
    if (isObject(what) && what !== globalThis && what !== sloppy) found.push(typeof what);
  };
  const sloppy = new Function(
    "note",
    `return function self() {
       note(this);
       try { note(self.caller); } catch {}
       try { note(arguments.callee.caller); } catch {}
       return "none.js";
     }`,
  )(note);
  await new Promise((done) => {
    setTimeout(sloppy, 1);
    setTimeout(done, 2);
  });
  queueMicrotask(sloppy);
  await Promise.resolve().then(sloppy);
  await Deno.readTextFile({ __proto__: null, [Symbol.toPrimitive]: () => sloppy() }).catch(() => {});
  await ({ then: (done) => done(sloppy()) });
  if (planted) apply(sloppy, { secret: true }, []);
  return found;
}

// Frames as objects, by every way to ask for them.
export function sites(planted) {
  const found = [];
  const hook = (_, frames) => {
    found.push(typeof frames);
    return frames;
  };
  const own = globalThis.Error;
  own.prepareStackTrace = hook;
  void new own("x").stack;
  const made = {};
  own.captureStackTrace?.(made);
  void made.stack;
  globalThis.Error = { prepareStackTrace: hook };
  try {
    null.x;
  } catch (error) {
    void error.stack;
    found.push(...ownKeys(error).filter((key) => typeof key === "symbol").map(asText));
  }
  globalThis.Error = own;
  own.prepareStackTrace = undefined;
  if (planted) hook(undefined, []);
  return found;
}

export const answer = () => 42;
