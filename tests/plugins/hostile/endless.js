// Does not come back, in different ways. `times` is how often it goes round; without it, for ever.

const spin = (times = Infinity) => {
  let n = 0;
  while (n < times) n++;
  return n;
};

export const loop = (times) => spin(times);

export async function chain(times = Infinity) {
  let n = 0;
  while (n < times) {
    await null;
    n++;
  }
  return n;
}

export const never = (answer) =>
  new Promise((done) => {
    if (answer !== undefined) done(answer);
  });

export const timers = (times = Infinity) =>
  new Promise((done) => {
    let n = 0;
    const again = () => (++n < times ? setTimeout(again, 0) : done(n));
    again();
  });

export const microtasks = (times = Infinity) =>
  new Promise((done) => {
    let n = 0;
    const again = () => (++n < times ? queueMicrotask(again) : done(n));
    again();
  });

export const pattern = (length = 50) => /^(a+)+$/.test(`${"a".repeat(length)}b`);

export function stubborn(times = Infinity) {
  for (let n = 0; n < times; n++) {
    try {
      spin(times);
    } catch {
      // What interrupts it is not to be caught.
    } finally {
      continue;
    }
  }
  return times;
}

export const sort = (times) =>
  Array.from({ length: 1000 }, (_, i) => i).sort((a, b) => spin(times) * 0 + a - b).length;

export function generator(times = Infinity) {
  const numbers = (function* () {
    for (let n = 0; n < times; n++) yield n;
  })();
  let last;
  for (const number of numbers) last = number;
  return last;
}

// The language's own functions, which call back.
export const reviver = (times) => JSON.parse("[1]", () => spin(times));
export const replacer = (times) => JSON.stringify([1], () => spin(times));
export const replaced = (times) => "x".replace(/x/, () => spin(times));
export const iterator = (times = Infinity) =>
  Array.from({ [Symbol.iterator]: () => ({ next: () => ({ done: spin(times) > 0 }) }) }).length;
export const species = (times) => {
  class Own extends Array {
    static get [Symbol.species]() {
      spin(times);
      return Array;
    }
  }
  return new Own(1, 2, 3).map((n) => n).length;
};

// One call of a function that the engine has built in, as long as a life.
export const search = (length = 2e7) =>
  "a".repeat(length).indexOf(`${"a".repeat(length / 2)}b${"a".repeat(length / 4)}`);
export const sought = (length = 2 ** 53 - 1) => Array.prototype.indexOf.call({ length }, 1);
export const turned = (length = 2 ** 53 - 1) =>
  Object.keys(Array.prototype.reverse.call({ length })).length;

// What the shim reads, turns into text or waits for.
export const inPath = (times) =>
  Deno.readTextFileSync({ toString: () => `main${spin(times) > 0 ? ".js" : ""}` }).length > 0;
export const inAddress = async (times) => {
  const address = { [Symbol.toPrimitive]: () => `no address ${spin(times)}` };
  return await fetch(address).catch((error) => error.name);
};
export const inDelay = (times) =>
  new Promise((done) => setTimeout(() => done(7), { valueOf: () => spin(times) }));
export const inSpecifier = async (times) =>
  Object.keys(await import({ toString: () => (spin(times), "./main.js") })).length > 0;
export const inAttributes = (times) =>
  import("./main.js", {
    get with() {
      spin(times);
      return undefined;
    },
  }).then(() => 7);
export const inJson = (times) => ({ toJSON: () => (spin(times), 7) });
export const inTrap = (times) => new Proxy({}, { ownKeys: () => (spin(times), []) });
export const inTag = (times) => ({
  get [Symbol.toStringTag]() {
    spin(times);
    return "DataView";
  },
});
export const inThen = (times) => ({
  get then() {
    spin(times);
    return undefined;
  },
});
export const inThenable = (times) => ({
  then(done) {
    spin(times);
    done(7);
  },
});

const thrower = (key) => (times) => {
  throw Object.defineProperty(new Error("thrown"), key, { get: () => `${spin(times)}` });
};
export const inName = thrower("name");
export const inMessage = thrower("message");
export const inStack = thrower("stack");
export const inPermission = (times) => {
  const error = new Error("thrown");
  error.name = "PermissionDenied";
  throw Object.defineProperty(error, "permission", { get: () => `${spin(times)}` });
};
export const inHook = (times) => {
  Error.prepareStackTrace = () => spin(times);
  return new Error("stack").stack.includes("inHook");
};

export const answer = () => 42;
