// Random numbers; keys and digests are in `crypto/`, read when `subtle` is first looked at.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  SafeSet,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;
const { op_lazaret_random } = core.ops;
const { loadExtScript } = internals;
const { bytesOf, failure, QuotaExceededError } = loadExtScript("ext:lazaret/crypto/values.js");

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

const digits = "0123456789abcdef";

// What only this script can make one with.
const token = { __proto__: null };

class Crypto {
  constructor() {
    if (arguments[0] !== token) throw new TypeError("Illegal constructor");
  }

  get subtle() {
    return loadExtScript("ext:lazaret/crypto/subtle.js").subtle;
  }

  getRandomValues(array) {
    if (!integers.has(TypedArrayPrototypeGetSymbolToStringTag(array))) {
      throw failure("TypeMismatchError", "an array of integers is needed");
    }
    const bytes = bytesOf(array);
    if (TypedArrayPrototypeGetByteLength(bytes) > MOST_BYTES) {
      throw new QuotaExceededError(`more than ${MOST_BYTES} bytes at once`);
    }
    op_lazaret_random(bytes);
    return array;
  }

  // A random one (RFC 9562, section 5.4).
  randomUUID() {
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
}

ObjectDefineProperty(Crypto.prototype, SymbolToStringTag, {
  __proto__: null,
  configurable: true,
  value: "Crypto",
});

return { Crypto, crypto: new Crypto(token) };
})();
