// Never comes back.

/** Computes nothing, for ever. */
export function spin() {
  for (;;) {}
}
