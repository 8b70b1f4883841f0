// Takes all the memory there is, in different ways. `times` bounds it, and then it does no harm.
let kept = [];

const keep = (make) => (times = Infinity) => {
  kept = [];
  for (let i = 0; i < times; i++) kept.push(make(i));
  return kept.length;
};

export const arrays = keep((i) => [i, [i], { i }]);
export const strings = keep((i) => `${i}`.padEnd(10_000, `${i}`));
export const buffers = keep(() => new Uint8Array(1 << 20).fill(1));
export const closures = keep((i) => () => i);
export const generators = keep((i) => {
  const generator = (function* () {
    yield i;
  })();
  generator.next();
  return generator;
});
export const promises = keep(() => new Promise(() => {}).then(() => {}));
export const errors = keep((i) => new RangeError(`number ${i}`));
export const programs = keep((i) => new Function(`return ${i}`));
export const numbers = keep((i) => (2n << 500_000n) + BigInt(i));
export const timers = keep(() => setTimeout(() => {}, 1e6));
export const symbols = keep((i) => Symbol.for(`symbol ${i}`));

const registry = new FinalizationRegistry(() => {});
export const weak = keep((i) => {
  const target = { i };
  registry.register(target, i);
  return [target, new WeakRef(target)];
});

export function names(times = Infinity) {
  const object = {};
  for (let i = 0; i < times; i++) object[`name ${i}`] = i;
  return Object.keys(object).length;
}

export function maps(times = Infinity) {
  const map = new Map();
  const set = new Set();
  for (let i = 0; i < times; i++) set.add(map.set(i, { i }).get(i));
  return set.size;
}

export function doubled(times = 30) {
  let text = "x";
  for (let i = 0; i < times; i++) text += text;
  return text.replaceAll("y", "").charCodeAt(text.length - 1);
}

export function quoted(times = 64) {
  let text = "x";
  for (let i = 0; i < times; i++) text = JSON.stringify([text, text]);
  return text.length;
}

export function resized(bytes = 1 << 30) {
  const small = new ArrayBuffer(1, { maxByteLength: bytes });
  // Where buffers keep their size, a larger one takes over.
  const buffer = small.resize ? small : small.transfer(bytes);
  buffer.resize?.(bytes);
  return new Uint8Array(buffer).fill(1).length;
}

// A buffer of more than there is, in one piece.
export const atOnce = (bytes = 1 << 30) => new Uint8Array(bytes).fill(1).length;

export const listed = (length = 2 ** 32 - 1) => new Array(length).fill(0).length;

export const spread = (length = 1e7) => Math.max(...Array(length).fill(1));

export const split = (length = 5e7) => "a".repeat(length).split("").length;

export const sorted = (length = 2 ** 53 - 1) => Array.prototype.sort.call({ length }).length;

// Going back takes memory for each step.
export const pattern = (length = 1e7) => /^(?:.|\n)*x$/.test("y".repeat(length));

// Every microtask leaves two behind.
export function storm(times = Infinity) {
  let left = times;
  const more = () => {
    if (left-- > 0) {
      queueMicrotask(more);
      queueMicrotask(more);
    }
  };
  more();
  return new Promise((done) => setTimeout(() => done(42), 1));
}

async function partsOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

// So many zeros, packed into a thousandth of that or less, and unpacked.
const unpacked = (format) => async (bytes = 1 << 28) => {
  const zeros = new Uint8Array(Math.min(bytes, 1 << 20));
  let left = bytes;
  const source = new ReadableStream({
    pull(to) {
      if (left === 0) return to.close();
      const part = zeros.subarray(0, Math.min(left, zeros.length));
      left -= part.length;
      to.enqueue(part);
    },
  });
  const packed = new Blob(await partsOf(source.pipeThrough(new CompressionStream(format))));
  const whole = new Blob([await packed.arrayBuffer()]);
  const parts = await partsOf(whole.stream().pipeThrough(new DecompressionStream(format)));
  return parts.reduce((size, part) => size + part.length, 0);
};

export const inflated = unpacked("gzip");
export const brotli = unpacked("brotli");

export const result = (length = 1e6) => Array(length).fill("x".repeat(1000));

export function little() {
  const some = Array.from({ length: 1000 }, (_, i) => `${i}`.repeat(10));
  return some.length;
}

export const answer = () => 42;
