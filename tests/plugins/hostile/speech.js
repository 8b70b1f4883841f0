// Says too much, or what a terminal would act on.
const escapes = "\u001b]0;owned\u0007\u001b[2J\r\n[other] all is well\u202e";

export function hugeLine() {
  console.log("x".repeat(100 * 1024 * 1024));
  return 42;
}

export function flood(lines) {
  for (let i = 0; i < lines; i++) console.log(`line ${i} ${"x".repeat(100)}`);
  return 42;
}

export function escapesInLog() {
  console.log(escapes);
  return 42;
}

export const escapesInResult = () => escapes;

export function escapesInError() {
  const error = new Error(escapes);
  error.name = escapes;
  error.stack = `at ${escapes}\nerror: made up`;
  throw error;
}

export const throwing = (kind) => {
  const values = {
    null: null,
    undefined,
    number: 7,
    text: escapes,
    object: { message: escapes },
    proxy: new Proxy({}, { get() { throw new Error("trap"); } }),
    frozen: Object.freeze(Object.create(null)),
    symbol: Symbol(escapes),
    function: () => {},
  };
  throw values[kind];
};

export const hugeError = () => {
  throw new Error("x".repeat(10 * 1024 * 1024));
};

export const hugeResult = () => "x".repeat(10 * 1024 * 1024);

export const hugeBytes = () => new Uint8Array(10 * 1024 * 1024);

export function cycle() {
  const value = {};
  value.self = value;
  return value;
}

export const big = () => 1n;

export const toJson = () => ({
  toJSON() {
    throw new TypeError("no");
  },
});

export const loggingGetter = () => {
  console.log({ get trap() { throw new Error("trap"); } }, new Proxy({}, {}));
  return 42;
};

export const answer = () => 42;
