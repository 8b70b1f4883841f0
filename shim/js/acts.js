// What a plugin reaches on the host: files, programs, the environment, named as Deno names them.
// Reading is done here, below what is mounted; the rest is asked of the engine.
"use strict";

// Texts are put together with `+`: QuickJS calls `String.prototype.concat` for a template, which
// may be the plugin's.

((global) => {
  const { core, internals, primordials } = global.__bootstrap;
  const {
    ArrayIsArray,
    Date,
    Error,
    JSONParse,
    ObjectFreeze,
    ObjectHasOwn,
    String,
    StringPrototypeIncludes,
    SymbolAsyncIterator,
    TypeError,
    TypedArrayPrototypeGetBuffer,
    Uint8Array,
  } = primordials;
  const {
    op_lazaret_act_make_directory,
    op_lazaret_act_remove,
    op_lazaret_act_remove_all,
    op_lazaret_act_rename,
    op_lazaret_act_run,
    op_lazaret_act_write_bytes,
    op_lazaret_act_write_text,
    op_lazaret_environment,
    op_lazaret_environment_lacks,
    op_lazaret_list,
    op_lazaret_metadata,
  } = core.ops;
  const { registerErrorClass } = core;

  const MOST_ARGUMENTS = 1024;

  // `kit` has what `host.js` shares: the class of refusals, the check of a path, the bytes of a
  // buffer, what loads a script of the web platform.
  global.__acts = (kit) => {
    const { PermissionDenied, bytesOf, checkFile, inCall } = kit;

    // ----- errors -----

    const errors = { BadResource: core.BadResource, Interrupted: core.Interrupted };
    for (
      const name of [
        "AlreadyExists",
        "BrokenPipe",
        "Busy",
        "ConnectionRefused",
        "ConnectionReset",
        "IsADirectory",
        "NotADirectory",
        "QuotaExceeded",
        "TimedOut",
        "UnexpectedEof",
      ]
    ) {
      errors[name] = {
        [name]: class extends Error {
          constructor(message) {
            super(message);
            this.name = name;
          }
        },
      }[name];
      registerErrorClass(name, errors[name]);
    }
    registerErrorClass("LazaretDenied", PermissionDenied);

    // ----- files -----

    // What few plugins use is read when it is used.
    let loaded;

    function more() {
      return loaded ??= internals.loadExtScript("ext:lazaret/files.js")
        .files({ ...kit, information, writeFile });
    }

    // Every file gets the same mode: a plugin that asks for another would rely on it.
    function checkOptions(options) {
      if (options?.mode !== undefined) throw new TypeError("`mode` cannot be chosen");
      if (options?.signal?.aborted) throw options.signal.reason;
    }

    function writeOptions(options) {
      checkOptions(options);
      const bits = (options?.append ? 1 : 0) | (options?.createNew ? 2 : 0);
      return bits | (options?.create === false ? 4 : 0);
    }

    function inParts(data) {
      return typeof data === "object" && data !== null &&
        typeof data[SymbolAsyncIterator] === "function";
    }

    async function writeTextFile(path, text, options) {
      if (inParts(text)) return writeFile(path, await more().collected(text, true), options);
      await inCall(op_lazaret_act_write_text, String(path), String(text), writeOptions(options));
    }

    async function writeFile(path, data, options) {
      const bytes = bytesOf(inParts(data) ? await more().collected(data, false) : data);
      if (bytes === undefined) throw new TypeError("the data of a file must be a Uint8Array");
      await inCall(op_lazaret_act_write_bytes, String(path), bytes, writeOptions(options));
    }

    async function mkdir(path, options) {
      checkOptions(options);
      await inCall(op_lazaret_act_make_directory, String(path), options?.recursive === true);
    }

    async function remove(path, options) {
      const op = options?.recursive ? op_lazaret_act_remove_all : op_lazaret_act_remove;
      await inCall(op, String(path));
    }

    async function copyFile(from, to) {
      await more().copyFile(from, to);
    }

    function openSync(path, options) {
      return more().openSync(path, options);
    }

    async function open(path, options) {
      return openSync(path, options);
    }

    function realPathSync(path) {
      return more().realPathSync(path);
    }

    async function realPath(path) {
      return realPathSync(path);
    }

    function watchFs(paths, options) {
      return more().watchFs(paths, options);
    }

    async function rename(from, to) {
      await inCall(op_lazaret_act_rename, String(from), String(to));
    }

    function kinds(number) {
      return { isDirectory: number === 1, isFile: number === 0, isSymlink: number === 2 };
    }

    function listed(path) {
      return JSONParse(op_lazaret_list(checkFile(path)));
    }

    function entryOf(pair) {
      return { name: pair[0], ...kinds(pair[1]) };
    }

    function* readDirSync(path) {
      const entries = listed(path);
      for (let i = 0; i < entries.length; i++) yield entryOf(entries[i]);
    }

    async function* readDir(path) {
      const entries = listed(path);
      for (let i = 0; i < entries.length; i++) yield entryOf(entries[i]);
    }

    function information(json) {
      const found = JSONParse(json);
      return { ...kinds(found[0]), mode: found[3], mtime: new Date(found[2]), size: found[1] };
    }

    function statSync(path) {
      return information(op_lazaret_metadata(checkFile(path), true));
    }

    async function stat(path) {
      return statSync(path);
    }

    function lstatSync(path) {
      return information(op_lazaret_metadata(checkFile(path), false));
    }

    async function lstat(path) {
      return lstatSync(path);
    }

    // ----- programs -----

    const signals = {
      __proto__: null,
      6: "SIGABRT",
      8: "SIGFPE",
      9: "SIGKILL",
      11: "SIGSEGV",
      13: "SIGPIPE",
      15: "SIGTERM",
      24: "SIGXCPU",
      25: "SIGXFSZ",
      31: "SIGSYS",
    };

    function number(bytes, at) {
      return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    }

    class Command {
      #program;
      #arguments = "";
      #input;

      constructor(program, options) {
        this.#program = String(program);
        const list = options?.args ?? [];
        if (!ArrayIsArray(list) || list.length > MOST_ARGUMENTS) {
          throw new TypeError(`\`args\` must be a list of at most ${MOST_ARGUMENTS} texts`);
        }
        for (let i = 0; i < list.length; i++) {
          const text = String(list[i]);
          if (StringPrototypeIncludes(text, "\0")) {
            throw new TypeError("an argument of a program has no NUL in it");
          }
          this.#arguments += "\0" + text;
        }
        const input = options?.stdin ?? new Uint8Array(0);
        this.#input = bytesOf(input);
        if (this.#input === undefined) throw new TypeError("`stdin` must be a Uint8Array");
      }

      async output() {
        const bytes = await inCall(op_lazaret_act_run, this.#program, this.#arguments, this.#input);
        const signal = number(bytes, 0);
        const status = number(bytes, 4);
        const length = number(bytes, 8);
        const buffer = TypedArrayPrototypeGetBuffer(bytes);
        return {
          code: signal ? 128 + status : status,
          signal: signal ? signals[status] ?? `SIG${status}` : null,
          stderr: new Uint8Array(buffer, 12 + length),
          stdout: new Uint8Array(buffer, 12, length),
          success: !signal && status === 0,
        };
      }
    }

    // ----- environment -----

    function variable(name) {
      const lacks = op_lazaret_environment_lacks(name);
      if (lacks !== "") throw new PermissionDenied(lacks);
      const all = JSONParse(op_lazaret_environment(false));
      return ObjectHasOwn(all, name) ? all[name] : undefined;
    }

    function toObject() {
      return JSONParse(op_lazaret_environment(true));
    }

    const env = ObjectFreeze({
      get: (name) => variable(String(name)),
      has: (name) => variable(String(name)) !== undefined,
      toObject,
    });

    return {
      errors,
      functions: {
        Command,
        copyFile,
        env,
        lstat,
        lstatSync,
        mkdir,
        open,
        openSync,
        readDir,
        readDirSync,
        realPath,
        realPathSync,
        remove,
        rename,
        stat,
        statSync,
        watchFs,
        writeFile,
        writeTextFile,
      },
    };
  };
})(globalThis);
