// Does on the host what its policy grants, by Deno's names.

export const write = (path, text, options) => Deno.writeTextFile(path, text, options);

export const writeBytes = (path, length) => Deno.writeFile(path, new Uint8Array(length).fill(120));

export const mkdir = (path, options) => Deno.mkdir(path, options);

export const remove = (path) => Deno.remove(path);

export const rename = (from, to) => Deno.rename(from, to);

export const read = (path) => Deno.readTextFile(path);

export const size = async (path) => (await Deno.stat(path)).size;

export async function list(path) {
  const names = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  return names;
}

// Many at once, in one call.
export async function many(path, count) {
  const writes = Array.from({ length: count }, (_, n) => Deno.writeTextFile(`${path}/${n}`, `${n}`));
  await Promise.all(writes);
  return (await list(path)).length;
}

// What came of each act: "done", or name and message of the error.
export async function tries(acts) {
  const outcomes = [];
  for (const [name, ...args] of acts) {
    try {
      await Deno[name](...args);
      outcomes.push("done");
    } catch (error) {
      outcomes.push(error.permission ?? `${error.name}: ${error.message}`);
    }
  }
  return outcomes;
}

// The whole file, in parts of four bytes.
export async function parts(path) {
  const file = await Deno.open(path);
  const space = new Uint8Array(4);
  let text = "";
  for (let read; (read = await file.read(space)) !== null;) {
    text += new TextDecoder().decode(space.subarray(0, read));
  }
  file.close();
  return text;
}

// What is found by `names` or `contents`: paths, with a line's number behind them.
export async function search(what, options) {
  const found = [];
  for await (const { path, line } of lazaret.search[what](options)) {
    found.push(line === undefined ? path : `${path}:${line}`);
  }
  return found;
}

// Writes the file, and waits until a watcher of the directory tells that.
export async function watch(directory, path) {
  const watcher = Deno.watchFs(directory);
  await Deno.writeTextFile(path, "x");
  for await (const { kind, paths } of watcher) return [kind, ...paths];
}

export const removeAll = (path) => Deno.remove(path, { recursive: true });

export const copy = (from, to) => Deno.copyFile(from, to);

export const variable = (name) => Deno.env.get(name) ?? null;

export const variables = () => Deno.env.toObject();

// Adds a line and never ends: its call does.
export async function forever(path) {
  for (let n = 0;; n++) await Deno.writeTextFile(path, `${n}\n`, { append: true });
}

export const answer = () => 42;
