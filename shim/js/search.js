// `lazaret.search`: files by their names and by what is in them.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  NumberIsSafeInteger,
  ObjectFreeze,
  String,
  TypeError,
} = primordials;
const {
  op_lazaret_search_close,
  op_lazaret_search_contents,
  op_lazaret_search_names,
  op_lazaret_search_next,
} = core.ops;

const MOST_FOUND = 10000;
const MOST_GLOBS = 16;
const MOST_FILE_BYTES = 67108864;

function whole(value, usual, most, name) {
  if (value === undefined) return usual;
  if (!NumberIsSafeInteger(value) || value < 1 || value > most) {
    throw new TypeError("`" + name + "` must be a whole number from 1 to " + most);
  }
  return value;
}

function globsOf(glob) {
  const list = glob === undefined ? [] : ArrayIsArray(glob) ? glob : [glob];
  if (list.length > MOST_GLOBS) throw new TypeError(`\`glob\` has at most ${MOST_GLOBS} globs`);
  const texts = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(texts, String(list[i]));
  return JSONStringify(texts);
}

// Begins when it is first asked for something, and is given up when nobody asks any more.
async function* found(begin, shape, signal, inCall) {
  const id = inCall(begin);
  try {
    for (;;) {
      if (signal?.aborted) throw signal.reason;
      const { 0: over, 1: items } = JSONParse(await op_lazaret_search_next(id));
      for (let i = 0; i < items.length; i++) {
        if (signal?.aborted) throw signal.reason;
        yield shape(items[i]);
      }
      if (over) return;
    }
  } finally {
    op_lazaret_search_close(id);
  }
}

function shapeOfName(item) {
  const kind = item[1];
  return { path: item[0], isDirectory: kind === 1, isFile: kind === 0, isSymlink: kind === 2 };
}

function shapeOfLine(item) {
  return { path: item[0], line: item[1], column: item[2], text: item[3] };
}

// A search belongs to the call that first asks it for something, and is over with that.
function search({ checkFile, inCall }) {
  function names({ root, glob, limit, signal }) {
    const globs = globsOf(glob);
    const most = whole(limit, 1000, MOST_FOUND, "limit");
    const path = checkFile(root);
    const begin = () => op_lazaret_search_names(path, globs, most);
    return found(begin, shapeOfName, signal, inCall);
  }

  function contents(options) {
    const { root, pattern, glob, limit, maxFileSize, signal } = options;
    if (typeof pattern !== "string") throw new TypeError("`pattern` must be a text");
    const literal = options.literal === true;
    const ignoreCase = options.ignoreCase === true;
    const globs = globsOf(glob);
    const most = whole(limit, 1000, MOST_FOUND, "limit");
    const size = whole(maxFileSize, 1048576, MOST_FILE_BYTES, "maxFileSize");
    const path = checkFile(root);
    const begin = () =>
      op_lazaret_search_contents(path, globs, most, pattern, literal, ignoreCase, size);
    return found(begin, shapeOfLine, signal, inCall);
  }

  return ObjectFreeze({ contents, names });
}

return { search };
})();
