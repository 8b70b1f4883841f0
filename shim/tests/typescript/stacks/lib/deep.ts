type Given = { of: string };


/** Documented
 * at length. */
export function deep(given: Given): never {
  const never: unknown = given;
  throw new TypeError(`no ${never}`);
}
