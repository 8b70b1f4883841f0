// What `crypto` is given: bytes, numbers and algorithms, read once and kept where no plugin has a hand on them.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  MathTrunc,
  String,
  StringPrototypeToUpperCase,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;
const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);

function failure(name, message) {
  return new DOMException(message, name);
}

function bad(message) {
  return failure("DataError", message);
}

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

// The bytes themselves, not a copy.
function bytesOf(data) {
  return ArrayBufferIsView(data)
    ? viewed(data)
    : new Uint8Array(data, 0, ArrayBufferPrototypeGetByteLength(data));
}

function copyOf(data) {
  const bytes = bytesOf(data);
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

// A member that has to be there.
function member(from, name) {
  const value = from[name];
  if (value === undefined) throw new TypeError(`\`${name}\` is missing`);
  return value;
}

function whole(value, name, most) {
  const number = MathTrunc(+value);
  if (!(number >= 0 && number <= most)) throw new TypeError(`\`${name}\` is out of range`);
  return number;
}

const LONG = 4294967295;
const NONE = new Uint8Array(0);

// Each reads the members of an algorithm that an operation needs.
function nothing() {}
function withHash(from, to) {
  to.hash = normalized("digest", member(from, "hash")).name;
}
// What is looked at before the bytes could change them: a copy is kept.
function withIv(from, to) {
  to.iv = copyOf(member(from, "iv"));
}
function withCounter(from, to) {
  to.iv = copyOf(member(from, "counter"));
  to.bits = whole(member(from, "length"), "length", 255);
}
function withTag(from, to) {
  withIv(from, to);
  const { additionalData, tagLength } = from;
  to.additional = additionalData === undefined ? NONE : copyOf(additionalData);
  to.bits = tagLength === undefined ? 128 : whole(tagLength, "tagLength", 255);
}
function withLabel(from, to) {
  const { label } = from;
  to.label = label === undefined ? NONE : copyOf(label);
}
function withSaltLength(from, to) {
  to.saltLength = whole(member(from, "saltLength"), "saltLength", LONG);
}
function withInfo(from, to) {
  withHash(from, to);
  to.info = copyOf(member(from, "info"));
  to.salt = copyOf(member(from, "salt"));
}
function withIterations(from, to) {
  withHash(from, to);
  to.iterations = whole(member(from, "iterations"), "iterations", LONG);
  to.salt = copyOf(member(from, "salt"));
}
function withPublic(from, to) {
  to.public = member(from, "public");
}
function withLength(from, to) {
  to.length = whole(member(from, "length"), "length", 65535);
}
function withHmac(from, to) {
  withHash(from, to);
  const { length } = from;
  to.length = length === undefined ? undefined : whole(length, "length", LONG);
}
function withCurve(from, to) {
  to.namedCurve = String(member(from, "namedCurve"));
}
function withModulus(from, to) {
  withHash(from, to);
  to.modulusLength = whole(member(from, "modulusLength"), "modulusLength", LONG);
  to.publicExponent = copyOf(member(from, "publicExponent"));
}

const operations = {
  __proto__: null,
  digest: {
    __proto__: null,
    "SHA-1": nothing,
    "SHA-256": nothing,
    "SHA-384": nothing,
    "SHA-512": nothing,
  },
  encrypt: {
    __proto__: null,
    "AES-CBC": withIv,
    "AES-CTR": withCounter,
    "AES-GCM": withTag,
    "RSA-OAEP": withLabel,
  },
  sign: {
    __proto__: null,
    ECDSA: withHash,
    Ed25519: nothing,
    HMAC: nothing,
    "RSA-PSS": withSaltLength,
    "RSASSA-PKCS1-v1_5": nothing,
  },
  deriveBits: {
    __proto__: null,
    ECDH: withPublic,
    HKDF: withInfo,
    PBKDF2: withIterations,
    X25519: withPublic,
  },
  wrapKey: { __proto__: null, "AES-KW": nothing },
  generateKey: {
    __proto__: null,
    "AES-CBC": withLength,
    "AES-CTR": withLength,
    "AES-GCM": withLength,
    "AES-KW": withLength,
    ECDH: withCurve,
    ECDSA: withCurve,
    Ed25519: nothing,
    HMAC: withHmac,
    "RSA-OAEP": withModulus,
    "RSA-PSS": withModulus,
    "RSASSA-PKCS1-v1_5": withModulus,
    X25519: nothing,
  },
  importKey: {
    __proto__: null,
    "AES-CBC": nothing,
    "AES-CTR": nothing,
    "AES-GCM": nothing,
    "AES-KW": nothing,
    ECDH: withCurve,
    ECDSA: withCurve,
    Ed25519: nothing,
    HKDF: nothing,
    HMAC: withHmac,
    PBKDF2: nothing,
    "RSA-OAEP": withHash,
    "RSA-PSS": withHash,
    "RSASSA-PKCS1-v1_5": withHash,
    X25519: nothing,
  },
  // How long a key that is derived has to be.
  length: {
    __proto__: null,
    "AES-CBC": withLength,
    "AES-CTR": withLength,
    "AES-GCM": withLength,
    "AES-KW": withLength,
    HKDF: nothing,
    HMAC: withHmac,
    PBKDF2: nothing,
  },
};

// Names are compared without case.
const names = { __proto__: null };
for (const operation in operations) {
  for (const name in operations[operation]) names[StringPrototypeToUpperCase(name)] = name;
}

// An algorithm as this operation takes it; `undefined` where it is another's.
function known(operation, algorithm) {
  const from = typeof algorithm === "object" && algorithm !== null
    ? algorithm
    : { __proto__: null, name: algorithm };
  const name = names[StringPrototypeToUpperCase(String(member(from, "name")))];
  const read = name === undefined ? undefined : operations[operation][name];
  if (read === undefined) return undefined;
  const to = { __proto__: null, name };
  read(from, to);
  return to;
}

function normalized(operation, algorithm) {
  const found = known(operation, algorithm);
  if (found === undefined) {
    throw failure("NotSupportedError", `this is no algorithm for \`${operation}\``);
  }
  return found;
}

return { bad, bytesOf, copyOf, failure, known, normalized, QuotaExceededError, whole, LONG, NONE };
})();
