// Takes all the memory there is.

/** Keeps more and more, until something stops it. */
export function eat() {
  const kept = [];
  for (let i = 0; ; i++) {
    kept.push({ i, text: `${i} `.repeat(1000) });
  }
}
