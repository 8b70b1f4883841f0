// Splits a bill: a result from the arguments alone.

/** What each has to pay or gets back, in cents, so that all have paid the same. */
export function split({ paid }) {
  const names = Object.keys(paid);
  if (names.length === 0) throw new RangeError("nobody has paid anything");
  const total = names.reduce((sum, name) => sum + paid[name], 0);
  const share = Math.floor(total / names.length);
  // Cents that cannot be split are for those who are named first.
  const left = total - share * names.length;
  const owes = names.map((name, at) => [name, share + (at < left ? 1 : 0) - paid[name]]);
  return { total, owes: Object.fromEntries(owes) };
}
