// `CryptoKey`, and keys in their making. The bytes of a key are in a private field, which only this script reads.
(function () {
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  String,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;
const {
  op_lazaret_crypto_generate,
  op_lazaret_crypto_public,
  op_lazaret_crypto_rsa_part,
  op_lazaret_random,
} = core.ops;
const { bad, copyOf, failure } = core.loadExtScript("ext:lazaret/crypto/values.js");

// The longest modulus that RSA-OAEP encrypts with, in bits.
const MOST_OAEP = 4096;

const token = { __proto__: null };
let ownOf;

class CryptoKey {
  #own;

  constructor() {
    if (arguments[0] !== token) throw new TypeError("Illegal constructor");
    this.#own = arguments[1];
  }

  get type() {
    return this.#own.type;
  }

  get extractable() {
    return this.#own.extractable;
  }

  // What a plugin changes of these two is its own copy.
  get algorithm() {
    return (this.#own.shownAlgorithm ??= shown(this.#own.algorithm));
  }

  get usages() {
    return (this.#own.shownUsages ??= listed(this.#own.usages));
  }

  static {
    ownOf = (key) => key.#own;
  }
}

ObjectDefineProperty(CryptoKey.prototype, SymbolToStringTag, {
  __proto__: null,
  configurable: true,
  value: "CryptoKey",
});

// A copy of a key would be an empty object: whoever has this is not copied, and by this value not moved.
ObjectDefineProperty(CryptoKey.prototype, core.hostObjectBrand, { __proto__: null, value: false });

function shown({ name, length, hash, namedCurve, modulusLength, publicExponent }) {
  if (modulusLength !== undefined) {
    return {
      name,
      modulusLength,
      publicExponent: copyOf(publicExponent),
      hash: { name: hash },
    };
  }
  if (hash !== undefined) return { name, length, hash: { name: hash } };
  if (namedCurve !== undefined) return { name, namedCurve };
  return length === undefined ? { name } : { name, length };
}

const USAGES = [
  "encrypt",
  "decrypt",
  "sign",
  "verify",
  "deriveKey",
  "deriveBits",
  "wrapKey",
  "unwrapKey",
];

function listed(usages) {
  const list = [];
  for (let i = 0; i < USAGES.length; i++) {
    if (!usages[USAGES[i]]) continue;
    // Not assigned: that could be a setter's matter.
    ObjectDefineProperty(list, list.length, {
      __proto__: null,
      configurable: true,
      enumerable: true,
      value: USAGES[i],
      writable: true,
    });
  }
  return list;
}

// What keys of an algorithm may be used for: secret, or private and public.
const cipher = { __proto__: null, secret: ["encrypt", "decrypt", "wrapKey", "unwrapKey"] };
const derivation = { __proto__: null, secret: ["deriveKey", "deriveBits"] };
const signature = { __proto__: null, private: ["sign"], public: ["verify"] };
const agreement = { __proto__: null, private: ["deriveKey", "deriveBits"], public: [] };
const rules = {
  __proto__: null,
  "AES-CBC": cipher,
  "AES-CTR": cipher,
  "AES-GCM": cipher,
  "AES-KW": { __proto__: null, secret: ["wrapKey", "unwrapKey"] },
  ECDH: agreement,
  ECDSA: signature,
  Ed25519: signature,
  HKDF: derivation,
  HMAC: { __proto__: null, secret: ["sign", "verify"] },
  PBKDF2: derivation,
  "RSA-OAEP": {
    __proto__: null,
    private: ["decrypt", "unwrapKey"],
    public: ["encrypt", "wrapKey"],
  },
  "RSA-PSS": signature,
  "RSASSA-PKCS1-v1_5": signature,
  X25519: agreement,
};

// The usages that are asked for, in an object of their names.
function asked(usages) {
  const found = { __proto__: null };
  for (const usage of usages) {
    const name = String(usage);
    let isOne = false;
    for (let i = 0; i < USAGES.length; i++) isOne ||= USAGES[i] === name;
    if (!isOne) throw new TypeError("no usage of a key has this name");
    found[name] = true;
  }
  return found;
}

// Of those asked for, the ones that fit; for a pair these are two lists.
function fitting(allowed, usages) {
  const found = { __proto__: null };
  for (let i = 0; i < allowed.length; i++) {
    if (usages[allowed[i]]) found[allowed[i]] = true;
  }
  return found;
}

function count(usages) {
  let number = 0;
  for (let i = 0; i < USAGES.length; i++) number += usages[USAGES[i]] ? 1 : 0;
  return number;
}

function permit(type, algorithm, usages) {
  const allowed = fitting(rules[algorithm.name][type], usages);
  if (count(allowed) !== count(usages)) {
    throw failure("SyntaxError", "a key of this kind cannot be used for that");
  }
  if (type !== "public" && count(usages) === 0) {
    throw failure("SyntaxError", "the key could be used for nothing");
  }
}

// A key of bytes that are valid.
function make(type, algorithm, extractable, usages, material) {
  permit(type, algorithm, usages);
  const own = { __proto__: null, type, extractable, usages, material };
  own.algorithm = {
    __proto__: null,
    name: algorithm.name,
    hash: algorithm.hash,
    namedCurve: algorithm.namedCurve,
    kind: kindOf(algorithm),
  };
  if (own.algorithm.kind === "RSA") {
    const isPrivate = type === "private";
    const modulus = op_lazaret_crypto_rsa_part(isPrivate, 0, material);
    let bits = 8 * TypedArrayPrototypeGetByteLength(modulus);
    for (let bit = 128; bit > modulus[0]; bit >>= 1) bits--;
    if (algorithm.name === "RSA-OAEP" && bits > MOST_OAEP) {
      throw bad(`the modulus has more than ${MOST_OAEP} bits`);
    }
    own.algorithm.modulusLength = bits;
    own.algorithm.publicExponent = op_lazaret_crypto_rsa_part(isPrivate, 1, material);
  } else if (own.algorithm.kind === "bytes") {
    const isKey = algorithm.name !== "HKDF" && algorithm.name !== "PBKDF2";
    if (isKey) own.algorithm.length = 8 * TypedArrayPrototypeGetByteLength(material);
  }
  return new CryptoKey(token, own);
}

// What the ops call the keys of an algorithm; `bytes` are no key of any structure.
function kindOf({ name, namedCurve }) {
  switch (name) {
    case "ECDSA":
    case "ECDH":
      if (namedCurve !== "P-256" && namedCurve !== "P-384" && namedCurve !== "P-521") {
        throw failure("NotSupportedError", "the curves are P-256, P-384 and P-521");
      }
      return namedCurve;
    case "Ed25519":
    case "X25519":
      return name;
    case "RSA-OAEP":
    case "RSA-PSS":
    case "RSASSA-PKCS1-v1_5":
      return "RSA";
    default:
      return "bytes";
  }
}

// How many bytes a secret key has; a key of HMAC is as long as its hash likes it.
function secretBytes({ name, length, hash }) {
  if (name === "HMAC") {
    const bits = length ?? (hash === "SHA-1" || hash === "SHA-256" ? 512 : 1024);
    if (bits === 0 || bits % 8 !== 0 || bits > 65536) {
      throw failure("OperationError", "a key of HMAC has whole bytes, 65,536 bits at most");
    }
    return bits / 8;
  }
  if (length !== 128 && length !== 192 && length !== 256) {
    throw failure("OperationError", "a key of AES has 128, 192 or 256 bits");
  }
  return length / 8;
}

function generate(algorithm, extractable, usages) {
  const kind = kindOf(algorithm);
  if (kind === "bytes") {
    const material = new Uint8Array(secretBytes(algorithm));
    op_lazaret_random(material);
    return make("secret", algorithm, extractable, usages, material);
  }
  const rule = rules[algorithm.name];
  const forPrivate = fitting(rule.private, usages);
  const forPublic = fitting(rule.public, usages);
  if (count(forPrivate) === 0 || count(forPrivate) + count(forPublic) !== count(usages)) {
    throw failure("SyntaxError", "keys of this kind cannot be used for that, or for nothing");
  }
  if (kind === "RSA" && !isUsual(algorithm.publicExponent)) {
    throw failure("OperationError", "the public exponent of new keys is 65537");
  }
  const material = op_lazaret_crypto_generate(kind, algorithm.modulusLength ?? 0);
  const its = op_lazaret_crypto_public(kind, material);
  return {
    privateKey: make("private", algorithm, extractable, forPrivate, material),
    publicKey: make("public", algorithm, true, forPublic, its),
  };
}

// 65537, with whatever zeros before it.
function isUsual(exponent) {
  let number = 0;
  const length = TypedArrayPrototypeGetByteLength(exponent);
  for (let i = 0; i < length; i++) number = number * 256 + exponent[i];
  return number === 65537;
}

return { CryptoKey, USAGES, asked, generate, kindOf, listed, make, ownOf, permit, secretBytes };
})();
