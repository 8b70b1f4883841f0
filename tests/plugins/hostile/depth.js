// Goes deep: stacks have an end, that of the engine's own code as well. `depth` is how far.
const DEEP = 100_000;

const nest = (make, depth, value = null) => {
  for (let i = 0; i < depth; i++) value = make(value);
  return value;
};

export const calls = (depth = Infinity) => (depth > 0 ? 1 + calls(depth - 1) : 0);

export function getters(depth = Infinity) {
  const object = {
    get deeper() {
      return depth-- > 0 ? this.deeper + 1 : 0;
    },
  };
  return object.deeper;
}

export function conversions(depth = Infinity) {
  const value = { [Symbol.toPrimitive]: () => (depth-- > 0 ? +value + 1 : 0) };
  return +value;
}

export const proxies = (depth = DEEP) => nest((p) => new Proxy(p, {}), depth, { own: 7 }).own;

export const proxiedResult = (depth = DEEP) => nest((p) => new Proxy(p, {}), depth, { own: 7 });

export const bound = (depth = DEEP) => nest((f) => f.bind(null), depth, Array.isArray)([]);

export const text = (depth = DEEP) => `${nest((v) => [v], depth)}`;

export const flat = (depth = DEEP) => nest((v) => [v], depth).flat(Infinity).length;

export const parsed = (depth = DEEP) =>
  JSON.parse("[".repeat(depth) + "]".repeat(depth)).length;

export const stringified = (depth = DEEP) => JSON.stringify(nest((v) => [v], depth)).length > 0;

export const result = (depth = DEEP) => nest((v) => [v], depth);

export function endlessJson(depth = Infinity) {
  return { toJSON: () => (depth > 0 ? [endlessJson(depth - 1)] : 7) };
}

export const generators = (depth = DEEP) => {
  const down = function* (left) {
    if (left > 0) yield* down(left - 1);
    yield left;
  };
  return [...down(depth)].length;
};

export const awaits = async (depth = Infinity) => (depth > 0 ? 1 + (await awaits(depth - 1)) : 0);

export const patterns = (depth = DEEP) =>
  new RegExp("(?:".repeat(depth) + "x" + ")".repeat(depth)).test("x");

const programs = {
  lists: (n) => "[".repeat(n) + "]".repeat(n),
  brackets: (n) => `${"(".repeat(n)}1${")".repeat(n)}`,
  templates: (n) => `${"`${".repeat(n)}1${"}`".repeat(n)}`,
  arrows: (n) => `${"_=>".repeat(n)}1`,
  nots: (n) => `${"!".repeat(n)}1`,
  news: (n) => `${"new ".repeat(n)}Object`,
  powers: (n) => `${"1**".repeat(n)}1`,
  choices: (n) => `${"1?".repeat(n)}1${":1".repeat(n)}`,
};

// Each ends in an error or in a program; neither ends the process.
export const compiled = (depth = DEEP) =>
  Object.keys(programs).map((kind) => {
    try {
      new Function(`return ${programs[kind](depth)}`);
      return "compiled";
    } catch (error) {
      return error instanceof Error ? "refused" : "odd";
    }
  }).length;

export const causes = (depth = 20_000) => {
  throw nest((cause) => new Error("deep", { cause }), depth);
};

export const answer = () => 42;
