// What a plugin keeps, logs, measures and is given: `kv`, `log`, `metrics` and `config` of
// `lazaret`.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  Number,
  ObjectFreeze,
  ObjectKeys,
  String,
  StringPrototypeSlice,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;
const {
  op_decode,
  op_lazaret_config,
  op_lazaret_kv_get,
  op_lazaret_kv_list,
  op_lazaret_kv_put,
  op_lazaret_kv_swap,
  op_lazaret_kv_there,
  op_lazaret_log_characters,
  op_lazaret_measure,
  op_lazaret_measured,
  op_lazaret_metric,
  op_lazaret_record,
} = core.ops;
const { createTimer } = core;

// What is measured is told with the answer to a call, or else within a second.
const SOON = 1000;

// `kit` has what `host.js` shares.
function state({ bytesOf, inCall }) {
  // ----- kv -----

  const NONE = 0;
  const JSON_TEXT = 1;
  const BYTES = 2;
  const nothing = new Uint8Array(0);

  function text(value, what) {
    if (typeof value !== "string") throw new TypeError(what + " must be a text");
    return value;
  }

  function packed(value) {
    if (value === undefined) return { __proto__: null, kind: NONE, text: "", bytes: nothing };
    const bytes = typeof value === "object" && value !== null ? bytesOf(value) : undefined;
    if (bytes !== undefined) return { __proto__: null, kind: BYTES, text: "", bytes };
    const json = JSONStringify(value);
    if (json === undefined) throw new TypeError("a value is JSON or a Uint8Array");
    return { __proto__: null, kind: JSON_TEXT, text: json, bytes: nothing };
  }

  // The entries from a place in the bytes on, as `packed` of `state_ops.rs` writes them.
  function entries(bytes, from) {
    const buffer = TypedArrayPrototypeGetBuffer(bytes);
    const end = TypedArrayPrototypeGetByteLength(bytes);
    let at = from;
    const part = () => {
      const length = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      const view = new Uint8Array(buffer, at + 4, length);
      at += 4 + length;
      return view;
    };
    const all = [];
    while (at < end) {
      const key = op_decode(part());
      const json = part()[0] === 1;
      const value = part();
      // Bytes of its own: the rest of the answer is not the plugin's to hold on to.
      ArrayPrototypePush(all, { key, value: json ? JSONParse(op_decode(value)) : new Uint8Array(value) });
    }
    return all;
  }

  async function get(key) {
    const found = entries(await inCall(op_lazaret_kv_get, text(key, "a key")), 0);
    return found.length === 0 ? undefined : found[0].value;
  }

  async function set(key, value) {
    if (value === undefined) throw new TypeError("a value is needed; `delete` takes a key away");
    const { kind, text: json, bytes } = packed(value);
    await inCall(op_lazaret_kv_put, text(key, "a key"), kind, json, bytes);
  }

  async function remove(key) {
    return await inCall(op_lazaret_kv_put, text(key, "a key"), NONE, "", nothing);
  }

  async function compareAndSet(key, expected, value) {
    const old = packed(expected);
    const now = packed(value);
    return await inCall(
        op_lazaret_kv_swap,
      text(key, "a key"),
      old.kind,
      old.text,
      old.bytes,
      now.kind,
      now.text,
      now.bytes,
    );
  }

  async function* list(options) {
    const prefix = text(options?.prefix ?? "", "a prefix");
    let after = text(options?.after ?? "", "a key");
    let left = options?.limit === undefined ? Infinity : Number(options.limit);
    for (;;) {
      if (!(left > 0)) return;
      const bytes = await inCall(op_lazaret_kv_list, prefix, after);
      const page = entries(bytes, 1);
      for (let i = 0; i < page.length; i++) {
        if (!(left > 0)) return;
        left--;
        after = page[i].key;
        yield page[i];
      }
      if (bytes[0] === 0 || page.length === 0) return;
    }
  }

  const kv = ObjectFreeze({ compareAndSet, delete: remove, get, list, set });

  // ----- log -----

  const characters = op_lazaret_log_characters();

  function record(level) {
    return (message, fields) => {
      let json = "";
      if (fields !== undefined) {
        if (typeof fields !== "object" || fields === null || ArrayIsArray(fields)) {
          throw new TypeError("the fields of a record are an object");
        }
        json = String(JSONStringify(fields));
      }
      op_lazaret_record(level, StringPrototypeSlice(String(message), 0, characters + 1), json);
    };
  }

  const log = ObjectFreeze({ debug: record(0), error: record(3), info: record(1), warn: record(2) });

  // ----- metrics -----

  const COUNTER = 0;
  const GAUGE = 1;
  const HISTOGRAM = 2;

  function metric(kind, name, labels) {
    const pairs = [];
    if (labels !== undefined) {
      if (typeof labels !== "object" || labels === null) throw new TypeError("labels are an object");
      const names = ObjectKeys(labels);
      for (let i = 0; i < names.length; i++) {
        ArrayPrototypePush(pairs, [names[i], String(labels[names[i]])]);
      }
    }
    const number = op_lazaret_metric(kind, text(name, "a name"), JSONStringify(pairs));
    return (value) => {
      if (op_lazaret_measure(number, Number(value))) {
        createTimer(op_lazaret_measured, SOON, undefined, false, true);
      }
    };
  }

  function counter(name, labels) {
    const add = metric(COUNTER, name, labels);
    return ObjectFreeze({ add: (by = 1) => add(by) });
  }

  function gauge(name, labels) {
    return ObjectFreeze({ set: metric(GAUGE, name, labels) });
  }

  function histogram(name, labels) {
    return ObjectFreeze({ observe: metric(HISTOGRAM, name, labels) });
  }

  const metrics = ObjectFreeze({ counter, gauge, histogram });

  // ----- config -----

  // Its depth is bounded by the parser that checked it.
  function frozen(value) {
    if (typeof value === "object" && value !== null) {
      const names = ObjectKeys(value);
      for (let i = 0; i < names.length; i++) frozen(value[names[i]]);
      ObjectFreeze(value);
    }
    return value;
  }

  let given;

  function config() {
    given ??= frozen(JSONParse(op_lazaret_config()));
    return given;
  }

  return { config, kv: () => (op_lazaret_kv_there() ? kv : undefined), log, metrics };
}

return { state };
})();
