// Random numbers and digests. There are no keys.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  ObjectFreeze,
  SafeSet,
  String,
  StringPrototypeToUpperCase,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;
const { op_lazaret_digest, op_lazaret_random } = core.ops;
const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);

const MOST_BYTES = 65536;

const integers = new SafeSet([
  "BigInt64Array",
  "BigUint64Array",
  "Int16Array",
  "Int32Array",
  "Int8Array",
  "Uint16Array",
  "Uint32Array",
  "Uint8Array",
  "Uint8ClampedArray",
]);

// What a view of a buffer shows; throws for anything else.
function viewed(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
    ? new Uint8Array(
      DataViewPrototypeGetBuffer(view),
      DataViewPrototypeGetByteOffset(view),
      DataViewPrototypeGetByteLength(view),
    )
    : new Uint8Array(
      TypedArrayPrototypeGetBuffer(view),
      TypedArrayPrototypeGetByteOffset(view),
      TypedArrayPrototypeGetByteLength(view),
    );
}

function getRandomValues(array) {
  if (!integers.has(TypedArrayPrototypeGetSymbolToStringTag(array))) {
    throw new DOMException("an array of integers is needed", "TypeMismatchError");
  }
  const bytes = viewed(array);
  if (TypedArrayPrototypeGetByteLength(bytes) > MOST_BYTES) {
    throw new QuotaExceededError(`more than ${MOST_BYTES} bytes at once`);
  }
  op_lazaret_random(bytes);
  return array;
}

const digits = "0123456789abcdef";

// A random one (RFC 9562, section 5.4).
function randomUUID() {
  const bytes = new Uint8Array(16);
  op_lazaret_random(bytes);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += digits[bytes[i] >> 4] + digits[bytes[i] & 15];
  }
  return text;
}

async function digest(algorithm, data) {
  const name = typeof algorithm === "object" && algorithm !== null ? algorithm.name : algorithm;
  const bytes = ArrayBufferIsView(data)
    ? viewed(data)
    : new Uint8Array(data, 0, ArrayBufferPrototypeGetByteLength(data));
  const found = op_lazaret_digest(StringPrototypeToUpperCase(String(name)), bytes);
  if (found === null) throw new DOMException("unknown algorithm", "NotSupportedError");
  return TypedArrayPrototypeGetBuffer(found);
}

return { crypto: ObjectFreeze({ getRandomValues, randomUUID, subtle: ObjectFreeze({ digest }) }) };
})();
