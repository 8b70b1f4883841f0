// Takes all the memory there is, in different ways.
const kept = [];

export function arrays() {
  for (let i = 0; ; i++) kept.push([i, [i], { i }]);
}

export function strings() {
  for (let i = 0; ; i++) kept.push(`${i}`.padEnd(10_000, `${i}`));
}

export function buffers() {
  for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
}

// A buffer of more than there is, in one piece.
export function atOnce() {
  return new Uint8Array(1 << 30).fill(1).length;
}

// The harmless twin.
export function little() {
  const some = Array.from({ length: 1000 }, (_, i) => `${i}`.repeat(10));
  return some.length;
}
