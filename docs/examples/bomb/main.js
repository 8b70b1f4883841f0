// Takes all the memory there is.

/** Keeps more and more, until something stops it. */
export function eat() {
  const kept = [];
  for (;;) {
    kept.push(new Uint8Array(64 * 1024).fill(1));
  }
}
