// What honest plugins do: compute, wait, read their own files, log, fail with an error.
import { shout } from "./lib/text.js";
import data from "./data.json" with { type: "json" };

export const add = (one, other) => one + other;

export const greet = ({ name }) => shout(`hello ${name}`);

export const city = () => data.city;

export const echo = (...values) => values;

export const reverse = (bytes) => new Uint8Array(bytes).reverse();

export const later = (value, milliseconds) =>
  new Promise((done) => setTimeout(() => done(value), milliseconds));

let calls = 0;

export async function count() {
  const mine = ++calls;
  await null;
  return mine;
}

export const readOwn = async () => JSON.parse(await Deno.readTextFile("data.json")).city;

export const readBytes = async (path) => (await Deno.readFile(path)).length;

export function say(text) {
  console.log(text);
  console.warn("careful:", text);
  return text.length;
}

export function fail(message) {
  throw new RangeError(message);
}

export default function () {
  return "the default export";
}
