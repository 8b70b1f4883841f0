// `SubtleCrypto`. All of it is done when it is called, in one go: the promises are settled ones.
(function () {
const { core, primordials } = __bootstrap;
const {
  JSONParse,
  JSONStringify,
  ObjectDefineProperty,
  String,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;
const {
  op_lazaret_crypto_aes,
  op_lazaret_crypto_agree,
  op_lazaret_crypto_hkdf,
  op_lazaret_crypto_hmac,
  op_lazaret_crypto_hmac_verify,
  op_lazaret_crypto_oaep,
  op_lazaret_crypto_pbkdf2,
  op_lazaret_crypto_sign,
  op_lazaret_crypto_verify,
  op_lazaret_digest,
  op_decode,
  op_encode,
} = core.ops;
const { bytesOf, copyOf, failure, known, normalized, whole, LONG, NONE } = core.loadExtScript(
  "ext:lazaret/crypto/values.js",
);
const { CryptoKey, asked, generate, ownOf, secretBytes } = core.loadExtScript(
  "ext:lazaret/crypto/keys.js",
);
const { read, write } = core.loadExtScript("ext:lazaret/crypto/formats.js");

const token = { __proto__: null };
const buffer = TypedArrayPrototypeGetBuffer;

// What is in a key that may be used for this, with this algorithm.
function usable(key, algorithm, usage) {
  const own = ownOf(key);
  if (own.algorithm.name !== algorithm.name || !own.usages[usage]) {
    throw failure("InvalidAccessError", `the key is not for \`${usage}\` with \`${algorithm.name}\``);
  }
  return own;
}

function ciphered(encrypt, { material, algorithm: { hash } }, algorithm, data) {
  const { name, iv = NONE, additional = NONE, bits = 0, label } = algorithm;
  return name === "RSA-OAEP"
    ? op_lazaret_crypto_oaep(encrypt, hash, material, label, data)
    : op_lazaret_crypto_aes(name, encrypt, material, iv, additional, bits, data);
}

const SALTS = { __proto__: null, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 };

// The hash that a signature is made with: its own, or that of the key.
function hashFor({ hash, name, saltLength }, key) {
  const found = hash ?? key.algorithm.hash ?? "";
  if (name === "RSA-PSS") {
    const bytes = SALTS[found];
    if (saltLength !== bytes) {
      throw failure("NotSupportedError", "salt of RSA-PSS is as long as the hash, from SHA-256 on");
    }
  }
  return found;
}

// `length` in bits, `null` for all there is.
function derived(own, algorithm, length) {
  const { name } = algorithm;
  const { material } = own;
  if (name === "HKDF" || name === "PBKDF2") {
    if (length === null || length % 8 !== 0) {
      throw failure("OperationError", "the length is to be a multiple of 8");
    }
    const { hash, info, iterations, salt } = algorithm;
    return name === "HKDF"
      ? op_lazaret_crypto_hkdf(hash, material, salt, info, length / 8)
      : op_lazaret_crypto_pbkdf2(hash, material, salt, iterations, length / 8);
  }
  const other = ownOf(algorithm.public);
  const { kind } = own.algorithm;
  if (other.type !== "public" || other.algorithm.name !== name || other.algorithm.kind !== kind) {
    throw failure("InvalidAccessError", "the other key is no public one of the same kind");
  }
  const secret = op_lazaret_crypto_agree(kind, material, other.material);
  return length === null ? secret : cut(secret, length);
}

function cut(secret, length) {
  const bytes = (length + 7 - (length + 7) % 8) / 8;
  if (bytes > TypedArrayPrototypeGetByteLength(secret)) {
    throw failure("OperationError", "the secret is not as long");
  }
  const first = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) first[i] = secret[i];
  if (length % 8 !== 0) first[bytes - 1] &= 256 - (1 << (8 - length % 8));
  return first;
}

function exported(format, key) {
  const own = ownOf(key);
  if (!own.extractable) throw failure("InvalidAccessError", "the key is not extractable");
  return write(format, own);
}

class SubtleCrypto {
  constructor() {
    if (arguments[0] !== token) throw new TypeError("Illegal constructor");
  }

  async digest(algorithm, data) {
    const { name } = normalized("digest", algorithm);
    return buffer(op_lazaret_digest(name, bytesOf(data)));
  }

  async encrypt(algorithm, key, data) {
    const how = normalized("encrypt", algorithm);
    return buffer(ciphered(true, usable(key, how, "encrypt"), how, bytesOf(data)));
  }

  async decrypt(algorithm, key, data) {
    const how = normalized("encrypt", algorithm);
    return buffer(ciphered(false, usable(key, how, "decrypt"), how, bytesOf(data)));
  }

  async sign(algorithm, key, data) {
    const how = normalized("sign", algorithm);
    const own = usable(key, how, "sign");
    const hash = hashFor(how, own);
    const { material } = own;
    return buffer(
      how.name === "HMAC"
        ? op_lazaret_crypto_hmac(hash, material, bytesOf(data))
        : op_lazaret_crypto_sign(how.name, own.algorithm.kind, hash, material, bytesOf(data)),
    );
  }

  async verify(algorithm, key, signature, data) {
    const how = normalized("sign", algorithm);
    const own = usable(key, how, "verify");
    const hash = hashFor(how, own);
    const { algorithm: { kind }, material } = own;
    const signed = bytesOf(signature);
    return how.name === "HMAC"
      ? op_lazaret_crypto_hmac_verify(hash, material, signed, bytesOf(data))
      : op_lazaret_crypto_verify(how.name, kind, hash, material, signed, bytesOf(data));
  }

  async deriveBits(algorithm, baseKey, length = null) {
    const how = normalized("deriveBits", algorithm);
    const bits = length === null ? null : whole(length, "length", LONG);
    return buffer(derived(usable(baseKey, how, "deriveBits"), how, bits));
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    const how = normalized("deriveBits", algorithm);
    const to = normalized("importKey", derivedKeyType);
    const size = normalized("length", derivedKeyType);
    const usages = asked(keyUsages);
    const own = usable(baseKey, how, "deriveKey");
    const isAny = size.name === "HKDF" || size.name === "PBKDF2";
    const bits = isAny ? null : 8 * secretBytes(size);
    return read("raw", derived(own, how, bits), to, !!extractable, usages);
  }

  async generateKey(algorithm, extractable, keyUsages) {
    return generate(normalized("generateKey", algorithm), !!extractable, asked(keyUsages));
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    const how = normalized("importKey", algorithm);
    const usages = asked(keyUsages);
    const name = String(format);
    return read(name, name === "jwk" ? keyData : copyOf(keyData), how, !!extractable, usages);
  }

  async exportKey(format, key) {
    const name = String(format);
    const found = exported(name, key);
    return name === "jwk" ? { ...found } : buffer(found);
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    const how = known("wrapKey", wrapAlgorithm) ?? normalized("encrypt", wrapAlgorithm);
    const own = usable(wrappingKey, how, "wrapKey");
    const name = String(format);
    const found = exported(name, key);
    const bytes = name === "jwk" ? op_encode(JSONStringify(found)) : found;
    return buffer(ciphered(true, own, how, bytes));
  }

  async unwrapKey(
    format,
    wrappedKey,
    unwrappingKey,
    unwrapAlgorithm,
    unwrappedKeyAlgorithm,
    extractable,
    keyUsages,
  ) {
    const how = known("wrapKey", unwrapAlgorithm) ?? normalized("encrypt", unwrapAlgorithm);
    const to = normalized("importKey", unwrappedKeyAlgorithm);
    const usages = asked(keyUsages);
    const own = usable(unwrappingKey, how, "unwrapKey");
    const bytes = ciphered(false, own, how, bytesOf(wrappedKey));
    const name = String(format);
    return read(name, name === "jwk" ? parsed(bytes) : bytes, to, !!extractable, usages);
  }
}

// The members of a JSON Web Key that is unwrapped, and no others.
function parsed(bytes) {
  let found;
  try {
    found = JSONParse(op_decode(bytes));
  } catch {
    throw failure("DataError", "the wrapped key is no JSON");
  }
  return { __proto__: null, ...found };
}

ObjectDefineProperty(SubtleCrypto.prototype, SymbolToStringTag, {
  __proto__: null,
  configurable: true,
  value: "SubtleCrypto",
});

return { CryptoKey, SubtleCrypto, subtle: new SubtleCrypto(token) };
})();
