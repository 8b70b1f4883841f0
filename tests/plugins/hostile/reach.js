// Reaches for what is not its own, as far as JavaScript can.

export const read = (path) => Deno.readTextFile(path);

export const readNow = (path) => Deno.readTextFileSync(path);

// What came of it, as text: the name of the error, or that there was none.
export async function outcome(path) {
  try {
    return `read ${(await Deno.readFile(path)).length}`;
  } catch (error) {
    return error.name;
  }
}

export const load = async (specifier) => Object.keys(await import(specifier));

export const loadJson = async (specifier) =>
  (await import(specifier, { with: { type: "json" } })).default;

export const reach = (url) => fetch(url).then((response) => response.status);

// Everything a plugin can name that leads out of the language.
export function doors() {
  const names = ["Bun", "WebAssembly", "Worker", "XMLHttpRequest", "__bootstrap"];
  names.push("process", "require", "std", "os", "scriptArgs", "SharedArrayBuffer", "Atomics");
  const found = names.filter((name) => name in globalThis);
  const deno = ["core", "internal", "run", "dlopen", "create", "link", "symlink", "chmod", "exit"];
  return [...found, ...deno.filter((name) => name in Deno)];
}

// The constructors behind literals reach no further than the global object.
export const constructed = () => [
  new Function("return typeof process")(),
  (async () => {}).constructor("return typeof require") !== undefined,
  (0, eval)("typeof Deno.core"),
];

export function pollute() {
  const hostile = () => {
    throw new Error("polluted");
  };
  for (const prototype of [Object, Array, Promise, Function, String, Map, Error].map((c) => c.prototype)) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      if (key === "constructor") continue;
      try {
        prototype[key] = hostile;
      } catch {
        // Some cannot be set.
      }
    }
  }
  Object.prototype.then = undefined;
  globalThis.JSON = globalThis.Promise = globalThis.Object = globalThis.Uint8Array = undefined;
  globalThis.Deno = globalThis.console = undefined;
}

export const answer = () => 42;
