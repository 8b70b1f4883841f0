// What the other files check with.
export const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const hex = (data) => {
  const all = ArrayBuffer.isView(data) ? [...data] : [...new Uint8Array(data)];
  return all.map((byte) => byte.toString(16).padStart(2, "0")).join("");
};
export const text = (string) => new TextEncoder().encode(string);
export const base64url = (data) => btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
export const equal = (found, expected, what) => {
  const [some, other] = [found, expected].map((value) => JSON.stringify(value));
  if (some !== other) throw new Error(`${what}: found ${some}, expected ${other}`);
};
export const bits = async (promise, expected, what) => equal(hex(await promise), expected.toLowerCase(), what);
export const fails = async (name, what, run) => {
  let found = "nothing";
  try {
    await run();
  } catch (error) {
    found = error.name;
  }
  equal(found, name, what);
};
export const all = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
