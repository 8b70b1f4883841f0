// Files in parts, copies and watchers, named as Deno names them. Read when a plugin first uses any
// of it.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  Number,
  NumberIsSafeInteger,
  ObjectDefineProperty,
  SafeFinalizationRegistry,
  String,
  SymbolDispose,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray,
  Uint8Array,
} = primordials;
const {
  op_lazaret_file_close,
  op_lazaret_file_open,
  op_lazaret_file_read,
  op_lazaret_file_seek,
  op_lazaret_file_stat,
  op_lazaret_read_bytes,
  op_lazaret_real_path,
  op_lazaret_watch_close,
  op_lazaret_watch_next,
  op_lazaret_watch_open,
} = core.ops;
const { BadResource } = core;

const PART = 65536;

// The most bytes that a plugin writes at once.
const MOST_WRITTEN = 8388608;

function files({ bytesOf, checkFile, information, load, writeFile }) {
  // What nobody can reach any more is closed.
  const open = new SafeFinalizationRegistry((id) => op_lazaret_file_close(id));
  const watchers = new SafeFinalizationRegistry((id) => op_lazaret_watch_close(id));

  class FsFile {
    #id;
    #readable;

    constructor(path) {
      this.#id = op_lazaret_file_open(path);
      open.register(this, this.#id, this);
    }

    readSync(buffer) {
      const space = bytesOf(buffer);
      if (space === undefined) throw new TypeError("the buffer to be read into must be a Uint8Array");
      if (TypedArrayPrototypeGetByteLength(space) === 0) return 0;
      const read = op_lazaret_file_read(this.#id, space);
      return read === 0 ? null : read;
    }

    async read(buffer) {
      return this.readSync(buffer);
    }

    seekSync(offset, whence) {
      const place = Number(offset);
      if (!NumberIsSafeInteger(place)) throw new TypeError("the offset must be a whole number");
      return op_lazaret_file_seek(this.#id, place, Number(whence));
    }

    async seek(offset, whence) {
      return this.seekSync(offset, whence);
    }

    statSync() {
      return information(op_lazaret_file_stat(this.#id));
    }

    async stat() {
      return this.statSync();
    }

    // Closes the file at its end.
    get readable() {
      if (this.#readable !== undefined) return this.#readable;
      const { ReadableStream } = load("deno_web/06_streams.js");
      const pull = (controller) => {
        const space = new Uint8Array(PART);
        const read = this.readSync(space);
        if (read !== null) {
          controller.enqueue(TypedArrayPrototypeSubarray(space, 0, read));
          return;
        }
        this.close();
        controller.close();
      };
      const cancel = () => this.close();
      return this.#readable = new ReadableStream({ cancel, pull }, { highWaterMark: 0 });
    }

    close() {
      open.unregister(this);
      if (!op_lazaret_file_close(this.#id)) throw new BadResource("the file is closed");
    }

    [SymbolDispose]() {
      open.unregister(this);
      op_lazaret_file_close(this.#id);
    }
  }

  function openSync(path, options) {
    for (const name of ["append", "create", "createNew", "truncate", "write"]) {
      if (options?.[name]) {
        throw new TypeError("a file is opened to be read; `writeFile` writes one");
      }
    }
    return new FsFile(checkFile(path));
  }

  async function copyFile(from, to) {
    await writeFile(String(to), op_lazaret_read_bytes(checkFile(from)));
  }

  function realPathSync(path) {
    return op_lazaret_real_path(checkFile(path));
  }

  // ----- what comes in parts, to be written at once -----

  async function collected(parts, isText) {
    const all = [];
    let length = 0;
    for await (const part of parts) {
      const bytes = isText ? core.encode(String(part)) : bytesOf(part);
      if (bytes === undefined) throw new TypeError("a part of a file must be a Uint8Array");
      length += TypedArrayPrototypeGetByteLength(bytes);
      if (length > MOST_WRITTEN) throw new TypeError("a file is written with at most 8 MiB at once");
      ArrayPrototypePush(all, bytes);
    }
    const whole = new Uint8Array(length);
    let place = 0;
    for (let i = 0; i < all.length; i++) {
      TypedArrayPrototypeSet(whole, all[i], place);
      place += TypedArrayPrototypeGetByteLength(all[i]);
    }
    return whole;
  }

  // ----- watching -----

  async function* events(id) {
    try {
      for (;;) {
        const changes = JSONParse(await op_lazaret_watch_next(id));
        if (changes.length === 0) return;
        for (let i = 0; i < changes.length; i++) {
          yield { kind: changes[i][0], paths: [changes[i][1]] };
        }
      }
    } finally {
      op_lazaret_watch_close(id);
    }
  }

  function watchFs(paths, options) {
    const list = ArrayIsArray(paths) ? paths : [paths];
    const checked = [];
    for (let i = 0; i < list.length; i++) ArrayPrototypePush(checked, checkFile(list[i]));
    const id = op_lazaret_watch_open(JSONStringify(checked), options?.recursive !== false);
    const watcher = events(id);
    watchers.register(watcher, id);
    const close = () => op_lazaret_watch_close(id);
    ObjectDefineProperty(watcher, "close", { __proto__: null, value: close });
    ObjectDefineProperty(watcher, SymbolDispose, { __proto__: null, value: close });
    return watcher;
  }

  return { collected, copyFile, openSync, realPathSync, watchFs };
}

return { files };
})();
